"""A queue in front of a slow tier: puts return at once, and reach it in batches a moment later."""

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING, NamedTuple

from cache_service.entries.entry import charged_bytes

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from cache_service.entries.entry import Entry, Key, Selector

_MAX_QUEUED_BYTES = 8 * 1024 * 1024  # waiting for Redis; beyond it the oldest are dropped, and missed there
_BATCH_ENTRIES = 128  # per pipeline: saves round trips, and a failure loses no more than these


class _Queued(NamedTuple):
    entry: Entry
    put_at: float


class WriteBehind:
    """Newest value per key, bounded in bytes: under overload the oldest are dropped, and missed later."""

    def __init__(self, put: Callable[[list[tuple[Key, Entry]], float], Awaitable[object]]) -> None:
        self._put = put
        self._queue: dict[Key, _Queued] = {}
        self._queued_bytes = 0
        self._task: asyncio.Task[None] | None = None
        self.dropped = 0

    def offer(self, items: Sequence[tuple[Key, Entry]], now: float) -> None:
        """Queues the items."""
        for key, entry in items:
            self._remove(key)
            self._queue[key] = _Queued(entry, now)
            self._queued_bytes += charged_bytes(key, entry)
        while self._queued_bytes > _MAX_QUEUED_BYTES:
            self._remove(next(iter(self._queue)))
            self.dropped += 1
        if self._queue and (self._task is None or self._task.done()):
            self._task = asyncio.create_task(self._run())

    def drop(self, selector: Selector, before_revision: int) -> None:
        """Forgets what is queued and selected, and was read before that revision."""
        for key, queued in list(self._queue.items()):
            if queued.entry.read_revision < before_revision and selector.matches(key, queued.entry):
                self._remove(key)

    async def flush(self) -> None:
        """Waits until the queue is empty."""
        while self._task is not None and not self._task.done():
            await asyncio.wait([self._task])

    async def close(self) -> None:
        """Writes what is left."""
        await self.flush()

    async def _run(self) -> None:
        while self._queue:
            batch = list(itertools.islice(self._queue.items(), _BATCH_ENTRIES))
            for key, _ in batch:
                self._remove(key)
            await self._put([(key, queued.entry) for key, queued in batch], batch[-1][1].put_at)
            await asyncio.sleep(0)  # a put that is refused at once mustn't keep the loop

    def _remove(self, key: Key) -> None:
        queued = self._queue.pop(key, None)
        if queued is not None:
            self._queued_bytes -= charged_bytes(key, queued.entry)
