"""What only the disk tier promises: it survives, it verifies, it frees, it is owned by one."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import time

import pytest

from cache_service.entries.entry import Budget, Entry, Key, RemovalCause, Selector
from cache_service.tiers.base import TierError
from cache_service.tiers.disk import DiskTier

BUDGET = Budget(50_000_000)
NOW = 1000.0


def key(number):
    return Key("verified", f"b3:{number}", "m", "1", "")


def entry(number, size=3000):
    return Entry(random.Random(number).randbytes(size), 0.1, 9e9, 0)


async def fill(directory, count, size=3000):
    tier = await DiskTier.open(directory, BUDGET)
    await tier.put([(key(number), entry(number, size)) for number in range(count)], NOW)
    return tier


async def test_entries_survive_closing_and_totals_are_right(tmp_path):
    tier = await fill(tmp_path, 20)
    used = tier.stats()[0].used_bytes
    await tier.close()
    tier = await DiskTier.open(tmp_path, BUDGET)
    assert (tier.stats()[0].entry_count, tier.stats()[0].used_bytes) == (20, used)
    assert [hit.entry for hit in await tier.get([key(n) for n in range(20)], NOW)] == [
        entry(n) for n in range(20)
    ]
    await tier.close()


async def test_a_second_owner_is_refused(tmp_path):
    tier = await fill(tmp_path, 1)
    with pytest.raises(OSError, match="another process owns"):
        await DiskTier.open(tmp_path, BUDGET)
    await tier.close()
    await (await DiskTier.open(tmp_path, BUDGET)).close()


async def test_deleting_frees_the_disk_at_once(tmp_path):
    tier = await fill(tmp_path, 500, size=20_000)

    def on_disk():
        return sum(path.stat().st_size for path in tmp_path.iterdir())

    before = on_disk()
    await tier.delete(Selector(), 1)
    assert before > 10_000_000 and on_disk() < 500_000
    await tier.close()


async def test_a_flipped_bit_is_a_miss_never_a_wrong_value(tmp_path):
    tier = await fill(tmp_path / "good", 30)
    await tier.close()
    whole = (tmp_path / "good" / "results.sqlite").read_bytes()
    rng = random.Random(7)
    damaged_opens = corrupt_seen = 0
    for attempt in range(60):
        directory = tmp_path / str(attempt)
        directory.mkdir()
        data = bytearray(whole)
        for _ in range(3):
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        (directory / "results.sqlite").write_bytes(data)
        tier = await DiskTier.open(directory, BUDGET)
        damaged_opens += tier.stats()[0].entry_count == 0
        for number in range(30):
            try:
                (found,) = await tier.get([key(number)], NOW)
            except TierError:
                continue  # SQLite itself saw the damage; the composite makes that a miss
            assert found is None or found.entry == entry(number)
        corrupt_seen += tier.stats()[0].removals.get(RemovalCause.CORRUPT, 0)
        await tier.close()
    assert corrupt_seen > 10, "the damage must have hit values, or this test shows nothing"


async def test_a_row_can_not_answer_for_another_key(tmp_path):
    tier = await fill(tmp_path, 2)
    await tier.close()
    with sqlite3.connect(tmp_path / "results.sqlite") as database:
        database.execute("UPDATE results SET key = 'x' WHERE key = ?", (key(0).text(),))
        database.execute("UPDATE results SET key = ? WHERE key = ?", (key(0).text(), key(1).text()))
    database.close()
    tier = await DiskTier.open(tmp_path, BUDGET)
    assert await tier.get([key(0)], NOW) == [None]
    assert tier.stats()[0].removals[RemovalCause.CORRUPT] == 1
    await tier.close()


async def test_an_unreadable_file_is_set_aside(tmp_path):
    (tmp_path / "results.sqlite").write_bytes(b"this is no database, whatever its name says" * 100)
    tier = await DiskTier.open(tmp_path, BUDGET)
    assert await tier.put([(key(1), entry(1))], NOW) == ["disk"]
    assert (tmp_path / "results.sqlite.damaged").exists()
    await tier.close()


async def test_a_file_of_another_schema_is_set_aside(tmp_path):
    tier = await fill(tmp_path, 3)
    await tier.close()
    database = sqlite3.connect(tmp_path / "results.sqlite")
    database.executescript("DROP TABLE log; PRAGMA user_version = 1;")
    database.close()
    tier = await DiskTier.open(tmp_path, BUDGET)
    assert tier.stats()[0].entry_count == 0 and (tmp_path / "results.sqlite.damaged").exists()
    await tier.close()


async def test_eviction_prefers_what_has_expired(tmp_path):
    tier = await DiskTier.open(tmp_path, Budget(40_000))
    await tier.put([(key(number), Entry(bytes(3000), 0.1, NOW + 1, 0)) for number in range(5)], NOW)
    await tier.put([(key(number), Entry(bytes(3000), 0.1, 9e9, 0)) for number in range(5, 15)], NOW + 2)
    removals = tier.stats()[0].removals
    assert removals[RemovalCause.EXPIRED] == 5 and removals.get(RemovalCause.SIZE, 0) == 0
    await tier.close()


async def test_a_locked_database_is_an_error_and_nothing_is_lost(tmp_path):
    tier = await fill(tmp_path, 5)
    await tier.close()
    other = sqlite3.connect(tmp_path / "results.sqlite", isolation_level=None)
    other.execute("PRAGMA locking_mode = EXCLUSIVE")
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(OSError, match="locked"):
        await DiskTier.open(tmp_path, BUDGET)
    other.execute("ROLLBACK")
    other.close()
    tier = await DiskTier.open(tmp_path, BUDGET)
    assert tier.stats()[0].entry_count == 5 and not (tmp_path / "results.sqlite.damaged").exists()
    await tier.close()


async def test_entries_of_another_invalidation_log_are_dropped(tmp_path):
    tier = await DiskTier.open(tmp_path, BUDGET, "log-1")
    await tier.put([(key(1), entry(1))], NOW)
    await tier.close()
    tier = await DiskTier.open(tmp_path, BUDGET, "log-1")
    assert tier.stats()[0].entry_count == 1
    await tier.close()
    tier = await DiskTier.open(tmp_path, BUDGET, "log-2")
    assert (tier.stats()[0].entry_count, tier.stats()[0].used_bytes) == (0, 0)
    await tier.close()


async def test_one_read_is_bounded_in_bytes(tmp_path):
    tier = await fill(tmp_path, 8, size=4_000_000)
    found = await tier.get([key(number) for number in range(8)], NOW)
    assert 4 <= sum(hit is not None for hit in found) <= 6, "16 MiB at once; the rest is missed"
    await tier.close()


async def test_removals_of_evictions_at_once_are_all_counted(tmp_path):
    """Read before a wait and written after it, some were lost: as a metric they went down."""
    tier = await DiskTier.open(tmp_path, Budget(40_000), "log")
    try:
        told = 0
        for turn in range(8):
            items = [
                [(key(n := turn * 100 + number * 10 + each), entry(n, 900)) for each in range(5)]
                for number in range(8)
            ]
            await asyncio.gather(*(tier.put(some, time.time()) for some in items))
            now = tier.stats()[0].removals.get(RemovalCause.SIZE, 0)
            assert now >= told
            told = now
        stats = tier.stats()[0]
        assert stats.entry_count + stats.removals[RemovalCause.SIZE] == 8 * 8 * 5
    finally:
        await tier.close()
