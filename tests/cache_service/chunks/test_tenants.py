"""Tenants' chunks: quotas, guarantees, erasure that is done once and survives a restart."""

from __future__ import annotations

import os

import pytest

from cache_service.chunks.errors import (
    MissingChunkError,
    StoredQuotaError,
    UnknownUploadError,
)
from cache_service.chunks.open_store import open_chunks
from cache_service.chunks.store import ChunkStore
from service_runtime.identity.access_file import Quota

KIB = 1024
QUOTAS = {"small": Quota(stored_bytes=100 * KIB), "sure": Quota(guaranteed_ratio=0.25)}


@pytest.fixture
def make(tmp_path):
    opened = []

    def open_one(max_bytes=10**6):
        index, shelf = open_chunks(tmp_path)
        opened.append(index)
        return ChunkStore(
            index, shelf, replica="here", max_bytes=max_bytes, memory_bytes=10**6,
            quota_of=lambda tenant: QUOTAS.get(tenant, Quota()),
        )  # fmt: skip

    yield open_one
    for each in opened:
        each.close()


def blob(store, tenant, size=20 * KIB):
    owner = store.begin_upload(tenant, None)
    store.append(tenant, owner, 0, os.urandom(size))
    return store.complete(tenant, owner.name, "")[0]


def test_a_tenant_s_own_blobs_make_room_within_its_quota(make):
    store = make()
    others = blob(store, "other")
    first = blob(store, "small")
    for _ in range(8):
        last = blob(store, "small")
    assert store.blob("small", first) is None and store.blob("small", last) and store.blob("other", others)
    assert store._index.tenant_bytes["small"] <= 100 * KIB


def test_uploads_on_their_way_are_refused_beyond_the_quota(make):
    store = make()
    with pytest.raises(StoredQuotaError):
        store.begin_upload("small", 101 * KIB)
    owner = store.begin_upload("small", None)
    for number in range(4):
        store.append("small", owner, number * 20 * KIB, os.urandom(20 * KIB))
    with pytest.raises(StoredQuotaError):
        store.append("small", owner, 80 * KIB, os.urandom(20 * KIB))


def test_what_is_tiny_costs_what_it_takes(make):
    """A chunk of two bytes takes a file, and an upload without any a row."""
    store = make()
    owner = store.begin_upload("small", None)
    with pytest.raises(StoredQuotaError):
        for number in range(100):
            store.append("small", owner, 2 * number, os.urandom(2))
    assert store.stored_bytes <= 100 * KIB
    with pytest.raises(StoredQuotaError):
        for _ in range(100):
            store.begin_upload("small", None)


def test_a_handle_of_what_has_gone_is_nobody_else_s(make):
    store = make()
    mine = store.begin_upload("evil", None)
    store.append("evil", mine, 0, b"mine")
    store.abort("evil", mine.name)
    theirs = store.begin_upload("acme", None)
    store.append("acme", theirs, 0, b"theirs")
    assert list(store.read(mine, 0, 100)) == []
    with pytest.raises(UnknownUploadError):
        store.append("evil", mine, 4, b"poison")
    assert b"".join(data for _, data in store.read(theirs, 0, 100)) == b"theirs"


def test_a_failed_transaction_counts_nothing(make):
    import sqlite3

    store = make()
    blob(store, "acme")
    before = store._index.tenant_bytes.copy()
    store._index._database.execute(
        "CREATE TEMP TRIGGER no BEFORE INSERT ON parts BEGIN SELECT RAISE(ABORT, 'no'); END"
    )
    owner = store.begin_upload("acme", None)
    with pytest.raises(sqlite3.Error):
        store.append("acme", owner, 0, b"x" * 9000)
    store._index._database.execute("DROP TRIGGER no")
    store.abort("acme", owner.name)
    assert store._index.tenant_bytes == before


def test_a_flood_leaves_a_tenant_its_guaranteed_share(make):
    store = make(max_bytes=4000 * KIB)
    mine = [blob(store, "sure", 200 * KIB) for _ in range(8)]
    for _ in range(60):
        blob(store, "loud", 200 * KIB)
    kept = sum(store.blob("sure", digest) is not None for digest in mine)
    assert 4 <= kept <= 6
    assert store.stored_bytes <= 4000 * KIB


def test_an_erasure_takes_everything_and_comes_again_for_nothing(make, tmp_path):
    store = make()
    kept, gone = blob(store, "other"), blob(store, "acme")
    owner = store.begin_upload("acme", None)
    store.append("acme", owner, 0, b"on its way" * 1000)
    sparse = store.sparse("acme", "claimed/acme/x|v1:1", 100 * KIB, create=True)
    store.fill("acme", sparse, 50 * KIB, os.urandom(4 * KIB))
    count, size_bytes = store.erase("acme")
    assert (
        count == 4 and size_bytes >= 34_000
    )  # the blob, the upload that it was, another upload, a sparse blob
    assert store.blob("acme", gone) is None and store.blob("other", kept)
    with pytest.raises(UnknownUploadError):
        store.append("acme", owner, 10_000, b"more")
    assert store.erase("acme") == (0, 0) and store._index.tenant_bytes["acme"] == 0
    assert not store.is_erased("log/7")
    store.record_erased("log/7")
    store._index.close()
    assert b"acme/x" not in (tmp_path / "chunks" / "index.sqlite").read_bytes()
    reopened = make()
    assert reopened.is_erased("log/7") and not reopened.is_erased("log/8") and reopened.blob("other", kept)


def test_empty_sparse_blobs_count_as_well(make):
    store = make()
    for number in range(200):
        try:
            store.sparse("small", f"key {number}", 10, create=True)
        except StoredQuotaError:
            break
    assert store._index.tenant_bytes["small"] <= 100 * KIB


def test_a_lost_chunk_that_comes_again_stays_for_who_brought_it(make):
    store = make()
    data = os.urandom(20 * KIB)

    first = store.sparse("acme", "a", 20 * KIB, create=True)
    store.fill("acme", first, 0, data)
    second = store.sparse("acme", "b", 20 * KIB, create=True)
    store.fill("acme", second, 0, data)
    for name in list(store._shelf.names()):
        store._shelf.delete(name)
    store._held.clear()
    with pytest.raises(MissingChunkError):
        list(store.read(first, 0, 20 * KIB))
    third = store.sparse("acme", "c", 20 * KIB, create=True)
    store.fill("acme", third, 0, data)
    store._held.clear()
    store._remove(second)
    assert b"".join(piece for _, piece in store.read(third, 0, 20 * KIB)) == data
