"""Erasing a tenant: in every replica, through kill -9 and absence; with real services and a real Redis."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from pathlib import Path

import pytest

from cache_service.chunks.open_store import open_chunks
from cache_service.chunks.store import ChunkStore
from cache_service.entries.codec import Codec
from cache_service.entries.dictionaries import Dictionaries
from cache_service.erasure import Eraser, Limits
from cache_service.invalidation import ErasureNote, InvalidationLog
from cache_service.similarity.index import SimilarityIndex
from cache_service.tiers.composite import CompositeTier
from metaextract.cache.v1 import chunk_pb2, result_pb2
from metaextract_client import AsyncChunkClient, CacheClient, ForbiddenError, NotFoundError, Security
from tests.support.identities import Realm
from tests.support.processes import start_cache

MARK = "erased-tenant-mark-7c6a180b36896a0a"
HEADER = [("x-metaextract-tenant", "acme")]


def key(tenant, number=0):
    space = "verified" if tenant == "default" else f"verified/{tenant}"
    return result_pb2.ResultKey(space=space, content_id=f"b3:{MARK}{number}", module="m", version="1")


def fill(client, tenant, count=20):
    client.put_results(
        [
            result_pb2.ResultEntry(
                key=key(tenant, number), value=f"{MARK} {tenant} {number}".encode(), source=f"file:///{MARK}"
            )
            for number in range(count)
        ]
    )


def held(client, tenant, count=20):
    found = client.get_results([key(tenant, number) for number in range(count)]).lookups
    return sum(lookup.found for lookup in found)


async def upload(address, tenant):
    data = b"uploaded " + MARK.encode()
    async with AsyncChunkClient(address, Security()) as chunks:
        metadata = [("x-metaextract-tenant", tenant)]
        stream = await chunks.upload(chunk_pb2.UploadStart(), metadata)
        await stream.send(chunk_pb2.ChunkData(offset_bytes=0, data=data), len(data))
        await stream.finish()
        return (await chunks.complete(stream.upload_id, metadata=metadata)).digest


def left(folder: Path) -> list[str]:
    return [str(path) for path in folder.rglob("*") if path.is_file() and MARK.encode() in path.read_bytes()]


async def test_everything_of_the_tenant_goes_and_nothing_of_others(tmp_path):
    with start_cache(tmp_path) as cache, CacheClient(cache.address) as client:
        fill(client, "acme")
        fill(client, "other", 5)
        await upload(cache.address, "acme")
        answer = client.erase_tenant("acme")
        assert answer.tenant == "acme" and not answer.pending_replicas
        (own,) = answer.replicas
        assert own.result_count == 20 and own.blob_count == 2 and own.blob_bytes > 0
        assert held(client, "acme") == 0 and held(client, "other", 5) == 5
        fill(client, "acme", 3)
        assert held(client, "acme", 3) == 3, "what comes afterwards is new"
        again = client.erase_tenant("acme")
        assert again.replicas[0].result_count == 3
        client.erase_tenant("other")
        assert left(tmp_path) == []


@pytest.mark.parametrize("when", ["before it is done", "after it is done"])
async def test_a_kill_doesn_t_bring_it_back(tmp_path, when):
    with start_cache(tmp_path) as cache, CacheClient(cache.address) as client:
        fill(client, "acme", 200)
        digest = await upload(cache.address, "acme")
        if when == "after it is done":
            client.erase_tenant("acme")
        cache.kill()
    if when == "before it is done":  # the log has it, and the process died before anything was removed
        with sqlite3.connect(tmp_path / "invalidations.sqlite") as log:
            log.execute("INSERT INTO invalidations (revision, tenant) VALUES (1, 'acme')")
            log.execute("INSERT INTO erasures (id, tenant) SELECT id || '/1', 'acme' FROM log")
            log.execute("UPDATE log SET revision = 1")
        log.close()
    with start_cache(tmp_path) as cache, CacheClient(cache.address) as client:
        assert held(client, "acme", 200) == 0
        assert left(tmp_path) == []
        async with AsyncChunkClient(cache.address, Security()) as chunks:
            request = chunk_pb2.ReadBlobRequest(digest=digest)
            with pytest.raises(NotFoundError):
                await anext(chunks.read_blob(request, metadata=HEADER))


async def test_two_replicas_and_one_that_is_away(tmp_path, redis_server, redis_prefix):
    def replica(name):
        return start_cache(
            tmp_path / name,
            METAEXTRACT_CACHE_REPLICA=name,
            METAEXTRACT_CACHE_REDIS_URL=redis_server.url,
            METAEXTRACT_CACHE_REDIS_PREFIX=redis_prefix,
        )

    with replica("one") as one, CacheClient(one.address) as client:
        with replica("two") as two, CacheClient(two.address) as second:
            for each in (client, second):
                fill(each, "acme")
                fill(each, "other")
            await upload(one.address, "acme")
            await upload(two.address, "acme")
            deadline = time.monotonic() + 20
            while "two" not in [peer.replica for peer in client.get_pressure().peers]:
                assert time.monotonic() < deadline
                time.sleep(0.1)
            answer = client.erase_tenant("acme")
            assert {part.replica for part in answer.replicas} == {"one", "two"}, answer
            assert all(part.result_count == 20 and part.blob_count == 2 for part in answer.replicas), answer
            assert answer.replicas[0].shared_count == 20 and not answer.pending_replicas
            assert held(client, "acme") == held(second, "acme") == 0
            assert held(client, "other") == held(second, "other") == 20
            fill(second, "acme", 7)
            await upload(two.address, "acme")
            assert held(client, "acme", 7) == 7, "shared anew"
        answer = client.erase_tenant("acme")  # two is away
        assert answer.replicas[0].shared_count == 7
        names = redis_server.client().keys(f"{redis_prefix}:r:*")
        assert len(names) == 20, "the other tenant's"
    with replica("two") as two, CacheClient(two.address) as second:
        assert held(second, "acme", 7) == 0 and held(second, "other") == 20
        second.erase_tenant("other")
        assert left(tmp_path / "two") == []


async def test_a_tier_that_can_t_is_named_and_made_up_for(tmp_path):
    """Somebody holds the database of results: the answer says that this replica isn't done, and then it is."""
    with (
        start_cache(tmp_path, METAEXTRACT_CACHE_REPLICA="one") as cache,
        CacheClient(cache.address) as client,
    ):
        fill(client, "acme")
        with sqlite3.connect(tmp_path / "results.sqlite", isolation_level=None) as other:
            other.execute("BEGIN IMMEDIATE")
            answer = client.erase_tenant("acme")
            assert answer.pending_replicas == ["one"] and held(client, "acme") == 0
            other.execute("ROLLBACK")
        other.close()
        deadline = time.monotonic() + 40
        while left(tmp_path):
            assert time.monotonic() < deadline
            time.sleep(0.2)
        assert not client.erase_tenant("acme").pending_replicas


