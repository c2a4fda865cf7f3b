"""What every back-off policy promises, and what each learns from latencies."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor_service.backoff.policies.base import LatencySample, Pressure
from extractor_service.backoff.policies.registry import POLICIES
from service_runtime.backoff_table import WorkClass, default_table
from service_runtime.memory.levels import PressureLevel

NORMAL, ELEVATED, HIGH, CRITICAL = PressureLevel
INTERACTIVE, BATCH, BACKGROUND = WorkClass
TABLE = default_table(1000)
AS_THE_TABLE = {"proportional", "aimd", "gradient"}  # as long as nothing was observed
OBEYING = [name for name in POLICIES if name != "none"]
SAMPLES = st.lists(
    st.tuples(st.floats(1e-6, 100), st.integers(1, 100), st.booleans(), st.sampled_from("ab")), max_size=60
)


@pytest.mark.parametrize("name", POLICIES)
@given(samples=SAMPLES, configured=st.integers(1, 100))
def test_something_always_runs_never_too_much_and_never_more_at_a_worse_level(name, samples, configured):
    policy = POLICIES[name]()
    for seconds, in_flight, failed, kind in samples:
        policy.observe(LatencySample(kind, seconds, in_flight, failed), configured)
    decisions = [policy.decide(Pressure(level, NORMAL, TABLE), configured) for level in PressureLevel]
    for work in WorkClass:
        limits = [decision.limits[work] for decision in decisions]
        assert limits == sorted(limits, reverse=True) and limits[0] >= 1 and max(limits) <= configured
    for decision in decisions:
        assert decision.concurrency >= 1 and decision.concurrency == min(
            term.limit for term in decision.terms
        )
        assert decision.limits[INTERACTIVE] >= decision.limits[BATCH] >= decision.limits[BACKGROUND]
        assert all(row.retry_after_seconds > 0 for row in decision.rows.values())


@pytest.mark.parametrize("name", OBEYING)
@pytest.mark.parametrize("local", list(PressureLevel))
@pytest.mark.parametrize("cache", list(PressureLevel))
def test_the_worse_of_cache_and_own_memory_binds(name, local, cache):
    decision = POLICIES[name]().decide(Pressure(cache, local, TABLE), 100)
    allowed = [100, 75, 50, 1][max(local, cache) - 1]
    assert decision.concurrency <= allowed  # a policy may be stricter
    assert decision.concurrency == allowed or name not in AS_THE_TABLE
    refuse = decision.rows[INTERACTIVE].refuse_above_bytes
    assert refuse == (1000 if CRITICAL in {local, cache} else None)


@pytest.mark.parametrize("name", ["aimd", "gradient"])
def test_late_answers_cost_and_usual_ones_win_back(name):
    policy, pressure = POLICIES[name](), Pressure(NORMAL, NORMAL, TABLE)
    for _ in range(50):
        policy.observe(LatencySample("jpeg", 0.01, 64, failed=False), 64)
    assert policy.decide(pressure, 64).concurrency >= 60
    for _ in range(20):
        policy.observe(LatencySample("jpeg", 0.2, 64, failed=False), 64)
    slow = policy.decide(pressure, 64)
    assert slow.concurrency < 20 and min(slow.terms, key=lambda term: term.limit).name == "latency"
    for _ in range(400):
        policy.observe(LatencySample("jpeg", 0.01, 64, failed=False), 64)
    assert policy.decide(pressure, 64).concurrency >= 60


@pytest.mark.parametrize("name", ["aimd", "gradient"])
def test_a_slow_format_is_no_slow_service(name):
    policy = POLICIES[name]()
    for _ in range(200):
        policy.observe(LatencySample("jpeg", 0.01, 64, failed=False), 64)
        policy.observe(LatencySample("hdf5", 3.0, 64, failed=False), 64)
    assert policy.decide(Pressure(NORMAL, NORMAL, TABLE), 64).concurrency >= 60


@pytest.mark.parametrize("name", ["aimd", "gradient"])
def test_failures_cost(name):
    policy = POLICIES[name]()
    for _ in range(50):
        policy.observe(LatencySample("jpeg", 0.01, 64, failed=True), 64)
    assert policy.decide(Pressure(NORMAL, NORMAL, TABLE), 64).concurrency <= 20
