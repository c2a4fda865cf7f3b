from __future__ import annotations

import sqlite3
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cache_service.entries.entry import Budget, Key, RemovalCause, Selector
from cache_service.invalidation import InvalidationLog, ReadPoint, open_log
from cache_service.store import MAX_VALUE_BYTES, Fastest, NewResult, ResultStore, TtlSpan
from cache_service.tiers.composite import CompositeTier
from cache_service.tiers.disk import DiskTier
from tests.support.stores import add, memory_tier, read_at, result_store

TTL = TtlSpan(100, 200)


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


def key(number, module="m", version="1"):
    return Key("verified", f"b3:{number}", module, version, "")


def result(number, value=b"v", read_point=None, module="m", version="1"):
    return NewResult(key(number, module, version), value, 0.25, TTL, read_point)


OPEN: list[ResultStore] = []


def make_store(clock=None, log=None):
    tier = CompositeTier([memory_tier(Budget(10**6))])
    store = result_store(tier, log, clock=clock or Clock())
    OPEN.append(store)
    return store


@pytest.fixture(autouse=True)
async def _close_stores():
    yield
    while OPEN:
        await OPEN.pop().close()


async def test_hits_misses_and_saved_time_are_counted():
    store = make_store()
    await store.put([result(1)])
    found = await store.get([key(1), key(2), key(1)])
    assert [hit is not None for hit in found] == [True, False, True]
    assert (store.stats.hits, store.stats.misses, store.stats.puts) == (2, 1, 1)
    assert store.stats.saved_seconds == 0.5


async def test_the_ttl_is_jittered_inside_its_span():
    clock = Clock()
    store = make_store(clock)
    await store.put([result(number) for number in range(200)])
    lives = [hit.entry.expires_at - 1000 for hit in await store.get([key(number) for number in range(200)])]
    assert min(lives) >= 100 and max(lives) <= 200 and max(lives) - min(lives) > 80
    clock.now += 100
    assert None not in await store.get([key(number) for number in range(200) if lives[number] > 100])
    clock.now += 101
    assert set(await store.get([key(number) for number in range(200)])) == {None}


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (result(1, b"x" * (MAX_VALUE_BYTES + 1)), "too_large"),
        (NewResult(Key("", "c", "m", "v", ""), b"", 0, TTL, None), "bad_key"),
        (NewResult(Key("s", "c\n", "m", "v", ""), b"", 0, TTL, None), "bad_key"),
        (NewResult(Key("s", "c" * 513, "m", "v", ""), b"", 0, TTL, None), "bad_key"),
        (result(1, read_point=ReadPoint("another log", 0)), "invalidated"),
        (result(1, read_point=ReadPoint("LOG", 10**9)), "invalidated"),
    ],
)
async def test_a_refusal_has_a_reason_and_concerns_its_entry_alone(bad, reason):
    store = make_store()
    if bad.read_point is not None and bad.read_point.log_id == "LOG":  # this log, but a future that never was
        bad = bad._replace(read_point=ReadPoint(store.read_point.log_id, bad.read_point.revision))
    outcomes = await store.put([result(7), bad])
    assert outcomes[0].tier == "memory"
    assert (outcomes[1].tier, outcomes[1].reason) == ("", reason)
    assert store.stats.puts_refused == 1


async def test_a_fill_that_began_before_an_invalidation_is_refused():
    store = make_store()
    point = store.read_point
    await store.invalidate(Selector(content_id="b3:1"))
    outcomes = await store.put([result(1, read_point=point), result(2, read_point=point)])
    assert [outcome.reason for outcome in outcomes] == ["invalidated", ""]
    assert (await store.put([result(1, read_point=store.read_point)]))[0].tier == "memory"


async def test_clearing_also_refuses_what_is_on_its_way():
    store = make_store()
    await store.put([result(1), result(2)])
    point = store.read_point
    assert await store.clear() == 2
    assert await store.get([key(1), key(2)]) == [None, None]
    assert (await store.put([result(3, read_point=point)]))[0].reason == "invalidated"


async def test_an_invalidation_outlives_a_restart(tmp_path):
    log_path = tmp_path / "log.sqlite"

    async def open_store():
        tier = await DiskTier.open(tmp_path / "disk", Budget(10**6))
        return result_store(CompositeTier([tier]), InvalidationLog(log_path), clock=Clock())

    store = await open_store()
    await store.put([result(1)])
    # As if the process had died between the log and the deletion: the entry stays, the log knows.
    add(store._log, Selector(content_id="b3:1"))
    point = store.read_point
    await store.close()
    store = await open_store()
    assert store.read_point == point
    assert await store.get([key(1)]) == [None]
    assert store.tier_stats()[0].entry_count == 0
    await store.close()


