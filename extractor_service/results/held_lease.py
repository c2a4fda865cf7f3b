"""A lease that this extractor holds: it reads a file for the whole fleet, and renews while that takes long."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Self

from metaextract_client.errors import MetaExtractError

if TYPE_CHECKING:
    from extractor_service.results.keys import ModuleKey
    from metaextract.cache.v1 import result_pb2
    from metaextract_client.cache_async import AsyncCacheClient

    Metadata = tuple[tuple[str, str | bytes], ...]

_log = logging.getLogger(__name__)
_RENEW_RATIO = 1 / 3  # one renewal may be lost before the lease lapses


class HeldLease:
    """A lease of the cache; `async with` it. Most files are read long before the first renewal is due."""

    def __init__(
        self,
        client: AsyncCacheClient,
        key: result_pb2.ResultKey,
        token: int,
        times: tuple[float, float],
        metadata: Metadata,
    ) -> None:
        """`times`: seconds that it lasts without renewal, and that the cache gets to answer."""
        self._client = client
        self._key = key
        self.token = token
        self._seconds, self._timeout_seconds = times
        self._metadata = metadata
        self._timer: asyncio.TimerHandle | None = None
        self._renewal: asyncio.Task[None] | None = None
        self._is_over = False

    async def __aenter__(self) -> Self:
        self._schedule()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Gives the lease back, unless a put has done so; a caller that is cancelled doesn't wait for it."""
        if self._timer is not None:
            self._timer.cancel()
        if self._renewal is not None:
            self._renewal.cancel()
        if not self._is_over:
            self.give_back()

    def give_back(self) -> None:
        """Releases the lease, in a task of its own."""
        release = asyncio.create_task(self._release())
        _pending.add(release)
        release.add_done_callback(_pending.discard)

    def names(self, key: ModuleKey) -> bool:
        """Whether `key` is the one that stands for all that is computed under the lease."""
        mine = self._key
        return (mine.content_id, mine.module, mine.version, mine.options, mine.space) == key

    def end(self) -> None:
        """A put has given the lease back."""
        self._is_over = True

    def _schedule(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._seconds * _RENEW_RATIO, self._start_renewal)

    def _start_renewal(self) -> None:
        self._renewal = asyncio.create_task(self._renew())

    async def _renew(self) -> None:
        try:
            await self._client.renew_lease(
                self._key, self.token, self._seconds, self._timeout_seconds, self._metadata
            )
        except MetaExtractError as error:
            # Lost, or unreachable: somebody else may read the file as well, which is slower, not wrong.
            _log.warning("lease not renewed", extra={"error": str(error)})
        self._schedule()

    async def _release(self) -> None:
        try:
            await self._client.release_lease(self._key, self.token, self._timeout_seconds, self._metadata)
        except MetaExtractError:
            return  # it lapses


_pending: set[asyncio.Task[None]] = set()


async def settle(seconds: float) -> None:
    """Waits for releases on their way, for so long: at shutdown, others are waiting for them."""
    if _pending:
        await asyncio.wait(_pending, timeout=seconds)
