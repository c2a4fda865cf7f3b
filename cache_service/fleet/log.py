"""The invalidation log that replicas share: a counter and a stream in Redis, mirrored by each replica's own log.

An invalidation is numbered and published in one step (a Lua script), and every replica applies it within
a tenth of a second. What a replica hasn't heard of yet can only be used for that long: entries carry the revision at which
their reading began, a mirror that lags gives out lower ones, and lower is safe.

When Redis loses its data, the first replica to notice continues from its own revision, far enough up that no entry
can be newer than an invalidation to come. One that had missed a part drops all it holds; one that knows more
publishes it again.
"""

from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING, NamedTuple, cast

from cache_service.entry import Selector
from cache_service.fleet.connection import FleetUnavailableError
from cache_service.invalidation import Invalidation, LogUnavailableError, ReadPoint

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import TypeVar

    from cache_service.fleet.connection import Client, FleetConnection
    from cache_service.invalidation import InvalidationLog

    Restarted = Callable[[str], Awaitable[None]]
    T = TypeVar("T")

_log = logging.getLogger(__name__)
_JUMP = 1_000_000
_MAX_STREAM = 100_000
_POLL_SECONDS = 0.1  # one small script; a blocking read doesn't notice that Redis lost its data
_RETRY_SECONDS = 0.2
# Answers id, revision, base and the revision it was seeded from; founds the log when there is none.
_JOIN = """
if redis.call('EXISTS', KEYS[1]) == 0 then
  redis.call('HSET', KEYS[1], 'id', ARGV[1], 'revision', ARGV[3], 'base', ARGV[3], 'seeded_from', ARGV[2])
  redis.call('DEL', KEYS[2])
end
return redis.call('HMGET', KEYS[1], 'id', 'revision', 'base', 'seeded_from')
"""
# A replica promoted behind its master may have forgotten revisions that were given; ARGV[3] is the highest known here.
_APPEND = """
local now = redis.call('HMGET', KEYS[1], 'id', 'base', 'revision')
if now[1] ~= ARGV[1] or now[2] ~= ARGV[2] then return -1 end
local revision = math.max(tonumber(now[3]), tonumber(ARGV[3])) + 1
redis.call('HSET', KEYS[1], 'revision', string.format('%.0f', revision))
redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[5], string.format('%.0f-0', revision), 's', ARGV[4])
return revision
"""


class _Shared(NamedTuple):
    log_id: str
    revision: int
    base: int
    seeded_from: int


