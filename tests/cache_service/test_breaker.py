import asyncio

from cache_service.breaker import CircuitBreaker
from cache_service.entries.entry import Budget, Entry, Key, Selector
from cache_service.tiers.composite import CompositeTier, Layer
from cache_service.tiers.write_behind import WriteBehind
from tests.contracts.test_tier import FailingTier
from tests.support.stores import memory_tier

KEY, ENTRY, NOW = Key("s", "c", "m", "v", ""), Entry(b"value", 1.0, 9e9, 3), 1000.0


def test_it_opens_after_three_failures_and_tries_one_call_at_a_time():
    breaker = CircuitBreaker()
    for _ in range(2):
        breaker.record_failure(0.0)
        assert breaker.allows(0.0)
    breaker.record_failure(0.0)
    assert breaker.is_open and not breaker.allows(0.4)
    assert breaker.allows(0.5) and not breaker.allows(0.5), "one trial"
    breaker.record_failure(0.5)
    assert not breaker.allows(1.4) and breaker.allows(1.5), "twice as long"
    breaker.record_success()
    assert not breaker.is_open and breaker.allows(1.5)


def test_the_pause_is_bounded():
    breaker, now = CircuitBreaker(), 0.0
    for _ in range(30):
        breaker.allows(now)
        breaker.record_failure(now)
        now += 2.0
    assert breaker.allows(now)


def test_failures_that_are_not_in_a_row_do_not_add_up():
    breaker = CircuitBreaker()
    for _ in range(10):
        breaker.record_failure(0.0)
        breaker.record_failure(0.0)
        breaker.record_success()
    assert not breaker.is_open


async def test_a_failing_tier_is_left_alone_and_comes_back():
    clock = [0.0]
    broken, calls = FailingTier(), []
    broken.get = lambda keys, now: calls.append(now) or FailingTier.__getattr__(broken, "get")()
    tier = CompositeTier([memory_tier(Budget(10_000)), Layer(broken, is_local=False)], clock=lambda: clock[0])
    for _ in range(10):
        assert await tier.get([KEY], NOW) == [None]
    assert len(calls) == 3
    clock[0] = 0.6
    broken.get = memory_tier(Budget(10_000)).get
    assert await tier.get([KEY], NOW) == [None]
    assert not tier._layers[1].breaker.is_open


async def test_a_cancelled_trial_does_not_keep_the_circuit_open_for_ever():
    clock = [0.0]
    tier = CompositeTier([Layer(FailingTier(), is_local=False)], clock=lambda: clock[0])
    for _ in range(3):
        await tier.get([KEY], NOW)

    async def hang(keys, now):
        await asyncio.sleep(60)

    tier._layers[0].tier.get = hang
    clock[0] = 1.0
    trial = asyncio.create_task(tier.get([KEY], NOW))
    await asyncio.sleep(0.01)
    trial.cancel()
    await asyncio.gather(trial, return_exceptions=True)
    tier._layers[0].tier.get = memory_tier(Budget(10_000)).get
    clock[0] = 5.0
    await tier.get([KEY], NOW)
    assert not tier._layers[0].breaker.is_open


async def test_what_only_a_shared_tier_holds_is_not_called_stored():
    shared = memory_tier(Budget(10_000), name="redis")
    tier = CompositeTier([memory_tier(Budget(10)), Layer(shared, is_local=False)])
    assert await tier.put([(KEY, ENTRY)], NOW) == [""]
    assert (await tier.get([KEY], NOW))[0].tier == "redis"


async def test_write_behind_is_bounded_and_keeps_the_newest():
    written, gate = [], asyncio.Event()

    async def put(items, now):
        await gate.wait()
        written.extend(items)

    queue = WriteBehind(put)
    big = Entry(bytes(3 * 2**20), 1.0, 9e9, 0)
    queue.offer([(KEY, ENTRY)], NOW)
    await asyncio.sleep(0)  # the first batch is on its way
    queue.offer([(KEY._replace(module=str(number)), big) for number in range(5)], NOW)
    queue.offer([(KEY, ENTRY._replace(value=b"old"))], NOW)
    queue.offer([(KEY, ENTRY._replace(value=b"new"))], NOW)
    assert queue.dropped == 3
    queue.drop(Selector(module="4"), 1)
    gate.set()
    await queue.close()
    assert [item[0].module for item in written] == ["m", "3", "m"] and written[-1][1].value == b"new"


async def test_an_older_value_does_not_come_back_from_a_tier_that_missed_the_newer_one():
    memory, slow = memory_tier(Budget(10_000)), memory_tier(Budget(10_000), name="slow")
    tier = CompositeTier([memory, slow])
    await tier.put([(KEY, ENTRY._replace(value=b"old"))], NOW)
    real_put = slow.put
    slow.put = FailingTier().put
    assert await tier.put([(KEY, ENTRY._replace(value=b"new"))], NOW) == ["memory"]
    slow.put = real_put
    await memory.delete(Selector(), 1 << 60)
    assert await tier.get([KEY], NOW) == [None]
    await tier.put([(KEY, ENTRY._replace(value=b"newest"))], NOW)
    await memory.delete(Selector(), 1 << 60)
    assert (await tier.get([KEY], NOW))[0].entry.value == b"newest" and not tier._layers[1].outdated


async def test_what_a_tier_missed_is_kept_there_when_the_faster_one_lets_it_go():
    memory, slow = memory_tier(Budget(10_000)), memory_tier(Budget(10_000), name="slow")
    tier = CompositeTier([memory, slow])
    other = KEY._replace(module="other")
    old, new, there = (
        ENTRY._replace(value=each, read_revision=number)
        for number, each in enumerate((b"old", b"new", b"there"))
    )
    await tier.put([(KEY, old), (other, there)], NOW)
    real_put = slow.put
    slow.put = FailingTier().put
    await tier.put([(KEY, new)], NOW)
    slow.put = real_put
    await tier.demote([(KEY, old), (other, old)])
    assert (await slow.get([KEY], NOW))[0].entry == old and tier._layers[1].outdated, (
        "an older one is no reason to read it again"
    )
    await tier.demote([(KEY, new), (other, old)])
    await memory.delete(Selector(), 1 << 60)
    assert [found.entry for found in await tier.get([KEY, other], NOW)] == [new, there]
    assert not tier._layers[1].outdated


async def test_callers_who_leave_do_not_open_the_breaker():
    slow = memory_tier(Budget(10_000))

    async def hang(keys, now):
        await asyncio.sleep(60)

    slow.get = hang
    tier = CompositeTier([Layer(slow)])
    for _ in range(5):
        waiting = asyncio.create_task(tier.get([KEY], NOW))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    assert await tier.put([(KEY, ENTRY)], NOW) == ["memory"]
