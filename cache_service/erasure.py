"""Erasing a tenant: everything kept of it, in every tier of every replica, durably.

The invalidation log comes first: once the erasure is in it, nothing that was read before can come back, whatever dies meanwhile.
Each replica then removes what it holds, when it hears of it or starts again, and tells the one that was asked.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, NamedTuple, Protocol

from cache_service.entries.entry import Selector
from cache_service.invalidation import ErasureNote
from service_runtime.identity.principal import DEFAULT_TENANT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cache_service.chunks.store import ChunkStore
    from cache_service.entries.dictionaries import Dictionaries
    from cache_service.invalidation import Invalidation, InvalidationLog, ReadPoint
    from cache_service.similarity.index import SimilarityIndex
    from cache_service.store import Appender
    from cache_service.tiers.composite import CompositeTier

_log = logging.getLogger(__name__)
_MAX_PARTS = 1000  # erasures whose counts are remembered, for whoever asks again


class Limits:
    """Of `Eraser`."""

    # For this and other replicas: they hear within 0.1 s, and delete at 10,000 rows a second
    patience_seconds = 10.0
    start_seconds = 60.0  # for what has to be made up for; longer, and it goes on beside the first calls
    at_once = 4  # erasures: each goes over all that memory holds
    look_seconds = 0.1  # between two looks at what others have told
    settle_seconds = 0.3  # puts that were on their way into a tier have come there by then: then once more
    first_retry_seconds = 1.0  # after a tier couldn't be asked
    most_retry_seconds = 30.0  # twice as long each time, up to this; until it has succeeded
    exchange_seconds = 10.0  # between two comparisons with the notes in Redis, which may have lost them


class Part(NamedTuple):
    """What one replica removed."""

    replica: str
    result_count: int = 0
    shared_count: int = 0
    blob_count: int = 0
    blob_bytes: int = 0


class Erasure(NamedTuple):
    """What was done for a tenant."""

    tenant: str
    point: ReadPoint
    parts: Sequence[Part]
    """This replica's first."""
    pending: Sequence[str]
    """Replicas that were heard of lately, but not of this."""

    @property
    def own(self) -> Part:
        """This replica's part."""
        return self.parts[0]


class Shared(Protocol):
    """What replicas share: copies in Redis, notes of erasures, and word of what each has done."""

    async def erase(self, tenant: str) -> int:
        """The number of copies removed; raises TierError."""
        ...

    async def exchange(self, notes: Sequence[ErasureNote]) -> list[ErasureNote]:
        """The notes of all replicas, after these were added; none while Redis doesn't answer."""
        ...

    async def tell(self, note: ErasureNote, part: Part) -> None:
        """Tells the others; a failure is theirs to notice."""
        ...

    async def told(self, note: ErasureNote) -> list[Part]:
        """What the others have told."""
        ...


class Fellows(NamedTuple):
    """The other replicas: the log that they read too, and what is shared with them."""

    log: Appender
    shared: Shared


