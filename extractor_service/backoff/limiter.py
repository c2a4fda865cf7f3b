"""Admits work, makes some of it wait a little, refuses the rest early with a delay that spreads the herd."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from extractor_service.backoff.advice import RetryAdvice
from extractor_service.backoff.ledger import Held
from extractor_service.backoff.policies.base import LEAST_BYTES_RATIO
from extractor_service.backoff.queue import FairQueue, Ticket, Waiter
from extractor_service.backoff.shares import PlaceShares
from extractor_service.backoff.slot import Slot
from service_runtime.backoff_table import WorkClass
from service_runtime.errors import OverloadedError
from service_runtime.histogram import Histogram
from service_runtime.identity.accounts import Accounts

if TYPE_CHECKING:
    from collections.abc import Callable

    from extractor_service.backoff.ledger import ByteLedger
    from extractor_service.backoff.policies.base import Decision
    from extractor_service.backoff.shares import Shares
    from service_runtime.identity.accounts import Hold

_HOLD_SMOOTHING = 0.1  # the last ten or so count: one slow file says little about the next wait
_LIGHT_BYTES_RATIO = 1.25  # with two fifths of the container in flight it is half of it
_CERTAIN_RATIO = 0.8
"""What is expected to wait longer than this share of the longest wait may well wait in vain."""


class Fairness(NamedTuple):
    """What callers may have beside each other."""

    hold: Hold | None = None
    """Bounds what one tenant has in flight: a block for a tenant and its bytes."""
    shares: Shares | None = None
    """Who uses how much; None: by places."""
    spare_ratio: float = 0.0
    """Places beyond the limit, as a share of it, for callers that are light and have none."""
    on_refusal: Callable[[str], None] | None = None
    """Is told whose work is refused."""


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
        advice: RetryAdvice | None = None,
        on_change: Callable[[], None] | None = None,
        fairness: Fairness | None = None,
    ) -> None:
        fairness = fairness or Fairness()
        self._decide = decide
        self._ledger = ledger
        self._hold = fairness.hold or Accounts().holding("parse")
        self._max_queue = max_queue
        self._max_wait_seconds = max_wait_seconds
        self._advice = advice or RetryAdvice()
        self._on_change = on_change
        self._shares: Shares = fairness.shares or PlaceShares()
        self._spare_ratio = fairness.spare_ratio
        self._on_refusal = fairness.on_refusal
        self._held: Counter[str] = Counter()
        self._queue = FairQueue(self._shares.load)
        self._hold_seconds = 0.0
        self.running: Counter[WorkClass] = Counter()
        self.refused: Counter[WorkClass] = Counter()
        self.in_flight = 0
        self.waits = Histogram()
        """Seconds that work has waited for its place."""
        ledger.on_release(self.wake)

    @property
    def queued(self) -> int:
        """Work that waits."""
        return len(self._queue)

    @property
    def refused_total(self) -> int:
        """Work refused since the start."""
        return self.refused.total()

    def is_full(self, ticket: Ticket) -> bool:
        """Whether most work of that kind that comes now is refused."""
        decision = self._decide()
        return self._is_full(decision, ticket.caller) or _is_barred(decision, ticket.work)

    def queued_of(self, work: WorkClass) -> int:
        """Work of one class that waits."""
        return self._queue.count(work)

    def queued_by(self, caller: str) -> int:
        """Work of one caller that waits."""
        return self._queue.waiting_of(caller)

    def check_size(self, size_bytes: int, work: WorkClass = WorkClass.INTERACTIVE) -> None:
        """Refuses a file that is too large for the present pressure.

        Raises:
            OverloadedError: come back later.
        """
        decision = self._decide()
        limit = decision.rows[work].refuse_above_bytes
        if decision.sheds and limit is not None and size_bytes > limit:
            raise self._refusal(Ticket(work), f"under pressure, files above {limit} bytes are refused")

    def message(self, size_bytes: int, show: Callable[[], Ticket]) -> Held:
        """Counts a file that came inside a message while the block runs: it is in memory, whatever becomes of it. The ticket is
        asked for where it counts.

        Raises:
            OverloadedError: those here take up what may be in flight.
        """
        # Asked of every call: the decision is only made when it could be a refusal.
        if not self._ledger.fits_message(size_bytes, LEAST_BYTES_RATIO):
            decision, ticket = self._decide(), show()
            ratio = decision.bytes_ratio(ticket.work)
            if self._shares.is_light(ticket.caller):  # a part of the budget is kept for such
                ratio *= _LIGHT_BYTES_RATIO
            if decision.sheds and not self._ledger.fits_message(size_bytes, ratio):
                raise self._refusal(ticket, "too many bytes are in flight already")
        return Held(self._ledger, size_bytes)

    def retry_after_seconds(self, work: WorkClass = WorkClass.INTERACTIVE) -> float:
        """What a refused caller would be told now, before jitter."""
        least = self._decide().rows[work].retry_after_seconds
        return self._advice.seconds(time.monotonic(), least, len(self._queue))

    def slot(self, ticket: Ticket = Ticket()) -> Slot:  # noqa: B008 - immutable
        """Holds a place and its bytes while the block runs; waits for them, but not long.

        Raises:
            OverloadedError: the queue is full, or the wait was too long.
        """
        if ticket.planned_bytes > self._ledger.budget_bytes:
            ticket = ticket._replace(planned_bytes=self._ledger.budget_bytes)
        return Slot(self, ticket, self._hold(ticket.tenant, ticket.planned_bytes))

    def leave(self, ticket: Ticket, entered_at: float, seconds: float) -> None:
        """Gives a place back that was held so long."""
        self._hold_seconds += (seconds - self._hold_seconds) * _HOLD_SMOOTHING
        self._advice.record_done(time.monotonic())
        self._leave(ticket, entered_at)

    def wake(self) -> None:
        """Lets waiting work in as far as the decision now allows; to be called when it may have changed."""
        if not len(self._queue):
            return
        decision = self._decide()
        most = decision.concurrency
        if self.in_flight >= most + int(most * self._spare_ratio):
            return

        def may_start(ticket: Ticket) -> bool:
            return self._may_start(ticket, decision)

        while (waiter := self._queue.pop(may_start, self._may_overtake)) is not None:
            if not waiter.ready.done():
                # Entered on the waiter's behalf, so that nobody overtakes it.
                waiter.ready.set_result(self._enter(waiter.ticket))

    def _may_start(self, ticket: Ticket, decision: Decision) -> bool:
        limit = decision.limits[ticket.work]
        if self.in_flight >= limit and not self._may_use_spare(ticket.caller, limit):
            return False
        if not decision.sheds:
            return True
        ratio, planned = decision.bytes_ratio(ticket.work), ticket.planned_bytes
        return self._ledger.fits(planned, ratio) or (
            self._ledger.fits(planned, ratio * _LIGHT_BYTES_RATIO) and self._shares.is_light(ticket.caller)
        )

    def _may_overtake(self, ticket: Ticket) -> bool:
        """Whether a request may go before one of a caller that uses less, and can't start: there are places for such alone."""
        return self._held[ticket.caller] == 0 and self._shares.is_light(ticket.caller)

    def _may_use_spare(self, caller: str, limit: int) -> bool:
        """Whether a caller that is kept waiting by heavier ones may have a place that is kept for such."""
        spare = int(limit * self._spare_ratio)
        has_room = spare > 0 and self.in_flight < limit + spare
        return has_room and self._held[caller] == 0 and self._shares.is_light(caller)

    def _is_full(self, decision: Decision, caller: str) -> bool:
        """Whether whoever came now would wait too long: by number, or by how long places have been held lately.

        Those who wait for nothing have cost a look-up and a lease, and are told to come back later than they could be. A light
        caller goes before the others: of those who wait, its own alone are before it.
        """
        if not decision.sheds:
            return False
        waiting = len(self._queue)
        if waiting and waiting < 2 * self._max_queue and self._shares.is_light(caller):
            waiting = self._queue.waiting_of(caller)
        in_time = _CERTAIN_RATIO * self._max_wait_seconds * decision.concurrency
        return waiting >= self._max_queue or (waiting > 0 and (waiting + 1) * self._hold_seconds > in_time)

    async def enter(self, ticket: Ticket) -> float:
        """Waits for a place and its bytes; see `slot`. When the place was entered, by the clock of the shares."""
        decision = self._decide()
        self._shares.see(ticket.caller)
        if not len(self._queue) and self._may_start(ticket, decision):
            return self._enter(ticket)
        if _is_barred(decision, ticket.work):
            raise self._refusal(ticket, f"under pressure, {ticket.work.name.lower()} work has to wait")
        if self._is_full(decision, ticket.caller):
            victim = self._queue.shed_for(ticket)
            if victim is None:
                raise self._refusal(ticket, f"{len(self._queue)} requests are waiting already")
            if not victim.ready.done():
                victim.ready.set_exception(
                    self._refusal(victim.ticket, "more urgent work came, or a caller's that uses less")
                )
        waiter = Waiter(ticket, asyncio.get_running_loop().create_future())
        self._queue.push(waiter)
        self._changed()
        self.wake()
        return await self._wait(waiter, self._max_wait_seconds if decision.sheds else None)

    async def _wait(self, waiter: Waiter, seconds: float | None) -> float:
        # A timer, and not `asyncio.timeout`: nearly every file of a busy extractor waits here, and few for so long.
        timer = (
            asyncio.get_running_loop().call_later(seconds, _expire, waiter) if seconds is not None else None
        )
        try:
            return await waiter.ready
        except BaseException as error:
            if self._queue.remove(waiter):
                self._changed()
                self.wake()  # those behind may fit where this one didn't
            elif waiter.ready.done() and not waiter.ready.cancelled() and waiter.ready.exception() is None:
                self._leave(waiter.ticket, waiter.ready.result())  # admitted at the very moment of giving up
            if isinstance(error, TimeoutError):
                raise self._refusal(waiter.ticket, f"no place became free within {seconds:g} s") from None
            raise
        finally:
            if timer is not None:
                timer.cancel()

    def _enter(self, ticket: Ticket) -> float:
        self.in_flight += 1
        self.running[ticket.work] += 1
        self._held[ticket.caller] += 1
        entered_at = self._shares.enter(ticket.caller)
        self._ledger.reserve(ticket.planned_bytes)
        self._changed()
        return entered_at

    def _leave(self, ticket: Ticket, entered_at: float) -> None:
        self.in_flight -= 1
        self.running[ticket.work] -= 1
        self._held[ticket.caller] -= 1
        if not self._held[ticket.caller]:
            del self._held[ticket.caller]
        self._shares.leave(ticket.caller, entered_at)
        self._changed()
        self._ledger.release(ticket.planned_bytes)  # wakes this limiter, and the others of the ledger

    def _changed(self) -> None:
        if self._on_change is not None:
            self._on_change()

    def _refusal(self, ticket: Ticket, message: str) -> OverloadedError:
        self.refused[ticket.work] += 1
        if self._on_refusal is not None:
            self._on_refusal(ticket.caller)
        least = self._decide().rows[ticket.work].retry_after_seconds
        delay = self._advice.refuse(time.monotonic(), least, len(self._queue))
        return OverloadedError(message, delay, caller=ticket.caller)


def _expire(waiter: Waiter) -> None:
    if not waiter.ready.done():
        waiter.ready.set_exception(TimeoutError())


def _is_barred(decision: Decision, work: WorkClass) -> bool:
    """Whether a class may not run at all: levels last for longer than anybody waits here."""
    return decision.sheds and decision.limits[work] == 0
