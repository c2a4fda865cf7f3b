"""The tier that survives: SQLite in WAL mode, bounded by bytes, every row checksummed.

Why SQLite: it is in the standard library, lost and corrupted nothing in six `kill -9` runs, and frees disk space
when told to. A commit with synchronous=NORMAL is a `write()`, which survives
the death of the process. An append-only segment log stores ten times as many entries a second, but one core of gRPC
brings a tenth of what SQLite takes; it needs 2 s and 229 MB to open a million entries where SQLite needs 3 ms and 8 MB;
and tombstones, compaction and selectors would be our own code where SQLite has indexes.

One thread writes and one reads, each with its own connection, so that a look-up never waits for a commit.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

from cache_service.entries.entry import Budget, Found, Key, RemovalCause, TierStats, charged_bytes
from cache_service.eviction.guarantees import Guarantees
from cache_service.tiers.base import TierError
from cache_service.tiers.disk_database import DiskDatabase, Row
from cache_service.tiers.disk_file import is_damage
from service_runtime.clock import steady_time
from service_runtime.identity.access_file import no_quota

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from typing import TypeVar

    from cache_service.entries.entry import Entry, Selector
    from service_runtime.identity.access_file import Quota

    T = TypeVar("T")

_log = logging.getLogger(__name__)
_MAX_UNWRITTEN_USES = 4096  # reads between two writes of their times; a kill loses so much recency
_EVICT_TO_RATIO = 0.95  # evict a little more than needed, so that not every put evicts


class DiskTier:
    """Entries in one SQLite file. Open it with :meth:`open`."""

    name = "disk"

    def __init__(
        self, database: DiskDatabase, budget: Budget, quota_of: Callable[[str], Quota] = no_quota
    ) -> None:
        """`quota_of` tells what a tenant may store, and which share of the budget it is guaranteed."""
        self._quota_of = quota_of
        self._guarantees = Guarantees(lambda tenant: quota_of(tenant).guaranteed_ratio)
        self._database = database
        self._budget = budget
        self._writer = ThreadPoolExecutor(1, "disk-write")
        self._reader = ThreadPoolExecutor(1, "disk-read")
        self._hits = 0
        self._removals: Counter[RemovalCause] = Counter()
        self._is_damaged = False
        self._repair: asyncio.Task[None] | None = None
        self._used_at: dict[str, float] = {}  # hits not yet written to the database

    @classmethod
    async def open(
        cls,
        directory: Path,
        budget: Budget,
        log_id: str = "",
        quota_of: Callable[[str], Quota] = no_quota,
    ) -> DiskTier:
        """The tier over `directory`, with what an earlier process left there.

        Entries carry revisions of one invalidation log. With another log than `log_id` they mean nothing, and
        are dropped.

        Raises:
            OSError: the directory can't be made, or another process owns it.
        """
        database = await asyncio.to_thread(DiskDatabase.open, directory, log_id)
        return cls(database, budget, quota_of)

    async def get(self, keys: Sequence[Key], now: float) -> list[Found | None]:
        """See `Tier.get`. A row that fails its checksum is removed and missed.

        Reads at most `disk_database.MAX_READ_BYTES` of values at once; what lies beyond is missed, too.
        """
        texts = [key.text() for key in keys]
        rows = await self._read(lambda: self._database.get(list(dict.fromkeys(texts))))
        found: list[Found | None] = []
        expired: set[tuple[str, bytes]] = set()
        corrupt: set[tuple[str, bytes]] = set()
        for text in texts:
            row, is_intact = rows.get(text, (None, True))
            entry = None
            if row is None:
                pass
            elif not is_intact:
                corrupt.add((text, row.checksum))
            elif row.expires_at <= now:
                expired.add((text, row.checksum))
            else:
                entry = row.entry
                self._used_at[text] = now
            found.append(None if entry is None else Found(entry, self.name))
        await self._drop(expired, RemovalCause.EXPIRED)
        await self._drop(corrupt, RemovalCause.CORRUPT)
        if len(self._used_at) > _MAX_UNWRITTEN_USES:
            used_at = self._take_uses()
            await self._write(lambda: self._database.put([], used_at))
        self._hits += sum(1 for item in found if item is not None)
        return found

    async def put(
        self,
        items: Sequence[tuple[Key, Entry]],
        now: float,
        *,
        only_absent: bool = False,
        backed: Sequence[bool] = (),
    ) -> list[str]:
        """See `Tier.put`; all items in one transaction, then evicts down to the budget."""
        del backed
        stored = [charged_bytes(key, entry) <= self._budget.bytes for key, entry in items]
        by_key = {  # the last one wins when a batch repeats a key
            key: Row.of(key, entry, charged_bytes(key, entry), used_at=now)
            for (key, entry), fits in zip(items, stored, strict=True)
            if fits
        }
        rows = list(by_key.values())
        used_at = self._take_uses()
        unfit = [
            key.text() for (key, _), fits in zip(items, stored, strict=True) if not fits and not only_absent
        ]
        replaced = await self._write(
            lambda: self._database.put(rows, used_at, only_absent=only_absent, without=unfit)
        )
        self._removals[RemovalCause.REPLACED] += replaced
        for tenant in {key.tenant for key, _ in items} if self._quota_of is not no_quota else ():
            most = self._quota_of(tenant).stored_bytes
            if most and self._database.tenant_bytes[tenant] > most:  # its own oldest make room
                target = int(most * _EVICT_TO_RATIO)
                removed = await self._write(partial(self._database.evict_tenant, tenant, target))
                self._removals[RemovalCause.SIZE] += removed  # in two steps: others count meanwhile
        if self._database.used_bytes > self._budget.bytes:
            await self._evict(RemovalCause.SIZE, now)
        return [self.name if fits else "" for fits in stored]

    async def delete(self, selector: Selector, before_revision: int) -> int:
        """See `Tier.delete`; the space is given back to the file system."""
        removed = await self._write(lambda: self._database.delete(selector, before_revision))
        self._removals[RemovalCause.DELETED] += removed
        return removed

    async def discard(self, items: Sequence[tuple[Key, Entry]], cause: RemovalCause) -> None:
        """See `Tier.discard`."""
        rows = [Row.of(key, entry, 0, used_at=0.0) for key, entry in items]
        await self._drop({(row.key, row.checksum) for row in rows}, cause)

    async def resize(self, budget: Budget, cause: RemovalCause) -> None:
        """See `Tier.resize`."""
        self._budget = budget
        if self._database.used_bytes > budget.bytes:
            await self._evict(cause, now=None)

    @property
    def used_bytes(self) -> int:
        """Bytes charged for what is held."""
        return self._database.used_bytes

    async def clean_up(self, ratio: float) -> None:
        """Drops what has expired, then the least recently used above `ratio` of the budget, which stays as it is."""
        now = steady_time()
        removed = await self._write(lambda: self._database.delete_expired(now))
        self._removals[RemovalCause.EXPIRED] += removed
        target_bytes = int(self._budget.bytes * ratio)
        if self._database.used_bytes > target_bytes:
            removed = await self._write(lambda: self._database.evict(target_bytes, self._guaranteed_bytes))
            self._removals[RemovalCause.PRESSURE] += removed

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

    async def entries(self, after: str, limit: int, tenant: str | None = None) -> list[tuple[Key, Entry]]:
        """Up to `limit` entries whose key's text is above `after`, in the order of these texts."""
        rows = await self._read(lambda: self._database.page(after, limit, tenant))
        return [(Key.from_text(row.key), row.entry) for row in rows]

    async def adopt_log(self, log_id: str) -> None:
        """Drops everything when the entries' revisions are those of another log."""
        await self._write(lambda: self._database.adopt_log(log_id))

    async def close(self) -> None:
        """See `Tier.close`; waits for running transactions."""
        if self._repair is not None:
            await self._repair
        await asyncio.to_thread(self._shut_down)

    def _shut_down(self) -> None:
        used_at = self._take_uses()
        self._writer.submit(self._database.put, [], used_at)
        self._writer.shutdown(wait=True)
        self._reader.shutdown(wait=True)
        self._database.close()

    async def _evict(self, cause: RemovalCause, now: float | None) -> None:
        target_bytes = int(self._budget.bytes * _EVICT_TO_RATIO)
        if now is not None:
            expired = await self._write(lambda: self._database.delete_expired(now))
            self._removals[RemovalCause.EXPIRED] += expired
        removed = await self._write(lambda: self._database.evict(target_bytes, self._guaranteed_bytes))
        self._removals[cause] += removed

    def _guaranteed_bytes(self, tenant: str) -> float:
        """What others can't push the tenant out of."""
        return self._guarantees.bytes_of(tenant, self._database.tenant_bytes, self._budget.bytes)

    async def _drop(self, rows: set[tuple[str, bytes]], cause: RemovalCause) -> None:
        if rows:
            removed = await self._write(lambda: self._database.delete_rows(rows))
            self._removals[cause] += removed

    def _take_uses(self) -> dict[str, float]:
        used_at, self._used_at = self._used_at, {}
        return used_at

    async def _read(self, action: Callable[[], T]) -> T:
        return await self._run(self._reader, action)

    async def _write(self, action: Callable[[], T]) -> T:
        return await self._run(self._writer, action)

    async def _run(self, executor: ThreadPoolExecutor, action: Callable[[], T]) -> T:
        loop = asyncio.get_running_loop()
        if self._is_damaged:
            raise TierError("disk tier: being made anew")
        try:
            return await loop.run_in_executor(executor, action)
        except self._database.ERRORS as error:
            if is_damage(error) and not self._is_damaged:
                self._is_damaged = True
                self._repair = asyncio.create_task(self._start_anew())
            raise TierError(f"disk tier: {error}") from error
        except OverflowError as error:  # what a damaged row says of itself
            raise TierError(f"disk tier: {error}") from error

    async def _start_anew(self) -> None:
        """Sets the damaged file aside; until there is an empty one, everything is a miss."""
        _log.error("the cache database is damaged and starts anew")
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(self._reader, lambda: None)  # whoever reads has finished
            self._database = await loop.run_in_executor(self._writer, self._database.start_anew)
            self._is_damaged = False
        except self._database.ERRORS:
            _log.exception("the cache database can't be made anew; the disk tier stays off")
