"""The loop of every process: sample, classify, act; every 100 ms, or at once when the kernel says so."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from typing import TYPE_CHECKING, NamedTuple

from service_runtime.memory.triggers import Triggers

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from service_runtime.memory.classifier import Classifier
    from service_runtime.memory.levels import PressureLevel, Thresholds
    from service_runtime.memory.reading import Sample
    from service_runtime.memory.sampler import Sampler

_log = logging.getLogger(__name__)


class Observation(NamedTuple):
    """A sample, and what it means."""

    sample: Sample
    level: PressureLevel
    score: float
    cause: str
    thresholds: Thresholds


class MemoryMonitor:
    """Watches this process's own container."""

    def __init__(self, sampler: Sampler, classifier: Classifier, sample_seconds: float) -> None:
        self.sampler = sampler
        self.classifier = classifier
        self._sample_seconds = sample_seconds

    def observe(self, now: float) -> Observation:
        """The state of memory at `now`."""
        sample = self.sampler.sample()
        thresholds = self.classifier.thresholds
        score = sample.score(thresholds)
        level = self.classifier.update(now, score, failed=sample.failed)
        return Observation(sample, level, score or 0.0, sample.cause(thresholds, level), thresholds)

    async def run(self, step: Callable[[float], Awaitable[None]]) -> None:
        """Calls `step` with the time until cancelled. One that fails is logged: the loop outlives its errors."""
        loop = asyncio.get_running_loop()
        woken = asyncio.Event()

        def wake() -> None:
            loop.call_soon_threadsafe(woken.set)

        triggers = Triggers(self.sampler.signals, self.classifier.thresholds, wake)
        _log.info("pressure is sampled", extra={"signals": self._names(), "kernel_events": triggers.names})
        refreshing = asyncio.create_task(self.sampler.run())
        try:
            while True:
                woken.clear()
                try:
                    await step(time.monotonic())
                    triggers.arm(self.classifier.thresholds)
                except Exception:  # noqa: BLE001 - whatever it is, the loop must go on
                    _log.exception("pressure step failed")
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._sample_seconds):
                        await woken.wait()
        finally:
            refreshing.cancel()
            triggers.close()
            with contextlib.suppress(asyncio.CancelledError):
                await refreshing

    def _names(self) -> list[str]:
        names = [signal.name for signal in self.sampler.signals]
        return names + [signal.name for signal in self.sampler.slow]
