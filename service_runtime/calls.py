"""The calls of a server: which are running, and what those that have ended came to."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import grpc

from service_runtime.errors import ServiceError
from service_runtime.histogram import Histogram

if TYPE_CHECKING:
    import asyncio

    from service_runtime.access_log import AccessLog


class DrainingError(ServiceError):
    """The server stops, and the call couldn't be waited for; another replica can do it."""

    code = grpc.StatusCode.UNAVAILABLE
    reason = "DRAINING"


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
        self.log: AccessLog | None = None
        """Tells of those that have ended."""
        self._cut: set[asyncio.Task[object]] = set()

    def of(self, method: str) -> MethodCalls:
        """The counts of a method, by its full name with a leading slash."""
        return self.methods.setdefault(method, MethodCalls(method.removeprefix("/")))

    def ended(self, task: asyncio.Task[object], counts: MethodCalls, code: str, seconds: float) -> None:
        """A call has ended."""
        self.running.discard(task)
        counts.ended(code, seconds)
        if self.log is not None:
            self.log.record(counts.method, code, seconds)

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
