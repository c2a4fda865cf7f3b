"""What the memory tier promises beyond the tiers' common suite: records in an arena, memory that comes back."""

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cache_service.entries.entry import Budget, Entry, Key, RemovalCause, Selector
from cache_service.eviction.gdsf import GdsfPolicy
from cache_service.eviction.registry import POLICIES
from cache_service.tiers.arena import MAX_RECORD_BYTES, SEGMENT_BYTES, Arena, ArenaFullError
from cache_service.tiers.memory import MemoryTier
from cache_service.tiers.sized import SizedTier
from cache_service.tiers.storage import MappedStorage
from tests.support.stores import memory_tier

NOW = 1000.0


def key(number: int) -> Key:
    return Key("verified", f"b3:{number:08d}", "m", "1", "")


def entry(number: int, size: int, cost: float = 0.1) -> Entry:
    return Entry(random.Random(number).randbytes(size), cost, 9e9, 0)


@pytest.mark.parametrize("policy", POLICIES.values(), ids=list(POLICIES))
async def test_churn_loses_nothing_and_stays_compact(policy):
    tier = MemoryTier(Budget(6_000_000), policy(), Arena(6_000_000))
    rng, sizes = random.Random(1), {}
    for number in range(6000):
        chosen = rng.randrange(3000)
        sizes[chosen] = rng.randrange(100, 9000)
        await tier.put([(key(chosen), entry(chosen, sizes[chosen]))], NOW)
        if number % 7 == 0:
            await tier.get([key(rng.randrange(3000))], NOW)
        stats = tier.stats()[0]
        assert stats.used_bytes <= 6_000_000
        assert stats.held_bytes <= stats.used_bytes * 1.3 + 7 * SEGMENT_BYTES
    found = await tier.get([key(number) for number in range(3000)], NOW)
    held = [(number, hit) for number, hit in enumerate(found) if hit is not None]
    assert len(held) == tier.stats()[0].entry_count > 100
    assert all(hit.entry == entry(number, sizes[number]) for number, hit in held)
    await tier.close()


async def test_a_shrink_gives_the_memory_back_and_keeps_the_rest_whole():
    tier = MemoryTier(Budget(40_000_000), GdsfPolicy(), Arena(40_000_000))
    await tier.put(
        [(key(number), entry(number, 1500, cost=number % 97 / 10)) for number in range(20_000)], NOW
    )
    before = tier.stats()[0]
    for share in (0.75, 0.5, 0.1):
        await tier.resize(Budget(int(40_000_000 * share)), RemovalCause.PRESSURE)
        stats = tier.stats()[0]
        assert stats.used_bytes <= 40_000_000 * share
        assert stats.held_bytes <= stats.used_bytes * 1.2 + 5 * SEGMENT_BYTES
    await tier.resize(Budget(40_000_000, 50), RemovalCause.PRESSURE)
    stats = tier.stats()[0]
    assert stats.entry_count == 50 and stats.held_bytes <= 5 * SEGMENT_BYTES < before.held_bytes / 4
    found = [
        (number, hit)
        for number in range(20_000)
        if (hit := (await tier.get([key(number)], NOW))[0]) is not None
    ]
    assert len(found) == 50 and all(
        hit.entry == entry(number, 1500, cost=number % 97 / 10) for number, hit in found
    )
    assert min(hit.entry.cost_seconds for _, hit in found) == 9.6, "what would cost the most stays"
    await tier.close()


async def test_what_nobody_else_holds_is_demoted_by_a_shrink():
    tier = memory_tier(Budget(100_000))
    demoted = []

    async def demote(items):
        demoted.extend(item_key for item_key, _ in items)

    tier.demote = demote
    await tier.put(
        [(key(number), entry(number, 500)) for number in range(20)],
        NOW,
        backed=[number < 10 for number in range(20)],
    )
    await tier.resize(Budget(1000), RemovalCause.PRESSURE)
    assert tier.stats()[0].entry_count == 1
    assert sorted(demoted) == [key(number) for number in range(10, 19)], "the last one is still here"


