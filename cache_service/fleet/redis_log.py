"""The invalidation log that replicas share: a counter and a stream in Redis, mirrored by each replica's own log.

An invalidation is numbered and published in one step (a Lua script), and every replica applies it within a tenth of a
second. A mirror that lags gives out lower revisions, and lower is safe.

Every state of the log has a head, a digest of the head before it and of the invalidation. Equal heads are equal
histories. A replica whose head doesn't continue to the shared one (Redis lost its data, a lagging Redis replica was
promoted, the stream was trimmed) can't know what was missed, by itself or by others: it publishes that everything is
invalid. Slower, never wrong.
"""

from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING, NamedTuple

from cache_service.entries.entry import Selector
from cache_service.fleet.redis_connection import FleetUnavailableError
from cache_service.invalidation import EVERYTHING, Invalidation, LogUnavailableError, ReadPoint
from service_runtime.repeated import RepeatedErrors

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import TypeVar

    from cache_service.fleet.redis_connection import FleetConnection
    from cache_service.invalidation import InvalidationLog

    Restarted = Callable[[str], Awaitable[None]]
    T = TypeVar("T")

_log = logging.getLogger(__name__)
_failures = RepeatedErrors(_log, "following the shared invalidation log failed")
_JUMP = 1_000_000  # more than any replica can be ahead of the one that founds a lost log anew
_MAX_STREAM = 100_000  # about; _CHUNK x _MAX_CHUNKS of them are enough to catch up, the rest is spare
_CHUNK = 500  # entries read at once: 20,000 in 40 steps, each short beside Redis's time-out
_MAX_CHUNKS = 40  # further behind, dropping everything is quicker
_ATTEMPTS = 5  # times that other replicas may publish in between; then it is refused
# One small script; a blocking read wouldn't notice that Redis lost its data.
_POLL_SECONDS = 0.1
_RETRY_SECONDS = 0.2  # after a failure, twice the poll; the breaker spares Redis more than that
# Answers id, revision and head; founds the log when there is none.
_JOIN = """
if redis.call('EXISTS', KEYS[1]) == 0 then
  redis.call('DEL', KEYS[2])
  redis.call('HSET', KEYS[1], 'id', ARGV[1], 'revision', ARGV[2], 'head', ARGV[3])
end
return redis.call('HMGET', KEYS[1], 'id', 'revision', 'head')
"""
# Raises the revision, without an invalidation: nobody's entries may be newer than what is to come.
_RAISE = """
local revision = math.max(tonumber(redis.call('HGET', KEYS[1], 'revision') or 0), tonumber(ARGV[1]))
redis.call('HSET', KEYS[1], 'revision', string.format('%.0f', revision))
return revision
"""
# ARGV: id, expected head ('*': any), the highest revision known here, the selector. Answers {revision, head} or {}.
_APPEND = """
local now = redis.call('HMGET', KEYS[1], 'id', 'revision', 'head')
if now[1] ~= ARGV[1] or (ARGV[2] ~= '*' and now[3] ~= ARGV[2]) then return {} end
local revision = string.format('%.0f', math.max(tonumber(now[2]), tonumber(ARGV[3])) + 1)
local head = redis.sha1hex(now[3] .. '/' .. revision .. '/' .. ARGV[4])
redis.call('HSET', KEYS[1], 'revision', revision, 'head', head)
redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[5], revision .. '-0', 's', ARGV[4], 'p', now[3], 'h', head)
return {revision, head}
"""


class _Shared(NamedTuple):
    log_id: str
    revision: int
    head: str


