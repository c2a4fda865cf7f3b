"""One suite for every tier: what one tenant has, another never gets, sees, moves or loses by."""

from __future__ import annotations

import pytest

from cache_service.entries.entry import Budget, Entry, Key, Selector
from cache_service.eviction.lru import LruPolicy
from cache_service.fleet.redis_connection import FleetConnection
from cache_service.fleet.redis_tier import RedisTier
from cache_service.tiers.arena import Arena
from cache_service.tiers.composite import CompositeTier
from cache_service.tiers.disk import DiskTier
from cache_service.tiers.memory import MemoryTier
from cache_service.tiers.sized import SizedTier
from cache_service.tiers.storage import MappedStorage

BUDGET = Budget(10**6)
NOW = 1000.0
TENANTS = ("default", "acme", "acme2", "acm")
MARK = b"only acme has written this, and it doesn't compress: 9f86d081884c7d65"


def spaces(tenant):
    if tenant == "default":
        return ["verified", "none"]
    return [f"verified/{tenant}", f"claimed/{tenant}/0123", f"batch/{tenant}"]


def keys(tenant):
    return [Key(space, "b3:0001", "m", "1", "") for space in spaces(tenant)]


def entry(tenant):
    value = MARK if tenant == "acme" else tenant.encode()
    return Entry(value, 0.5, 2000.0, 7, "file:///same", ("same",))


def memory():
    return MemoryTier(BUDGET, LruPolicy(), Arena(BUDGET.bytes))


@pytest.fixture(params=["memory", "large", "disk", "all", "redis"])
async def tier(request, tmp_path):
    connection = None
    if request.param == "memory":
        made = memory()
    elif request.param == "large":
        large = MemoryTier(BUDGET, LruPolicy(), MappedStorage(), name="large")
        made = SizedTier(memory(), large, split_bytes=5, large_ratio=0.5)
    elif request.param == "disk":
        made = await DiskTier.open(tmp_path, BUDGET)
    elif request.param == "all":
        made = CompositeTier([memory(), await DiskTier.open(tmp_path, BUDGET)])
    else:
        server, prefix = request.getfixturevalue("redis_server"), request.getfixturevalue("redis_prefix")
        connection = FleetConnection(server.url, prefix, 2.0)
        made = RedisTier(connection, lambda: "log")
    for tenant in TENANTS:
        await made.put([(key, entry(tenant)) for key in keys(tenant)], NOW)
    yield made
    await made.close()
    if connection is not None:
        await connection.close()


async def erase(tier, tenant):
    if isinstance(tier, RedisTier):
        return await tier.erase(tenant)
    return await tier.delete(Selector(tenant=tenant), 8)


async def got(tier, tenant):
    return [hit and hit.entry.value for hit in await tier.get(keys(tenant), NOW)]


async def test_the_same_content_is_each_tenant_s_own(tier):
    for tenant in TENANTS:
        assert set(await got(tier, tenant)) == {entry(tenant).value}


async def test_a_tenant_s_end_is_nobody_elses_and_complete(tier):
    assert await erase(tier, "acme") == 3
    assert await got(tier, "acme") == [None] * 3
    for tenant in ("default", "acme2", "acm"):
        assert set(await got(tier, tenant)) == {entry(tenant).value}
    assert await erase(tier, "acme") == 0


async def test_a_selector_of_a_tenant_takes_its_own_alone(tier):
    if isinstance(tier, RedisTier):  # its entries go by the invalidation log, not by a search
        return
    for selector in (Selector(content_id="b3:0001", tenant="acme"), Selector(tag="same", tenant="acm")):
        await tier.delete(selector, 8)
    assert await got(tier, "acme") == [None] * 3 and await got(tier, "acm") == [None] * 3
    assert set(await got(tier, "acme2")) == {b"acme2"}


async def test_nothing_is_left_in_memory_that_was_erased():
    tier = memory()
    await tier.put([(key, entry("acme")) for key in keys("acme")], NOW)
    await tier.put([(key, entry("acm")) for key in keys("acm")], NOW)  # keeps the segment in use
    assert MARK in bytes(tier._storage._view)
    await tier.delete(Selector(tenant="acme"), 8)
    assert MARK not in bytes(tier._storage._view) and b"verified/acme\n" not in bytes(tier._storage._view)
    await tier.close()


async def test_nothing_is_left_on_disk_that_was_erased(tmp_path):
    tier = await DiskTier.open(tmp_path, BUDGET)
    for tenant in TENANTS:
        for number in range(200):
            key = Key(spaces(tenant)[0], f"b3:{number}", "m", "1", "")
            await tier.put([(key, entry(tenant))], NOW)

    def left():
        return [path.name for path in tmp_path.iterdir() if MARK in path.read_bytes()]

    assert left()
    await tier.delete(Selector(tenant="acme"), 8)
    assert left() == []
    await tier.close()
    assert left() == []
