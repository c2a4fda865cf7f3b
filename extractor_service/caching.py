"""The only door to the cache: files that are looked up or stored meanwhile share a batch. A failing cache is a miss,
never an error.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, NamedTuple

from extractor_service.coalescing import Coalescer
from metaextract.cache.v1 import result_pb2
from metaextract_client.errors import DeadlineError, MetaExtractError
from service_runtime.interceptors import REQUEST_ID_HEADER
from service_runtime.telemetry import current_call

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from metaextract_client.cache import AsyncCacheClient

_LINGER_SECONDS = 0.02
_MAX_PUT_BYTES = 8 * 1024 * 1024  # of the 16 MiB that a message may have
_MIN_PUT_WEIGHT = _MAX_PUT_BYTES // 64  # of many small ones, 64 share a call
VERIFIED = "verified"
"""The space of results whose content id this server computed itself."""


class ModuleKey(NamedTuple):
    """Names a module's result for one content."""

    content_id: str
    module: str
    version: str
    options: str


class NewResult(NamedTuple):
    """A module's result that wants to be stored."""

    key: ModuleKey
    fragment: bytes
    cost_seconds: float
    is_failure: bool = False
    """Kept briefly: the reader, not the file, may be to blame."""


class Lookup(NamedTuple):
    """What the cache knew."""

    fragments: list[bytes | None]
    """One per key, in order."""
    read_point: result_pb2.InvalidationPoint | None
    available: bool
    """False when the cache couldn't be asked."""


class ResultCache:
    """Looks results up and stores them, within a time limit; pauses after a failure instead of waiting again."""

    def __init__(
        self,
        client: AsyncCacheClient,
        *,
        timeout_seconds: float,
        pause_seconds: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
        is_crowded: Callable[[], bool] = lambda: False,
    ) -> None:
        """`is_crowded` says that work is queueing: then a call may wait a moment for others to share it."""
        self._client = client
        self._is_crowded = is_crowded
        self._timeout_seconds = timeout_seconds
        self._pause_seconds = pause_seconds
        self._clock = clock
        self._paused_until = 0.0
        self._gets = Coalescer(self._send_gets, linger_seconds=self._linger)
        self._puts = Coalescer(
            self._send_puts, max_weight=_MAX_PUT_BYTES, weigh=_weight, linger_seconds=self._linger
        )

    async def look_up(self, keys: Sequence[ModuleKey]) -> Lookup:
        """What the cache knows of `keys`; all misses when it can't be asked."""
        missed = Lookup([None] * len(keys), None, available=False)
        timeout = self._timeout()
        if timeout is None:
            return missed
        try:
            async with asyncio.timeout(timeout):
                response, start = await self._gets.submit(keys)
        except TimeoutError:
            self._note_failure(None, timeout)
            return missed
        except MetaExtractError as error:
            self._note_failure(error, timeout)
            return missed
        lookups = response.lookups[start : start + len(keys)]
        if len(lookups) != len(keys):
            return missed
        fragments = [lookup.value if lookup.found else None for lookup in lookups]
        return Lookup(fragments, response.read_point, available=True)

    async def store(
        self, results: Sequence[NewResult], read_point: result_pb2.InvalidationPoint | None
    ) -> bool:
        """Whether the cache took the call; it may still have refused single results.

        Without the look-up's read point nothing is stored: an invalidation since the reading began would be undone.
        """
        timeout = self._timeout()
        if timeout is None or not results or read_point is None:
            return False
        entries = [
            result_pb2.ResultEntry(
                key=_key(result.key),
                value=result.fragment,
                cost_seconds=result.cost_seconds,
                ttl_class=result_pb2.TTL_CLASS_FAILURE
                if result.is_failure
                else result_pb2.TTL_CLASS_EXTRACTION,
                read_point=read_point,
            )
            for result in results
        ]
        try:
            async with asyncio.timeout(timeout):
                await self._puts.submit(entries)
        except TimeoutError:
            self._note_failure(None, timeout)
            return False
        except MetaExtractError as error:
            self._note_failure(error, timeout)
            return False
        return True

    def _linger(self) -> float:
        return _LINGER_SECONDS if self._is_crowded() else 0.0

    async def _send_gets(self, keys: Sequence[ModuleKey]) -> result_pb2.BatchGetResultsResponse:
        return await self._client.get_results([_key(key) for key in keys], self._timeout_seconds, _metadata())

    async def _send_puts(self, entries: Sequence[result_pb2.ResultEntry]) -> None:
        await self._client.put_results(list(entries), self._timeout_seconds, _metadata())

    def _timeout(self) -> float | None:
        """Seconds that the cache gets now; None when it shouldn't be asked."""
        if self._clock() < self._paused_until:
            return None
        remaining = current_call.get().remaining_seconds()
        if remaining is None:
            return self._timeout_seconds
        # Deadlines don't cross hops by themselves; half of what is left stays for reading the file.
        return min(self._timeout_seconds, remaining / 2) if remaining > 0 else None

    def _note_failure(self, error: MetaExtractError | None, timeout: float) -> None:
        """Pauses asking, unless it was only the caller's own deadline that was too short; None is that it passed."""
        if not (error is None or isinstance(error, DeadlineError)) or timeout >= self._timeout_seconds:
            self._paused_until = self._clock() + self._pause_seconds


def _key(key: ModuleKey) -> result_pb2.ResultKey:
    return result_pb2.ResultKey(
        space=VERIFIED,
        content_id=key.content_id,
        module=key.module,
        version=key.version,
        options=key.options,
    )


def _weight(entries: Sequence[result_pb2.ResultEntry]) -> int:
    return sum(max(_MIN_PUT_WEIGHT, len(entry.value)) for entry in entries)


def _metadata() -> list[tuple[str, str]] | None:
    request_id = current_call.get().request_id
    return [(REQUEST_ID_HEADER, request_id)] if request_id else None
