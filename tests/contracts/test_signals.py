"""One suite for every signal of the registry: what it says is possible, and what fails is UNKNOWN, never NORMAL.

A new signal needs its line in the registry; everything here then concerns it.
"""

from __future__ import annotations

import pytest

from service_runtime.memory.levels import PressureLevel, Thresholds
from service_runtime.memory.reading import TriggeringSignal
from service_runtime.memory.sampler import Sampler
from service_runtime.memory.signals.registry import SIGNALS
from service_runtime.memory.signals.surroundings import Surroundings

HERE = Surroundings(process_limit_bytes=1 << 40)
every_kind = pytest.mark.parametrize("find", SIGNALS, ids=lambda find: f"{find.__module__}.{find.__name__}")


@every_kind
def test_it_says_what_is_possible_or_nothing(find):
    for signal in find(HERE):
        try:
            assert signal.name.isidentifier() and signal.worst in PressureLevel
            for _ in range(3):
                usage = signal.read()
                assert usage is None or (
                    usage.ratio >= 0 and usage.used_bytes >= 0 and usage.limit_bytes >= 0
                )
        finally:
            signal.close()


@every_kind
def test_where_there_is_nothing_to_watch_it_finds_nothing_or_the_machine(find, tmp_path):
    nothing = Surroundings(*(tmp_path / name for name in ("cgroup", "own", "meminfo", "pressure")))
    for signal in find(nothing):
        assert signal.name == "host" and signal.read().ratio > 0
        signal.close()


@every_kind
def test_one_that_fails_is_unknown(find):
    for signal in find(HERE):
        signal.close()
        signal.read = _broken
        sample = Sampler([signal]).sample()
        assert sample.readings[0].ratio is None
        assert sample.failed == (signal.worst is PressureLevel.CRITICAL)


def _broken():
    raise OSError("gone")


@every_kind
def test_a_trigger_can_be_armed_and_closed(find):
    thresholds = Thresholds()
    for signal in find(HERE):
        try:
            trigger = signal.make_trigger(thresholds) if isinstance(signal, TriggeringSignal) else None
        except OSError:
            trigger = None  # not permitted here
        if trigger is not None:
            trigger.arm(thresholds)
            trigger.clear()
            assert trigger.descriptor >= 0 and trigger.events
            trigger.close()
        signal.close()
