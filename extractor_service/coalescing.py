"""Joins calls that are made while another one is under way into the next one: many files, few round trips.

Nobody waits for company unless all places are taken anyway: the first call leaves at once, and what comes while it is
away leaves together when it is back. A small unary call costs as much as ten results in one (research/grpc-limits.md).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

Item = TypeVar("Item")
Answer = TypeVar("Answer")


class Coalescer(Generic[Item, Answer]):
    """Calls `send` with the items of all callers that came meanwhile; each gets the whole answer and its own place in it."""

    def __init__(
        self,
        send: Callable[[Sequence[Item]], Awaitable[Answer]],
        *,
        max_items: int = 256,
        max_calls: int = 1,
        linger_seconds: Callable[[], float] = lambda: 0.0,
    ) -> None:
        """`linger_seconds` says how long a call may wait for company right now: work that would queue anyway loses nothing."""
        self._send = send
        self._linger_seconds = linger_seconds
        self._max_items = max_items
        self._max_calls = max_calls
        self._waiting: list[tuple[Sequence[Item], asyncio.Future[tuple[Answer, int]]]] = []
        self._calls: set[asyncio.Task[None]] = set()

    async def submit(self, items: Sequence[Item]) -> tuple[Answer, int]:
        """The answer that covers `items`, and the index of the first of them in it; raises what `send` raised."""
        future: asyncio.Future[tuple[Answer, int]] = asyncio.get_running_loop().create_future()
        self._waiting.append((items, future))
        if len(self._calls) < self._max_calls:
            self._start()
        return await future

    def _start(self) -> None:
        task = asyncio.create_task(self._run())
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)

    async def _run(self) -> None:
        while self._waiting:
            linger = self._linger_seconds()
            if linger > 0 and len(self._waiting) < self._max_items:
                await asyncio.sleep(linger)
            batch: list[tuple[Sequence[Item], asyncio.Future[tuple[Answer, int]]]] = []
            count = 0
            while self._waiting and (not batch or count + len(self._waiting[0][0]) <= self._max_items):
                items, future = self._waiting.pop(0)
                if not future.cancelled():
                    batch.append((items, future))
                    count += len(items)
            if not batch:
                continue
            try:
                answer = await self._send([item for items, _ in batch for item in items])
            except BaseException as error:
                for _, future in batch:
                    if not future.done():
                        future.set_exception(error)
                if not isinstance(error, Exception):
                    raise
                continue
            start = 0
            for items, future in batch:
                if not future.done():
                    future.set_result((answer, start))
                start += len(items)
