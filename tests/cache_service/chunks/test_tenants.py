"""Tenants' chunks: quotas, guarantees, erasure that is done once and survives a restart."""

from __future__ import annotations

import os

import pytest

from cache_service.chunks.open_store import open_chunks
from cache_service.chunks.store import ChunkStore, StoredQuotaError, UnknownUploadError
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
    for number in range(5):
        store.append("small", owner, number * 20 * KIB, os.urandom(20 * KIB))
    with pytest.raises(StoredQuotaError):
        store.append("small", owner, 100 * KIB, b"x")


def test_a_flood_leaves_a_tenant_its_guaranteed_share(make):
    store = make(max_bytes=400 * KIB)
    mine = [blob(store, "sure") for _ in range(8)]
    for _ in range(60):
        blob(store, "loud")
    kept = sum(store.blob("sure", digest) is not None for digest in mine)
    assert 4 <= kept <= 6
    assert store.stored_bytes <= 400 * KIB


def test_an_erasure_takes_everything_once_and_comes_again_for_nothing(make, tmp_path):
    store = make()
    kept, gone = blob(store, "other"), blob(store, "acme")
    owner = store.begin_upload("acme", None)
    store.append("acme", owner, 0, b"on its way" * 1000)
    sparse = store.sparse("acme", "claimed/acme/x|v1:1", 100 * KIB, create=True)
    store.fill("acme", sparse, 50 * KIB, os.urandom(4 * KIB))
    count, size_bytes = store.erase("log", "acme", 7)
    assert (
        count == 4 and size_bytes >= 34_000
    )  # the blob, the upload that it was, another upload, a sparse blob
    assert store.blob("acme", gone) is None and store.blob("other", kept)
    with pytest.raises(UnknownUploadError):
        store.append("acme", owner, 10_000, b"more")
    again = blob(store, "acme")
    assert store.erase("log", "acme", 7) == (0, 0) and store.blob("acme", again), "what came later is new"
    assert store.is_erased("log", "acme", 7) and not store.is_erased("other log", "acme", 7)
    store._index.close()
    assert b"acme/x" not in (tmp_path / "chunks" / "index.sqlite").read_bytes()
    reopened = make()
    assert reopened.erase("log", "acme", 7) == (0, 0) and reopened.blob("acme", again)
    assert reopened.erase("log", "acme", 9)[0] > 0 and reopened.blob("acme", again) is None
