"""Keeps finished documents near at hand, in a small cache in the extractor. A cached file then costs one hop and not two, and
nothing but joining bytes.

It holds copies, valid only while the cache's invalidation log is being followed: a gap, another log, or silence drops
all of it, and so does memory pressure, before anything else is given up.
"""

from __future__ import annotations

import logging
import time
from collections import OrderedDict, defaultdict
from typing import TYPE_CHECKING, NamedTuple

from extractor_service.results.reconnect import RetryDelay
from metaextract.cache.v1 import result_pb2
from metaextract_client.errors import ForbiddenError, MetaExtractError, UnauthenticatedError
from service_runtime.identity.principal import tenant_of_space

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

    from extractor_service.results.keys import ModuleKey
    from metaextract_client.cache_async import AsyncCacheClient

_log = logging.getLogger(__name__)
_ENTRY_BYTES = 600  # of the index, name and lists
_MAX_LIFE_SECONDS = 300.0  # after it the cache is asked again, which also tells it what is being used
_MAX_ENTRY_RATIO = 0.1  # one large document mustn't push out most of the others


class Copy(NamedTuple):
    """What is at hand."""

    value: object
    keys: tuple[ModuleKey, ...]
    """Of the results that it is made of."""
    expires_at: float
    size_bytes: int


class NearCache:
    """Finished documents and others' fragments by name, least recently used out first. Lives on the event loop."""

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
        self._copies: OrderedDict[Hashable, Copy] = OrderedDict()
        self._of_content: defaultdict[str, set[Hashable]] = defaultdict(set)
        self._valid_until = 0.0
        self._log_id = ""
        self._revision = 0
        self.used_bytes = 0
        self.hits = 0

    def get(self, name: Hashable) -> Copy | None:
        """What is kept by that name."""
        copy = self._copies.get(name)
        if copy is None:
            return None
        now = self._clock()
        if now > self._valid_until or self._is_pressed():
            self.drop()
            return None
        if now > copy.expires_at:
            self._forget(name)
            return None
        self._copies.move_to_end(name)
        self.hits += 1
        return copy

    def seconds_left(self, copy: Copy) -> float:
        """Until it expires."""
        return copy.expires_at - self._clock()

    def put(
        self,
        name: Hashable,
        copy: Copy,
        point: result_pb2.InvalidationPoint,
        expires_in_seconds: float,
    ) -> None:
        """Keeps a copy of what the cache answered at `point`, unless something was invalidated since."""
        now = self._clock()
        size_bytes = copy.size_bytes + _ENTRY_BYTES
        if now > self._valid_until or point.log_id != self._log_id or point.revision < self._revision:
            return
        if size_bytes > self._max_bytes * _MAX_ENTRY_RATIO or self._is_pressed():
            return
        self._forget(name)
        life = min(expires_in_seconds, _MAX_LIFE_SECONDS)
        self._copies[name] = copy._replace(expires_at=now + life, size_bytes=size_bytes)
        for key in copy.keys:
            self._of_content[key.content_id].add(name)
        self.used_bytes += size_bytes
        while self.used_bytes > self._max_bytes:
            self._forget(next(iter(self._copies)))

    def hear(self, news: result_pb2.WatchInvalidationsResponse) -> None:
        """Follows the log."""
        is_other = news.reset or news.point.log_id != self._log_id or news.point.revision < self._revision
        if is_other:
            self.drop()
        self._log_id, self._revision = news.point.log_id, news.point.revision
        self._valid_until = self._clock() + news.valid_for_seconds
        if news.HasField("selector"):
            self._invalidate(news.selector)

    def forget(self, keys: Sequence[ModuleKey]) -> None:
        """Drops what is made of one of these results."""
        for key in keys:
            for name in [
                name for name in self._of_content.get(key.content_id, ()) if key in self._copies[name].keys
            ]:
                self._forget(name)

    def drop(self) -> None:
        """Forgets everything."""
        self._copies.clear()
        self._of_content.clear()
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
        names = self._of_content.get(selector.content_id, ()) if selector.content_id else self._copies
        for name in [
            name for name in names if any(_matches(selector, key) for key in self._copies[name].keys)
        ]:
            self._forget(name)

    def _forget(self, name: Hashable) -> None:
        copy = self._copies.pop(name, None)
        if copy is None:
            return
        self.used_bytes -= copy.size_bytes
        for content_id in {key.content_id for key in copy.keys}:
            names = self._of_content[content_id]
            names.discard(name)
            if not names:
                del self._of_content[content_id]


def tell_lost(log: logging.Logger, message: str, error: MetaExtractError) -> None:
    """A line about a watch that ended. Being refused doesn't pass by itself: that is a warning, with what to do."""
    if isinstance(error, (UnauthenticatedError, ForbiddenError)):
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
