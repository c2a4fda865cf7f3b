"""The calls of a server: which are running, and what those that have ended came to."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from typing import TYPE_CHECKING

import grpc

from service_runtime.errors import ServiceError

if TYPE_CHECKING:
    import asyncio

BOUNDS_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Of histograms: a cached answer takes one to two milliseconds, a reader may take 30 s."""


class DrainingError(ServiceError):
    """The server stops, and the call couldn't be waited for; another replica can do it."""

    code = grpc.StatusCode.UNAVAILABLE
    reason = "DRAINING"


class Histogram:
    """How often what came to how much."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...] = BOUNDS_SECONDS) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        """One for each bound, and what is beyond the last."""
        self.total = 0.0

    def observe(self, value: float) -> None:
        """Counts one."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value


class MethodCalls:
    """What the ended calls of one method came to."""

    __slots__ = ("by_code", "method", "seconds")

    def __init__(self, method: str) -> None:
        self.method = method
        self.by_code: Counter[str] = Counter()
        self.seconds = Histogram()

    def ended(self, code: str, seconds: float) -> None:
        """Counts a call."""
        self.by_code[code] += 1
        self.seconds.observe(seconds)


class Calls:
    """All calls of a server."""

    def __init__(self) -> None:
        self.methods: dict[str, MethodCalls] = {}
        self.running: set[asyncio.Task[object]] = set()
        self._cut: set[asyncio.Task[object]] = set()

    def of(self, method: str) -> MethodCalls:
        """The counts of a method, by its full name with a leading slash."""
        return self.methods.setdefault(method, MethodCalls(method.removeprefix("/")))

    def cut_off(self) -> int:
        """Ends the running calls with DrainingError; how many that were."""
        cut = list(self.running)
        self._cut.update(cut)
        for task in cut:
            task.cancel()
        return len(cut)

    def was_cut(self, task: asyncio.Task[object]) -> bool:
        """Whether a cancelled call was ended from here; told once."""
        if task not in self._cut:
            return False
        self._cut.discard(task)
        task.uncancel()
        return True
