from __future__ import annotations

import asyncio
import json
import logging

from cache_service.entries.entry import Budget
from cache_service.pressure.monitor import Actions, PressureMonitor
from cache_service.pressure.peers import Peer
from cache_service.pressure.policy import FLOOR_ENTRIES, TierBudgetPolicy
from service_runtime.memory.levels import PressureLevel, Thresholds
from service_runtime.memory.release import TrimLimiter
from tests.support.memory import FakeSignal as Memory
from tests.support.memory import make_memory

FULL = Budget(1_000_000, 1000)


def make_monitor(memory, hold_seconds=5.0, **options):
    budgets = []

    async def set_budget(budget, cause):
        budgets.append(budget)

    trims = []
    signals = memory if isinstance(memory, list) else [memory]
    monitor = PressureMonitor(
        make_memory(*signals, hold_seconds=hold_seconds), TierBudgetPolicy(FULL, 0.1),
        Actions(set_budget, TrimLimiter(action=lambda: bool(trims.append(1)) or True), options.pop("clean_disk", None)), heartbeat_seconds=0.05, replica="r1", **options,
    )  # fmt: skip
    return monitor, budgets, trims


async def test_a_trim_that_was_too_early_is_made_up_for():
    memory = Memory()
    monitor, _, trims = make_monitor(memory)
    monitor._trim._interval_seconds = 10
    for now, ratio in (
        (1e9, 0.1),
        (1e9 + 1, 0.7),
        (1e9 + 2, 0.85),
        (1e9 + 5, 0.85),
        (1e9 + 12, 0.85),
        (1e9 + 30, 0.85),
    ):
        memory.ratio = ratio
        await monitor.step(now)
    assert len(trims) == 2


async def test_the_tier_follows_the_level_and_memory_is_returned():
    memory = Memory()
    monitor, budgets, trims = make_monitor(memory)
    start = monitor._memory.classifier  # the constructor sampled once, at monotonic time
    now = 1e9
    await monitor.step(now)
    assert budgets == [FULL] and start.level is PressureLevel.NORMAL
    memory.ratio = 0.95
    await monitor.step(now + 1)
    assert budgets[-1].entries == FLOOR_ENTRIES and trims
    assert monitor.broadcaster.state.level is PressureLevel.CRITICAL
    memory.ratio = 0.1
    for second in range(2, 60):
        await monitor.step(now + second)
    assert budgets[-1] == FULL and monitor.level_changes == 4


async def test_a_failing_sampler_is_one_level_worse_and_names_the_signal():
    memory = Memory()
    monitor, _, _ = make_monitor(memory)
    memory.ratio = None
    await monitor.step(1e9)
    state = monitor.broadcaster.state
    assert state.level is PressureLevel.ELEVATED
    assert state.signals[0].level is None and state.signals[0].reading.name == "memory"


async def test_an_override_counts_at_once_and_ends_by_itself():
    monitor, budgets, _ = make_monitor(Memory())
    state = await monitor.set_override(PressureLevel.HIGH, 0.05)
    assert state.level is PressureLevel.HIGH and state.overridden and budgets[-1] == Budget(500_000, 500)
    await asyncio.sleep(0.06)
    import time

    await monitor.step(time.monotonic())
    assert (
        monitor.broadcaster.state.level is PressureLevel.NORMAL and not monitor.broadcaster.state.overridden
    )


async def test_a_slow_watcher_skips_to_the_latest_and_delays_nobody():
    monitor, _, _ = make_monitor(Memory())
    slow = monitor.broadcaster.watch()
    first = await anext(slow)
    quick_seen = []

    async def quick():
        async for event in monitor.broadcaster.watch():
            if not event.heartbeat:
                quick_seen.append(event.state.level)

    task = asyncio.create_task(quick())
    await asyncio.sleep(0)
    for level in (PressureLevel.ELEVATED, PressureLevel.HIGH, PressureLevel.CRITICAL):
        await monitor.set_override(level, 60)
        await asyncio.sleep(0.01)
    latest = await anext(slow)
    assert first.state.revision == 0 and latest.state.level is PressureLevel.CRITICAL
    assert quick_seen == [
        PressureLevel.NORMAL,
        PressureLevel.ELEVATED,
        PressureLevel.HIGH,
        PressureLevel.CRITICAL,
    ]
    monitor.broadcaster.close()
    await asyncio.wait_for(task, 1)
    await slow.aclose()
    assert monitor.broadcaster.watcher_count == 0