class FleetLog:
    """Keeps the replica's log in step with the shared one."""

    def __init__(self, connection: FleetConnection, log: InvalidationLog, restarted: Restarted) -> None:
        """`restarted` drops everything: the log is another one, whose id it gets."""
        self._connection = connection
        self._log = log
        self._restarted = restarted
        # One hash tag: both keys live on one node of a cluster.
        self._state_key = "{" + connection.key("log") + "}"
        self._stream_key = self._state_key + ":stream"
        self._base: int | None = None
        self._announced = 0  # a revision that the stream must reach
        self._order = asyncio.Lock()

    async def append(self, selector: Selector) -> ReadPoint:
        """The log after the invalidation, which all replicas will hear of.

        Raises:
            LogUnavailableError: Redis can't be told; nothing was changed.
        """
        async with self._order:
            for _ in range(3):
                try:
                    if self._base is None:
                        await self._join()
                    revision = await self._publish(selector)
                except FleetUnavailableError as error:
                    raise LogUnavailableError(str(error)) from error
                if revision > 0:
                    await self._catch_up(revision - 1)
                    self._record(Invalidation(revision, selector))
                    return self._log.point
                self._base = None
        raise LogUnavailableError("the shared log keeps changing")

    async def run(self) -> None:
        """Follows the shared log until cancelled; failures are tried again for ever."""
        is_lost = False
        while True:
            try:
                async with self._order:
                    await self._join()
                    if self._announced > self._log.point.revision:
                        await self._catch_up(None)
                if is_lost:
                    _log.info("the shared invalidation log is heard again")
                is_lost = False
                await asyncio.sleep(_POLL_SECONDS)
            except FleetUnavailableError as error:
                if not is_lost:
                    _log.warning("the shared invalidation log can't be heard", extra={"error": str(error)})
                is_lost = True
                await asyncio.sleep(_RETRY_SECONDS)
            except Exception:  # noqa: BLE001 - whatever it is, the loop must go on
                _log.exception("following the shared invalidation log failed")
                await asyncio.sleep(_RETRY_SECONDS)

    async def join(self) -> bool:
        """Whether the shared log could be joined now; otherwise `run` does it later."""
        try:
            async with self._order:
                await self._join()
                await self._catch_up(None)
        except FleetUnavailableError as error:
            _log.warning("the shared invalidation log can't be joined yet", extra={"error": str(error)})
            return False
        return True

    async def _join(self) -> None:
        own = self._log.point
        answer = await self._run(
            lambda client: client.eval(
                _JOIN, 2, self._state_key, self._stream_key, own.log_id, own.revision, own.revision + _JUMP
            ),
            list,
        )
        shared = _Shared(answer[0].decode(), *(int(part) for part in answer[1:]))
        self._announced = shared.revision
        if shared.base == self._base and shared.log_id == own.log_id:
            return
        _log.info("joined the shared invalidation log", extra={"log_id": shared.log_id, "base": shared.base})
        if shared.log_id != own.log_id:
            self._log.restart(shared.log_id, shared.revision)
            await self._restarted(shared.log_id)
        elif own.revision < shared.base:
            await self._cross(own, shared)
        self._base = shared.base

    async def _cross(self, own: ReadPoint, shared: _Shared) -> None:
        """Redis had lost its data, and was seeded by a replica that stood at `seeded_from`."""
        if own.revision < shared.seeded_from:  # part of what was lost was never heard here
            self._log.restart(shared.log_id, shared.base)
            return
        missed = self._log.since(ReadPoint(own.log_id, shared.seeded_from)) or []
        self._log.skip_to(shared.base)
        self._base = shared.base
        for invalidation in missed:
            revision = await self._publish(invalidation.selector)
            if revision > 0:
                await self._catch_up(revision - 1)
                self._record(Invalidation(revision, invalidation.selector))

    async def _publish(self, selector: Selector) -> int:
        own = self._log.point
        return await self._run(
            lambda client: client.eval(
                _APPEND,
                2,
                self._state_key,
                self._stream_key,
                own.log_id,
                self._base or 0,
                own.revision,
                json.dumps(selector),
                _MAX_STREAM,
            ),
            int,
        )

    async def _catch_up(self, until: int | None) -> None:
        """Applies what was published, up to `until`."""
        own = self._log.point.revision
        if until is not None and until <= own:
            return
        answer = await self._run(
            lambda client: client.xrange(
                self._stream_key, f"({own}-0", "+" if until is None else f"{until}-0"
            ),
            list,
        )
        for name, fields in answer:
            if _revision(name) > own + 1 and not await self._reaches_back_to(own):
                break
            own = _revision(name)
            self._record(Invalidation(own, _selector(fields[b"s"])))
        if until is None and self._log.point.revision < self._announced:
            # Trimmed too far, or evicted: what came between can't be known.
            _log.warning("the shared invalidation log has a gap; everything held is dropped")
            self._log.restart(self._log.point.log_id, self._announced)

    async def _reaches_back_to(self, revision: int) -> bool:
        oldest = await self._run(lambda client: client.xrange(self._stream_key, "-", "+", count=1), list)
        return bool(oldest) and _revision(oldest[0][0]) <= max(revision, self._base or 0) + 1

    def _record(self, invalidation: Invalidation) -> None:
        if invalidation.revision > self._log.point.revision:
            self._log.record(invalidation)

    async def _run(self, operation: Callable[[Client], Awaitable[object]], kind: type[T]) -> T:
        return await self._connection.run(operation, kind)


def _revision(name: bytes) -> int:
    return int(name.split(b"-")[0])


def _selector(text: bytes) -> Selector:
    return Selector(*cast("list[str | None]", json.loads(text)))