class FleetLog:
    """Keeps the replica's log in step with the shared one."""

    def __init__(self, connection: FleetConnection, log: InvalidationLog, restarted: Restarted) -> None:
        """`restarted` frees what is held under another log's id; it is out of reach already."""
        self._connection = connection
        self._log = log
        self._restarted = restarted
        # One hash tag: both keys live on one node of a cluster.
        self._state_key = "{" + connection.key("log") + "}"
        self._stream_key = self._state_key + ":stream"
        self._order = asyncio.Lock()

    async def append(self, selector: Selector) -> ReadPoint:
        """The log after the invalidation, which all replicas will hear of.

        Raises:
            LogUnavailableError: Redis can't be told; nothing was changed.
        """
        try:
            async with self._order:
                for _ in range(_ATTEMPTS):
                    await self._synchronise()
                    if await self._publish(selector, self._log.head):
                        return self._log.point
        except FleetUnavailableError as error:
            raise LogUnavailableError(str(error)) from error
        raise LogUnavailableError("the shared log keeps changing")

    async def run(self) -> None:
        """Follows the shared log until cancelled; failures are tried again for ever."""
        is_lost = False
        while True:
            try:
                async with self._order:
                    await self._synchronise()
                if is_lost:
                    _log.info("the shared invalidation log is heard again")
                is_lost = False
                await asyncio.sleep(_POLL_SECONDS)
            except FleetUnavailableError as error:
                if not is_lost:
                    _log.warning("the shared invalidation log can't be heard", extra={"error": str(error)})
                is_lost = True
                await asyncio.sleep(_RETRY_SECONDS)
            except Exception as error:  # noqa: BLE001 - whatever it is, the loop must go on
                _failures.log(error)
                await asyncio.sleep(_RETRY_SECONDS)

    async def join(self) -> bool:
        """Whether the shared log could be joined now; otherwise `run` does it later."""
        try:
            async with self._order:
                await self._synchronise()
        except FleetUnavailableError as error:
            _log.warning("the shared invalidation log can't be joined yet", extra={"error": str(error)})
            return False
        return True

    async def _synchronise(self) -> None:
        """Brings the replica's log to the shared head."""
        own = self._log.point
        answer = await self._eval(_JOIN, list, own.log_id, own.revision + _JUMP, self._log.head)
        shared = _Shared(answer[0].decode(), int(answer[1]), answer[2].decode())
        if shared.log_id != own.log_id:
            await self._adopt(shared)
        elif shared.head == self._log.head:
            if shared.revision > own.revision:
                self._log.skip_to(shared.revision)
        elif not await self._catch_up(shared):
            _log.warning("the shared invalidation log doesn't continue ours; everything is invalidated")
            if not await self._publish(EVERYTHING, "*"):
                raise FleetUnavailableError("the shared log has just been replaced")

    async def _adopt(self, shared: _Shared) -> None:
        """Takes over a log with another id, above every revision that was ever given here."""
        own = self._log.point
        revision = await self._eval(_RAISE, int, own.revision + 1)
        _log.info("joined the shared invalidation log", extra={"log_id": shared.log_id, "revision": revision})
        # With the head as it was read: what was published since is caught up with.
        self._log.restart(shared.log_id, max(revision, own.revision + 1), shared.head)
        await self._restarted(shared.log_id)

    async def _catch_up(self, shared: _Shared) -> bool:
        """Whether the stream led from our head to the shared one, or beyond."""
        for _ in range(_MAX_CHUNKS):
            answer = await self._connection.run(
                lambda client: client.xrange(
                    self._stream_key, f"({self._log.point.revision}-0", "+", count=_CHUNK
                ),
                list,
            )
            for name, fields in answer:
                try:
                    before, head = fields[b"p"].decode(), fields[b"h"].decode()
                    invalidation = Invalidation(int(name.split(b"-")[0]), _selector(fields[b"s"]))
                except (KeyError, ValueError):
                    return False  # somebody else wrote there; everything is invalidated, which is never wrong
                if before != self._log.head:
                    return False
                self._log.record(invalidation, head)
            # Beyond it, when more was published meanwhile; but not without a step, or the shared log is behind ours.
            if self._log.head == shared.head or (answer and self._log.point.revision > shared.revision):
                return True
            if len(answer) < _CHUNK:
                return False
            await asyncio.sleep(0)
        return False

    async def _publish(self, selector: Selector, expected_head: str) -> bool:
        """Whether the invalidation was published, and is in force here."""
        own = self._log.point
        answer = await self._eval(
            _APPEND, list, own.log_id, expected_head, own.revision, _text(selector), _MAX_STREAM
        )
        if not answer:
            return False
        self._log.record(Invalidation(int(answer[0]), selector), answer[1].decode())
        return True

    async def _eval(self, script: str, kind: type[T], *arguments: str | int) -> T:
        return await self._connection.run(
            lambda client: client.eval(script, 2, self._state_key, self._stream_key, *arguments), kind
        )


def _text(selector: Selector) -> str:
    """As replicas of the version before read it, too, where no tenant is named."""
    return json.dumps(selector if selector.tenant is not None else selector[:5])


def _selector(text: bytes) -> Selector:
    """What was published; raises ValueError for what no replica publishes."""
    fields = json.loads(text)
    if not isinstance(fields, list) or not all(each is None or isinstance(each, str) for each in fields):
        raise ValueError("a list of texts is expected")
    try:
        return Selector(*fields)
    except TypeError as error:
        raise ValueError(str(error)) from error
