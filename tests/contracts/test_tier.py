"""One suite for every tier: memory, disk, and composites of them."""

from __future__ import annotations

import asyncio
import time

import pytest

from cache_service.entries.entry import Budget, Entry, Key, RemovalCause, Selector, charged_bytes
from cache_service.eviction.lru import LruPolicy
from cache_service.fleet.redis_connection import FleetConnection
from cache_service.fleet.redis_tier import RedisTier
from cache_service.tiers.arena import Arena
from cache_service.tiers.base import TierError
from cache_service.tiers.composite import CompositeTier, Layer
from cache_service.tiers.disk import DiskTier
from cache_service.tiers.memory import MemoryTier
from cache_service.tiers.sized import SizedTier
from cache_service.tiers.storage import MappedStorage

BUDGET = Budget(100_000)
NOW = 1000.0


def key(number: int, module: str = "m", version: str = "1") -> Key:
    return Key("verified", f"b3:{number:04d}", module, version, "")


def entry(value: bytes = b"value", expires_at: float = 2000.0) -> Entry:
    return Entry(value, 0.5, expires_at, 7)


class FailingTier:
    """Fails whatever is asked."""

    name = "failing"

    def __getattr__(self, name):
        async def fail(*_, **__):
            raise TierError("broken")

        return fail

    def stats(self):
        return []

    async def close(self):
        pass


class HangingTier(FailingTier):
    """Answers nothing."""

    name = "failing"

    def __getattr__(self, name):
        async def hang(*_, **__):
            await asyncio.sleep(60)

        return hang


async def memory(tmp_path, budget):
    return MemoryTier(budget, LruPolicy(), Arena(budget.bytes))


async def disk(tmp_path, budget):
    return await DiskTier.open(tmp_path / "disk", budget)


async def by_size(tmp_path, budget):
    small, large = (
        await memory(tmp_path, budget),
        MemoryTier(budget, LruPolicy(), MappedStorage(), name="large"),
    )
    return SizedTier(small, large, split_bytes=200, large_ratio=0.5)


async def composite(tmp_path, budget):
    return CompositeTier([await memory(tmp_path, budget), await disk(tmp_path, Budget(10**9))])


async def with_a_failing_front(tmp_path, budget):
    return CompositeTier([FailingTier(), await memory(tmp_path, budget)])


async def behind_a_slow_front(tmp_path, budget):
    return CompositeTier(
        [Layer(HangingTier(), is_local=False, timeout_seconds=0.01), await memory(tmp_path, budget)]
    )


@pytest.fixture(
    params=[memory, disk, composite, with_a_failing_front, behind_a_slow_front],
    ids=lambda make: make.__name__,
)
async def make_tier(request, tmp_path):
    made = []

    async def make(budget=BUDGET):
        made.append(await request.param(tmp_path, budget))
        return made[-1]

    yield make
    for tier in made:
        await tier.close()


async def test_what_was_put_is_got_whole(make_tier):
    tier = await make_tier()
    assert all(await tier.put([(key(1), entry(b"a" * 5000)), (key(2), entry(b""))], NOW))
    first, missing, second = await tier.get([key(1), key(3), key(2)], NOW)
    assert first.entry == entry(b"a" * 5000) and second.entry == entry(b"") and missing is None


async def test_every_part_of_the_key_counts(make_tier):
    tier = await make_tier()
    whole = Key("s", "c", "m", "v", "o")
    await tier.put([(whole, entry())], NOW)
    for part in range(5):
        other = Key(*(value + "x" if index == part else value for index, value in enumerate(whole)))
        assert await tier.get([other], NOW) == [None]


async def test_a_newer_value_replaces(make_tier):
    tier = await make_tier()
    await tier.put([(key(1), entry(b"old"))], NOW)
    await tier.put([(key(1), entry(b"new"))], NOW)
    (found,) = await tier.get([key(1)], NOW)
    assert found.entry.value == b"new"
    assert tier.stats()[-1].entry_count == 1


async def test_a_batch_may_repeat_a_key_and_the_last_wins(make_tier):
    tier = await make_tier()
    assert len(await tier.put([(key(1), entry(b"a")), (key(1), entry(b"b"))], NOW)) == 2
    (found,) = await tier.get([key(1)], NOW)
    assert found.entry.value == b"b"


async def test_expired_entries_are_misses(make_tier):
    tier = await make_tier()
    await tier.put([(key(1), entry(expires_at=NOW + 1))], NOW)
    assert (await tier.get([key(1)], NOW + 0.5))[0] is not None
    assert await tier.get([key(1)], NOW + 1) == [None]


async def test_deleting_by_selector(make_tier):
    tier = await make_tier()
    keys = [key(1), key(1, "other"), key(2), key(2, "m", "2")]
    await tier.put([(each, entry()) for each in keys], NOW)
    assert await tier.delete(Selector(module="m", version="1"), 8) == 2
    found = await tier.get(keys, NOW)
    assert [hit is not None for hit in found] == [False, True, False, True]
    assert await tier.delete(Selector(content_id="b3:0001"), 8) == 1
    assert await tier.delete(Selector(), 8) == 1


async def test_discarding_exact_keys(make_tier):
    tier = await make_tier()
    await tier.put([(key(number), entry()) for number in range(3)], NOW)
    await tier.discard(
        [(key(1), entry()), (key(99), entry()), (key(2), entry(b"older"))], RemovalCause.DELETED
    )
    found = await tier.get([key(number) for number in range(3)], NOW)
    assert [hit is not None for hit in found] == [True, False, True], "a newer entry stays"


