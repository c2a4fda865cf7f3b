"""Ramp, retry advice and the load meter: what keeps a fleet from moving as one."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor_service.backoff.advice import RetryAdvice
from extractor_service.backoff.load import LoadMeter
from extractor_service.backoff.ramp import Ramp
from service_runtime.backoff_table import default_table

TABLE = default_table()


def test_down_at_once_up_after_a_pause_and_slowly():
    ramp = Ramp("host:1", 100)
    assert ramp.limit(0, 100, TABLE) == 100 and ramp.limit(1, 10, TABLE) == 10
    assert ramp.limit(2, 100, TABLE) == 10
    start = 2 + ramp.phase_seconds(TABLE)
    assert ramp.limit(start + 1, 100, TABLE) == 30 and ramp.limit(start + 2, 100, TABLE) == 50
    assert ramp.limit(start + 2.5, 40, TABLE) == 40, "down at once again"
    assert ramp.limit(start + 3, 100, TABLE) == 40, "and another pause"
    assert ramp.limit(start + 30, 100, TABLE) == 100


def test_a_fleet_begins_spread():
    phases = []
    for number in range(200):
        ramp = Ramp(f"host:{number}", 10)
        ramp.limit(0, 1, TABLE)
        ramp.limit(1, 10, TABLE)
        phases.append(ramp.phase_seconds(TABLE))
    assert min(phases) < 0.1 and max(phases) > 1.9
    quarters = [sum(quarter / 2 <= phase < (quarter + 1) / 2 for phase in phases) for quarter in range(4)]
    assert min(quarters) > 25


@given(st.lists(st.tuples(st.floats(0, 5), st.integers(1, 64)), max_size=100))
def test_the_ramp_never_exceeds_its_target(steps):
    ramp, now = Ramp("x", 64), 0.0
    for pause, target in steps:
        now += pause
        assert 1 <= ramp.limit(now, target, TABLE) <= target
    assert ramp.limit(now + 100, 64, TABLE) <= 64 and ramp.limit(now + 200, 64, TABLE) == 64


def test_the_herd_is_told_the_time_in_which_it_can_be_served():
    advice = RetryAdvice(random.Random(1))
    for number in range(50):
        advice.record_done(number / 10)  # ten a second
    assert advice.seconds(5.0, 0.5, waiting=0) == 0.5
    delays = [advice.refuse(5.0, 0.5, waiting=10) for _ in range(90)]
    assert advice.seconds(5.0, 0.5, waiting=10) == pytest.approx(10, rel=0.05)
    assert delays[0] < 2 < delays[-1] <= 15 and len(set(delays)) == 90
    assert advice.seconds(20.0, 0.5, waiting=0) == 0.5, "what was is over"


def test_the_delay_has_an_end():
    advice = RetryAdvice()
    advice.record_done(0)
    assert max(advice.refuse(0, 0.5, waiting=10**6) for _ in range(100)) <= 45


def test_the_load_is_demand_over_time():
    meter = LoadMeter(0)
    assert meter.load(0).utilization_ratio == 0.01, "none would be ignored by balancers"
    meter.record_demand(0, 1.5)
    assert meter.load(2).utilization_ratio == pytest.approx(1.5 * 0.632, rel=0.01)
    assert meter.load(20).utilization_ratio == pytest.approx(1.5, rel=0.01)
    meter.record_demand(20, 0)
    assert meter.load(40).utilization_ratio == 0.01
    for number in range(1000):
        meter.record_call(40 + number / 100, failed=number % 10 == 0)
    load = meter.load(50)
    assert load.calls_per_second == pytest.approx(100, rel=0.05)
    assert load.failures_per_second == pytest.approx(10, rel=0.2)
