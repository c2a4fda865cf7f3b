from __future__ import annotations

import asyncio
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extractor_service.backoff.advice import RetryAdvice
from extractor_service.backoff.ledger import ByteLedger
from extractor_service.backoff.limiter import Fairness, Limiter
from extractor_service.backoff.policies.base import Decision, Term
from extractor_service.backoff.queue import Ticket
from extractor_service.backoff.shares import PlaceShares
from service_runtime.backoff_table import Row, WorkClass
from service_runtime.errors import OverloadedError

INTERACTIVE, BATCH, BACKGROUND = WorkClass
MIB = 2**20


class Limit:
    """A decision that the test changes."""

    def __init__(self, concurrency, refuse_above=None, batch=None, *, sheds=True):
        self.decision = self.of(concurrency, refuse_above, batch, sheds=sheds)

    @staticmethod
    def of(concurrency, refuse_above=None, batch=None, *, sheds=True):
        row = Row(1.0, MIB, refuse_above, 1.0)
        limits = {
            INTERACTIVE: concurrency,
            BATCH: concurrency if batch is None else batch,
            BACKGROUND: concurrency,
        }
        return Decision((Term("configured", concurrency),), limits, dict.fromkeys(WorkClass, row), sheds)

    def __call__(self):
        return self.decision


def make_limiter(limit, queue=2, wait=0.1, budget=1000):
    return Limiter(
        limit,
        ByteLedger(budget),
        max_queue=queue,
        max_wait_seconds=wait,
        advice=RetryAdvice(random.Random(1)),
    )


async def test_no_more_run_than_are_allowed():
    limiter, peak = make_limiter(Limit(3), queue=100, wait=10), 0

    async def work():
        nonlocal peak
        async with limiter.slot():
            peak = max(peak, limiter.in_flight)
            await asyncio.sleep(0.001)

    await asyncio.gather(*(work() for _ in range(50)))
    assert peak == 3 and limiter.in_flight == 0 and limiter.queued == 0


async def test_a_full_queue_and_a_long_wait_are_refused_with_a_spread_delay():
    limiter = make_limiter(Limit(1))
    delays = []
    async with limiter.slot():

        async def late():
            try:
                async with limiter.slot():
                    raise AssertionError("must not run")
            except OverloadedError as error:
                delays.append(error.retry_after_seconds)

        await asyncio.gather(*(late() for _ in range(20)))
    assert len(delays) == 20 == limiter.refused_total
    assert min(delays) >= 0.75 and max(delays) <= 1.5 and len(set(delays)) == 20
    async with limiter.slot():
        pass


async def test_a_waiter_takes_the_place_that_becomes_free_in_order():
    limiter, order = make_limiter(Limit(1), queue=10, wait=5), []

    async def work(number):
        async with limiter.slot():
            order.append(number)
            await asyncio.sleep(0.001)

    await asyncio.gather(*(work(number) for number in range(8)))
    assert order == list(range(8))


async def test_cancelled_waiters_and_workers_leave_nothing_behind():
    limiter = make_limiter(Limit(1), queue=10, wait=5)

    async def work():
        async with limiter.slot():
            await asyncio.sleep(10)

    tasks = [asyncio.create_task(work()) for _ in range(5)]
    await asyncio.sleep(0.01)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert (limiter.in_flight, limiter.queued) == (0, 0)


async def test_a_better_decision_lets_waiters_in():
    limit = Limit(1)
    limiter = make_limiter(limit, queue=10, wait=5)
    running = asyncio.Event()

    async def work():
        async with limiter.slot():
            running.set()

    async with limiter.slot():
        task = asyncio.create_task(work())
        await asyncio.sleep(0.01)
        assert not running.is_set()
        limit.decision = Limit.of(2)
        limiter.wake()
        await asyncio.wait_for(task, 1)


async def test_large_files_are_refused_by_size():
    limiter = make_limiter(Limit(1, refuse_above=1000))
    limiter.check_size(1000)
    with pytest.raises(OverloadedError, match="above 1000 bytes"):
        limiter.check_size(1001)
    make_limiter(Limit(1, refuse_above=1000, sheds=False)).check_size(1001)


async def hold(limiter, ticket, started, release):
    async with limiter.slot(ticket):
        started.append(ticket)
        await release.wait()