class Eraser:
    """Carries erasures out. `start` it when the tiers are there."""

    def __init__(
        self,
        log: InvalidationLog,
        tier: CompositeTier,
        chunks: ChunkStore,
        dictionaries: Dictionaries,
        similar: SimilarityIndex,
        *,
        replica: str,
        fellows: Fellows | None = None,
    ) -> None:
        self._log = log
        self._tier = tier
        self._chunks = chunks
        self._dictionaries = dictionaries
        self._similar = similar
        self._replica = replica
        self._appender = fellows.log if fellows else log
        self._shared = fellows.shared if fellows else None
        self._running: dict[str, asyncio.Task[None]] = {}
        self._parts: dict[str, Part] = {}
        self._asked: set[str] = set()
        self._places = asyncio.Semaphore(Limits.at_once)
        self._keeping_up: asyncio.Task[None] | None = None
        self.others: Callable[[], Sequence[str]] = tuple
        """Names of the replicas that were heard of lately."""

    async def start(self) -> None:
        """Carries out what was asked for while this replica was away; what can't be done now goes on beside."""
        self._log.on_record = self._heard
        await self._catch_up()
        if self._running:
            await asyncio.wait(self._running.values(), timeout=Limits.start_seconds)
        self._keeping_up = asyncio.create_task(self._keep_up())

    async def erase(self, tenant: str) -> Erasure:
        """Returns when this replica has removed everything and the others have, or when that takes too long.

        Raises:
            LogUnavailableError: the others can't be told; nothing was changed.
        """
        self._asked.add(tenant)
        try:
            point = await self._appender.append(Selector(tenant=tenant))
        finally:
            self._asked.discard(tenant)
        # Other invalidations may have come in between; the newest erasure of the tenant covers ours.
        note = next(
            (each for each in reversed(self._log.erasures()) if each.tenant == tenant),
            ErasureNote(f"{point.log_id}/{point.revision}", tenant),
        )
        running = self._running.get(note.id)
        deadline = time.monotonic() + Limits.patience_seconds
        if running is not None:
            await asyncio.wait([running], timeout=Limits.patience_seconds)
        own = self._parts.get(note.id, Part(self._replica))
        parts = [own, *await self._others_parts(note, deadline)]
        names = {part.replica for part in parts}
        pending = [name for name in self.others() if name not in names]
        if not self._chunks.is_erased(note.id):
            pending.insert(0, self._replica)
        return Erasure(tenant, point, parts, pending)

    async def close(self) -> None:
        """Ends what runs; what isn't done is done at the next start."""
        tasks = [*self._running.values(), *([self._keeping_up] if self._keeping_up else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _heard(self, invalidation: Invalidation) -> None:
        tenant = invalidation.selector.erases
        if tenant is not None:
            note = ErasureNote(f"{self._log.point.log_id}/{invalidation.revision}", tenant)
            self._begin(note, is_asked=tenant in self._asked)

    def _begin(self, note: ErasureNote, *, is_asked: bool) -> None:
        if note.id in self._running:
            return
        task = asyncio.get_running_loop().create_task(self._carry_out(note, is_asked=is_asked))
        self._running[note.id] = task
        task.add_done_callback(lambda _: self._running.pop(note.id, None))

    async def _keep_up(self) -> None:
        """Redis may have lost its notes, or this replica have been cut off from it: nothing of that is for ever."""
        while True:
            await asyncio.sleep(Limits.exchange_seconds)
            try:
                await self._catch_up()
            except Exception:  # noqa: BLE001 - whatever it is, the loop must go on
                _log.exception("erasures can't be compared")

    async def _catch_up(self) -> None:
        own = self._log.erasures()
        if self._shared is not None:
            known = {note.id for note in own}
            for note in await self._shared.exchange(own):
                if note.id not in known and not self._chunks.is_erased(note.id):
                    self._log.note(note)
        # In Redis too: whoever was asked may have died before that.
        for note in await asyncio.to_thread(self._unfinished, self._log.erasures()):
            self._begin(note, is_asked=True)

    def _unfinished(self, notes: Sequence[ErasureNote]) -> list[ErasureNote]:
        return [note for note in notes if not self._chunks.is_erased(note.id)]

    async def _others_parts(self, note: ErasureNote, deadline: float) -> list[Part]:
        if self._shared is None:
            return []
        while True:
            parts = [part for part in await self._shared.told(note) if part.replica != self._replica]
            names = {part.replica for part in parts}
            if set(self.others()) <= names or time.monotonic() > deadline:
                return parts
            await asyncio.sleep(Limits.look_seconds)

    async def _carry_out(self, note: ErasureNote, *, is_asked: bool) -> None:
        """This replica's part, until it is done; `is_asked`: also of what is shared."""
        delay = Limits.first_retry_seconds
        self._parts[note.id] = Part(self._replica)
        while True:
            async with self._places:
                if await self._succeeds(note, is_asked=is_asked):
                    break
            await asyncio.sleep(delay)
            delay = min(2 * delay, Limits.most_retry_seconds)
        _log.info("a tenant was erased", extra={"tenant": note.tenant, **self._parts[note.id]._asdict()})
        if self._shared is not None:
            await self._shared.tell(note, self._parts[note.id])
        for done in [each for each in self._parts if each not in self._running][:-_MAX_PARTS]:
            del self._parts[done]

    async def _succeeds(self, note: ErasureNote, *, is_asked: bool) -> bool:
        """Each step is tried, whatever becomes of the others; only when all have worked, it is written down as done."""
        steps = [self._results, self._blobs, *([self._shared_copies] if is_asked and self._shared else [])]
        if note.tenant == DEFAULT_TENANT:  # learnt from its values
            steps.append(self._learnt)
        is_done = True
        for step in (self._results, self._blobs, self._settle, self._hashes, *steps):
            try:
                await step(note)
            except Exception as error:  # noqa: BLE001 - whatever it is, the tenant isn't erased yet
                _log.warning(
                    "a tenant can't be erased yet", extra={"tenant": note.tenant, "error": str(error)}
                )
                is_done = False
        if is_done:
            await asyncio.to_thread(self._chunks.record_erased, note.id)
        return is_done

    async def _settle(self, note: ErasureNote) -> None:
        del note
        await asyncio.sleep(Limits.settle_seconds)

    async def _results(self, note: ErasureNote) -> None:
        self._add(note, result_count=await self._tier.erase(note.tenant))

    async def _blobs(self, note: ErasureNote) -> None:
        count, size_bytes = await asyncio.to_thread(self._chunks.erase, note.tenant)
        self._add(note, blob_count=count, blob_bytes=size_bytes)

    async def _hashes(self, note: ErasureNote) -> None:
        await self._similar.erase(note.tenant)

    async def _shared_copies(self, note: ErasureNote) -> None:
        if self._shared is not None:
            self._add(note, shared_count=await self._shared.erase(note.tenant))

    async def _learnt(self, note: ErasureNote) -> None:
        del note
        await self._dictionaries.drop()

    def _add(self, note: ErasureNote, **counts: int) -> None:
        part = self._parts[note.id]
        self._parts[note.id] = part._replace(
            **{name: getattr(part, name) + count for name, count in counts.items()}
        )
