import asyncio
import time

import pytest

from cache_service.entries.entry import Budget, Key
from cache_service.flights import Flights, LostLeaseError, Wanted
from cache_service.leases import LocalLeases
from cache_service.store import NewResult, TtlSpan
from tests.support.stores import memory_tier, result_store

KEYS = [Key("verified", "b3:1", module, "1", "") for module in ("a", "b")]
NOTE = Key("verified", "b3:1", "note", "1", "")


def results(value=b"v"):
    return [NewResult(key, value, 2.0, TtlSpan(100, 100), None) for key in KEYS]


@pytest.fixture
async def flights():
    made = Flights(result_store(memory_tier(Budget(10**6))), LocalLeases())
    yield made
    await made._store.close()


async def test_the_first_gets_the_lease_the_others_its_result(flights):
    first = await flights.acquire(KEYS, "me", 10, 0)
    assert first.lease is not None and not first.is_hit
    assert (await flights.acquire(KEYS, "you", 10, 0)).lease is None, "no time to wait"
    waiting = [asyncio.create_task(flights.acquire(KEYS, "you", 10, 5)) for _ in range(50)]
    await asyncio.sleep(0.05)
    assert not any(task.done() for task in waiting)
    outcomes = await flights.put(results(), [first.lease.token, 0])
    assert {outcome.tier for outcome in outcomes} == {"memory"}
    answers = await asyncio.wait_for(asyncio.gather(*waiting), 1)
    assert all(answer.is_hit and [hit.value for hit in answer.results] == [b"v", b"v"] for answer in answers)
    assert flights.stats.granted == 1 and flights.stats.saved == 50
    assert flights._store.stats.hits + flights._store.stats.misses == 2 * 52, "waiting isn't counted"
    assert not flights._waiting and not flights._changed and not flights._lookouts


async def test_a_release_without_a_result_gives_the_next_one_a_turn(flights):
    first = await flights.acquire(KEYS, "me", 10, 0)
    waiting = [asyncio.create_task(flights.acquire(KEYS, "you", 10, 5)) for _ in range(3)]
    await asyncio.sleep(0.02)
    assert await flights.release(KEYS[0], first.lease.token)
    done, pending = await asyncio.wait(waiting, timeout=0.5)
    assert len(done) == 1 and next(iter(done)).result().lease is not None
    token = next(iter(done)).result().lease.token
    await flights.put(results(), [token, 0])
    assert all(answer.is_hit for answer in await asyncio.wait_for(asyncio.gather(*pending), 1))


async def test_a_lease_that_lapses_strands_nobody(flights):
    await flights.acquire(KEYS, "me", 0.2, 0)
    answer = await asyncio.wait_for(flights.acquire(KEYS, "you", 10, 5), 3)
    assert answer.lease is not None and answer.lease.holder == "you"


async def test_a_cancelled_waiter_leaves_nothing_behind(flights):
    first = await flights.acquire(KEYS, "me", 10, 0)
    waiting = [asyncio.create_task(flights.acquire(KEYS, "you", 10, 60)) for _ in range(3)]
    await asyncio.sleep(0.02)
    waiting[0].cancel()  # the one who looks around for all
    await asyncio.sleep(0.02)
    await flights.put(results(), [first.lease.token, 0])
    assert all(answer.is_hit for answer in await asyncio.wait_for(asyncio.gather(*waiting[1:]), 2))
    assert not flights._waiting and not flights._lookouts


async def test_a_late_holder_is_refused(flights):
    late = await flights.acquire(KEYS, "late", 0.05, 0)
    await asyncio.sleep(0.06)
    current = await flights.acquire(KEYS, "current", 10, 0)
    outcomes = await flights.put(results(value=b"late"), [late.lease.token, 0])
    assert outcomes[0].reason == "lost_lease" and outcomes[1].tier == "memory"
    with pytest.raises(LostLeaseError):
        await flights.renew(KEYS, late.lease.token, 10)
    assert (await flights.renew(KEYS, current.lease.token, 30)).lease.token == current.lease.token
    assert (await flights.put(results(), [current.lease.token, 0]))[0].tier == "memory"


async def test_what_is_optional_is_not_missed(flights):
    first = await flights.acquire(KEYS, "me", 10, 0, [NOTE])
    await flights.put(
        [*results(), NewResult(NOTE, b"note", 1, TtlSpan(9, 9), None)], [first.lease.token, 0, 0]
    )
    assert (await flights.acquire(KEYS, "me", 10, 0, [NOTE])).results[2].value == b"note"
    other = [key._replace(content_id="b3:2") for key in KEYS]
    await flights.put([result._replace(key=key) for key, result in zip(other, results())], [0, 0])
    answer = await flights.acquire(other, "me", 10, 0, [NOTE._replace(content_id="b3:2")])
    assert answer.is_hit and answer.results[2] is None


