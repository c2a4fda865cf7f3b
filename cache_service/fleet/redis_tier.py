"""The tier that replicas share: Redis or Valkey, pipelined, every value self-describing and verified on read.

Values are sealed records under a digest of the key, expire by themselves, and are small enough for any `maxmemory`
policy to evict. Redis holds copies: it is never the only reason to call something stored.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, cast

from blake3 import blake3

from cache_service.entries import record
from cache_service.entries.entry import Budget, Found, RemovalCause, TierStats
from cache_service.fleet.redis_connection import ERRORS
from cache_service.tiers.base import TierError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cache_service.entries.entry import Entry, Key, Selector
    from cache_service.fleet.redis_connection import FleetConnection

# In one exchange; more would hold Redis and its 0.25 s time-out for too long.
_MAX_PIPELINE_BYTES = 8 * 1024 * 1024
_SCAN_COUNT = 1000  # names that one step looks at: a millisecond or so of Redis's only thread
_READ_CHUNK = 64  # keys between two looks at the bytes; their sizes aren't known before
# Deletes a key only while it holds that value; the seal stands for it.
_DISCARD = """
local held = redis.call('GETRANGE', KEYS[1], -#ARGV[1], -1)
if held == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""


class RedisTier:
    """Entries in Redis. Its size is bounded by Redis's own `maxmemory`, and by their lifetimes."""

    name = "redis"

    def __init__(self, connection: FleetConnection, log_id: Callable[[], str]) -> None:
        """`log_id` names the invalidation log by which entries are judged; those of another are never seen."""
        self._connection = connection
        self._log_id = log_id
        self._hits = 0
        self._removals: Counter[RemovalCause] = Counter()

    async def get(self, keys: Sequence[Key], now: float) -> list[Found | None]:
        """See `Tier.get`. A value that fails verification is removed and missed; beyond 8 MiB, so is the rest."""
        names = [self._name(key) for key in keys]
        answers: list[object] = []
        left_bytes = _MAX_PIPELINE_BYTES
        for start in range(0, len(names), _READ_CHUNK):
            part = names[start : start + _READ_CHUNK]
            read = (
                await self._pipeline([("GET", name) for name in part])
                if left_bytes > 0
                else [None] * len(part)
            )
            left_bytes -= sum(len(value) for value in read if isinstance(value, bytes))
            answers += read
        found: list[Found | None] = []
        for key, name, sealed in zip(keys, names, answers, strict=True):
            entry = None
            if isinstance(sealed, bytes):
                entry = _entry(key, sealed)
                if entry is None:
                    self._removals[RemovalCause.CORRUPT] += 1
                    await self._pipeline([("DEL", name)])
                elif entry.expires_at <= now:  # its clock and ours differ
                    entry = None
            found.append(None if entry is None else Found(entry, self.name))
        self._hits += sum(1 for hit in found if hit is not None)
        return found

    async def put(
        self,
        items: Sequence[tuple[Key, Entry]],
        now: float,
        *,
        only_absent: bool = False,
        backed: Sequence[bool] = (),
    ) -> list[str]:
        """See `Tier.put`."""
        del backed
        commands: list[tuple[bytes | str | int, ...]] = []
        size_bytes = 0
        for key, entry in items:
            sealed = record.seal(record.encode(key.text().encode(), entry))
            lifetime_ms = max(1, int((entry.expires_at - now) * 1000))
            commands.append(
                ("SET", self._name(key), sealed, "PX", lifetime_ms, *(("NX",) if only_absent else ()))
            )
            size_bytes += len(sealed)
            if size_bytes > _MAX_PIPELINE_BYTES:
                await self._pipeline(commands)
                commands, size_bytes = [], 0
        await self._pipeline(commands)
        return [self.name] * len(items)

    async def delete(self, selector: Selector, before_revision: int) -> int:
        """Nothing is searched for: the invalidation log makes what was selected a miss, and its lifetime ends it."""
        del selector, before_revision
        return 0

    async def erase(self, tenant: str) -> int:
        """The number of entries removed: all of a tenant, under any log. Goes over all names in Redis.

        Raises:
            TierError: Redis can't be asked.
        """
        pattern, removed = self._connection.key("r", "*", _tenant_name(tenant), "*"), 0
        try:
            names: list[bytes] = []
            async for name in self._connection.client.scan_iter(match=pattern, count=_SCAN_COUNT):
                names.append(name)
                if len(names) == _SCAN_COUNT:
                    removed += await self._unlink(names)
                    names = []
            return removed + await self._unlink(names)
        except ERRORS as error:
            raise TierError(f"Redis: {error or type(error).__name__}") from error

    async def discard(self, items: Sequence[tuple[Key, Entry]], cause: RemovalCause) -> None:
        """See `Tier.discard`."""
        commands = [
            (
                "EVAL",
                _DISCARD,
                1,
                self._name(key),
                record.seal(record.encode(key.text().encode(), entry))[-record.SEAL_BYTES :],
            )
            for key, entry in items
        ]
        answers = await self._pipeline(commands)
        self._removals[cause] += sum(1 for answer in answers if answer == 1)

    async def resize(self, budget: Budget, cause: RemovalCause) -> None:
        """Its size is Redis's own affair."""

    def stats(self) -> list[TierStats]:
        """See `Tier.stats`; what it holds is counted by Redis, not here."""
        return [TierStats(self.name, self._hits, 0, 0, Budget(0), dict(self._removals))]

    async def close(self) -> None:
        """The connection isn't this tier's."""

    def _name(self, key: Key) -> str:
        return self._connection.key(
            "r", self._log_id(), _tenant_name(key.tenant), blake3(key.text().encode()).hexdigest(length=16)
        )

    async def _unlink(self, names: Sequence[bytes]) -> int:
        answers = await self._pipeline([("UNLINK", name) for name in names])
        return sum(1 for answer in answers if answer == 1)

    async def _pipeline(self, commands: Sequence[tuple[bytes | str | int, ...]]) -> list[object]:
        if not commands:
            return []
        try:
            async with self._connection.places:
                pipeline = self._connection.client.pipeline(transaction=False)
                for command in commands:
                    pipeline.execute_command(*command)
                answers = cast("list[object]", await pipeline.execute(raise_on_error=False))
        except ERRORS as error:
            raise TierError(f"Redis: {error or type(error).__name__}") from error
        for answer in answers:
            if isinstance(answer, Exception):
                raise TierError(f"Redis: {answer}")
        return answers


def _tenant_name(tenant: str) -> str:
    return blake3(tenant.encode()).hexdigest(length=8)


def _entry(key: Key, sealed: bytes) -> Entry | None:
    """The entry, if the value is intact and of this key."""
    try:
        found = record.unseal(sealed)
    except ValueError:
        return None
    return found.entry if found.key_text == key.text().encode() else None