def test_a_full_log_folds_its_oldest_half_and_stays_safe():
    log = InvalidationLog(max_selectors=10)
    for number in range(11):
        add(log, Selector(content_id=str(number)))
    assert len(log._last) == 6
    assert log.covers(key("anything"), read_at(0)), "read before the floor: can't be trusted"
    assert not log.covers(key("anything"), read_at(5))
    assert log.covers(Key("s", "9", "m", "v", ""), read_at(9)) and not log.covers(
        Key("s", "9", "m", "v", ""), read_at(10)
    )
    log.close()


def test_the_log_stays_small(tmp_path):
    log = InvalidationLog(tmp_path / "log.sqlite")
    for _ in range(100):
        add(log, Selector(content_id="same"))
    assert log._database.execute("SELECT COUNT(*) FROM invalidations").fetchone() == (1,)
    add(log, Selector())
    assert log._database.execute("SELECT COUNT(*) FROM invalidations").fetchone() == (0,)
    assert log.covers(key("anything"), read_at(100)) and not log.covers(key("anything"), read_at(101))
    point = log.point
    log.close()
    again = InvalidationLog(tmp_path / "log.sqlite")
    assert again.point == point and again.covers(key("anything"), read_at(100))
    again.close()


def test_an_invalidation_that_can_not_be_written_is_in_force_and_costs_the_file(tmp_path):
    log = InvalidationLog(tmp_path / "log.sqlite")
    log._database.execute("PRAGMA busy_timeout = 10")
    add(log, Selector(content_id="b3:1"))
    first = log.point.log_id
    other = sqlite3.connect(tmp_path / "log.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    add(log, Selector(content_id="b3:2"))
    assert (
        log.covers(key(1), read_at(0))
        and log.covers(key(2), read_at(1))
        and not log.covers(key(3), read_at(0))
    )
    other.execute("ROLLBACK")
    other.close()
    add(log, Selector(content_id="b3:3"))
    assert log.covers(key(3), read_at(2)) and log.point == (first, 3)
    log.close()
    again = InvalidationLog(tmp_path / "log.sqlite")
    assert again.point.log_id != first, "what is stored under the old id is dropped"
    again.close()


def test_a_damaged_log_is_replaced_by_one_with_another_id(tmp_path):
    path = tmp_path / "log.sqlite"
    log = open_log(path)
    first = log.point.log_id
    log.close()
    for file in tmp_path.iterdir():
        file.unlink()
    path.write_bytes(b"no database at all" * 500)
    log = open_log(path)
    assert log.point.log_id != first
    log.close()


selectors = st.builds(
    Selector,
    content_id=st.one_of(st.none(), st.sampled_from(["b3:0", "b3:1"])),
    module=st.one_of(st.none(), st.sampled_from(["a", "b"])),
)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.integers(0, 1), st.sampled_from(["a", "b"])),
        st.tuples(st.just("late put"), st.integers(0, 1), st.sampled_from(["a", "b"])),
        st.tuples(st.just("invalidate"), selectors),
        st.tuples(st.just("wait"), st.integers(1, 150)),
    ),
    max_size=30,
)


@given(steps)
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_nothing_deleted_or_expired_ever_comes_back(history):
    """Against a model: a dictionary of what may be answered."""
    clock = Clock()
    store = make_store(clock)
    first_point = store.read_point
    model: dict[Key, tuple[bytes, float]] = {}
    invalidated: list[Selector] = []
    for number, (action, *arguments) in enumerate(history):
        value = str(number).encode()
        if action == "put":
            await store.put([result(arguments[0], value, store.read_point, arguments[1])])
            model[key(*arguments)] = (value, clock.now)
        elif action == "late put":
            late = key(*arguments)
            outcome = (await store.put([result(arguments[0], value, first_point, arguments[1])]))[0]
            refused = any(selector.matches(late, read_at(0)) for selector in invalidated)
            assert (outcome.reason == "invalidated") == refused
            if not refused:
                model[late] = (value, clock.now)
        elif action == "invalidate":
            invalidated.append(arguments[0])
            await store.invalidate(arguments[0])
            model = {
                each: known for each, known in model.items() if not arguments[0].matches(each, read_at(0))
            }
        else:
            clock.now += arguments[0]
        for each in [key(content, module) for content in (0, 1) for module in "ab"]:
            (found,) = await store.get([each])
            if found is not None:
                value_known, put_at = model[each]
                assert found.value == value_known and clock.now < put_at + 200
            elif each in model:
                assert clock.now >= model[each][1] + 100
    await OPEN.pop().close()


