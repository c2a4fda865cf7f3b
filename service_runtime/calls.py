"""The calls of a server: which are running, and what those that have ended came to."""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from typing import TYPE_CHECKING

import grpc

from service_runtime.errors import ServiceError
from service_runtime.histogram import Histogram

if TYPE_CHECKING:
    from service_runtime.access_log import AccessLog


_HANDLER = "_handle_exceptions"  # of grpc/_cython/_cygrpc/aio/server.pyx.pxi; a test notices another name


class DrainingError(ServiceError):
    """The server stops, and the call couldn't be waited for; another replica can do it."""

    code = grpc.StatusCode.UNAVAILABLE
    reason = "DRAINING"


class MethodCalls:
    """What the ended calls of one method came to."""

    __slots__ = ("by_code", "log", "method", "seconds")

    def __init__(self, method: str) -> None:
        self.method = method
        # Errors are there from the beginning: of a series that begins with 4, `increase` says 0.
        self.by_code: dict[str, int] = dict.fromkeys(("OK", "INTERNAL", "UNKNOWN", "UNAVAILABLE"), 0)
        self.seconds = Histogram()
        self.log: AccessLog | None = None
        """Tells of each."""

    def ended(self, code: str, seconds: float) -> None:
        """Counts a call."""
        by_code, histogram = self.by_code, self.seconds
        by_code[code] = by_code.get(code, 0) + 1
        histogram.counts[bisect_left(histogram.bounds, seconds)] += (
            1  # as its `observe`; a call more per call counts here
        )
        histogram.total += seconds
        if self.log is not None:
            self.log.record(self.method, code, seconds)


class Calls:
    """All calls of a server."""

    def __init__(self) -> None:
        self.methods: dict[str, MethodCalls] = {}
        self.running = 0
        self._cut: set[asyncio.Task[object]] = set()
        self._log: AccessLog | None = None

    def of(self, method: str) -> MethodCalls:
        """The counts of a method, by its full name with a leading slash."""
        counts = self.methods.get(method)
        if counts is None:
            counts = self.methods[method] = MethodCalls(method.removeprefix("/"))
            counts.log = self._log
        return counts

    def tell(self, log: AccessLog | None) -> None:
        """Tells of calls from now on; None: no more."""
        if self._log is not None:
            self._log.flush()
        self._log = log
        for counts in self.methods.values():
            counts.log = log

    def cut_off(self) -> int:
        """Ends the running calls with DrainingError; how many that were.

        Their tasks are known by the coroutine that gRPC makes of each: to keep a set of them cost 0.6 % of a small call (measured).
        """
        tasks = [task for task in asyncio.all_tasks() if getattr(task.get_coro(), "__name__", "") == _HANDLER]
        self._cut.update(tasks)
        for task in tasks:
            task.cancel()
        return len(tasks)

    def was_cut(self) -> bool:
        """Whether the present, cancelled call was ended from here; told once."""
        task = asyncio.current_task()
        if task is None or task not in self._cut:
            return False
        self._cut.discard(task)
        task.uncancel()
        return True
