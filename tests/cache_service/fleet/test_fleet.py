"""Two cache replicas' stores over one real Redis: what one deletes never comes back at the other."""

import asyncio
import contextlib

import pytest

from cache_service.assembly import assembled
from cache_service.entries.entry import Budget, Key, Selector
from cache_service.fleet.redis_connection import FleetConnection
from cache_service.invalidation import LogUnavailableError
from cache_service.settings import Settings
from cache_service.store import NewResult, TtlSpan

TTL = TtlSpan(1000, 1000)


def key(number):
    return Key("verified", f"b3:{number}", "m", "1", "")


def result(number, value=b"v", point=None, **labels):
    return NewResult(key(number), value, 0.5, TTL, point, **labels)


def settings(url, prefix, directory="", **more):
    return Settings(
        cache_directory=str(directory),
        cache_redis_url=url,
        cache_redis_prefix=prefix,
        cache_redis_timeout_seconds=1.0,
        **more,
    )


async def until(condition, seconds=5.0):
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


@pytest.fixture
async def pair(redis_server, redis_prefix, tmp_path):
    async with (
        assembled(settings(redis_server.url, redis_prefix, tmp_path / "a"), Budget(10**7)) as one,
        assembled(settings(redis_server.url, redis_prefix, tmp_path / "b"), Budget(10**7)) as other,
    ):
        yield one, other


async def same_point(one, other):
    await until(lambda: (one.log.point, one.log.head) == (other.log.point, other.log.head))


async def test_what_one_stores_the_other_finds(pair):
    one, other = pair
    await one.store.put([result(1, b"x" * 5000)])
    (found,) = await other.store.get([key(1)])
    assert found.value == b"x" * 5000 and found.tier == "redis"
    assert (await other.store.get([key(1)]))[0].tier == "memory", "promoted"
    assert await other.store.get([key(2)]) == [None]


@pytest.mark.parametrize(
    ("selector", "labels"),
    [
        (Selector(content_id="b3:1"), {}),
        (Selector(module="m", version="1"), {}),
        (Selector(source_prefix="file:///pictures/"), {"source": "file:///pictures/a.jpg"}),
        (Selector(tag="customer-7"), {"tags": ("customer-7", "x")}),
        (Selector(), {}),
    ],
)
async def test_what_one_invalidates_is_gone_everywhere(pair, selector, labels):
    one, other = pair
    point = other.store.read_point
    await one.store.put([result(1, **labels)])
    assert (await other.store.get([key(1)]))[0] is not None
    if selector != Selector():
        await one.store.put([result(2).__class__(key(2)._replace(module="n"), b"v", 0.5, TTL, None)])
    await one.store.invalidate(selector)
    await same_point(one, other)
    assert await one.store.get([key(1)]) == [None] == await other.store.get([key(1)])
    # A fill at the other replica that began before is refused.
    assert (await other.store.put([result(1, point=point, **labels)]))[0].reason == "invalidated"
    assert await one.store.get([key(1)]) == [None]
    if selector not in {Selector(), Selector(module="m", version="1")}:
        assert (await other.store.get([key(2)._replace(module="n")]))[0] is not None, "others stay"


async def test_a_promotion_does_not_bring_a_deleted_result_back(pair):
    one, other = pair
    await one.store.put([result(1)])
    await one.store.invalidate(Selector(content_id="b3:1"))
    await same_point(one, other)
    # The value is still in Redis: it isn't searched there. Whoever looks finds it covered, also after promotion.
    for store in (other.store, one.store, other.store):
        assert await store.get([key(1)]) == [None]


async def test_write_behind_does_not_bring_a_deleted_result_back(redis_server, redis_prefix):
    slow = settings(redis_server.url, redis_prefix, cache_redis_write="behind")
    async with (
        assembled(slow, Budget(10**7)) as one,
        assembled(settings(redis_server.url, redis_prefix), Budget(10**7)) as other,
    ):
        redis_server.pause()
        try:
            await one.store.put([result(1), result(2)])  # queued
            one.tier._layers[-1].queue.drop(Selector(content_id="b3:1"), 1 << 60)
        finally:
            redis_server.resume()
        await one.store.invalidate(Selector(content_id="b3:1"))
        await one.tier.flush()
        await same_point(one, other)
        assert await other.store.get([key(1)]) == [None]
        await one.store.put([result(3)])
        await one.tier.flush()
        assert (await other.store.get([key(3)]))[0].value == b"v"


