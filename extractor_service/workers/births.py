"""Workers on their way: forked for whoever waits the longest, not for whoever asked first."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from extractor_service.workers.worker import Worker


class Births:
    """No more are under way than callers wait for one.

    A fork can't be taken back. When each caller had its own, those who left while they waited (a short deadline, on a busy machine)
    left a queue of forks for nobody before the template: up to 15 s in which it forked for nobody else (measured, at 50 ms a fork and
    calls of a second at ten times the capacity). So whoever leaves leaves its worker to the next.
    """

    def __init__(self, bear: Callable[[], Awaitable[Worker]], keep: Callable[[Worker], None]) -> None:
        """`bear` brings a new worker; `keep` takes one that nobody waits for any more."""
        self._bear = bear
        self._keep = keep
        self._waiting: deque[asyncio.Future[Worker]] = deque()
        self._under_way: set[asyncio.Task[None]] = set()

    async def next(self) -> Worker:
        """The next worker that nobody before this caller waits for; raises what its birth did."""
        future: asyncio.Future[Worker] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        if len(self._under_way) < self._count():
            self._under_way.add(asyncio.create_task(self._run()))
        try:
            return await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled() and future.exception() is None:
                self._keep(future.result())
            raise

    def close(self) -> None:
        """Ends those under way, and whoever waits."""
        for task in self._under_way:
            task.cancel()
        for future in self._waiting:
            future.cancel()

    async def _run(self) -> None:
        try:
            worker = await self._bear()
        except Exception as error:  # noqa: BLE001 - it is told to whoever waits
            self._end()
            if len(self._under_way) < self._count():  # else others come for all who wait
                self._waiting.popleft().set_exception(error)
        except asyncio.CancelledError:
            self._end()
            raise
        else:
            self._end()
            if self._count():
                self._waiting.popleft().set_result(worker)
            else:
                self._keep(worker)

    def _end(self) -> None:
        """The present birth isn't under way any more."""
        task = asyncio.current_task()
        if task is not None:
            self._under_way.discard(task)

    def _count(self) -> int:
        """How many wait. Those who have left stand there until their tasks run again."""
        self._waiting = deque(each for each in self._waiting if not each.done())
        return len(self._waiting)
