"""Joins calls that are made while another one is under way into the next one: many files, few round trips.

Nobody waits for company unless all places are taken anyway: the first call leaves at once, and what comes while it is
away leaves together when it is back. A small unary call costs as much as ten results in one (measured).
"""

from __future__ import annotations

import asyncio
import contextvars
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

Item = TypeVar("Item")
Answer = TypeVar("Answer")


class _Waiting(NamedTuple, Generic[Item, Answer]):
    items: Sequence[Item]
    answered: asyncio.Future[tuple[Answer, int]]
    context: contextvars.Context
    """The caller's, for the request id that a call carries."""


class Coalescer(Generic[Item, Answer]):
    """Calls `send` with the items of all who called meanwhile. Each gets the whole answer and its own place in it."""

    def __init__(
        self,
        send: Callable[[Sequence[Item]], Awaitable[Answer]],
        *,
        max_weight: int = 256,
        weigh: Callable[[Sequence[Item]], int] = len,
        max_calls: int = 1,
        linger_seconds: Callable[[], float] = lambda: 0.0,
        on_unclaimed: Callable[[Sequence[Item], Answer, int], None] | None = None,
    ) -> None:
        """`max_weight` is what one call may carry by `weigh`, unless a single submission is more.

        `linger_seconds` says how long a call may wait for company right now: work that would queue anyway loses nothing.
        `on_unclaimed` gets the answers of callers who were cancelled while it was on its way: items, answer, place.
        """
        self._send = send
        self._on_unclaimed = on_unclaimed
        self._linger_seconds = linger_seconds
        self._max_weight = max_weight
        self._weigh = weigh
        self._max_calls = max_calls
        self._waiting: list[_Waiting[Item, Answer]] = []
        self._calls: set[asyncio.Task[None]] = set()

    async def submit(self, items: Sequence[Item], seconds: float | None = None) -> tuple[Answer, int]:
        """The answer that covers `items`, and the index of the first of them in it; raises what `send` raised, and TimeoutError
        after so many seconds.
        """
        loop = asyncio.get_running_loop()
        answered: asyncio.Future[tuple[Answer, int]] = loop.create_future()
        self._waiting.append(_Waiting(items, answered, contextvars.copy_context()))
        # A task that has just ended still stands in the set until the loop turns: it will serve nobody.
        if sum(not call.done() for call in self._calls) < self._max_calls:
            task = asyncio.create_task(self._run())
            self._calls.add(task)
            task.add_done_callback(self._calls.discard)
        # A timer costs a tenth of `asyncio.timeout`, and every file asks twice.
        timer = None if seconds is None else loop.call_later(seconds, _expire, answered)
        try:
            return await answered
        except asyncio.CancelledError:
            if answered.done() and not answered.cancelled() and answered.exception() is None:
                self._unclaimed(items, *answered.result())
            raise
        finally:
            if timer is not None:
                timer.cancel()

    async def _run(self) -> None:
        while self._waiting:
            linger = self._linger_seconds()
            if linger > 0 and sum(self._weigh(each.items) for each in self._waiting) < self._max_weight:
                await asyncio.sleep(linger)
            batch = self._next_batch()
            if batch:
                await self._call(batch)

    def _next_batch(self) -> list[_Waiting[Item, Answer]]:
        batch: list[_Waiting[Item, Answer]] = []
        weight = 0
        while self._waiting:
            weight += self._weigh(self._waiting[0].items)
            if batch and weight > self._max_weight:
                break
            first = self._waiting.pop(0)
            if first.answered.cancelled():
                weight -= self._weigh(first.items)
            else:
                batch.append(first)
        return batch

    async def _call(self, batch: list[_Waiting[Item, Answer]]) -> None:
        try:
            items = [item for each in batch for item in each.items]
            # In the context of the first, not of whoever happened to start this task.
            answer = await asyncio.create_task(self._sent(items), context=batch[0].context)
        except BaseException as error:
            for each in batch:
                if not each.answered.done():
                    each.answered.set_exception(error)
            if not isinstance(error, Exception):
                raise
            return
        start = 0
        for each in batch:
            if each.answered.done():
                self._unclaimed(each.items, answer, start)
            else:
                each.answered.set_result((answer, start))
            start += len(each.items)

    def _unclaimed(self, items: Sequence[Item], answer: Answer, start: int) -> None:
        if self._on_unclaimed is not None:
            self._on_unclaimed(items, answer, start)

    async def _sent(self, items: Sequence[Item]) -> Answer:
        return await self._send(items)


def _expire(answered: asyncio.Future[tuple[Answer, int]]) -> None:
    if not answered.done():
        answered.set_exception(TimeoutError())
