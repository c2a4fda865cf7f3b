from __future__ import annotations

import asyncio

from service_runtime.memory.classifier import Classifier
from service_runtime.memory.levels import PressureLevel, Thresholds
from service_runtime.memory.reading import Usage
from service_runtime.memory.sampler import InThread, Sampler
from tests.support.memory import FakeSignal, make_memory

THRESHOLDS = Thresholds()
ELEVATED, HIGH, CRITICAL = PressureLevel.ELEVATED, PressureLevel.HIGH, PressureLevel.CRITICAL


def test_the_worst_signal_counts_and_is_named():
    signals = [FakeSignal(0.2, "a"), FakeSignal(0.7, "b"), FakeSignal(0.5, "c")]
    sample = Sampler(signals).sample()
    assert [reading.name for reading in sample.ordered(THRESHOLDS)] == ["b", "c", "a"]
    assert sample.score(THRESHOLDS) == 0.7 and not sample.failed
    assert sample.cause(THRESHOLDS, ELEVATED) == "b" and sample.cause(THRESHOLDS, PressureLevel.NORMAL) == ""


def test_a_signal_causes_its_worst_level_at_most():
    sample = Sampler([FakeSignal(0.5, "memory"), FakeSignal(5.0, "disk", HIGH)]).sample()
    assert THRESHOLDS.level(sample.score(THRESHOLDS)) is HIGH
    assert sample.cause(THRESHOLDS, HIGH) == "disk"
    sample = Sampler([FakeSignal(0.95, "memory"), FakeSignal(5.0, "disk", HIGH)]).sample()
    assert sample.cause(THRESHOLDS, CRITICAL) == "memory"


def test_a_failing_signal_is_unknown_never_normal():
    sample = Sampler([FakeSignal(0.2), FakeSignal(None, "broken")]).sample()
    assert sample.failed and sample.score(THRESHOLDS) == 0.2
    assert sample.ordered(THRESHOLDS)[0].ratio is None
    assert sample.cause(THRESHOLDS, ELEVATED) == "unreadable: broken"
    classifier = Classifier(THRESHOLDS)
    assert classifier.update(0, sample.score(THRESHOLDS), failed=sample.failed) is ELEVATED
    assert classifier.update(1, 0.95, failed=True) is CRITICAL
    assert Classifier(THRESHOLDS).update(0, None) is ELEVATED


def test_a_signal_that_kills_nobody_may_fail_without_raising_the_level():
    sample = Sampler([FakeSignal(0.2), FakeSignal(None, "redis", ELEVATED)]).sample()
    assert not sample.failed and sample.readings[1].ratio is None, "it is still shown as unknown"


def test_a_limit_that_is_lifted_is_no_failure():
    signal = FakeSignal()
    signal.read = lambda: None
    sample = Sampler([signal, FakeSignal(0.3)]).sample()
    assert not sample.failed and sample.score(THRESHOLDS) == 0.3


def test_the_sampler_recovers():
    signal = FakeSignal(None)
    sampler = Sampler([signal])
    assert sampler.sample().failed
    signal.ratio = 0.5
    assert sampler.sample().score(THRESHOLDS) == 0.5


def test_headroom_is_that_of_the_tightest_memory():
    sample = Sampler([FakeSignal(0.4), FakeSignal(0.5), FakeSignal(0.99, "disk", HIGH)]).sample()
    assert sample.headroom_bytes(0.55) == 50_000 and sample.headroom_bytes(0.3) == 0


async def test_slow_signals_are_read_apart_and_hang_nobody(monkeypatch):
    class Hanging(FakeSignal):
        async def read(self):
            await asyncio.sleep(3600)

    monkeypatch.setattr("service_runtime.memory.sampler._SLOW_TIMEOUT_SECONDS", 0.05)
    sampler = Sampler([FakeSignal(0.2)])
    sampler.slow += [InThread(FakeSignal(0.7, "disk", HIGH)), Hanging(0.1, "redis", ELEVATED)]
    assert sampler.sample().score(THRESHOLDS) == 0.2, "not read yet"
    await sampler.refresh()
    sample = sampler.sample()
    assert sample.score(THRESHOLDS) == 0.7
    assert {reading.name: reading.ratio for reading in sample.readings}["redis"] is None


async def test_the_monitor_tells_a_new_level_at_once_and_figures_now_and_then_and_outlives_errors():
    signal = FakeSignal()
    memory, steps = make_memory(signal, sample_seconds=0.01), []

    async def step(observation):
        steps.append(observation)
        raise ValueError("step")

    task = asyncio.create_task(memory.run(step))
    await asyncio.sleep(0.3)
    count = len(steps)
    assert 2 <= count <= 4, "each tenth sample"
    signal.ratio = 0.95
    await asyncio.sleep(0.03)
    assert steps[-1].level is CRITICAL
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert task.cancelled()
    count = len(steps)
    await asyncio.sleep(0.05)
    assert len(steps) == count and memory.observe(1e9).level is CRITICAL


def test_a_usage_needs_a_limit():
    import pytest

    with pytest.raises(ValueError, match="limit"):
        Usage.of(1, 0)
