"""Signals whose readings a test sets, and a monitor of them."""

from __future__ import annotations

from service_runtime.memory.classifier import Classifier
from service_runtime.memory.levels import PressureLevel, Thresholds
from service_runtime.memory.monitor import MemoryMonitor
from service_runtime.memory.reading import Usage
from service_runtime.memory.sampler import Sampler


class FakeSignal:
    """`ratio` of a million bytes; None: it can't be read."""

    def __init__(self, ratio: float | None = 0.1, name: str = "memory", worst=PressureLevel.CRITICAL) -> None:
        self.ratio, self.name, self.worst = ratio, name, worst

    def read(self) -> Usage:
        if self.ratio is None:
            raise OSError("gone")
        return Usage.of(int(self.ratio * 1e6), 10**6)

    def close(self) -> None:
        pass


def make_memory(
    *signals: FakeSignal, hold_seconds: float = 5.0, sample_seconds: float = 0.01
) -> MemoryMonitor:
    return MemoryMonitor(
        Sampler(list(signals)), Classifier(Thresholds(), hold_seconds=hold_seconds), sample_seconds
    )