async def test_bytes_are_reserved_before_work_begins_and_queued_work_holds_none():
    limiter, started, release = make_limiter(Limit(10), queue=10, wait=5), [], asyncio.Event()
    tasks = [
        asyncio.create_task(hold(limiter, Ticket(planned_bytes=400), started, release)) for _ in range(5)
    ]
    await asyncio.sleep(0.01)
    assert len(started) == 2 and limiter.queued == 3 and limiter._ledger.reserved_bytes == 800
    release.set()
    await asyncio.gather(*tasks)
    assert limiter._ledger.reserved_bytes == 0 and len(started) == 5


async def test_what_is_larger_than_the_budget_is_done_alone():
    limiter, started, release = make_limiter(Limit(10), queue=10, wait=5), [], asyncio.Event()
    small = asyncio.create_task(hold(limiter, Ticket(planned_bytes=10), started, release))
    await asyncio.sleep(0)
    large = asyncio.create_task(hold(limiter, Ticket(planned_bytes=10**9), started, release))
    await asyncio.sleep(0.01)
    assert len(started) == 1
    release.set()
    await asyncio.gather(small, large)
    assert len(started) == 2


async def test_two_limiters_share_a_ledger_and_wake_each_other():
    ledger = ByteLedger(100)
    one, two = (Limiter(Limit(10), ledger, max_queue=5, max_wait_seconds=5) for _ in range(2))
    async with one.slot(Ticket(planned_bytes=80)):
        waiting = asyncio.create_task(hold(two, Ticket(planned_bytes=80), [], asyncio.Event()))
        await asyncio.sleep(0.01)
        assert two.queued == 1
    await asyncio.sleep(0.01)
    assert two.in_flight == 1
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert ledger.reserved_bytes == 0


async def test_batch_fills_less_and_is_shed_for_the_urgent():
    limit = Limit(4, batch=2)
    limiter, started, release = make_limiter(limit, queue=2, wait=5), [], asyncio.Event()
    batch = [asyncio.create_task(hold(limiter, Ticket(BATCH), started, release)) for _ in range(4)]
    await asyncio.sleep(0.01)
    assert len(started) == 2 and limiter.queued_of(BATCH) == 2
    urgent = [asyncio.create_task(hold(limiter, Ticket(INTERACTIVE), started, release)) for _ in range(3)]
    await asyncio.sleep(0.01)
    assert [ticket.work for ticket in started[2:]] == [INTERACTIVE, INTERACTIVE]
    assert limiter.refused == {BATCH: 1}, "the newest of batch gave its place in the queue to the third"
    with pytest.raises(OverloadedError, match="more urgent"):
        await batch[3]
    release.set()
    await asyncio.gather(*batch[:3], *urgent)
    assert limiter.in_flight == 0 and limiter.running.total() == 0


async def test_without_shedding_nothing_is_bounded():
    limiter, started, release = make_limiter(Limit(1, sheds=False), queue=1, wait=0.01), [], asyncio.Event()
    tasks = [
        asyncio.create_task(hold(limiter, Ticket(planned_bytes=900), started, release)) for _ in range(20)
    ]
    await asyncio.sleep(0.1)
    assert limiter.queued == 19 and limiter.refused_total == 0
    release.set()
    await asyncio.gather(*tasks)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(list(WorkClass)), st.sampled_from("ab"), st.integers(0, 600), st.booleans()
        ),
        max_size=40,
    ),
    st.integers(1, 4),
)
def test_no_history_loses_a_place_or_a_byte(requests, concurrency):
    async def run():
        limiter = make_limiter(Limit(concurrency), queue=5, wait=0.02)

        async def work(ticket, is_cancelled):
            async with limiter.slot(ticket):
                assert limiter.in_flight <= concurrency
                await asyncio.sleep(0.5 if is_cancelled else 0.001)

        tasks = [
            (asyncio.create_task(work(Ticket(cls, tenant, size), cancelled)), cancelled)
            for cls, tenant, size, cancelled in requests
        ]
        await asyncio.sleep(0.005)
        for task, cancelled in tasks:
            if cancelled:
                task.cancel()
        for outcome in await asyncio.gather(*(task for task, _ in tasks), return_exceptions=True):
            assert outcome is None or isinstance(outcome, OverloadedError | asyncio.CancelledError), outcome
        assert (limiter.in_flight, limiter.queued, limiter._ledger.reserved_bytes) == (0, 0, 0)

    asyncio.run(run())


async def test_a_message_s_own_bytes_don_t_keep_its_work_out():
    limiter = make_limiter(Limit(2), budget=1000)
    with limiter.message(800, Ticket):
        async with limiter.slot(Ticket(planned_bytes=900)):
            assert limiter._ledger.reserved_bytes == 1700
    assert limiter._ledger.reserved_bytes == 0 == limiter._ledger.message_bytes


