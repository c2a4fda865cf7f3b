"""Credit: bounded, never waited for, and always enough for the next chunk."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from service_runtime.credits import MAX_WINDOW_CHUNKS, CreditPool, StreamCredit

CHUNK = 100


@given(
    st.lists(st.integers(1, CHUNK), min_size=1, max_size=60),
    st.integers(0, 12 * CHUNK),
    st.lists(st.booleans(), min_size=60, max_size=60),
)
def test_a_sender_is_never_left_without_and_never_ahead(lengths, pool_bytes, may_grow):
    pool = CreditPool(pool_bytes)
    with StreamCredit(pool, CHUNK) as credit:
        available = credit.grant()
        waiting = list(lengths)
        on_way = []
        for step in range(10 * len(lengths)):
            if waiting and available >= min(CHUNK, waiting[0]):
                length = waiting.pop(0)
                available -= length
                assert credit.receive(length)
                on_way.append(length)
            elif on_way:
                credit.consume(on_way.pop(0))
                available += credit.grant(may_grow=may_grow[step % 60])
            else:
                break
            assert credit.in_flight_bytes + available <= MAX_WINDOW_CHUNKS * CHUNK
            assert pool.used_bytes <= pool_bytes
        assert not waiting, "nothing is on its way, and nothing may be sent"
    assert pool.used_bytes == 0


def test_more_than_was_granted_is_noticed():
    with StreamCredit(CreditPool(0), CHUNK) as credit:
        assert credit.grant() == CHUNK
        assert credit.receive(CHUNK) and not credit.receive(1)


def test_extra_credit_is_shared_and_comes_back():
    pool = CreditPool(3 * CHUNK)
    with StreamCredit(pool, CHUNK) as first, StreamCredit(pool, CHUNK) as second:
        assert first.grant() == 4 * CHUNK and second.grant() == CHUNK
        assert pool.used_bytes == 3 * CHUNK
        first.receive(4 * CHUNK)
        first.consume(4 * CHUNK)
        assert first.grant(may_grow=False) == CHUNK, "under pressure the window shrinks"
        assert pool.used_bytes == 0


def test_a_stream_that_has_ended_takes_no_more():
    pool = CreditPool(3 * CHUNK)
    with StreamCredit(pool, CHUNK) as credit:
        credit.grant()
    assert credit.grant() == 0 and pool.used_bytes == 0
