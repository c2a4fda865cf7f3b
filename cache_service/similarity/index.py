"""The index of similar contents: fed by puts, asked by servicers. Its work is done in one thread; NumPy is loaded when first asked.

It fails safe: what can't be written or read is logged, and then pictures aren't found; results are as they were.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from cache_service.similarity.catalogue import Catalogue
from cache_service.similarity.hashes import HashKind
from service_runtime.clock import steady_time

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Future
    from pathlib import Path

    from cache_service.invalidation import InvalidationLog
    from cache_service.similarity.hashes import Hashed
    from cache_service.similarity.search import Near, Search

_T = TypeVar("_T")
_log = logging.getLogger(__name__)
_TIDY_SECONDS = 60.0  # how late expired rows go; they are never answered
_EVICT_RATIO = 0.9  # of the most: so that it isn't done for each put
_SPARE = 4  # rows looked at beyond the limit: some of them may have expired or been invalidated
_MOST_SEARCHES = 32  # tenants and kinds in memory; the least recently asked is read again when it is needed
_MOST_WAITING = 1000  # puts whose hashes aren't written yet; beyond, they are left out


class SimilarContent(NamedTuple):
    """A content that looks alike."""

    content_id: str
    distance: int
    bits: bytes


class SimilarityIndex:
    """Finds what looks alike among what tenants have stored."""

    def __init__(
        self,
        path: Path | None,
        log: InvalidationLog,
        most_entries: int,
        clock: Callable[[], float] = steady_time,
    ) -> None:
        """Raises OSError or sqlite3.Error where the file can't be made."""
        self._log = log
        self._most_entries = most_entries
        self._clock = clock
        self._catalogue = Catalogue(path, log.point.log_id)
        self._count = self._catalogue.count()
        self._tidied_at = 0.0
        self._searches: dict[tuple[str, HashKind], Search] = {}
        self._places = threading.Semaphore(_MOST_WAITING)  # taken by the loop, given back by the thread
        self._is_closed = False
        self._thread = ThreadPoolExecutor(1, "similar")

    @property
    def entry_count(self) -> int:
        """Contents whose hashes are known."""
        return self._count

    @property
    def memory_bytes(self) -> int:
        """Of what is held for searching."""
        return sum(search.memory_bytes for search in list(self._searches.values()))

    def add(self, hashed: Sequence[Hashed]) -> None:
        """Takes hashes in; returns at once."""
        if self._most_entries and not self._is_closed and self._places.acquire(blocking=False):
            self._thread.submit(self._add, list(hashed)).add_done_callback(self._note)

    async def find(
        self, tenant: str, kind: HashKind, bits: bytes, most_distance: int, limit: int
    ) -> tuple[list[SimilarContent], int]:
        """The nearest contents, and how many there are of that kind and tenant."""
        try:
            return await self._run(self._find, tenant, kind, bits, most_distance, limit)
        except Catalogue.ERRORS as error:
            _log.warning("perceptual hashes can't be read", extra={"error": str(error)})
            return [], 0

    async def erase(self, tenant: str) -> int:
        """Forgets a tenant; raises sqlite3.Error where that fails."""
        return await self._run(self._erase, tenant)

    async def adopt_log(self, log_id: str) -> None:
        """Forgets everything: the log is another one."""
        await self._run(self._adopt, log_id)

    def forget(self) -> None:
        """Gives the memory of searches back; they are read again when they are needed."""
        self._thread.submit(self._searches.clear)

    async def close(self) -> None:
        """Writes what waits, and closes the file."""
        self._is_closed = True
        await self._run(self._catalogue.close)
        self._thread.shutdown()

    async def _run(self, work: Callable[..., _T], *arguments: object) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments)

    def _note(self, done: Future[None]) -> None:
        self._places.release()
        error = done.exception()
        if error is not None:
            _log.warning("perceptual hashes can't be kept", extra={"error": str(error)})

    def _add(self, hashed: list[Hashed]) -> None:
        numbers = self._catalogue.add(hashed)
        self._count += sum(not replaced for _, replaced in numbers)
        for (number, replaced), (key, _, bits) in zip(numbers, hashed, strict=True):
            for kind in HashKind:
                search = self._searches.get((key.tenant, kind))
                if search is None:
                    continue
                if replaced:
                    search.drop(replaced)
                if kind in bits:
                    search.add(number, bits[kind])
                if search.is_worn:
                    del self._searches[key.tenant, kind]
        now = self._clock()
        if self._count > self._most_entries or now - self._tidied_at > _TIDY_SECONDS:
            self._tidied_at = now
            removed = self._catalogue.expire(now)
            self._count = self._catalogue.count()
            if self._count > self._most_entries:
                removed += self._catalogue.evict(int(self._most_entries * _EVICT_RATIO))
                self._count = self._catalogue.count()
            if removed > self._count // 10:  # the rest of what is gone is only passed over
                self._searches.clear()

    def _find(
        self, tenant: str, kind: HashKind, bits: bytes, most_distance: int, limit: int
    ) -> tuple[list[SimilarContent], int]:
        search = self._search(tenant, kind)
        now, taken = self._clock(), limit + _SPARE
        while True:
            near: list[Near] = search.near(bits, most_distance, taken)
            rows = self._catalogue.rows([each.number for each in near])
            found, gone = [], []
            for each in near:
                row = rows.get(each.number)
                if row is None or row[1].expires_at <= now or self._log.covers(*row):
                    gone.append(each.number)
                else:
                    found.append(SimilarContent(row[0].content_id, each.distance, each.bits))
            if len(found) >= limit or len(near) < taken:
                break
            taken *= 2
        stale = [number for number in gone if number in rows]
        if stale:
            self._catalogue.remove(stale)
        return found[:limit], len(search)

    def _search(self, tenant: str, kind: HashKind) -> Search:
        from cache_service.similarity.search import Search  # noqa: PLC0415 - NumPy, when it is first needed

        search = self._searches.pop((tenant, kind), None)
        if search is None:
            search = Search(self._catalogue.hashes(tenant, kind), kind.length_bytes)
        self._searches[tenant, kind] = search  # the last one asked is the last
        while len(self._searches) > _MOST_SEARCHES:
            self._searches.pop(next(iter(self._searches)))
        return search

    def _erase(self, tenant: str) -> int:
        for key in [key for key in self._searches if key[0] == tenant]:
            del self._searches[key]
        removed = self._catalogue.erase(tenant)
        self._count = self._catalogue.count()
        return removed

    def _adopt(self, log_id: str) -> None:
        self._searches.clear()
        self._catalogue.adopt_log(log_id)
        self._count = 0