async def test_one_request_reads_a_bounded_number_of_bytes():
    store = make_store()
    store._tier._layers[0].tier.set_budget(Budget(10**6))
    await store.put([result(1, bytes(4_000_000))])
    found = await store.get([key(1)] * 100, max_bytes=9_000_000)
    assert [hit is not None for hit in found] == [True, True] + [False] * 98


async def test_labels_are_found_by_tag_and_prefix():
    store = make_store()
    for number in range(4):
        await store.put(
            [
                result(number)._replace(
                    source=f"file:///{number}/x", tags=("even" if number % 2 == 0 else "odd", "all")
                )
            ]
        )
    await store.invalidate(Selector(tag="even"))
    assert [hit is not None for hit in await store.get([key(number) for number in range(4)])] == [
        False,
        True,
        False,
        True,
    ]
    await store.invalidate(Selector(source_prefix="file:///1"))
    assert [hit is not None for hit in await store.get([key(1), key(3)])] == [False, True]
    await store.invalidate(Selector(tag="all", module="other"))
    assert (await store.get([key(3)]))[0] is not None
    await store.invalidate(Selector(tag="all", module="m"))
    assert await store.get([key(3)]) == [None]


def test_prefixes_are_bounded_and_stay_safe():
    log = InvalidationLog()
    for number in range(1500):
        add(log, Selector(source_prefix=f"file:///{number}/"))
    assert len(log._searched) <= 1000
    entry = read_at(0, source="file:///3/x")
    assert log.covers(key(1), entry) and not log.covers(key(1), read_at(1500, source="file:///3/x"))
    log.close()


async def test_a_demotion_does_not_bring_a_deleted_result_back(tmp_path):
    """An entry that only memory holds is demoted by a shrink after it was invalidated, but before it was deleted."""
    memory = memory_tier(Budget(10**6))
    disk = await DiskTier.open(tmp_path, Budget(10**7))
    tier = CompositeTier([memory, disk])
    memory.demote = tier.demote
    store = result_store(tier, clock=time.time)
    stored = store._entry(result(1), time.time())
    await memory.put([(key(1), stored), (key(2), stored)], time.time())
    await store._log.append(Selector(content_id="b3:1"))
    await memory.resize(Budget(1000, 1), RemovalCause.PRESSURE)
    await memory.resize(Budget(0), RemovalCause.PRESSURE)
    assert disk.stats()[0].entry_count == 2, "both were demoted"
    first, second = await store.get([key(1), key(2)])
    assert first is None and second.tier == "disk"
    assert disk.stats()[0].entry_count == 1
    await store.close()


async def test_many_keys_come_from_disk_in_slices_and_from_memory_after_that(tmp_path):
    """One query takes 32,766 keys at most."""
    disk = await DiskTier.open(tmp_path, Budget(10**8))
    memory = memory_tier(Budget(10**7))
    tier = CompositeTier([memory, disk])
    store = result_store(tier, fastest=Fastest(memory, tier))
    OPEN.append(store)
    await disk.put(
        [(key(number), read_at(0)._replace(value=b"\0v", expires_at=2e9)) for number in range(1500)], 1
    )
    keys = [key(number) for number in range(33_000)]
    for holder in ("disk", "memory"):
        found = await store.get(keys)
        assert [hit.value for hit in found[:1500]] == [b"v"] * 1500
        assert {hit.tier for hit in found[:1500]} == {holder} and not any(found[1500:])
    assert store.stats.hits == 3000 and store.stats.misses == 2 * 31_500


async def test_what_was_invalidated_in_memory_is_taken_out_everywhere(tmp_path):
    log = InvalidationLog()
    disk = await DiskTier.open(tmp_path, Budget(10**7))
    memory = memory_tier(Budget(10**6))
    tier = CompositeTier([memory, disk])
    store = result_store(tier, log, fastest=Fastest(memory, tier))
    OPEN.append(store)
    await store.put([result(1), result(2)])
    add(log, Selector(content_id="b3:1"))
    assert [hit is not None for hit in await store.get([key(1), key(2), key(3)])] == [False, True, False]
    assert [each.entry_count for each in store.tier_stats()] == [1, 1]
