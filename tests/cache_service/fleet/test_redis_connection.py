"""Connections that break while nobody looks, on the loop that the service runs on: it has an error of its own for them."""

import asyncio
import contextlib

import pytest
import uvloop

from cache_service.entries.entry import Key
from cache_service.fleet.redis_channel import FleetChannel
from cache_service.fleet.redis_connection import FleetConnection, FleetUnavailableError
from cache_service.fleet.redis_tier import RedisTier
from cache_service.tiers.base import TierError
from tests.support.optional import needs
from tests.support.redis_server import RedisServer

pytestmark = needs("redis")


def on_the_services_loop(scenario):
    async def connected(url):
        connection = FleetConnection(url, "broken", 2.0)
        try:
            assert await connection.run(lambda client: client.ping(), bool)
            await scenario(connection)
        finally:
            await connection.close()

    with RedisServer() as server:
        uvloop.run(connected(f"redis://127.0.0.1:{server.port}/0"))


def break_off(connection):
    """All connections, those in use as well: a subscription, a command that is being answered."""
    pool = connection.client.connection_pool
    both = [*pool._available_connections, *pool._in_use_connections]
    assert both
    for each in both:
        each._writer.transport.abort()


def test_a_command_fails_as_it_does_where_redis_is_away():
    async def scenario(connection):
        for _ in range(3):
            break_off(connection)
            with pytest.raises(FleetUnavailableError, match="closed"):
                await connection.run(lambda client: client.ping(), bool)
            assert await connection.run(lambda client: client.ping(), bool)

    on_the_services_loop(scenario)


def test_the_tier_misses():
    async def scenario(connection):
        tier = RedisTier(connection, lambda: "log")
        break_off(connection)
        with pytest.raises(TierError, match="closed"):
            await tier.get([Key("verified", "b3:1", "m", "1", "")], 0.0)
        assert await tier.get([Key("verified", "b3:1", "m", "1", "")], 0.0) == [None]

    on_the_services_loop(scenario)


def test_peers_are_heard_again():
    async def scenario(connection):
        channel, heard = FleetChannel(connection), asyncio.Event()
        tasks = [
            asyncio.create_task(channel.publish(lambda: {"replica": "me"})),
            asyncio.create_task(channel.listen(lambda _: heard.set())),
        ]
        for _ in range(2):
            await asyncio.wait_for(heard.wait(), 10)
            break_off(connection)
            heard.clear()
        await asyncio.wait_for(heard.wait(), 10)
        for task in tasks:
            assert not task.done()
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    on_the_services_loop(scenario)
