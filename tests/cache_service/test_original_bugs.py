"""The bugs of the cache that this one replaces, one test each."""

import asyncio

from cache_service.assembly import assembled, make_memory
from cache_service.entries.entry import Budget, Entry, Key, RemovalCause
from cache_service.pressure.policy import TierBudgetPolicy
from cache_service.settings import Settings
from cache_service.store import NewResult, TtlSpan
from service_runtime.memory.levels import PressureLevel
from tests.support.stores import memory_tier, result_store

NOW = 1000.0


def key(number: int) -> Key:
    return Key("verified", f"b3:{number}", "m", "1", "")


def items(count: int, size: int = 500):
    return [(key(number), Entry(bytes(size), 0.1, 9e9, 0)) for number in range(count)]


async def test_lowering_the_budget_evicts_at_once():
    """It evicted nothing: the size stayed 500, even after more puts."""
    tier = memory_tier(Budget(10**7, 500))
    await tier.put(items(500), NOW)
    await tier.resize(Budget(10**7, 375), RemovalCause.PRESSURE)
    assert tier.stats()[0].entry_count == 375
    await tier.put([(key(1000), Entry(b"", 0.1, 9e9, 0))], NOW)
    assert tier.stats()[0].entry_count == 375


def test_oscillation_does_not_ratchet_the_budget_down():
    """500, 375, 281, 210, 157: each cycle started from where the last one ended."""
    full = Budget(10**7, 500)
    policy, now = TierBudgetPolicy(full, 1.0), 0.0
    for _ in range(50):
        for level in (PressureLevel.ELEVATED, PressureLevel.NORMAL):
            now += 1
            budget = policy.update(now, level)
        assert budget == full


async def test_the_floor_never_grows_the_cache():
    """CRITICAL set 50 entries, and its "floor" of 100 then grew the cache again."""
    policy = TierBudgetPolicy(Budget(10**7, 100), 0.01)
    tier = memory_tier(Budget(10**7, 100))
    await tier.put(items(100), NOW)
    now, sizes = 0.0, []
    for _ in range(5):  # sustained pressure is obeyed every time, not once
        now += 1
        await tier.resize(policy.update(now, PressureLevel.CRITICAL), RemovalCause.PRESSURE)
        await tier.put(items(100), NOW)
        sizes.append(tier.stats()[0].entry_count)
    assert sizes == [50] * 5


async def test_memory_is_bounded_in_bytes_not_only_in_entries():
    """Eviction counted entries, never bytes."""
    tier = make_memory(Settings(), Budget(4_000_000, 10_000))
    await tier.put([(key(number), Entry(bytes(30_000), 0.1, 9e9, 0)) for number in range(1000)], NOW)
    assert sum(stats.used_bytes for stats in tier.stats()) <= 4_000_000


async def test_the_key_is_the_content_not_its_edges():
    """Large files were known by size, time and three samples of 4 KB: an edit in between served the old result."""
    from extractor_service.sources.content import digest_id, hash_bytes

    data = bytearray(10_000_000)
    before = digest_id(hash_bytes(bytes(data)))
    data[3_333_333] ^= 1
    assert digest_id(hash_bytes(bytes(data))) != before


async def test_memory_knows_lifetimes_too():
    """The TTL held for disk and Redis only."""
    tier = memory_tier(Budget(10**6))
    await tier.put([(key(1), Entry(b"x", 0.1, NOW + 1, 0))], NOW)
    assert await tier.get([key(1)], NOW + 2) == [None]


async def test_the_redis_tier_hits(redis_server, redis_prefix):
    """It could never hit: what was written under one key was read under another."""
    settings = Settings(
        cache_redis_url=redis_server.url, cache_redis_prefix=redis_prefix, cache_redis_timeout_seconds=1
    )
    async with assembled(settings, Budget(10**6)) as one, assembled(settings, Budget(10**6)) as other:
        await one.store.put([NewResult(key(1), b"document", 0.1, TtlSpan(100, 100), None)])
        (found,) = await other.store.get([key(1)])
        assert (found.value, found.tier) == (b"document", "redis")


async def test_plans_are_not_in_the_key_and_a_put_is_found():
    """`get` asked an in-process dictionary that `put` never filled."""
    store = result_store(memory_tier(Budget(10**6)))
    await store.put([NewResult(key(1), b"document", 0.1, TtlSpan(100, 100), None)])
    assert (await store.get([key(1)]))[0].value == b"document"
    assert (store.stats.hits, store.stats.misses) == (1, 0)
    await store.close()
    await asyncio.sleep(0)