async def test_more_erasures_than_are_remembered_are_all_carried_out(tmp_path):
    """A replica that was away for fifteen hundred of them."""
    log = InvalidationLog()
    for number in range(1500):
        log.note(ErasureNote(f"log/{number}", f"tenant {number}"))
    index, shelf = open_chunks(None)
    chunks = ChunkStore(index, shelf, replica="here", max_bytes=10**6, memory_bytes=0)
    similar = SimilarityIndex(None, log, 10)
    monkey = Limits.settle_seconds
    Limits.settle_seconds = 0.0
    try:
        eraser = Eraser(log, CompositeTier([]), chunks, Dictionaries(Codec(10), []), similar, replica="here")
        await eraser.start()
        async with asyncio.timeout(60):
            while not all(chunks.is_erased(note.id) for note in log.erasures()):
                await asyncio.sleep(0.05)
        await eraser.close()
    finally:
        Limits.settle_seconds = monkey
        await similar.close()
        index.close()
        log.close()


async def test_redis_that_lost_its_notes_doesn_t_bring_a_tenant_back(tmp_path, own_redis_server):
    def replica(name):
        return start_cache(
            tmp_path / name, METAEXTRACT_CACHE_REPLICA=name, METAEXTRACT_CACHE_REDIS_URL=own_redis_server.url
        )

    with replica("two") as two:
        digest = await upload(two.address, "acme")
    with replica("one") as one, CacheClient(one.address) as client:
        client.erase_tenant("acme")
        client.clear_cache()  # whatever else the log forgets
        own_redis_server.client().flushall()
        with replica("two") as two:
            deadline = time.monotonic() + 90
            async with AsyncChunkClient(two.address, Security()) as chunks:
                request = chunk_pb2.ReadBlobRequest(digest=digest)
                while True:
                    try:
                        await anext(chunks.read_blob(request, metadata=HEADER))
                    except NotFoundError:
                        break
                    assert time.monotonic() < deadline
                    time.sleep(0.5)
        assert left(tmp_path / "two") == []


