from cache_service.entries.entry import Budget, Entry, Key
from cache_service.tiers.composite import CompositeTier
from tests.contracts.test_tier import FailingTier
from tests.support.stores import memory_tier

KEY, ENTRY, NOW = Key("s", "c", "m", "v", ""), Entry(b"value", 1.0, 9e9, 3), 1000.0


def tiers():
    return memory_tier(Budget(10_000)), memory_tier(Budget(10_000), name="slow")


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
