"""Who is next: classes by weight, tenants of a class in turn, requests of a tenant in order.

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


class Ticket(NamedTuple):
    """What a request asks the limiter for."""

    work: WorkClass = WorkClass.INTERACTIVE
    tenant: str = "default"
    planned_bytes: int = 0
    """Memory that it is expected to need."""


@dataclass(eq=False)
class Waiter:
    """A request that waits; its future is done when it may run, or is refused."""

    ticket: Ticket
    ready: asyncio.Future[None]


@dataclass
class _Line:
    tenants: OrderedDict[str, deque[Waiter]] = field(default_factory=OrderedDict)
    count: int = 0
    turn: float = 0.0


class FairQueue:
    """Holds waiters, and no bytes of theirs."""

    def __init__(self) -> None:
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
        """Adds a waiter at the end of its tenant's line."""
        line = self._lines[waiter.ticket.work]
        if line.count == 0:  # time spent away gives no claim
            line.turn = max(line.turn, self._turn)
        line.tenants.setdefault(waiter.ticket.tenant, deque()).append(waiter)
        line.count += 1
        self._count += 1

    def pop(self, may_start: Callable[[Ticket], bool]) -> Waiter | None:
        """The next waiter that may start, removed; None when nobody may."""
        for work in sorted(self._lines, key=lambda each: (self._lines[each].turn, each)):
            line = self._lines[work]
            if line.count == 0:
                continue
            tenant, waiters = next(iter(line.tenants.items()))
            if may_start(waiters[0].ticket):
                self._turn = line.turn
                line.turn += _STRIDE[work]
                line.tenants.move_to_end(tenant)
                return self._take(line, tenant, waiters.popleft())
        return None

    def remove(self, waiter: Waiter) -> bool:
        """Whether `waiter` was still waiting; it no longer is."""
        line = self._lines[waiter.ticket.work]
        waiters = line.tenants.get(waiter.ticket.tenant, deque())
        if waiter not in waiters:
            return False
        waiters.remove(waiter)
        self._take(line, waiter.ticket.tenant, waiter)
        return True

    def shed_for(self, ticket: Ticket) -> Waiter | None:
        """The waiter, removed, whose place `ticket` deserves more; None when it deserves none.

        That is the newest of the less urgent, or of a tenant that has two more waiters than `ticket`'s.
        """
        for work in sorted(self._lines, reverse=True):
            line = self._lines[work]
            if work < ticket.work or line.count == 0:
                continue
            tenant, waiters = max(line.tenants.items(), key=lambda each: len(each[1]))
            own = len(line.tenants.get(ticket.tenant, ()))
            if work > ticket.work or len(waiters) >= own + 2:
                return self._take(line, tenant, waiters.pop())
        return None

    def _take(self, line: _Line, tenant: str, waiter: Waiter) -> Waiter:
        line.count -= 1
        self._count -= 1
        if not line.tenants[tenant]:
            del line.tenants[tenant]
        return waiter
