from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cache_service.entries.entry import Budget
from cache_service.pressure.policy import (
    FLOOR_ENTRIES,
    TierBudgetPolicy,
    chunk_memory_ratio,
    disk_target_ratio,
)
from service_runtime.memory.levels import PressureLevel

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


@pytest.mark.parametrize("full", [Budget(0, 0), Budget(1000, 0), Budget(10**9, 7), Budget(10**9, 10**6)])
def test_the_eviction_target_never_falls_as_the_level_rises(full):
    policy = TierBudgetPolicy(full, 0.1)
    targets = [policy.eviction_target_bytes(level) for level in PressureLevel]
    assert targets == sorted(targets) and targets[0] == 0


def test_it_grows_only_into_headroom():
    policy = TierBudgetPolicy(FULL, 0.1)
    policy.update(0, PressureLevel.NORMAL)
    policy.update(1, PressureLevel.HIGH)
    assert policy.update(2, PressureLevel.NORMAL, headroom_bytes=0) == Budget(500_000, 500)
    assert policy.update(3, PressureLevel.NORMAL, headroom_bytes=30_000).bytes == 530_000
    assert policy.update(4, PressureLevel.NORMAL, headroom_bytes=10**9).bytes == 630_000


def test_the_disk_is_cleaned_up_when_it_helps():
    normal, elevated, high, critical = PressureLevel
    assert disk_target_ratio(normal, None) is None and disk_target_ratio(elevated, normal) is None
    assert disk_target_ratio(high, None) == disk_target_ratio(critical, normal) == 0.9
    assert disk_target_ratio(high, high) == 0.5


def test_chunks_leave_memory_from_high_on():
    full = Budget(1000, 0)
    policy = TierBudgetPolicy(full, 0.01)
    ratios = [chunk_memory_ratio(policy.target(level), full) for level in PressureLevel]
    assert ratios == [1.0, 0.75, 0.0, 0.0]
