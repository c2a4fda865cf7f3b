"""The chunk store: property test against a model, resumption, budgets, damage; on a folder and in memory."""

from __future__ import annotations

import os
import random

import pytest
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st

from cache_service.chunks.errors import (
    ChunkStoreFullError,
    ForeignUploadError,
    MissingChunkError,
    UnknownUploadError,
    WrongDigestError,
    WrongOffsetError,
)
from cache_service.chunks.open_store import open_chunks, stored_name
from cache_service.chunks.shelf import decode, encode
from cache_service.chunks.store import ChunkStore

KIB = 1024


_opened = []


def make(directory, max_bytes=10**8, memory_bytes=10**6):
    index, shelf = open_chunks(directory)
    _opened.append(index)
    return ChunkStore(index, shelf, replica="here", max_bytes=max_bytes, memory_bytes=memory_bytes)


@pytest.fixture(autouse=True)
def _close():
    yield
    while _opened:
        _opened.pop().close()


@pytest.fixture(params=["folder", "memory"])
def store(request, tmp_path):
    return make(tmp_path if request.param == "folder" else None)


def digest(data):
    return "b3:" + blake3(data).hexdigest()


def upload(store, tenant, *pieces):
    owner, offset = store.begin_upload(tenant, None), 0
    for piece in pieces:
        offset = store.append(tenant, owner, offset, piece)
    return owner


def content(store, owner):
    return b"".join(data for _, data in store.read(owner, 0, owner.committed))


def test_an_upload_becomes_a_blob(store):
    pieces = [os.urandom(KIB), b"a" * 5000, os.urandom(10)]
    whole = b"".join(pieces)
    owner = upload(store, "t", *pieces)
    assert store.upload("t", owner.name).committed == len(whole)
    assert store.complete("t", owner.name, digest(whole)) == (digest(whole), len(whole))
    blob = store.blob("t", digest(whole))
    assert content(store, blob) == whole
    assert list(store.read(blob, 1000, 1030)) == [(1000, whole[1000:1024]), (1024, whole[1024:1030])]
    assert store.complete("t", owner.name, digest(whole))[1] == len(whole), "idempotent"
    done = store.upload("t", owner.name)
    assert (done.committed, done.digest) == (len(whole), digest(whole)), (
        "whoever hadn't heard of it learns it"
    )
    with pytest.raises(WrongDigestError):
        store.complete("t", owner.name, digest(b"other"))
    with pytest.raises(UnknownUploadError):
        store.append("t", done, len(whole), b"x")


def test_tenants_share_nothing(store):
    data = os.urandom(KIB)
    owner = upload(store, "red", data)
    store.complete("red", owner.name, "")
    chunk = blake3(data).digest()
    assert store.missing("red", [chunk]) == [] and store.missing("blue", [chunk]) == [chunk]
    assert store.blob("blue", digest(data)) is None
    before = store.stored_bytes
    upload(store, "blue", data)
    assert store.stored_bytes > before, "nor the room"
    with pytest.raises(UnknownUploadError):
        store.upload("blue", upload(store, "red", b"x").name)


def test_equal_chunks_of_a_tenant_are_one_and_live_as_long_as_any_needs_them(store):
    data = os.urandom(KIB)
    first, second = upload(store, "t", data), upload(store, "t", data, b"more")
    used = store.stored_bytes
    store.abort("t", first.name)
    assert store.missing("t", [blake3(data).digest()]) == [] and store.stored_bytes == used
    third = store.begin_upload("t", None)
    assert store.append_known("t", third, 0, blake3(data).digest()) == KIB
    store.abort("t", second.name)
    store.abort("t", third.name)
    assert store.missing("t", [blake3(data).digest()]) != [] and store.stored_bytes == 0
    with pytest.raises(MissingChunkError):
        store.append_known("t", store.begin_upload("t", None), 0, blake3(data).digest())


def test_chunks_come_in_order(store):
    owner = upload(store, "t", b"abc")
    for offset in (0, 2, 5):
        with pytest.raises(WrongOffsetError) as error:
            store.append("t", owner, offset, b"x")
        assert error.value.committed == 3
    assert store.append("t", owner, 3, b"d") == 4


def test_a_wrong_digest_or_size_is_no_blob(store):
    owner = upload(store, "t", b"abc")
    with pytest.raises(WrongDigestError):
        store.complete("t", owner.name, digest(b"abd"))
    assert store.complete("t", owner.name, digest(b"abc"))[1] == 3
    short = store.begin_upload("t", 10)
    store.append("t", short, 0, b"abc")
    with pytest.raises(WrongDigestError):
        store.complete("t", short.name, "")


def test_an_upload_goes_on_after_a_restart(tmp_path):
    store = make(tmp_path)
    owner = upload(store, "t", b"a" * 3000, os.urandom(500))
    again = make(tmp_path)
    found = again.upload("t", owner.name)
    assert found.committed == 3500
    again.append("t", found, 3500, b"end")
    whole = content(again, again.upload("t", owner.name))
    assert again.complete("t", owner.name, digest(whole))[0] == digest(whole)
    assert stored_name(tmp_path) == stored_name(tmp_path)
    with pytest.raises(ForeignUploadError):
        again.upload("t", "elsewhere/123")
    with pytest.raises(UnknownUploadError):
        again.upload("t", "here/123")


