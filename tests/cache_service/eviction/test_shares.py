"""Guarantees: whatever one tenant puts, another keeps what it was promised; over every policy, against a model."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cache_service.entries.entry import Budget, Entry, Key, RemovalCause, Selector
from cache_service.eviction.guarantees import Guarantees
from cache_service.eviction.held_bytes import HeldBytes
from cache_service.eviction.registry import POLICIES
from cache_service.eviction.shares import TenantShares
from cache_service.tiers.arena import Arena
from cache_service.tiers.disk import DiskTier
from cache_service.tiers.memory import MemoryTier
from service_runtime.identity.access_file import Quota

NOW = 1000.0
BUDGET = 100_000
RATIO = 0.2


def key(tenant, number):
    return Key("verified" if tenant == "default" else f"verified/{tenant}", f"b3:{number}", "m", "1", "")


def entry(size=1000, cost=0.5):
    return Entry(b"x" * size, cost, 2000.0, 7)


def tier(policy):
    return MemoryTier(Budget(BUDGET), TenantShares(POLICIES[policy](), lambda _: RATIO), Arena(BUDGET))


async def held(tier, tenant, count):
    found = await tier.get([key(tenant, number) for number in range(count)], NOW)
    return sum(hit is not None for hit in found)


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("victim", ["quiet", "default"])
async def test_a_flood_leaves_others_what_they_are_guaranteed(policy, victim):
    memory = tier(policy)
    await memory.put([(key(victim, number), entry()) for number in range(40)], NOW)
    for number in range(2000):
        await memory.put([(key("loud", number), entry(cost=100.0))], NOW)
    kept = await held(memory, victim, 40)
    assert RATIO * BUDGET - 1300 <= kept * 1260 <= RATIO * BUDGET + 1300
    assert memory._shares.used_bytes.total() == memory.stats()[0].used_bytes <= BUDGET


@pytest.mark.parametrize("policy", POLICIES)
async def test_what_was_set_aside_goes_when_its_own_tenant_needs_the_room(policy):
    memory = tier(policy)
    await memory.put([(key("quiet", number), entry()) for number in range(20)], NOW)
    for number in range(500):
        await memory.put([(key("loud", number), entry())], NOW)
    assert await held(memory, "quiet", 20) > 10
    for number in range(20, 600):
        await memory.put([(key("quiet", number), entry())], NOW)
    assert await held(memory, "quiet", 20) == 0
    assert await held(memory, "loud", 500) * 1260 >= RATIO * BUDGET - 2600


@pytest.mark.parametrize("policy", POLICIES)
async def test_who_holds_less_than_its_guarantee_grows_into_it(policy):
    """Against one who fills the tier first and uses its entries all the time."""
    memory = tier(policy)
    for number in range(200):
        await memory.put([(key("loud", number), entry(cost=100.0))], NOW)
    for number in range(300):
        await memory.get([key("loud", each) for each in range(200)], NOW)
        await memory.put([(key("quiet", number), entry(cost=0.001))], NOW)
    assert memory._shares.used_bytes["quiet"] >= RATIO * BUDGET - 1300


async def test_many_tenants_cost_an_eviction_little(monkeypatch):
    """Looks at guarantees, counted: a few an eviction, and each tenant once when it is set aside."""
    looks, keeps = [], Guarantees.keeps
    monkeypatch.setattr(Guarantees, "keeps", lambda *given: looks.append(1) or keeps(*given))
    memory = MemoryTier(Budget(4_000_000), TenantShares(POLICIES["lru"](), lambda _: 0.01), Arena(4_000_000))
    for number in range(5000):
        await memory.put([(key(f"t{number}", 1), entry(700))], NOW)
    looks.clear()
    for number in range(3000):
        await memory.put([(key("loud", number), entry(700))], NOW)
    assert len(looks) < 3000 * 4 + 5000
    await memory.close()


@pytest.mark.parametrize("policy", POLICIES)
async def test_a_shrink_and_a_bound_by_count_are_obeyed_whatever_is_guaranteed(policy):
    memory = tier(policy)
    for tenant in ("a", "b", "c"):
        await memory.put([(key(tenant, number), entry()) for number in range(20)], NOW)
    await memory.resize(Budget(10_000), RemovalCause.PRESSURE)
    assert memory.stats()[0].used_bytes <= 10_000
    await memory.resize(Budget(BUDGET, 4), RemovalCause.PRESSURE)
    assert memory.stats()[0].entry_count <= 4


@settings(max_examples=40, deadline=None)
@given(
    policy=st.sampled_from(sorted(POLICIES)),
    steps=st.lists(
        st.tuples(
            st.sampled_from(["default", "a", "b", "c"]),
            st.integers(0, 40),
            st.integers(10, 9000),
            st.sampled_from(["put", "put", "put", "hit", "delete", "shrink"]),
        ),
        max_size=120,
    ),
)
def test_no_put_of_another_takes_a_tenant_below_its_guarantee(policy, steps):
    import asyncio

    async def run():
        memory = tier(policy)
        for tenant, number, size, action in steps:
            before = memory._shares.used_bytes.copy()
            if action == "hit":
                await memory.get([key(tenant, number)], NOW)
            elif action == "delete":
                await memory.delete(Selector(tenant=tenant), 8)
                assert memory._shares.used_bytes[tenant] == 0
            elif action == "shrink":
                await memory.resize(Budget(size * 10), RemovalCause.PRESSURE)
                await memory.resize(Budget(BUDGET), RemovalCause.PRESSURE)
            else:
                await memory.put([(key(tenant, number), entry(size))], NOW)
                share = min(RATIO, 1 / max(1, len(before), len(memory._shares.used_bytes)))
                for other in set(before) - {tenant}:
                    # One entry may straddle the line: what goes is whole.
                    floor = min(before[other], share * BUDGET - 9300)
                    assert memory._shares.used_bytes[other] >= floor
            assert memory._shares.used_bytes.total() == memory.stats()[0].used_bytes <= BUDGET
        await memory.close()

    asyncio.run(run())


async def test_the_disk_keeps_the_same_promise(tmp_path):
    quota = Quota(guaranteed_ratio=RATIO)
    disk = await DiskTier.open(tmp_path, Budget(BUDGET), quota_of=lambda _: quota)
    await disk.put([(key("quiet", number), entry()) for number in range(40)], NOW)
    for number in range(0, 600, 20):
        await disk.put([(key("loud", each), entry()) for each in range(number, number + 20)], NOW + number)
    kept = await held(disk, "quiet", 40)
    assert RATIO * BUDGET - 1300 <= kept * 1260 <= RATIO * BUDGET + 1300
    assert disk.used_bytes <= BUDGET
    await disk.close()
    again = await DiskTier.open(tmp_path, Budget(BUDGET), quota_of=lambda _: quota)
    assert again._database.tenant_bytes.total() == again.used_bytes
    await again.close()


async def test_who_has_stored_enough_makes_room_for_itself_on_disk(tmp_path):
    quotas = {"small": Quota(stored_bytes=10_000)}
    disk = await DiskTier.open(tmp_path, Budget(BUDGET), quota_of=lambda tenant: quotas.get(tenant, Quota()))
    await disk.put([(key("other", number), entry()) for number in range(30)], NOW)
    for number in range(100):
        await disk.put([(key("small", number), entry())], NOW + number)
    assert disk._database.tenant_bytes["small"] <= 10_000
    assert await held(disk, "other", 30) == 30
    assert (await disk.get([key("small", 99)], NOW))[0] is not None, "the newest is there"
    await disk.close()


def test_promises_are_never_more_than_there_is_whoever_comes_and_goes():
    held, guarantees = HeldBytes(), Guarantees(lambda tenant: {"a": 0.1, "b": 0.1}.get(tenant, 0.5))
    for tenant in ("a", "b"):
        held.add(tenant, 10)
    assert guarantees.bytes_of("a", held, 1000) == 100
    for gone, come in (("a", "c"), ("b", "d")):
        held.add(gone, -10)
        held.add(come, 10)
    held.add("e", 10)
    held.add("e", -10)
    assert sum(guarantees.bytes_of(tenant, held, 1000) for tenant in held) <= 1000
    held.add("f", 10)
    assert sum(guarantees.bytes_of(tenant, held, 1000) for tenant in held) <= 1000
