"""Dictionaries in Redis, for values that another replica compressed."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from cache_service.fleet.redis_connection import ERRORS, FleetUnavailableError

if TYPE_CHECKING:
    from cache_service.fleet.redis_connection import Client, FleetConnection

_LIFETIME_SECONDS = 7 * 86_400  # far longer than any value; refreshed while in use


class RedisShelf:
    """See `Shelf`."""

    def __init__(self, connection: FleetConnection) -> None:
        self._connection = connection

    async def load(self, dictionary_id: int) -> bytes | None:
        """See `Shelf.load`."""
        return await self._get(self._connection.key("d", str(dictionary_id)))

    async def save(self, dictionary_id: int, sealed: bytes) -> bool:
        """See `Shelf.save`."""
        try:
            for name, value in ((str(dictionary_id), sealed), ("newest", str(dictionary_id).encode())):
                await self._set(self._connection.key("d", name), value)
        except FleetUnavailableError:
            return False
        return True

    async def newest(self) -> int | None:
        """See `Shelf.newest`."""
        text = await self._get(self._connection.key("d", "newest"))
        return int(text) if text is not None and text.isdigit() else None

    async def clear(self) -> None:
        """See `Shelf.clear`."""
        try:
            names = [
                name async for name in self._connection.client.scan_iter(match=self._connection.key("d", "*"))
            ]
            for name in names:
                await self._connection.run(partial(_delete, name), object)
        except (FleetUnavailableError, *ERRORS) as error:
            raise OSError(str(error)) from error

    async def _get(self, key: str) -> bytes | None:
        try:
            answer = await self._connection.run(lambda client: client.get(key), object)
        except FleetUnavailableError:
            return None
        return answer if isinstance(answer, bytes) else None

    async def _set(self, key: str, value: bytes) -> None:
        await self._connection.run(lambda client: client.set(key, value, ex=_LIFETIME_SECONDS), object)


async def _delete(name: bytes, client: Client) -> object:
    return await client.delete(name)
