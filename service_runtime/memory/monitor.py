"""Samples memory in every process, classifies it and acts on it.

It does so every 100 ms, every 25 when the next level is less than a second away, or at once when the kernel says so.

Sampling has a thread of its own. In the event loop the same ten samples a second cost 0.5 % of a core instead of 0.3,
most of it for waking the loop (`make bench ONLY=monitor_overhead`); and a thread can wait for the kernel's events.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import threading
import time
from typing import TYPE_CHECKING, NamedTuple

from service_runtime.memory.triggers import Triggers
from service_runtime.repeated import RepeatedErrors

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from service_runtime.memory.classifier import Classifier
    from service_runtime.memory.levels import PressureLevel, Thresholds
    from service_runtime.memory.reading import Sample
    from service_runtime.memory.sampler import Sampler

_log = logging.getLogger(__name__)
_failures = RepeatedErrors(_log, "a step of the pressure loop failed")
_HURRY_SECONDS = 1.0  # to the next level at the present slope: ten samples more, or fewer


class Limits:
    """Of `MemoryMonitor`."""

    tell_every = 10  # samples; the loop is woken that much less often
    tell_seconds = 1.0
    """Time between two calls of the loop when the level stays as it is: ten samples, a second at most."""
    almost = 0.95  # the tenth sample is a little early or late
    hurry_ratio = 0.25  # of the pause: every 25 ms, only while it matters, for sampling costs CPU
    after_event_seconds = (
        0.05  # an event may come a little early: the page cache has shrunk since it was armed
    )
    after_event_pause_seconds = 0.002  # a crossing is known within 2 ms; 25 samples at most per event


class Observation(NamedTuple):
    """A sample, and what it means."""

    at: float
    sample: Sample
    level: PressureLevel
    score: float
    cause: str
    thresholds: Thresholds
    slope_per_second: float
    seconds_to_next_level: float | None
    headroom_bytes: int | None
    """Bytes that may grow back before the next level is near; None where memory couldn't be read."""


class MemoryMonitor:
    """Watches this process's own container."""

    def __init__(
        self, sampler: Sampler, classifier: Classifier, sample_seconds: float, *, kernel_events: bool = True
    ) -> None:
        self._kernel_events = kernel_events
        self.sampler = sampler
        self.classifier = classifier
        self._sample_seconds = sample_seconds
        self._lock = threading.Lock()
        self._event_at = 0.0
        self._ending = False

    def follow(self, thresholds: Thresholds) -> None:
        """Levels begin elsewhere from now on."""
        self.classifier.thresholds = thresholds

    def observe(self, now: float) -> Observation:
        """The state of memory at `now`; safe between threads."""
        with self._lock:
            sample, classifier = self.sampler.sample(), self.classifier
            thresholds = classifier.thresholds
            score = sample.score(thresholds)
            level = classifier.update(now, score, failed=sample.failed)
            return Observation(
                now,
                sample,
                level,
                score or 0.0,
                sample.cause(thresholds, level),
                thresholds,
                classifier.slope_per_second(),
                classifier.seconds_to_next_level(),
                sample.headroom_bytes(classifier.regrow_ratio),
            )

    async def run(self, step: Callable[[Observation], Awaitable[None]]) -> None:
        """Calls `step` with each new level at once, and now and then with the figures, until cancelled.

        A step that fails is logged. One that takes long gets the latest observation next.
        """
        loop, told = asyncio.get_running_loop(), asyncio.Event()
        latest: list[Observation] = []

        def tell(observation: Observation) -> None:
            latest[:] = [observation]
            told.set()

        def tell_loop(observation: Observation) -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody listens any more
                loop.call_soon_threadsafe(tell, observation)

        triggers = Triggers(self.sampler.signals if self._kernel_events else [], self.classifier.thresholds)
        thread = threading.Thread(
            target=self._watch, args=(triggers, tell_loop), name="pressure", daemon=True
        )
        names = [signal.name for signal in self.sampler.signals] + [each.name for each in self.sampler.slow]
        _log.info("pressure is sampled", extra={"signals": names, "kernel_events": triggers.names})
        refreshing = asyncio.create_task(self.sampler.run())
        self._ending = False
        thread.start()
        try:
            while True:
                await told.wait()
                told.clear()
                try:
                    await step(latest[0])
                except Exception as error:  # noqa: BLE001 - whatever it is, the loop must go on
                    _failures.log(error)
        finally:
            self._ending = True
            refreshing.cancel()
            triggers.interrupt()
            thread.join()
            triggers.close()
            with contextlib.suppress(asyncio.CancelledError):
                await refreshing

    def _is_steady(self, last: Observation) -> bool:
        """Whether another observation would say what the last one said."""
        with self._lock:
            return self.classifier.is_settled(last.score) and self.sampler.is_like(last.sample)

    def _watch(self, triggers: Triggers, tell: Callable[[Observation], object]) -> None:
        """The thread: samples, and tells what is new."""
        last: Observation | None = None
        told_at = -math.inf
        interval = min(Limits.tell_seconds, Limits.tell_every * self._sample_seconds) * Limits.almost
        while not self._ending:
            try:
                now = time.monotonic()
                is_due = now - told_at >= interval
                if is_due or last is None or not self._is_steady(last):
                    before, last = last, self.observe(now)
                    if is_due or before is None or last.level != before.level:
                        told_at = now
                        tell(last)
                    triggers.arm(self.classifier.thresholds)
                if triggers.wait(self._pause_seconds(last)):
                    self._event_at = time.monotonic()
            except Exception as error:  # noqa: BLE001 - whatever it is, the thread must go on
                _failures.log(error)
                time.sleep(self._sample_seconds)

    def _pause_seconds(self, last: Observation | None) -> float:
        if time.monotonic() - self._event_at < Limits.after_event_seconds:
            return Limits.after_event_pause_seconds
        return self._sample_seconds * (Limits.hurry_ratio if _is_near(last) else 1.0)


def _is_near(last: Observation | None) -> bool:
    """Whether the next level may be reached before many more samples."""
    seconds = None if last is None else last.seconds_to_next_level
    return seconds is not None and seconds < _HURRY_SECONDS
