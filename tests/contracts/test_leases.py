"""One suite for every lease book: a replica's own, and the fleet's in Redis, also when Redis is away."""

import pytest

from cache_service.fleet.redis_connection import FleetConnection
from cache_service.fleet.redis_leases import FleetLeases
from cache_service.leases import LocalLeases
from tests.support.redis_server import free_port

NOW = 1_700_000_000.0


@pytest.fixture(params=["local", "redis", "redis away"])
async def book(request, redis_prefix):
    if request.param == "local":
        yield LocalLeases()
        return
    url = f"redis://127.0.0.1:{free_port()}"
    if request.param == "redis":
        url = request.getfixturevalue("redis_server").url
    connection = FleetConnection(url, redis_prefix, 1.0)
    yield FleetLeases(connection)
    await connection.close()


async def test_one_holder_at_a_time(book):
    lease = await book.acquire("a", "me", 10, NOW)
    assert lease is not None and lease.name == "a"
    assert await book.acquire("a", "you", 10, NOW + 1) is None
    assert await book.acquire("b", "you", 10, NOW + 1) is not None
    assert await book.release("a", lease.token)
    assert not await book.release("a", lease.token), "once is enough"
    again = await book.acquire("a", "you", 10, NOW + 2)
    assert again.token > lease.token, "tokens grow"


async def test_only_the_holder_renews_and_releases(book):
    lease = await book.acquire("a", "me", 10, NOW)
    assert not await book.release("a", lease.token + 1)
    assert await book.renew("a", lease.token + 1, 10, NOW) is None
    assert (await book.renew("a", lease.token, 20, NOW)).expires_at == NOW + 20
    assert await book.acquire("a", "you", 10, NOW + 15) is None


async def test_a_lost_lease_is_known_to_be_lost(book):
    lease = await book.acquire("a", "me", 10, NOW)
    assert not await book.is_lost("a", lease.token, NOW)
    assert await book.is_lost("a", lease.token - 1, NOW)
    await book.release("a", lease.token)
    assert not await book.is_lost("a", lease.token, NOW), "released, but nobody else has it"


async def test_a_lease_lapses():
    book = LocalLeases()
    lease = await book.acquire("a", "me", 10, NOW)
    other = await book.acquire("a", "you", 10, NOW + 10)
    assert other.token > lease.token and book.expired == 1
    assert (
        await book.is_lost("a", lease.token, NOW + 11) and await book.renew("a", lease.token, 10, NOW) is None
    )


async def test_what_nobody_asks_for_again_is_forgotten():
    book = LocalLeases()
    for number in range(5000):
        await book.acquire(str(number), "me", 1, NOW + number)
    assert len(book._leases) < 1100


async def test_the_fleet_has_one_holder(redis_server, redis_prefix):
    connections = [FleetConnection(redis_server.url, redis_prefix, 1.0) for _ in range(2)]
    one, other = map(FleetLeases, connections)
    lease = await one.acquire("a", "me", 0.3, NOW)
    assert await other.acquire("a", "you", 10, NOW) is None
    assert await other.is_lost("a", lease.token - 1, NOW)
    await one.release("a", lease.token)
    theirs = await other.acquire("a", "you", 10, NOW + 1)
    assert theirs is not None and await one.is_lost("a", lease.token, NOW + 1)
    assert await one.renew("a", lease.token, 10, NOW) is None
    for connection in connections:
        await connection.close()
