"""Replicas tell each other their pressure through Redis pub/sub: what is lost there is said again a second later."""

from __future__ import annotations

import asyncio
import json
import logging
from functools import partial
from typing import TYPE_CHECKING, Any

from cache_service.fleet.redis_connection import ERRORS, FleetUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable

    from cache_service.fleet.redis_connection import Client, FleetConnection

    Word = dict[str, Any]

_log = logging.getLogger(__name__)
_PUBLISH_SECONDS = 1.0  # twice in the default heartbeat; a peer's word is valid for three of those
_RETRY_SECONDS = 1.0  # before subscribing again; as long as between two words
_LISTEN_SECONDS = 5.0  # five of our own words unheard: the connection is dead
_MAX_WORD_BYTES = 4096  # far above a word of ours; longer is a stranger's, and isn't parsed


class FleetChannel:
    """Publishes this replica's word every second and hears the others'."""

    def __init__(self, connection: FleetConnection) -> None:
        self._connection = connection
        self._channel = connection.key("pressure")

    async def publish(self, word: Callable[[], Word]) -> None:
        """Says `word()` every second until cancelled; Redis being away is no reason to end."""
        while True:
            try:
                await self._connection.run(partial(self._say, json.dumps(word())), int)
            except FleetUnavailableError as error:
                _log.debug("pressure not published", extra={"error": str(error)})
            await asyncio.sleep(_PUBLISH_SECONDS)

    async def listen(self, hear: Callable[[Word], None]) -> None:
        """Calls `hear` for each word of any replica, this one included, until cancelled."""
        while True:
            try:
                async with self._connection.client.pubsub() as subscription:
                    await subscription.subscribe(self._channel)
                    while True:
                        message = await subscription.get_message(timeout=_LISTEN_SECONDS)
                        if message is None:
                            break  # not even our own word of each second: the connection may be dead
                        if message.get("type") == "message":
                            _tell(message.get("data"), hear)
            except (*ERRORS, AttributeError) as error:  # a cluster client may have lost its nodes
                _log.debug("peers not heard", extra={"error": repr(error)})
            await asyncio.sleep(_RETRY_SECONDS)

    async def _say(self, text: str, client: Client) -> object:
        return await client.publish(self._channel, text)

    async def memory(self) -> tuple[int, int, bool]:
        """Used bytes, their limit (0: none), and whether Redis makes room by itself when it is full.

        Raises:
            FleetUnavailableError: Redis doesn't answer.
        """
        info = await self._connection.run(lambda client: client.info("memory"), dict)
        nodes = [value for value in info.values() if isinstance(value, dict)] or [
            info
        ]  # one per node of a cluster
        worst = max(
            nodes, key=lambda node: node.get("used_memory", 0) / (node.get("maxmemory", 0) or 1 << 62)
        )
        evicts = str(worst.get("maxmemory_policy", "noeviction")) != "noeviction"
        return int(worst.get("used_memory", 0)), int(worst.get("maxmemory", 0)), evicts


def _tell(data: object, hear: Callable[[Word], None]) -> None:
    """What others put on the channel may be anything."""
    if not isinstance(data, bytes | str) or len(data) > _MAX_WORD_BYTES:
        return
    try:
        word = json.loads(data)
        if isinstance(word, dict):
            hear(word)
    except Exception as error:  # noqa: BLE001 - numbers without end, nesting without end …
        _log.debug("an unreadable word of a peer", extra={"error": repr(error)})
