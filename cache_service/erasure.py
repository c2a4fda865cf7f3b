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
from cache_service.tiers.base import TierError
from service_runtime.identity.principal import DEFAULT_TENANT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cache_service.chunks.store import ChunkStore
    from cache_service.entries.dictionaries import Dictionaries
    from cache_service.invalidation import Invalidation, InvalidationLog, ReadPoint
    from cache_service.store import Appender
    from cache_service.tiers.base import Tier

_log = logging.getLogger(__name__)
_PATIENCE_SECONDS = (
    10.0  # for other replicas: they hear of it within 0.1 s, and delete at 10,000 rows a second
)
_LOOK_SECONDS = 0.1  # between two looks at what they have told
_RETRY_SECONDS = 1.0  # after a tier couldn't be asked
_ATTEMPTS = 5  # then the next start does it: the log still says so


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
    """What replicas share: copies in Redis, and word of what each has done."""

    async def erase(self, tenant: str) -> int:
        """The number of copies removed; raises TierError."""
        ...

    async def request(self, tenant: str, revision: int) -> None:
        """Notes the erasure for replicas that are away for longer than the log reaches back."""
        ...

    async def requested(self) -> dict[str, int]:
        """The revisions of such notes by tenant."""
        ...

    async def tell(self, revision: int, part: Part) -> None:
        """Tells the others; a failure is theirs to notice."""
        ...

    async def told(self, revision: int) -> list[Part]:
        """What the others have told."""
        ...


class Eraser:
    """Carries erasures out. `start` it when the tiers are there."""

    def __init__(
        self,
        log: InvalidationLog,
        tier: Tier,
        chunks: ChunkStore,
        dictionaries: Dictionaries,
        *,
        replica: str,
        appender: Appender | None = None,
        shared: Shared | None = None,
    ) -> None:
        self._log = log
        self._tier = tier
        self._chunks = chunks
        self._dictionaries = dictionaries
        self._replica = replica
        self._appender = appender or log
        self._shared = shared
        self._running: dict[int, asyncio.Task[Part]] = {}
        self._asked: set[str] = set()
        self.others: Callable[[], Sequence[str]] = tuple
        """Names of the replicas that were heard of lately."""

    async def start(self) -> None:
        """Carries out what was asked for while this replica was away, before it serves again."""
        self._log.on_record = self._heard
        asked = {each.selector.erases or "": each.revision for each in self._log.erasures()}
        shared = await self._shared.requested() if self._shared is not None else {}
        for tenant, revision in {**shared, **asked}.items():
            if not await asyncio.to_thread(self._chunks.is_erased, self._log_id, tenant, revision):
                await self._remove(tenant, revision, is_asked=tenant in asked)

    async def erase(self, tenant: str) -> Erasure:
        """Returns when this replica has removed everything, and the others have or took too long.

        Raises:
            LogUnavailableError: the others can't be told; nothing was changed.
        """
        self._asked.add(tenant)
        try:
            point = await self._appender.append(Selector(tenant=tenant))
        finally:
            self._asked.discard(tenant)
        if self._shared is not None:
            await self._shared.request(tenant, point.revision)
        running = self._running.get(point.revision)
        revision = point.revision
        if running is None:  # another invalidation came in between
            revision, running = max(
                (each, task) for each, task in self._running.items() if task.get_name() == tenant
            )
        own = await asyncio.shield(running)
        parts = [own, *await self._others_parts(revision)]
        names = {part.replica for part in parts}
        return Erasure(tenant, point, parts, [name for name in self.others() if name not in names])

    @property
    def _log_id(self) -> str:
        return self._log.point.log_id

    async def close(self) -> None:
        """Waits for what runs."""
        await asyncio.gather(*self._running.values(), return_exceptions=True)

    def _heard(self, invalidation: Invalidation) -> None:
        tenant = invalidation.selector.erases
        if tenant is None:
            return
        revision = invalidation.revision
        removing = self._remove(tenant, revision, is_asked=tenant in self._asked)
        task = asyncio.get_running_loop().create_task(removing, name=tenant)
        self._running[revision] = task
        for each in [each for each, done in self._running.items() if done.done() and each != revision]:
            del self._running[each]

    async def _others_parts(self, revision: int) -> list[Part]:
        if self._shared is None:
            return []
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            parts = [part for part in await self._shared.told(revision) if part.replica != self._replica]
            names = {part.replica for part in parts}
            if set(self.others()) <= names or time.monotonic() > deadline:
                return parts
            await asyncio.sleep(_LOOK_SECONDS)

    async def _remove(self, tenant: str, revision: int, *, is_asked: bool) -> Part:
        """This replica's part; `is_asked`: also of what is shared."""
        part = Part(self._replica)
        for attempt in range(_ATTEMPTS):
            try:
                part = await self._remove_once(tenant, revision, part, is_asked=is_asked)
                break
            except (TierError, OSError) as error:
                _log.warning("a tenant can't be erased yet", extra={"tenant": tenant, "error": str(error)})
                await asyncio.sleep(_RETRY_SECONDS if attempt < _ATTEMPTS - 1 else 0)
        _log.info("a tenant was erased", extra={"tenant": tenant, **part._asdict()})
        if self._shared is not None:
            await self._shared.tell(revision, part)
        return part

    async def _remove_once(self, tenant: str, revision: int, part: Part, *, is_asked: bool) -> Part:
        """The chunks last: with them goes the note that all is done."""
        removed = await self._tier.delete(Selector(tenant=tenant), revision)
        if tenant == DEFAULT_TENANT:  # learnt from its values
            await self._dictionaries.drop()
        shared = await self._shared.erase(tenant) if self._shared is not None and is_asked else 0
        blobs, blob_bytes = await asyncio.to_thread(self._chunks.erase, self._log_id, tenant, revision)
        return Part(
            part.replica,
            part.result_count + removed,
            part.shared_count + shared,
            part.blob_count + blobs,
            part.blob_bytes + blob_bytes,
        )