def test_old_blobs_make_room_and_uploads_don_t(tmp_path):
    store = make(tmp_path, max_bytes=10 * KIB)
    kept = upload(store, "t", os.urandom(3 * KIB))
    blobs = []
    for _ in range(5):
        data = os.urandom(3 * KIB)
        store.complete("t", upload(store, "t", data).name, "")
        blobs.append(digest(data))
    assert store.stored_bytes <= 10 * KIB and store.upload("t", kept.name)
    assert store.blob("t", blobs[0]) is None and store.blob("t", blobs[-1]) is not None
    with pytest.raises(ChunkStoreFullError):
        upload(store, "t", *[os.urandom(3 * KIB) for _ in range(4)])
    with pytest.raises(ChunkStoreFullError):
        store.begin_upload("t", 11 * KIB)


def test_what_nobody_uses_expires(store):
    owner = upload(store, "t", b"abc")
    store.complete("t", upload(store, "t", b"def").name, "")
    assert store.expire(3600, 3600) == 0
    assert store.expire(-1, 3600) == 2
    with pytest.raises(UnknownUploadError):
        store.append("t", owner, 3, b"x")
    assert store.blob("t", digest(b"def")) is not None
    assert store.expire(3600, -1) == 1 and store.stored_bytes == 0


def test_damage_is_found_not_served(tmp_path):
    store = make(tmp_path, memory_bytes=0)
    data = os.urandom(KIB)
    store.complete("t", upload(store, "t", data).name, "")
    (file,) = [each for each in (tmp_path / "chunks" / "data").rglob("*") if each.is_file()]
    raw = bytearray(file.read_bytes())
    raw[500] ^= 1
    file.write_bytes(raw)
    with pytest.raises(MissingChunkError):
        content(store, store.blob("t", digest(data)))


def test_orphans_of_a_dead_process_are_swept(tmp_path):
    store = make(tmp_path)
    upload(store, "t", b"abc")
    (tmp_path / "chunks" / "data" / "ab" / ("ab" + "0" * 62)).write_bytes(b"\0half")
    assert store.sweep_orphans() == 1 and store.sweep_orphans() == 0


def test_a_damaged_index_is_set_aside(tmp_path):
    make(tmp_path)._index.close()
    (tmp_path / "chunks" / "index.sqlite").write_bytes(b"nonsense" * 1000)
    assert upload(make(tmp_path), "t", b"abc").name
    assert (tmp_path / "chunks" / "index.sqlite.damaged").exists()


def test_memory_follows_the_pressure(tmp_path):
    store = make(tmp_path, memory_bytes=10_000)
    upload(store, "t", *[os.urandom(3000) for _ in range(3)])
    assert store._held_bytes == 9000
    store.resize(0.5)
    assert store._held_bytes <= 5000
    store.resize(0.0)
    assert store._held_bytes == 0


@given(st.binary(max_size=3000), st.integers(0, 200))
def test_stored_chunks_come_back(data, repeats):
    chunk = data + b"repeated" * repeats * 20
    assert decode(b"".join(encode(chunk))) == chunk


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4000), st.integers(1, 900)), max_size=25), st.integers(0, 2**32))
def test_sparse_blobs_hold_what_came_in_any_order(ranges, seed):
    file = random.Random(seed).randbytes(5000)
    store = make(None)
    owner = store.sparse("t", "key", 5000, create=True)
    covered = bytearray(5000)
    for offset, length in ranges:
        data = file[offset : offset + length]
        store.fill("t", owner, offset, data)
        covered[offset : offset + len(data)] = b"\1" * len(data)
    got = bytearray(5000)
    for offset, data in store.read(owner, 0, 5000):
        assert data == file[offset : offset + len(data)]
        assert not any(got[offset : offset + len(data)]), "each byte once"
        got[offset : offset + len(data)] = b"\1" * len(data)
    assert got == covered


def test_a_lost_chunk_is_written_again_when_it_comes_again(tmp_path):
    store = make(tmp_path, memory_bytes=0)
    data = os.urandom(KIB)
    store.complete("t", upload(store, "t", data).name, "")
    for file in (tmp_path / "chunks" / "data").rglob("*"):
        if file.is_file():
            file.unlink()
    with pytest.raises(MissingChunkError):
        content(store, store.blob("t", digest(data)))
    assert store.blob("t", digest(data)) is None, "it is of no use to anybody"
    store.complete("t", upload(store, "t", data).name, "")
    assert content(store, store.blob("t", digest(data))) == data


def test_a_blob_can_t_be_added_to(store):
    owner = store.begin_upload("t", None)
    store.append("t", owner, 0, b"hello")
    store.complete("t", owner.name, "")
    with pytest.raises(UnknownUploadError):
        store.append("t", owner, 5, b" EVIL")
    assert content(store, store.blob("t", digest(b"hello"))) == b"hello"
    small = store.begin_upload("t", 3)
    with pytest.raises(WrongOffsetError):
        store.append("t", small, 0, b"more than announced")


def test_threads_that_drop_and_add_the_same_chunk_leave_it_whole(tmp_path):
    import threading

    store = make(tmp_path, memory_bytes=0)
    data = os.urandom(KIB)
    failures = []

    def work():
        for _ in range(60):
            owner = upload(store, "t", data)
            try:
                assert content(store, store.upload("t", owner.name)) == data
                store.abort("t", owner.name)
            except (MissingChunkError, AssertionError) as error:
                failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_a_clean_up_drops_blobs_and_keeps_uploads(store):
    kept = upload(store, "t", os.urandom(KIB))
    store.complete("t", upload(store, "t", os.urandom(KIB)).name, "")
    store.clean_up(0.0)
    assert store.upload("t", kept.name).committed == KIB and len(list(store._shelf.names())) == 1