def test_one_tenant_s_invalidations_cost_no_other_anything(tmp_path):
    realm = Realm(tmp_path / "realm")
    with start_cache(tmp_path / "cache", **realm.tokens()) as cache:
        with CacheClient(cache.address, realm.security("*", "results", "admin")) as everybody:
            fill(everybody, "acme")
            with CacheClient(cache.address, realm.security("evil", "admin")) as evil:
                for number in range(1200):
                    evil.invalidate_results(tag=f"tag {number}")
            assert held(everybody, "acme") == 20
        log = InvalidationLog(tmp_path / "cache" / "invalidations.sqlite")
        assert len(log._last) <= 200 and log._floors["evil"] > 0 and log._floor == 0
        log.close()


def test_only_its_own_admin_and_an_admin_of_all_may(tmp_path):
    realm = Realm(tmp_path / "realm")
    with start_cache(tmp_path / "cache", **realm.tokens()) as cache:
        with CacheClient(cache.address, realm.security("*", "results", "admin")) as everybody:
            fill(everybody, "acme")
            fill(everybody, "other")
        with CacheClient(cache.address, realm.security("acme", "admin")) as acme:
            with pytest.raises(ForbiddenError):
                acme.erase_tenant("other")
            assert {json.dumps(list(each.key.space)) for each in acme.list_entries().entries} == {
                json.dumps(list("verified/acme"))
            }
            assert acme.erase_tenant().tenant == "acme"
            with pytest.raises(ForbiddenError):
                acme.describe_entry(key("other"))
            assert acme.invalidate_results(content_id=f"b3:{MARK}0").removed_count == 0
            assert acme.clear_cache() == 0
        with CacheClient(cache.address, realm.security("*", "results", "admin")) as everybody:
            assert held(everybody, "other") == 20 and held(everybody, "acme") == 0
            assert everybody.erase_tenant("other").replicas[0].result_count == 20


def test_the_default_tenant_s_end_is_its_own(tmp_path):
    """Dictionaries are learnt from its values, and used for them alone."""
    with start_cache(tmp_path) as cache, CacheClient(cache.address) as client:
        for tenant in ("default", "acme"):
            for start in range(0, 1000, 200):
                client.put_results(
                    [
                        result_pb2.ResultEntry(
                            key=key(tenant, number),
                            value=f'{{"make": "NIKON", "number": {number}, "{MARK}": "{"x y z " * 30}"}}'.encode(),
                        )
                        for number in range(start, start + 200)
                    ]
                )
        assert not client.erase_tenant("default").pending_replicas
        assert held(client, "acme", 1000) == 1000 and held(client, "default", 1000) == 0
        assert not list((tmp_path / "dictionaries").glob("*"))
