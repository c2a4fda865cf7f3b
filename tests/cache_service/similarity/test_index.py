"""The index through restarts, invalidations, erasures, expiry and damage."""

import asyncio
import sqlite3

import pytest

from cache_service.entries.entry import Entry, Key, Selector
from cache_service.invalidation import InvalidationLog
from cache_service.similarity.hashes import Hashed, HashKind
from cache_service.similarity.index import SimilarityIndex

PHASH, PDQ = HashKind.PHASH, HashKind.PDQ


def hashed(name, bits=bytes(8), tenant="", expires=1e12, revision=0, **more):
    space = f"verified/{tenant}" if tenant else "verified"
    key = Key(space, f"b3:{name}", "perceptual", "1", "")
    return Hashed(key, Entry(b"", 0.0, expires, revision, **more), {PHASH: bits, PDQ: bits * 4})


async def found(index, bits=bytes(8), tenant="default", most=8, limit=100):
    contents, _ = await index.find(tenant, PHASH, bits, most, limit)
    return [each.content_id for each in contents]


@pytest.fixture
async def log():
    made = InvalidationLog()
    yield made
    made.close()


async def test_it_finds_what_was_put_before_and_after_the_first_search(log):
    index = SimilarityIndex(None, log, 100)
    index.add([hashed("a"), hashed("b", b"\1" + bytes(7)), hashed("far", b"\xff" * 8)])
    assert await found(index) == ["b3:a", "b3:b"]
    index.add([hashed("c")])
    assert await found(index) == ["b3:c", "b3:a", "b3:b"]
    contents, count = await index.find("default", PDQ, bytes(32), 31, 10)
    assert count == 4 and [each.distance for each in contents] == [0, 0, 4]
    await index.close()


async def test_a_content_that_is_put_again_is_told_once(log):
    index = SimilarityIndex(None, log, 100)
    index.add([hashed("a"), hashed("b")])
    await found(index)
    index.add([hashed("a", b"\3" + bytes(7))])
    assert await found(index) == ["b3:b", "b3:a"] and index.entry_count in {2, 3}
    await index.close()


async def test_tenants_see_their_own_alone_and_erasing_leaves_nothing(log, tmp_path):
    index = SimilarityIndex(tmp_path / "similar.sqlite", log, 100)
    secret = bytes(range(100, 108))
    index.add([hashed("a"), hashed("mine", secret, tenant="acme"), hashed("other", secret, tenant="globex")])
    assert await found(index) == ["b3:a"] and await found(index, secret, "acme") == ["b3:mine"]
    assert await index.erase("acme") == 1
    assert await found(index, secret, "acme") == [] and await found(index, secret, "globex") == ["b3:other"]
    await index.close()
    assert b"b3:mine" not in (tmp_path / "similar.sqlite").read_bytes()


async def test_invalidated_and_expired_contents_are_never_told(log):
    now = [100.0]
    index = SimilarityIndex(None, log, 100, clock=lambda: now[0])
    index.add([hashed("old", expires=200.0), hashed("a"), hashed("b", tags=("x",)), hashed("c")])
    assert len(await found(index)) == 4
    now[0] = 201.0
    assert sorted(await found(index)) == ["b3:a", "b3:b", "b3:c"]
    await log.append(Selector(content_id="b3:a"))
    await log.append(Selector(tag="x"))
    assert await found(index) == ["b3:c"]
    index.add([hashed("a", revision=log.point.revision)])  # read after the invalidation
    assert sorted(await found(index)) == ["b3:a", "b3:c"]
    await log.append(Selector())
    assert await found(index) == []
    await index.close()


async def test_it_outlives_the_process_but_not_its_log(log, tmp_path):
    path = tmp_path / "similar.sqlite"
    index = SimilarityIndex(path, log, 100)
    index.add([hashed("a")])
    await index.close()
    index = SimilarityIndex(path, log, 100)
    assert await found(index) == ["b3:a"] and index.entry_count == 1
    await index.adopt_log("another")
    assert await found(index) == []
    index.add([hashed("b")])
    await index.close()
    other = InvalidationLog()
    index = SimilarityIndex(path, other, 100)
    assert await found(index) == []
    await index.close()
    other.close()


async def test_it_is_bounded_and_the_largest_tenant_pays(log):
    index = SimilarityIndex(None, log, 50)
    index.add([hashed("small", tenant="small")])
    for number in range(120):
        index.add([hashed(f"{number}", tenant="large", expires=1e12 + number)])
    kept = await found(index, tenant="large", limit=1000)
    assert index.entry_count <= 50 and 30 <= len(kept) <= 50
    assert "b3:119" in kept and await found(index, tenant="small") == ["b3:small"]
    await index.close()


async def test_nothing_is_kept_where_nothing_may_be(log):
    index = SimilarityIndex(None, log, 0)
    index.add([hashed("a")])
    assert await found(index) == []
    await index.close()


async def test_a_damaged_file_begins_anew(log, tmp_path):
    path = tmp_path / "similar.sqlite"
    path.write_bytes(b"SQLite format 3\0" + b"nonsense" * 1000)
    index = SimilarityIndex(path, log, 100)
    index.add([hashed("a")])
    assert await found(index) == ["b3:a"]
    await index.close()


async def test_a_failing_file_loses_hashes_and_nothing_else(log, monkeypatch):
    index = SimilarityIndex(None, log, 100)

    def fail(*_):
        raise sqlite3.OperationalError("disk full")

    monkeypatch.setattr(index._catalogue, "add", fail)
    index.add([hashed("a")])
    assert await found(index) == []
    monkeypatch.setattr(index._catalogue, "hashes", fail)
    index.forget()
    assert await index.find("default", PHASH, bytes(8), 8, 10) == ([], 0)
    await index.close()


async def test_searches_and_puts_at_once(log):
    index = SimilarityIndex(None, log, 10_000)

    async def put(start):
        for number in range(start, start + 50):
            index.add([hashed(f"{number}")])
            await asyncio.sleep(0)

    await asyncio.gather(*(put(start) for start in range(0, 500, 50)), *(found(index) for _ in range(20)))
    assert len(await found(index, limit=1000)) == 500
    await index.close()