async def test_messages_beyond_the_budget_are_refused():
    limiter = make_limiter(Limit(2), budget=1000)
    with limiter.message(5000, Ticket), pytest.raises(OverloadedError, match="in flight"):
        limiter.message(1, Ticket)


async def test_those_behind_one_who_leaves_are_let_in():
    limiter, started, release = make_limiter(Limit(4), queue=5, wait=5), [], asyncio.Event()
    tasks = []
    for size in (700, 900, 100):
        tasks.append(asyncio.create_task(hold(limiter, Ticket(planned_bytes=size), started, release)))
        await asyncio.sleep(0.01)
    assert [ticket.planned_bytes for ticket in started] == [700], (
        "in order, so the third waits for the second"
    )
    tasks[1].cancel()
    await asyncio.sleep(0.01)
    assert [ticket.planned_bytes for ticket in started] == [700, 100]
    release.set()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_class_that_may_not_run_doesn_t_wait():
    limiter = make_limiter(Limit(4, batch=0), wait=30)
    with pytest.raises(OverloadedError, match="batch work has to wait"):
        async with limiter.slot(Ticket(BATCH)):
            raise AssertionError("must not run")
    assert limiter.is_full(Ticket(BATCH)) and not limiter.is_full(Ticket(INTERACTIVE))


def shared_limiter(limit, queue=4, spare_ratio=1.0, budget=1000):
    shares = PlaceShares()
    return Limiter(
        limit,
        ByteLedger(budget),
        max_queue=queue,
        max_wait_seconds=0.2,
        advice=RetryAdvice(random.Random(1)),
        fairness=Fairness(shares=shares, spare_ratio=spare_ratio),
    )


async def test_a_light_caller_gets_a_place_beyond_the_limit():
    limiter, started, release = shared_limiter(Limit(2)), [], asyncio.Event()
    tasks = [asyncio.create_task(hold(limiter, Ticket(caller="heavy"), started, release)) for _ in range(5)]
    await asyncio.sleep(0)
    assert limiter.in_flight == 2 and limiter.queued_by("heavy") == 3, "alone, nobody goes beyond it"
    async with limiter.slot(Ticket(caller="light")):
        assert limiter.in_flight == 3
        late = asyncio.create_task(hold(limiter, Ticket(caller="light"), started, release))
        await asyncio.sleep(0)
        assert limiter.in_flight == 3, "one at a time"
        late.cancel()
    release.set()
    await asyncio.gather(*tasks, late, return_exceptions=True)
    assert limiter.in_flight == 0 and limiter._held == {}


async def test_spare_places_are_bounded():
    limiter, started, release = shared_limiter(Limit(4), spare_ratio=0.5), [], asyncio.Event()
    tasks = [asyncio.create_task(hold(limiter, Ticket(caller="h"), started, release)) for _ in range(4)]
    tasks += [
        asyncio.create_task(hold(limiter, Ticket(caller=f"light{n}"), started, release)) for n in range(4)
    ]
    await asyncio.sleep(0)
    assert limiter.in_flight == 6
    release.set()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_bytes_are_kept_for_the_light():
    limiter = shared_limiter(Limit(9), budget=1000)
    async with limiter.slot(Ticket(planned_bytes=400, caller="heavy")):
        async with limiter.slot(Ticket(planned_bytes=500, caller="heavy")):
            with pytest.raises(OverloadedError) as refusal:
                async with limiter.slot(Ticket(planned_bytes=200, caller="heavy")):
                    pass
            assert refusal.value.metadata["caller"] == "heavy"
            async with limiter.slot(Ticket(planned_bytes=200, caller="light")):
                pass


async def test_a_full_queue_gives_way_to_a_light_caller():
    limiter, started, release = shared_limiter(Limit(1), queue=2, spare_ratio=0.0), [], asyncio.Event()
    tasks = [asyncio.create_task(hold(limiter, Ticket(caller="heavy"), started, release)) for _ in range(3)]
    await asyncio.sleep(0)
    light = asyncio.create_task(hold(limiter, Ticket(caller="light"), started, release))
    await asyncio.sleep(0.02)
    assert limiter.queued_by("light") == 1
    release.set()
    done = await asyncio.gather(*tasks, light, return_exceptions=True)
    assert sum(isinstance(each, OverloadedError) for each in done[:3]) <= 1 and done[3] is None
