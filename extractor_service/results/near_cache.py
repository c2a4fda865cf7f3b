"""Keeps results near at hand, in a small cache in the extractor. A cached file then costs one hop and not two.

It holds copies, valid only while the cache's invalidation log is being followed: a gap, another log, or silence drops
all of it, and so does memory pressure, before anything else is given up.
"""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple

from extractor_service.results.reconnect import RetryDelay
from metaextract.cache.v1 import result_pb2
from metaextract_client.errors import ForbiddenError, MetaExtractError, UnauthenticatedError
from service_runtime.identity.principal import tenant_of_space

if TYPE_CHECKING:
    from collections.abc import Callable

    from extractor_service.results.keys import ModuleKey
    from metaextract_client.cache_async import AsyncCacheClient

_log = logging.getLogger(__name__)
_ENTRY_BYTES = 600  # of the index, key and lists
_MAX_LIFE_SECONDS = 300.0  # after it the cache is asked again, which also tells it what is being used
_MAX_ENTRY_RATIO = 0.1  # one large document mustn't push out most of the others


class _Copy(NamedTuple):
    fragments: tuple[bytes, ...]
    expires_at: float
    size_bytes: int


class NearCache:
    """Fragments of whole files by their keys, least recently used out first. Lives on the event loop."""

    def __init__(
        self,
        max_bytes: int,
        is_pressed: Callable[[], bool] = lambda: False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`is_pressed` says whether memory is short: then nothing is kept."""
        self._max_bytes = max_bytes
        self._is_pressed = is_pressed
        self._clock = clock
        self._copies: OrderedDict[tuple[ModuleKey, ...], _Copy] = OrderedDict()
        self._valid_until = 0.0
        self._log_id = ""
        self._revision = 0
        self.used_bytes = 0
        self.hits = 0

    def get(self, keys: tuple[ModuleKey, ...]) -> tuple[bytes, ...] | None:
        """The fragments of `keys`, all or none."""
        copy = self._copies.get(keys)
        if copy is None:
            return None
        now = self._clock()
        if now > self._valid_until or self._is_pressed():
            self.drop()
            return None
        if now > copy.expires_at:
            self.forget(keys)
            return None
        self._copies.move_to_end(keys)
        self.hits += 1
        return copy.fragments

    def put(
        self,
        keys: tuple[ModuleKey, ...],
        fragments: tuple[bytes, ...],
        point: result_pb2.InvalidationPoint,
        expires_in_seconds: float,
    ) -> None:
        """Keeps a copy of what the cache answered at `point`, unless something was invalidated since."""
        now = self._clock()
        size_bytes = sum(map(len, fragments)) + _ENTRY_BYTES
        if now > self._valid_until or point.log_id != self._log_id or point.revision < self._revision:
            return
        if size_bytes > self._max_bytes * _MAX_ENTRY_RATIO or self._is_pressed():
            return
        self.forget(keys)
        life = min(expires_in_seconds, _MAX_LIFE_SECONDS)
        self._copies[keys] = _Copy(fragments, now + life, size_bytes)
        self.used_bytes += size_bytes
        while self.used_bytes > self._max_bytes:
            self.forget(next(iter(self._copies)))

    def hear(self, news: result_pb2.WatchInvalidationsResponse) -> None:
        """Follows the log."""
        is_other = news.reset or news.point.log_id != self._log_id or news.point.revision < self._revision
        if is_other:
            self.drop()
        self._log_id, self._revision = news.point.log_id, news.point.revision
        self._valid_until = self._clock() + news.valid_for_seconds
        if news.HasField("selector"):
            self._invalidate(news.selector)

    def forget(self, keys: tuple[ModuleKey, ...]) -> None:
        """Drops one copy, if there is one."""
        copy = self._copies.pop(keys, None)
        if copy is not None:
            self.used_bytes -= copy.size_bytes

    def drop(self) -> None:
        """Forgets everything."""
        self._copies.clear()
        self.used_bytes = 0

    def disconnect(self) -> None:
        """The log isn't followed any more."""
        self._valid_until = 0.0
        self._log_id = ""
        self.drop()

    def _invalidate(self, selector: result_pb2.InvalidateResultsRequest) -> None:
        if selector.source_prefix or selector.tag:  # copies know no labels
            selector = result_pb2.InvalidateResultsRequest(tenant=selector.tenant)
            if not selector.tenant:
                self.drop()
                return
        for keys in [keys for keys in self._copies if any(_matches(selector, key) for key in keys)]:
            self.forget(keys)


def tell_lost(log: logging.Logger, message: str, error: MetaExtractError) -> None:
    """A line about a watch that ended. Being refused doesn't pass by itself: that is a warning, with what to do."""
    if isinstance(error, UnauthenticatedError | ForbiddenError):
        log.warning(
            "the cache refuses this extractor: give it the role results, by METAEXTRACT_CACHE_TOKEN_FILE or its certificate",
            extra={"error": str(error), "reason": error.reason},
        )
    else:
        log.info(message, extra={"error": str(error)})


async def follow(client: AsyncCacheClient, near: NearCache) -> None:
    """Follows the invalidation log until cancelled; reconnects with growing, jittered delays."""
    delay = RetryDelay()
    while True:
        try:
            async for news in client.watch_invalidations():
                near.hear(news)
                delay.reset()
        except MetaExtractError as error:
            tell_lost(_log, "invalidation watch lost", error)
        finally:
            near.disconnect()
        await delay.wait()


def _matches(selector: result_pb2.InvalidateResultsRequest, key: ModuleKey) -> bool:
    return (
        selector.content_id in {"", key.content_id}
        and selector.module in {"", key.module}
        and selector.version in {"", key.version}
        and selector.tenant in {"", tenant_of_space(key.space)}
    )
