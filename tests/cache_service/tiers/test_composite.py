from cache_service.entry import Budget, Entry, Key
from cache_service.eviction.lru import LruPolicy
from cache_service.tiers.composite import CompositeTier
from cache_service.tiers.memory import MemoryTier
from tests.contracts.test_tier import FailingTier

KEY, ENTRY, NOW = Key("s", "c", "m", "v", ""), Entry(b"value", 1.0, 9e9, 3), 1000.0


class Slow(MemoryTier):
    name = "slow"


def tiers():
    return MemoryTier(Budget(10_000), LruPolicy()), Slow(Budget(10_000), LruPolicy())


async def test_a_hit_below_is_promoted_with_its_revision():
    fast, slow = tiers()
    composite = CompositeTier([fast, slow])
    await slow.put([(KEY, ENTRY)], NOW)
    assert (await composite.get([KEY], NOW))[0].tier == "slow"
    (found,) = await composite.get([KEY], NOW)
    assert found.tier == "memory" and found.entry == ENTRY


async def test_a_put_names_the_slowest_holder():
    fast, slow = tiers()
    assert await CompositeTier([fast, slow]).put([(KEY, ENTRY)], NOW) == ["slow"]
    assert await CompositeTier([fast, FailingTier()]).put([(KEY, ENTRY)], NOW) == ["memory"]
    assert await CompositeTier([FailingTier()]).put([(KEY, ENTRY)], NOW) == [""]


async def test_a_failing_tier_is_a_miss_and_counted():
    fast, _ = tiers()
    composite = CompositeTier([fast, FailingTier()])
    assert await composite.get([KEY], NOW) == [None]
    assert composite._failures["failing"] == 1
