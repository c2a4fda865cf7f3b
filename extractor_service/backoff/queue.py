"""Who is next: classes by weight, in a class the caller that uses least, requests of a caller in order.

Stride scheduling (Waldspurger and Weihl, 1995): batch gets one turn for four of interactive work, background one
for sixteen, so that the urgent comes first and nobody starves.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from service_runtime.backoff_table import WorkClass

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

_STRIDE = {WorkClass.INTERACTIVE: 1.0, WorkClass.BATCH: 4.0, WorkClass.BACKGROUND: 16.0}

_HEAVIER_RATIO = 2.0  # nearly equals displace nobody: each would displace the other in turn


class Ticket(NamedTuple):
    """What a request asks the limiter for."""

    work: WorkClass = WorkClass.INTERACTIVE
    tenant: str = "default"
    planned_bytes: int = 0
    """Memory that it is expected to need."""
    caller: str = "anybody"
    """Whose share it uses: a principal's, a tenant's, or an address's where nobody proves who he is."""


@dataclass(eq=False)
class Waiter:
    """A request that waits; its future is done when it may run, or is refused."""

    ticket: Ticket
    ready: asyncio.Future[float]


@dataclass
class _Line:
    callers: OrderedDict[str, deque[Waiter]] = field(default_factory=OrderedDict)
    count: int = 0
    turn: float = 0.0


class FairQueue:
    """Holds waiters, and no bytes of theirs."""

    def __init__(self, load: Callable[[str], float] = lambda _: 0.0) -> None:
        """`load` tells how much a caller uses; among equals they take turns."""
        self._load = load
        self._lines = {work: _Line() for work in WorkClass}
        self._count = 0
        self._turn = 0.0
        """Of the last who was let in: the queue's own time."""

    def __len__(self) -> int:
        return self._count

    def count(self, work: WorkClass) -> int:
        """Waiters of one class."""
        return self._lines[work].count

    def push(self, waiter: Waiter) -> None:
        """Adds a waiter at the end of its caller's line."""
        line = self._lines[waiter.ticket.work]
        if line.count == 0:  # time spent away gives no claim
            line.turn = max(line.turn, self._turn)
        line.callers.setdefault(waiter.ticket.caller, deque()).append(waiter)
        line.count += 1
        self._count += 1

    def pop(
        self, may_start: Callable[[Ticket], bool], may_overtake: Callable[[Ticket], bool] = lambda _: False
    ) -> Waiter | None:
        """The next waiter that may start, removed; None when nobody may.

        Of a class that is the first waiter of the caller that uses least. Where that one can't start, another that `may_overtake`.
        """
        waiting = [work for work, line in self._lines.items() if line.count]
        if len(waiting) > 1:
            waiting.sort(key=lambda each: (self._lines[each].turn, each))
        for work in waiting:
            line = self._lines[work]
            first = next(iter(line.callers))
            if len(line.callers) > 1:
                first = min(line.callers, key=self._load)
            if may_start(line.callers[first][0].ticket):
                return self._next(line, work, first)
            for caller, waiters in line.callers.items():
                ticket = waiters[0].ticket
                if caller != first and may_overtake(ticket) and may_start(ticket):
                    return self._next(line, work, caller)
        return None

    def _next(self, line: _Line, work: WorkClass, caller: str) -> Waiter:
        self._turn = line.turn
        line.turn += _STRIDE[work]
        line.callers.move_to_end(caller)
        return self._take(line, caller, line.callers[caller].popleft())

    def waiting_of(self, caller: str) -> int:
        """Waiters of one caller."""
        return sum(len(line.callers.get(caller, ())) for line in self._lines.values())

    def remove(self, waiter: Waiter) -> bool:
        """Whether `waiter` was still waiting; it no longer is."""
        line = self._lines[waiter.ticket.work]
        waiters = line.callers.get(waiter.ticket.caller, deque())
        if waiter not in waiters:
            return False
        waiters.remove(waiter)
        self._take(line, waiter.ticket.caller, waiter)
        return True

    def shed_for(self, ticket: Ticket) -> Waiter | None:
        """The waiter, removed, whose place `ticket` deserves more; None when it deserves none.

        That is the newest of the less urgent, or of a caller that has two more waiters than `ticket`'s, or uses more than twice as
        much.
        """
        load = self._load(ticket.caller)
        for work in sorted(self._lines, reverse=True):
            line = self._lines[work]
            if work < ticket.work or line.count == 0:
                continue
            caller, waiters = max(line.callers.items(), key=lambda each: len(each[1]))
            own = len(line.callers.get(ticket.caller, ()))
            if work > ticket.work or len(waiters) >= own + 2:
                return self._take(line, caller, waiters.pop())
            caller = max(line.callers, key=self._load)
            if self._load(caller) > _HEAVIER_RATIO * load and own <= len(line.callers[caller]):
                return self._take(line, caller, line.callers[caller].pop())
        return None

    def _take(self, line: _Line, caller: str, waiter: Waiter) -> Waiter:
        line.count -= 1
        self._count -= 1
        if not line.callers[caller]:
            del line.callers[caller]
        return waiter
