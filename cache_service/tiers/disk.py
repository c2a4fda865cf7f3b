"""The tier that survives: SQLite in WAL mode, bounded by bytes, every row checksummed.

Why SQLite: it is in the standard library, lost and corrupted nothing in six `kill -9` runs, and frees disk space
when told to (research/cache-and-pressure.md, C). A commit with synchronous=NORMAL is a `write()`, which survives
the death of the process. It is slower than an append-only segment log; the cache issue decides between them.

One thread writes and one reads, each with its own connection, so that a look-up never waits for a commit.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from cache_service.entry import Budget, Entry, Found, RemovalCause, TierStats, charged_bytes
from cache_service.tiers.base import TierError
from cache_service.tiers.disk_database import DiskDatabase, Row, checksum

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from typing import TypeVar

    from cache_service.entry import Key, Selector

    T = TypeVar("T")

_EVICT_TO_RATIO = 0.95  # evict a little more than needed, so that not every put evicts


class DiskTier:
    """Entries in one SQLite file. Open it with :meth:`open`."""

    name = "disk"

    def __init__(self, database: DiskDatabase, budget: Budget) -> None:
        self._database = database
        self._budget = budget
        self._writer = ThreadPoolExecutor(1, "disk-write")
        self._reader = ThreadPoolExecutor(1, "disk-read")
        self._hits = 0
        self._removals: Counter[RemovalCause] = Counter()
        self._used_at: dict[str, float] = {}  # hits not yet written to the database

    @classmethod
    async def open(cls, directory: Path, budget: Budget) -> DiskTier:
        """The tier over `directory`, with what an earlier process left there.

        Raises:
            OSError: the directory can't be made, or another process owns it.
        """
        database = await asyncio.to_thread(DiskDatabase.open, directory)
        return cls(database, budget)

    async def get(self, keys: Sequence[Key], now: float) -> list[Found | None]:
        """See `Tier.get`. A row that fails its checksum is removed and missed."""
        texts = [key.text() for key in keys]
        rows = await self._read(lambda: self._database.get(texts))
        found: list[Found | None] = []
        expired: list[str] = []
        corrupt: list[str] = []
        for text in texts:
            row = rows.get(text)
            entry = None
            if row is None:
                pass
            elif checksum(text, row) != row.checksum:
                corrupt.append(text)
            elif row.expires_at <= now:
                expired.append(text)
            else:
                entry = Entry(row.value, row.cost_seconds, row.expires_at, row.read_revision)
                self._used_at[text] = now
            found.append(None if entry is None else Found(entry, self.name))
        await self._drop(expired, RemovalCause.EXPIRED)
        await self._drop(corrupt, RemovalCause.CORRUPT)
        self._hits += sum(1 for item in found if item is not None)
        return found

    async def put(self, items: Sequence[tuple[Key, Entry]], now: float) -> list[str]:
        """See `Tier.put`; all items in one transaction, then evicts down to the budget."""
        stored = [charged_bytes(key, entry) <= self._budget.bytes for key, entry in items]
        by_key = {  # the last one wins when a batch repeats a key
            key: Row.of(key, entry, charged_bytes(key, entry), used_at=now)
            for (key, entry), fits in zip(items, stored, strict=True)
            if fits
        }
        rows = list(by_key.values())
        used_at, self._used_at = self._used_at, {}
        replaced = await self._write(lambda: self._database.put(rows, used_at))
        self._removals[RemovalCause.REPLACED] += replaced
        if self._database.used_bytes > self._budget.bytes:
            await self._evict(RemovalCause.SIZE, now)
        return [self.name if fits else "" for fits in stored]

    async def delete(self, selector: Selector) -> int:
        """See `Tier.delete`; the space is given back to the file system."""
        removed = await self._write(lambda: self._database.delete(selector))
        self._removals[RemovalCause.DELETED] += removed
        return removed

    async def discard(self, keys: Sequence[Key], cause: RemovalCause) -> None:
        """See `Tier.discard`."""
        await self._drop([key.text() for key in keys], cause)

    async def resize(self, budget: Budget, cause: RemovalCause) -> None:
        """See `Tier.resize`."""
        self._budget = budget
        if self._database.used_bytes > budget.bytes:
            await self._evict(cause, now=None)

    def stats(self) -> list[TierStats]:
        """See `Tier.stats`."""
        database = self._database
        return [
            TierStats(
                self.name,
                self._hits,
                database.entry_count,
                database.used_bytes,
                self._budget,
                dict(self._removals),
            )
        ]

    async def close(self) -> None:
        """See `Tier.close`; waits for running transactions."""
        await asyncio.to_thread(self._shut_down)

    def _shut_down(self) -> None:
        self._writer.shutdown(wait=True)
        self._reader.shutdown(wait=True)
        self._database.close()

    async def _evict(self, cause: RemovalCause, now: float | None) -> None:
        target_bytes = int(self._budget.bytes * _EVICT_TO_RATIO)
        if now is not None:
            self._removals[RemovalCause.EXPIRED] += await self._write(
                lambda: self._database.delete_expired(now)
            )
        self._removals[cause] += await self._write(lambda: self._database.evict(target_bytes))

    async def _drop(self, texts: list[str], cause: RemovalCause) -> None:
        if texts:
            self._removals[cause] += await self._write(lambda: self._database.delete_keys(texts))

    async def _read(self, action: Callable[[], T]) -> T:
        return await self._run(self._reader, action)

    async def _write(self, action: Callable[[], T]) -> T:
        return await self._run(self._writer, action)

    async def _run(self, executor: ThreadPoolExecutor, action: Callable[[], T]) -> T:
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(executor, action)
        except (self._database.Error, OSError) as error:
            raise TierError(f"disk tier: {error}") from error
