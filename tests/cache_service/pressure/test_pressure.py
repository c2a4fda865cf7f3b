from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cache_service.entry import Budget
from cache_service.pressure.monitor import PressureMonitor
from cache_service.pressure.policy import FLOOR_ENTRIES, TierBudgetPolicy
from service_runtime.memory.classifier import Classifier
from service_runtime.memory.levels import PressureLevel, Thresholds
from service_runtime.memory.release import TrimLimiter
from service_runtime.memory.sampler import Sampler
from service_runtime.memory.signals import MemoryUsage

FULL = Budget(1_000_000, 1000)
LEVELS = list(PressureLevel)


def test_targets_fall_with_the_level():
    policy = TierBudgetPolicy(FULL, 0.1)
    assert policy.target(PressureLevel.NORMAL) == FULL
    assert policy.target(PressureLevel.ELEVATED) == Budget(750_000, 750)
    assert policy.target(PressureLevel.HIGH) == Budget(500_000, 500)
    assert policy.target(PressureLevel.CRITICAL).entries == FLOOR_ENTRIES


@pytest.mark.parametrize("entries", [1, 2, 20, 40, 60, 80, 1000])
def test_small_caches_shrink_too_and_never_become_unlimited(entries):
    policy = TierBudgetPolicy(Budget(10**6, entries), 0.1)
    targets = [policy.target(level).entries for level in PressureLevel]
    assert targets == sorted(targets, reverse=True) and targets[-1] >= 1


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


def test_down_at_once_up_in_steps_to_the_full_budget():
    policy = TierBudgetPolicy(FULL, 0.1)
    policy.update(0, PressureLevel.NORMAL)
    assert policy.update(1, PressureLevel.HIGH) == Budget(500_000, 500)
    assert policy.update(2, PressureLevel.NORMAL) == Budget(600_000, 600)
    assert policy.update(60, PressureLevel.NORMAL) == FULL


def test_an_unbounded_count_comes_back_unbounded():
    policy = TierBudgetPolicy(Budget(10**6, 0), 0.1)
    policy.update(0, PressureLevel.NORMAL)
    assert policy.update(1, PressureLevel.CRITICAL).entries == FLOOR_ENTRIES
    for second in range(2, 20):
        budget = policy.update(second, PressureLevel.NORMAL)
    assert budget == Budget(10**6, 0)


@given(st.lists(st.tuples(st.floats(0, 100), st.sampled_from(LEVELS)), max_size=60), st.integers(0, 2000))
def test_no_history_ratchets_the_budget_down(history, entries):
    policy, now = TierBudgetPolicy(Budget(1_000_000, entries), 0.05), 0.0
    for pause, level in history:
        now += pause
        budget, target = policy.update(now, level), policy.target(level)
        assert budget.bytes <= target.bytes
        assert not target.entries or 0 < budget.entries <= target.entries
    assert policy.update(now + 10_000, PressureLevel.NORMAL) == Budget(1_000_000, entries)


class Memory:
    """A signal whose ratio the test sets."""

    name = "memory"
    ratio = 0.1

    def read(self):
        if self.ratio is None:
            raise OSError("gone")
        return MemoryUsage(int(self.ratio * 1e6), 10**6)

    def close(self):
        pass


def make_monitor(memory, hold_seconds=5.0):
    budgets = []

    async def set_budget(budget, cause):
        budgets.append(budget)

    trims = []
    monitor = PressureMonitor(
        Sampler([memory]), Classifier(Thresholds(), hold_seconds=hold_seconds), TierBudgetPolicy(FULL, 0.1),
        set_budget, TrimLimiter(action=lambda: bool(trims.append(1)) or True), sample_seconds=0.01, heartbeat_seconds=0.05,
    )  # fmt: skip
    return monitor, budgets, trims


async def test_the_tier_follows_the_level_and_memory_is_returned():
    memory = Memory()
    monitor, budgets, trims = make_monitor(memory)
    start = monitor._classifier  # the constructor sampled once, at monotonic time
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