async def test_closing_ends_the_waiting(flights):
    await flights.acquire(KEYS, "me", 10, 0)
    waiting = asyncio.create_task(flights.acquire(KEYS, "you", 10, 60))
    await asyncio.sleep(0.02)
    flights.close()
    answer = await asyncio.wait_for(waiting, 1)
    assert answer.lease is None and not answer.is_hit


async def test_a_clock_that_is_set_back_keeps_nobody_waiting(flights, monkeypatch):
    await flights.acquire(KEYS, "me", 0.3, 0)
    short = asyncio.create_task(flights.acquire(KEYS, "you", 10, 0.1))
    waiting = asyncio.create_task(flights.acquire(KEYS, "you", 10, 5))
    await asyncio.sleep(0.02)
    real = time.time
    monkeypatch.setattr("time.time", lambda: real() - 3600)
    assert not (await asyncio.wait_for(short, 1)).is_hit
    assert (await asyncio.wait_for(waiting, 3)).lease is not None, "the lease ends in time"


async def test_a_clock_that_is_put_right_ends_no_result(flights, monkeypatch):
    real = time.time
    monkeypatch.setattr("time.time", lambda: real() - 3600)
    lease = (await flights.acquire(KEYS, "me", 10, 0)).lease
    await flights.put(results(), [lease.token, 0])
    monkeypatch.setattr("time.time", real)
    assert (await flights.acquire(KEYS, "you", 10, 0)).is_hit


def content(number):
    return [key._replace(content_id=f"b3:{number}") for key in KEYS]


def stored(number, value):
    return [result._replace(key=key, value=value) for key, result in zip(content(number), results())]


async def test_many_groups_are_one_look_up_and_each_gets_what_it_would_alone(flights):
    await flights.put(stored(1, b"v"), [0, 0])
    taken = await flights.acquire(content(2), "other", 10, 0)
    before = flights._store.stats.hits, flights._store.stats.misses
    groups = [Wanted(content(1), [NOTE]), Wanted(content(2)), Wanted(content(3), [NOTE])]
    hit, waiting, leased = await flights.acquire_many(groups, "me", 10, 10**6)
    assert hit.is_hit and [each and each.value for each in hit.results] == [b"v", b"v", None]
    assert not waiting.is_hit and waiting.lease is None and waiting.results == [None, None]
    assert leased.lease.holder == "me" and leased.results == [None] * 3
    assert (flights._store.stats.hits, flights._store.stats.misses) == (before[0] + 2, before[1] + 4)
    assert not flights._waiting and not flights._turns
    assert await flights.release(content(2)[0], taken.lease.token)


async def test_groups_beyond_the_answer_get_nothing_and_a_large_one_alone_a_part(flights):
    for number in (1, 2):
        await flights.put(stored(number, bytes(1000)), [0, 0])
    groups = [Wanted(content(number)) for number in (1, 2, 3)]
    first, second, third = await flights.acquire_many(groups, "me", 10, 2500)
    assert first.is_hit and None not in first.results
    assert not second.is_hit and second.lease is None and second.results == [None, None], (
        "to be asked for again"
    )
    assert third.lease is not None
    (alone,) = await flights.acquire_many(groups[1:2], "me", 10, 1500)
    assert alone.is_hit and alone.results[0] is not None and alone.results[1] is None


async def test_many_leases_are_given_back_when_their_caller_goes(flights, monkeypatch):
    real = flights._leases.acquire

    async def stuck(name, *rest):
        return await (asyncio.sleep(60) if "b3:2" in name else real(name, *rest))

    monkeypatch.setattr(flights._leases, "acquire", stuck)
    groups = [Wanted(content(number)) for number in (1, 2)]
    asking = asyncio.create_task(flights.acquire_many(groups, "me", 10, 10**6))
    await asyncio.sleep(0.02)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert (await flights.acquire(content(1), "you", 10, 0)).lease is not None
    assert not flights._waiting


async def test_a_result_that_comes_during_the_look_up_of_many_is_found(flights, monkeypatch):
    other = await flights.acquire(content(1), "other", 10, 0)
    real = flights._store.get_groups

    async def late(*asked):
        found = await real(*asked)
        await flights.put(stored(1, b"late"), [other.lease.token, 0])
        return found

    monkeypatch.setattr(flights._store, "get_groups", late)
    first, second = await flights.acquire_many([Wanted(content(1)), Wanted(content(2))], "me", 10, 10**6)
    assert first.is_hit and first.results[0].value == b"late" and first.lease is None
    assert second.lease is not None