steps = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.integers(0, 15), st.integers(0, 3000)),
        st.tuples(st.just("get"), st.integers(0, 15)),
        st.tuples(st.just("delete"), st.integers(0, 15)),
        st.tuples(st.just("resize"), st.integers(500, 20_000), st.integers(0, 12)),
    ),
    max_size=60,
)


@pytest.mark.parametrize("policy", POLICIES.values(), ids=list(POLICIES))
@pytest.mark.parametrize("storage", [lambda: Arena(20_000), MappedStorage], ids=["arena", "heap"])
@given(steps)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
async def test_it_never_answers_what_was_not_put_last(policy, storage, todo):
    tier, model, budget = MemoryTier(Budget(20_000), policy(), storage()), {}, Budget(20_000)
    for number, (action, *rest) in enumerate(todo):
        if action == "put":
            value = Entry(bytes([number % 256]) * rest[1], 0.1, 9e9, 0)
            holder = await tier.put([(key(rest[0]), value)], NOW)
            model.pop(rest[0], None)
            if holder[0]:
                model[rest[0]] = value
        elif action == "get":
            (found,) = await tier.get([key(rest[0])], NOW)
            assert found is None or found.entry == model[rest[0]]
        elif action == "delete":
            await tier.delete(Selector(content_id=key(rest[0]).content_id), 1)
            model.pop(rest[0], None)
            assert await tier.get([key(rest[0])], NOW) == [None]
        else:
            budget = Budget(*rest)
            await tier.resize(budget, RemovalCause.PRESSURE)
        stats = tier.stats()[0]
        assert stats.used_bytes <= budget.bytes and (
            not budget.entries or stats.entry_count <= budget.entries
        )
        assert stats.entry_count <= len(model)
    await tier.close()


def test_a_full_arena_says_so():
    arena = Arena(SEGMENT_BYTES)
    data = (MAX_RECORD_BYTES).to_bytes(4, "little") + bytes(MAX_RECORD_BYTES - 4)
    with pytest.raises(ArenaFullError):
        [arena.append(data) for _ in range(1000)]
    arena.close()


async def test_two_keys_with_one_fingerprint_are_told_apart(monkeypatch):
    monkeypatch.setattr("cache_service.tiers.memory._fingerprint", lambda text: 7)
    tier = memory_tier(Budget(100_000))
    await tier.put([(key(1), entry(1, 100))], NOW)
    assert await tier.get([key(2)], NOW) == [None]
    await tier.put([(key(2), entry(2, 100))], NOW)
    assert [hit and hit.entry for hit in await tier.get([key(1), key(2)], NOW)] == [None, entry(2, 100)]


async def test_documents_and_large_values_have_budgets_of_their_own():
    small = memory_tier(Budget(30_000))
    large = MemoryTier(Budget(300_000), POLICIES["lru"](), MappedStorage(), name="large")
    tier = SizedTier(small, large, split_bytes=1000, large_ratio=0.9)
    await tier.put([(key(number), entry(number, 500)) for number in range(20)], NOW)
    await tier.put([(key(100 + number), entry(number, 20_000)) for number in range(40)], NOW)
    assert small.stats()[0].entry_count == 20 and large.stats()[0].entry_count == 14
    # A value that grows moves over, and doesn't stay behind.
    await tier.put([(key(1), entry(1, 5000))], NOW)
    assert (await tier.get([key(1)], NOW))[0].entry == entry(1, 5000)
    assert small.stats()[0].entry_count == 19
    await tier.put([(key(1), entry(9, 10))], NOW, only_absent=True)
    assert (await tier.get([key(1)], NOW))[0].entry == entry(1, 5000), "a promotion doesn't overwrite"
    await tier.resize(Budget(330_000, 5), RemovalCause.PRESSURE)
    assert [stats.entry_count for stats in tier.stats()] == [5, 5]
    assert [item[0] for item in await tier.entries("", 3)] == sorted(
        (item[0] for item in await tier.entries("", 100)), key=Key.text
    )[:3]