async def test_deleting_spares_what_was_read_later(make_tier):
    tier = await make_tier()
    await tier.put([(key(1), entry()), (key(2), entry()._replace(read_revision=8))], NOW)
    assert await tier.delete(Selector(), 8) == 1
    assert [hit is not None for hit in await tier.get([key(1), key(2)], NOW)] == [False, True]


async def test_a_promotion_does_not_overwrite(make_tier):
    tier = await make_tier()
    await tier.put([(key(1), entry(b"new"))], NOW)
    assert all(await tier.put([(key(1), entry(b"old")), (key(2), entry(b"b"))], NOW, only_absent=True))
    first, second = await tier.get([key(1), key(2)], NOW)
    assert (first.entry.value, second.entry.value) == (b"new", b"b")


async def test_the_budget_is_never_exceeded(make_tier):
    tier = await make_tier(Budget(20_000))
    for number in range(100):
        await tier.put([(key(number), entry(bytes(number * 37 % 3000)))], NOW + number)
        stats = tier.stats()[0]
        assert stats.used_bytes <= 20_000
    assert (await tier.get([key(99)], NOW + 100))[0] is not None


async def test_the_least_recently_used_goes_first(make_tier):
    size = charged_bytes(key(0), entry(bytes(1000)))
    tier = await make_tier(Budget(size * 10))
    for number in range(9):
        await tier.put([(key(number), entry(bytes(1000)))], NOW + number)
    await tier.get([key(0)], NOW + 50)
    for number in range(9, 14):
        await tier.put([(key(number), entry(bytes(1000)))], NOW + 50 + number)
    memory_or_disk = (
        tier._layers[0].tier
        if isinstance(tier, CompositeTier) and tier._layers[0].tier.name == "memory"
        else tier
    )
    found = await memory_or_disk.get([key(0), key(1), key(13)], NOW + 100)
    assert [hit is not None for hit in found] == [True, False, True]


async def test_shrinking_evicts_at_once_and_growing_does_not_bring_back(make_tier):
    tier = await make_tier()
    await tier.put([(key(number), entry(bytes(500))) for number in range(50)], NOW)
    target = (
        tier._layers[-1].tier
        if isinstance(tier, CompositeTier) and tier._layers[0].tier.name == "failing"
        else tier
    )
    await target.resize(Budget(5000), RemovalCause.PRESSURE)
    stats = target.stats()[0]
    assert stats.used_bytes <= 5000 and stats.removals[RemovalCause.PRESSURE] >= 40
    await target.resize(BUDGET, RemovalCause.PRESSURE)
    assert target.stats()[0].used_bytes <= 5000


async def test_an_entry_above_the_budget_is_not_stored(make_tier):
    tier = await make_tier(Budget(2000))
    simple = tier._layers[0].tier if isinstance(tier, CompositeTier) else tier
    if simple.name != "failing":
        assert await simple.put([(key(1), entry(bytes(5000)))], NOW) == [""]
        assert await simple.get([key(1)], NOW) == [None]


async def test_stats_count_what_is_there(make_tier):
    tier = await make_tier()
    await tier.put([(key(number), entry(bytes(100))) for number in range(3)], NOW)
    stats = tier.stats()[-1]
    assert stats.entry_count == 3
    assert stats.used_bytes == sum(charged_bytes(key(number), entry(bytes(100))) for number in range(3))


@pytest.mark.parametrize("make", [by_size, "redis"], ids=["by_size", "redis"])
async def test_the_heart_of_the_contract(make, tmp_path, request, redis_prefix):
    """For tiers without one budget, or whose size is another's affair: values, keys, expiry, promotion, discard."""
    connection = None
    if make == "redis":
        connection = FleetConnection(request.getfixturevalue("redis_server").url, redis_prefix, 1.0)
        tier = RedisTier(connection, lambda: "log")
    else:
        tier = await make(tmp_path, BUDGET)
    now = time.time()
    live = entry(b"a" * 500, expires_at=now + 1000)
    labelled = live._replace(value=b"b", source="file:///x", tags=("one", "two"))
    assert all(await tier.put([(key(1), live), (key(2), labelled)], now))
    assert [hit and hit.entry for hit in await tier.get([key(1), key(3), key(2)], now)] == [
        live,
        None,
        labelled,
    ]
    for part in range(5):
        other = Key(*(value + "x" if index == part else value for index, value in enumerate(key(1))))
        assert await tier.get([other], now) == [None]
    await tier.put([(key(1), live._replace(value=b"newer"))], now, only_absent=True)
    assert (await tier.get([key(1)], now))[0].entry == live
    await tier.put([(key(1), live._replace(value=b"newer"))], now)
    assert (await tier.get([key(1)], now))[0].entry.value == b"newer"
    await tier.discard([(key(1), live)], RemovalCause.DELETED)
    assert (await tier.get([key(1)], now))[0] is not None, "a newer entry stays"
    await tier.discard([(key(2), labelled)], RemovalCause.DELETED)
    assert await tier.get([key(2)], now) == [None]
    assert await tier.get([key(1)], now + 1000) == [None], "expired"
    assert tier.stats()[0].hits > 0
    await tier.close()
    if connection is not None:
        await connection.close()
