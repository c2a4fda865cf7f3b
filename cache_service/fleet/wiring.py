"""What a replica shares with the others, put together from the settings. Imported only where Redis is used."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cache_service.fleet.redis_channel import FleetChannel
from cache_service.fleet.redis_connection import FleetConnection
from cache_service.fleet.redis_erasures import RedisErasures
from cache_service.fleet.redis_leases import FleetLeases
from cache_service.fleet.redis_log import FleetLog
from cache_service.fleet.redis_shelf import RedisShelf
from cache_service.fleet.redis_tier import RedisTier

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from cache_service.invalidation import InvalidationLog
    from cache_service.settings import Settings


class Fleet(NamedTuple):
    """The shared parts, over one connection."""

    connection: FleetConnection
    log: FleetLog
    tier: RedisTier
    shelf: RedisShelf
    leases: FleetLeases
    channel: FleetChannel
    erasures: RedisErasures


def make_fleet(
    settings: Settings, log: InvalidationLog, restarted: Callable[[str], Awaitable[None]]
) -> Fleet:
    """The shared parts; nothing is connected yet.

    Raises:
        ValueError: the URL of Redis isn't one.
    """
    connection = FleetConnection(
        settings.cache_redis_url, settings.cache_redis_prefix, settings.cache_redis_timeout_seconds
    )
    tier = RedisTier(connection, lambda: log.point.log_id)
    return Fleet(
        connection,
        FleetLog(connection, log, restarted),
        tier,
        RedisShelf(connection),
        FleetLeases(connection),
        FleetChannel(connection),
        RedisErasures(connection, tier),
    )
