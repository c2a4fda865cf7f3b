"""What replicas tell each other of erasures, through Redis: a hash per erasure, a field per replica."""

from __future__ import annotations

import json
import logging
from functools import partial
from typing import TYPE_CHECKING, Any

from cache_service.erasure import Part
from cache_service.fleet.redis_connection import FleetUnavailableError
from cache_service.invalidation import ErasureNote

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cache_service.fleet.redis_connection import Client, FleetConnection
    from cache_service.fleet.redis_tier import RedisTier

_log = logging.getLogger(__name__)
_MAX_NOTES = 10_000  # as each replica keeps
_LIFETIME_SECONDS = 86_400  # a day: who asks again for a replica that was away finds its answer


class RedisErasures:
    """See `Shared`."""

    def __init__(self, connection: FleetConnection, tier: RedisTier) -> None:
        self._connection = connection
        self._tier = tier

    async def erase(self, tenant: str) -> int:
        """See `Shared.erase`."""
        return await self._tier.erase(tenant)

    async def exchange(self, notes: Sequence[ErasureNote]) -> list[ErasureNote]:
        """See `Shared.exchange`."""
        key = self._connection.key("erasures")
        try:
            found = await self._connection.run(lambda client: client.hgetall(key), dict)
            missing = {note.id: note.tenant for note in notes[-_MAX_NOTES:] if note.id.encode() not in found}
            if len(found) > _MAX_NOTES:  # the oldest go: who was away for so many begins anew
                surplus = sorted(found, key=_revision)[: len(found) - _MAX_NOTES]
                await self._connection.run(lambda client: client.hdel(key, *surplus), object)
                missing = {}
            if missing:
                await self._connection.run(lambda client: client.hset(key, mapping=missing), object)
            return [ErasureNote(name.decode(), tenant.decode()) for name, tenant in found.items()]
        except (FleetUnavailableError, UnicodeDecodeError) as error:
            _log.debug("notes of erasures aren't exchanged", extra={"error": str(error)})
            return []

    async def tell(self, note: ErasureNote, part: Part) -> None:
        """See `Shared.tell`."""
        try:
            await self._connection.run(partial(self._set, self._key(note), part), object)
        except FleetUnavailableError as error:
            _log.warning("others can't be told of an erasure", extra={"error": str(error)})

    async def told(self, note: ErasureNote) -> list[Part]:
        """See `Shared.told`; nothing while Redis doesn't answer."""
        try:
            found = await self._connection.run(lambda client: client.hgetall(self._key(note)), dict)
        except FleetUnavailableError:
            return []
        return [part for each in found.values() if (part := _part(each)) is not None]

    @staticmethod
    async def _set(key: str, part: Part, client: Client) -> object:
        await client.hset(key, part.replica, json.dumps(part))
        return await client.expire(key, _LIFETIME_SECONDS)

    def _key(self, note: ErasureNote) -> str:
        return self._connection.key("erased", note.id)


def _revision(name: bytes) -> int:
    number = name.rpartition(b"/")[2]
    return int(number) if number.isdigit() else 0


def _part(text: Any) -> Part | None:
    try:
        replica, *counts = json.loads(text)
        return Part(str(replica), *map(int, counts))
    except (ValueError, TypeError):
        return None
