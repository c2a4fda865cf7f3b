"""Admits work, makes some of it wait a little, refuses the rest early with a delay that spreads the herd."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from typing import TYPE_CHECKING

from extractor_service.backoff.advice import RetryAdvice
from extractor_service.backoff.ledger import Held
from extractor_service.backoff.policies.base import LEAST_BYTES_RATIO
from extractor_service.backoff.queue import FairQueue, Ticket, Waiter
from service_runtime.backoff_table import WorkClass
from service_runtime.errors import OverloadedError
from service_runtime.identity.accounts import Accounts

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from extractor_service.backoff.ledger import ByteLedger
    from extractor_service.backoff.policies.base import Decision
    from service_runtime.identity.accounts import Hold

_HOLD_SMOOTHING = 0.1  # the last ten or so count: one slow file says little about the next wait
_CERTAIN_RATIO = 0.8
"""What is expected to wait longer than this share of the longest wait may well wait in vain."""


class Limiter:
    """A semaphore whose size follows a decision, over count and bytes at once, with a bounded, fair queue.

    A place and its bytes are taken in one step, so nobody holds one while waiting for the other.

    Attributes:
        in_flight: work that runs.
        refused_total: work refused since the start.
    """

    def __init__(
        self,
        decide: Callable[[], Decision],
        ledger: ByteLedger,
        *,
        max_queue: int,
        max_wait_seconds: float,
        hold: Hold | None = None,
        advice: RetryAdvice | None = None,
        on_change: Callable[[], None] | None = None,
    ) -> None:
        """`hold` bounds what one tenant has in flight: a block for a tenant and its bytes."""
        self._decide = decide
        self._ledger = ledger
        self._hold = hold or Accounts().holding("parse")
        self._max_queue = max_queue
        self._max_wait_seconds = max_wait_seconds
        self._advice = advice or RetryAdvice()
        self._on_change = on_change
        self._queue = FairQueue()
        self._hold_seconds = 0.0
        self.running: Counter[WorkClass] = Counter()
        self.refused: Counter[WorkClass] = Counter()
        self.in_flight = 0
        ledger.on_release(self.wake)

    @property
    def queued(self) -> int:
        """Work that waits."""
        return len(self._queue)

    @property
    def refused_total(self) -> int:
        """Work refused since the start."""
        return self.refused.total()

    def is_full(self, work: WorkClass) -> bool:
        """Whether most work of that class that comes now is refused."""
        decision = self._decide()
        return self._is_full(decision) or _is_barred(decision, work)

    def queued_of(self, work: WorkClass) -> int:
        """Work of one class that waits."""
        return self._queue.count(work)

    def check_size(self, size_bytes: int, work: WorkClass = WorkClass.INTERACTIVE) -> None:
        """Refuses a file that is too large for the present pressure.

        Raises:
            OverloadedError: come back later.
        """
        decision = self._decide()
        limit = decision.rows[work].refuse_above_bytes
        if decision.sheds and limit is not None and size_bytes > limit:
            raise self._refusal(work, f"under pressure, files above {limit} bytes are refused")

    def message(self, size_bytes: int, work: WorkClass) -> Held:
        """Counts a file that came inside a message while the block runs: it is in memory, whatever becomes of it.

        Raises:
            OverloadedError: those here take up what may be in flight.
        """
        # Asked of every call: the decision is only made when it could be a refusal.
        if not self._ledger.fits_message(size_bytes, LEAST_BYTES_RATIO):
            decision = self._decide()
            if decision.sheds and not self._ledger.fits_message(size_bytes, decision.bytes_ratio(work)):
                raise self._refusal(work, f"{self._ledger.reserved_bytes} bytes are in flight already")
        return Held(self._ledger, size_bytes)

    def retry_after_seconds(self, work: WorkClass = WorkClass.INTERACTIVE) -> float:
        """What a refused caller would be told now, before jitter."""
        least = self._decide().rows[work].retry_after_seconds
        return self._advice.seconds(time.monotonic(), least, len(self._queue))

    @contextlib.asynccontextmanager
    async def slot(self, ticket: Ticket = Ticket()) -> AsyncIterator[None]:  # noqa: B008 - immutable
        """Holds a place and its bytes while the block runs; waits for them, but not long.

        Raises:
            OverloadedError: the queue is full, or the wait was too long.
        """
        ticket = ticket._replace(planned_bytes=min(ticket.planned_bytes, self._ledger.budget_bytes))
        with self._hold(ticket.tenant, ticket.planned_bytes):
            await self._acquire(ticket)
            began_at = time.monotonic()
            try:
                yield
            finally:
                now = time.monotonic()
                self._hold_seconds += (now - began_at - self._hold_seconds) * _HOLD_SMOOTHING
                self._advice.record_done(now)
                self._leave(ticket)

    def wake(self) -> None:
        """Lets waiting work in as far as the decision now allows; to be called when it may have changed."""
        if not len(self._queue):
            return
        decision = self._decide()
        while (waiter := self._queue.pop(lambda ticket: self._may_start(ticket, decision))) is not None:
            if not waiter.ready.done():
                self._enter(waiter.ticket)  # on the waiter's behalf, so that nobody overtakes it
                waiter.ready.set_result(None)

    def _may_start(self, ticket: Ticket, decision: Decision) -> bool:
        if self.in_flight >= decision.limits[ticket.work]:
            return False
        return not decision.sheds or self._ledger.fits(
            ticket.planned_bytes, decision.bytes_ratio(ticket.work)
        )

    def _is_full(self, decision: Decision) -> bool:
        """Whether whoever came now would wait too long: by number, or by how long places have been held lately.

        Those who wait for nothing have cost a look-up and a lease, and are told to come back later than they could be.
        """
        if not decision.sheds:
            return False
        waiting = len(self._queue)
        in_time = _CERTAIN_RATIO * self._max_wait_seconds * decision.concurrency
        return waiting >= self._max_queue or (waiting > 0 and (waiting + 1) * self._hold_seconds > in_time)

    async def _acquire(self, ticket: Ticket) -> None:
        decision = self._decide()
        if not len(self._queue) and self._may_start(ticket, decision):
            self._enter(ticket)
            return
        if _is_barred(decision, ticket.work):
            raise self._refusal(ticket.work, f"under pressure, {ticket.work.name.lower()} work has to wait")
        if self._is_full(decision):
            victim = self._queue.shed_for(ticket)
            if victim is None:
                raise self._refusal(ticket.work, f"{len(self._queue)} requests are waiting already")
            if not victim.ready.done():
                victim.ready.set_exception(self._refusal(victim.ticket.work, "more urgent work came"))
        waiter = Waiter(ticket, asyncio.get_running_loop().create_future())
        self._queue.push(waiter)
        self._changed()
        self.wake()
        await self._wait(waiter, self._max_wait_seconds if decision.sheds else None)

    async def _wait(self, waiter: Waiter, seconds: float | None) -> None:
        try:
            async with asyncio.timeout(seconds):
                await waiter.ready
        except BaseException as error:
            if self._queue.remove(waiter):
                self._changed()
                self.wake()  # those behind may fit where this one didn't
            elif waiter.ready.done() and not waiter.ready.cancelled() and waiter.ready.exception() is None:
                self._leave(waiter.ticket)  # admitted at the very moment of giving up
            if isinstance(error, TimeoutError):
                raise self._refusal(
                    waiter.ticket.work, f"no place became free within {seconds:g} s"
                ) from None
            raise

    def _enter(self, ticket: Ticket) -> None:
        self.in_flight += 1
        self.running[ticket.work] += 1
        self._ledger.reserve(ticket.planned_bytes)
        self._changed()

    def _leave(self, ticket: Ticket) -> None:
        self.in_flight -= 1
        self.running[ticket.work] -= 1
        self._changed()
        self._ledger.release(ticket.planned_bytes)  # wakes this limiter, and the others of the ledger

    def _changed(self) -> None:
        if self._on_change is not None:
            self._on_change()

    def _refusal(self, work: WorkClass, message: str) -> OverloadedError:
        self.refused[work] += 1
        least = self._decide().rows[work].retry_after_seconds
        return OverloadedError(message, self._advice.refuse(time.monotonic(), least, len(self._queue)))


def _is_barred(decision: Decision, work: WorkClass) -> bool:
    """Whether a class may not run at all: levels last for longer than anybody waits here."""
    return decision.sheds and decision.limits[work] == 0