async def test_silence_is_filled_with_heartbeats():
    monitor, _, _ = make_monitor(Memory())
    watch = monitor.broadcaster.watch()
    events = [await anext(watch) for _ in range(3)]
    assert [event.heartbeat for event in events] == [False, True, True]
    await watch.aclose()


async def test_the_loop_survives_a_failing_step():
    monitor, _, _ = make_monitor(Memory())

    async def broken(budget, cause):
        raise RuntimeError("tier")

    monitor._set_budget = broken
    task = asyncio.create_task(monitor.run())
    await asyncio.sleep(0.05)
    assert not task.done()
    task.cancel()


async def test_a_change_is_logged_with_its_cause_and_kept(caplog):
    memory = Memory(0.1, "cgroup_v2")
    monitor, _, _ = make_monitor(memory)
    await monitor.step(1e9)
    memory.ratio = 0.85
    with caplog.at_level(logging.INFO):
        await monitor.step(1e9 + 1)
    (record,) = [record for record in caplog.records if record.message == "pressure level changed"]
    assert (record.from_level, record.to_level, record.cause) == ("NORMAL", "HIGH", "cgroup_v2")
    (change,) = monitor.history.changes
    assert change.revision == 1 and change.cause == "cgroup_v2" and change.to_level is PressureLevel.HIGH
    state = monitor.broadcaster.state
    assert state.cause == "cgroup_v2" and state.eviction_target_bytes == 500_000


async def test_thresholds_change_at_run_time():
    monitor, _, _ = make_monitor(Memory(0.5))
    state = await monitor.set_thresholds(Thresholds(0.2, 0.3, 0.45))
    assert state.level is PressureLevel.CRITICAL and state.signals[0].level is PressureLevel.CRITICAL


async def test_the_fleet_level_is_the_worst_of_those_heard_lately():
    monitor, _, _ = make_monitor(Memory(0.1))
    now = 1e9
    await monitor.step(now)
    revision = monitor.broadcaster.state.revision
    monitor.peers.hear(Peer("r2", PressureLevel.HIGH, 0.85, now, 6))
    monitor.peers.hear(Peer("r3", PressureLevel.ELEVATED, 0.65, now, 6))
    await monitor.step(now + 1)
    state = monitor.broadcaster.state
    assert (state.level, state.fleet_level) == (PressureLevel.NORMAL, PressureLevel.HIGH)
    assert [peer.replica for peer in state.peers] == ["r2", "r3"] and state.revision == revision + 1
    await monitor.step(now + 7)
    assert monitor.broadcaster.state.fleet_level is PressureLevel.NORMAL, "silence is no pressure of ours"


async def test_the_disk_tier_is_cleaned_up_once_in_a_while_and_its_failure_stops_nothing():
    cleaned, disk = [], Memory(0.1, "disk", PressureLevel.HIGH)

    async def clean_disk(ratio):
        cleaned.append(ratio)
        raise OSError("full")

    monitor, _, _ = make_monitor([Memory(0.85), disk], clean_disk=clean_disk)
    for now in (1e9, 1e9 + 1, 1e9 + 20, 1e9 + 31):
        await monitor.step(now)
        await asyncio.sleep(0)
    assert cleaned == [0.9, 0.9]
    disk.ratio = 0.85
    await monitor.step(1e9 + 70)
    await asyncio.sleep(0)
    assert cleaned[-1] == 0.5


async def test_the_history_survives_a_restart(tmp_path):
    path = tmp_path / "pressure.json"
    memory = Memory(0.1)
    monitor, _, _ = make_monitor(memory, history_path=path)
    memory.ratio = 0.95
    task = asyncio.create_task(monitor.run())
    await asyncio.sleep(0.05)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert json.loads(path.read_text())["points"]
    again, _, _ = make_monitor(Memory(0.1), history_path=path)
    (change,) = again.history.changes
    assert change.revision == 0 and change.to_level is PressureLevel.CRITICAL
    assert again.history.average(again.broadcaster.state.sampled_at + 1, 60) > 0.9