async def test_a_restart_without_redis_keeps_what_it_has_and_knows(own_redis_server, redis_prefix, tmp_path):
    server = own_redis_server
    async with assembled(settings(server.url, redis_prefix, tmp_path), Budget(10**7)) as parts:
        await parts.store.put([result(1), result(2)])
        await parts.store.invalidate(Selector(content_id="b3:1"))
        point = parts.log.point
    server.kill()
    async with assembled(settings(server.url, redis_prefix, tmp_path), Budget(10**7)) as parts:
        assert parts.log.point == point
        first, second = await parts.store.get([key(1), key(2)])
        assert first is None and second.tier == "disk"
        assert (await parts.store.put([result(3)]))[0].tier == "disk"
        with pytest.raises(LogUnavailableError):
            await parts.store.invalidate(Selector(content_id="b3:2"))
        assert (await parts.store.get([key(2)]))[0] is not None, "refused means unchanged"
        server.start()  # empty: it has lost everything
        await until(lambda: parts.log.point.revision > point.revision)
        await parts.store.invalidate(Selector(content_id="b3:2"))
        assert await parts.store.get([key(1), key(2)]) == [None, None]
        assert (await parts.store.get([key(3)]))[0].value == b"v"


async def test_after_a_flush_invalidations_still_count(pair, redis_server):
    one, other = pair
    await one.store.put([result(1), result(2), result(3)])
    await other.store.get([key(1), key(2), key(3)])
    await one.store.invalidate(Selector(content_id="b3:1"))
    await same_point(one, other)
    before = one.log.point
    with redis_server.client() as client:
        client.flushall()
    await until(lambda: one.log.point.revision > before.revision)
    await same_point(one, other)
    assert await other.store.get([key(1)]) == [None]
    assert (await other.store.get([key(2)]))[0].value == b"v", "what both had heard of needn't be dropped"
    await other.store.invalidate(Selector(content_id="b3:2"))
    await same_point(one, other)
    assert await one.store.get([key(2)]) == [None] == await other.store.get([key(2)])
    assert (await one.store.get([key(3)]))[0] is not None


@contextlib.asynccontextmanager
async def deaf(parts):
    """The replica hears and says nothing of the shared log meanwhile."""
    async with parts.store._appender._order:
        yield


def state_key(prefix):
    return f"{{{prefix}:log}}"


async def both_forget(one, other, *numbers):
    """What was deleted is gone at both, by itself or with everything else."""
    await same_point(one, other)
    for number in numbers:
        assert await one.store.get([key(number)]) == [None] == await other.store.get([key(number)])


async def test_one_that_missed_part_of_a_lost_log_drops_everything(pair, redis_server):
    one, other = pair
    await one.store.put([result(1), result(2)])
    await other.store.get([key(1), key(2)])
    await same_point(one, other)
    async with deaf(other):
        await one.store.invalidate(Selector(content_id="b3:1"))
        with redis_server.client() as client:
            client.flushall()
    await both_forget(one, other, 1)


async def test_a_log_founded_anew_by_one_who_had_missed_something_is_put_right(pair, redis_server):
    one, other = pair
    await one.store.put([result(1), result(2)])
    await other.store.get([key(1), key(2)])
    await same_point(one, other)
    async with deaf(other):
        await one.store.invalidate(Selector(content_id="b3:1"))
    async with deaf(one):
        with redis_server.client() as client:
            client.flushall()
        await until(lambda: redis_server.client().exists(state_key(other.store._appender._connection.prefix)))
    await both_forget(one, other, 1)


async def test_clearing_survives_a_lost_log(pair, redis_server):
    one, other = pair
    await one.store.put([result(1), result(2)])
    await other.store.get([key(1), key(2)])
    await same_point(one, other)
    async with deaf(other):
        await one.store.clear()
        with redis_server.client() as client:
            client.flushall()
    await both_forget(one, other, 1, 2)


@pytest.mark.parametrize("next_one", [0, 1], ids=["by the one ahead", "by the one behind"])
async def test_a_promoted_redis_replica_that_lagged_behind_is_noticed(
    pair, redis_server, redis_prefix, next_one
):
    one, other = pair
    await one.store.put([result(number) for number in range(4)])
    await other.store.get([key(number) for number in range(4)])
    await one.store.invalidate(Selector(content_id="b3:0"))
    await same_point(one, other)
    names = [state_key(redis_prefix), state_key(redis_prefix) + ":stream"]
    with redis_server.client() as client:
        dumps = [client.dump(name) for name in names]
        async with deaf(other):
            await one.store.invalidate(Selector(content_id="b3:1"))
            async with deaf(one):  # Redis fails over to a state without that invalidation
                for name, dump in zip(names, dumps):
                    client.restore(name, 0, dump, replace=True)
                if next_one == 1:  # whose invalidation gets the very revision that is lost
                    await other.store._appender._publish(Selector(content_id="b3:2"), other.log.head)
        if next_one == 0:
            await one.store.invalidate(Selector(content_id="b3:2"))
    await both_forget(one, other, 0, 1, 2)
    await one.store.put([result(9)])
    assert (await other.store.get([key(9)]))[0].value == b"v", "and life goes on"


