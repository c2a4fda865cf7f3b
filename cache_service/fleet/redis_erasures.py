"""What replicas tell each other of erasures, through Redis: a hash per erasure, a field per replica."""

from __future__ import annotations

import json
import logging
from functools import partial
from typing import TYPE_CHECKING, Any

from cache_service.erasure import Part
from cache_service.fleet.redis_connection import FleetUnavailableError

if TYPE_CHECKING:
    from cache_service.fleet.redis_connection import Client, FleetConnection
    from cache_service.fleet.redis_tier import RedisTier

_log = logging.getLogger(__name__)
_LIFETIME_SECONDS = 86_400  # a day: who asks again for a replica that was away finds its answer


class RedisErasures:
    """See `Shared`."""

    def __init__(self, connection: FleetConnection, tier: RedisTier) -> None:
        self._connection = connection
        self._tier = tier

    async def erase(self, tenant: str) -> int:
        """See `Shared.erase`."""
        return await self._tier.erase(tenant)

    async def request(self, tenant: str, revision: int) -> None:
        """See `Shared.request`."""
        key = self._connection.key("erasures")
        try:
            await self._connection.run(lambda client: client.hset(key, tenant, revision), object)
        except FleetUnavailableError as error:  # the log has it
            _log.warning("an erasure can't be noted", extra={"error": str(error)})

    async def requested(self) -> dict[str, int]:
        """See `Shared.requested`; none while Redis doesn't answer."""
        key = self._connection.key("erasures")
        try:
            found = await self._connection.run(lambda client: client.hgetall(key), dict)
            return {name.decode(): int(revision) for name, revision in found.items()}
        except (FleetUnavailableError, ValueError, AttributeError):
            return {}

    async def tell(self, revision: int, part: Part) -> None:
        """See `Shared.tell`."""
        try:
            await self._connection.run(partial(self._set, self._key(revision), part), object)
        except FleetUnavailableError as error:
            _log.warning("others can't be told of an erasure", extra={"error": str(error)})

    async def told(self, revision: int) -> list[Part]:
        """See `Shared.told`; nothing while Redis doesn't answer."""
        try:
            found = await self._connection.run(lambda client: client.hgetall(self._key(revision)), dict)
        except FleetUnavailableError:
            return []
        return [part for each in found.values() if (part := _part(each)) is not None]

    @staticmethod
    async def _set(key: str, part: Part, client: Client) -> object:
        await client.hset(key, part.replica, json.dumps(part))
        return await client.expire(key, _LIFETIME_SECONDS)

    def _key(self, revision: int) -> str:
        return self._connection.key("erased", str(revision))


def _part(text: Any) -> Part | None:
    try:
        replica, *counts = json.loads(text)
        return Part(str(replica), *map(int, counts))
    except (ValueError, TypeError):
        return None