async def test_a_stream_that_was_evicted_is_noticed(pair, redis_server, redis_prefix):
    one, other = pair
    await one.store.put([result(1), result(2)])
    await other.store.get([key(1), key(2)])
    await same_point(one, other)
    async with deaf(other):
        await one.store.invalidate(Selector(content_id="b3:1"))
        with redis_server.client() as client:
            client.delete(state_key(redis_prefix) + ":stream")
    await other.store.invalidate(Selector(content_id="b3:2"))
    await both_forget(one, other, 1, 2)


async def test_one_far_behind_catches_up(pair, redis_server):
    one, other = pair
    await one.store.put([result(1), result(2)])
    await other.store.get([key(1), key(2)])
    await same_point(one, other)
    async with deaf(other):
        await one.store.invalidate(Selector(content_id="b3:1"))
        for number in range(1200):
            await one.store._appender.append(Selector(content_id=f"b3:other{number}"))
    await both_forget(one, other, 1)
    assert (await other.store.get([key(2)]))[0] is not None


async def test_entries_of_another_log_are_out_of_reach_whatever_their_revision(
    redis_server, redis_prefix, tmp_path
):
    async with assembled(Settings(cache_directory=str(tmp_path)), Budget(10**7)) as alone:
        alone.log.skip_to(5_000_000)
        await alone.store.put([result(1)])
        async with assembled(settings(redis_server.url, redis_prefix), Budget(10**7)) as first:
            assert first.log.point.revision < 5_000_000
    async with (
        assembled(settings(redis_server.url, redis_prefix, tmp_path), Budget(10**7)) as second,
        assembled(settings(redis_server.url, redis_prefix), Budget(10**7)) as third,
    ):
        assert second.log.point.revision > 5_000_000
        assert await second.store.get([key(1)]) == [None]
        await same_point(second, third)
        old = result(1).__class__(key(1), b"old", 0.5, TTL, second.log.point._replace(log_id="other"))
        assert (await second.store.put([old]))[0].reason == "invalidated"


async def test_many_at_once_are_no_failure(pair):
    one, other = pair
    await one.store.put([result(number) for number in range(300)])
    found = await asyncio.gather(*(other.store.get([key(number)]) for number in range(300)))
    assert all(hit is not None for (hit,) in found)
    leases = await asyncio.gather(
        *(one.flights.acquire([key(1000 + number)], "me", 10, 0) for number in range(200))
    )
    assert all(each.lease is not None for each in leases)
    assert {stats.name: stats.failures for stats in other.store.tier_stats()}["redis"] == 0
    twice = await asyncio.gather(
        *(other.flights.acquire([key(1000 + number)], "you", 10, 0) for number in range(200))
    )
    assert all(each.lease is None for each in twice)


async def test_a_new_replica_takes_the_shared_log_over(redis_server, redis_prefix, tmp_path):
    async with assembled(Settings(cache_directory=str(tmp_path)), Budget(10**7)) as alone:
        await alone.store.put([result(1)])
        lonely = alone.log.point.log_id
    async with assembled(settings(redis_server.url, redis_prefix), Budget(10**7)) as first:
        async with assembled(settings(redis_server.url, redis_prefix, tmp_path), Budget(10**7)) as second:
            assert second.log.point.log_id == first.log.point.log_id != lonely
            assert await second.store.get([key(1)]) == [None], "its revisions were another log's"


async def test_a_damaged_value_in_redis_is_removed_and_missed(pair, redis_server, redis_prefix):
    one, other = pair
    await one.store.put([result(1)])
    with redis_server.client() as client:
        name = next(iter(client.keys(f"{redis_prefix}:r:*")))
        data = bytearray(client.get(name))
        data[-20] ^= 1
        client.set(name, bytes(data))
        assert await other.store.get([key(1)]) == [None]
        assert not client.exists(name)
        client.set(name, b"")
    assert await other.store.get([key(1)]) == [None]


async def test_dictionaries_are_shared(pair):
    from tests.support.documents import fragments

    one, other = pair
    many = [result(number, fragments()[number % len(fragments())]) for number in range(1000)]
    await one.store.put(many)
    await one.store._dictionaries.close()
    await one.store.put(many)
    assert one.store._codec.active is not None
    found = await other.store.get([each.key for each in many])
    assert [hit and hit.value for hit in found] == [each.value for each in many]


@pytest.mark.parametrize(
    "url",
    ["http://localhost", "redis+tower://localhost", "redis+sentinel://localhost:26379", "localhost:6379"],
)
def test_a_wrong_url_is_refused(url):
    with pytest.raises(ValueError, match=r"expected|SERVICE"):
        FleetConnection(url, "x", 1.0)


@pytest.mark.parametrize(
    "url",
    [
        "redis://:secret@localhost:6379/3",
        "rediss://user:pass@localhost/0",
        "redis+sentinel://one:26379,two/main",
        "rediss+cluster://user:p%40ss@one:7000,two:7001",
    ],
)
async def test_known_forms_of_urls(url):
    connection = FleetConnection(url, "x", 1.0)
    assert connection.key("a", "b") == "x:a:b"
    await connection.close()
