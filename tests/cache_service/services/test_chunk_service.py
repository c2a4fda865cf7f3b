"""The ChunkService over gRPC: resumption after kill -9, credit, checksums, statuses."""

from __future__ import annotations

import asyncio
import os
import zlib

import grpc
import pytest
from blake3 import blake3

from metaextract.cache.v1 import chunk_pb2 as pb
from metaextract.cache.v1 import chunk_pb2_grpc
from metaextract_client import (
    AsyncChunkClient,
    InvalidRequestError,
    MetaExtractError,
    NotFoundError,
    UnavailableError,
)
from tests.support.processes import start_cache

pytestmark = pytest.mark.servers
MIB = 2**20


def chunk(offset, data):
    return pb.ChunkData(offset_bytes=offset, data=data, crc32=zlib.crc32(data))


@pytest.fixture
async def client(cache_process):
    async with AsyncChunkClient(cache_process.address) as opened:
        yield opened


async def send(client, data, size=MIB):
    upload = await client.upload(pb.UploadStart(size_bytes=len(data)))
    for offset in range(0, len(data), size):
        await upload.send(chunk(offset, data[offset : offset + size]))
    await upload.finish()
    return upload


async def test_chunks_in_blob_out(client):
    data = os.urandom(5 * MIB + 7)
    upload = await send(client, data)
    assert upload.committed_offset == len(data)
    digest = "b3:" + blake3(data).hexdigest()
    assert (await client.complete(upload.upload_id, digest)).size_bytes == len(data)
    got = [answer async for answer in client.read_blob(pb.ReadBlobRequest(digest=digest))]
    assert got[0].size_bytes == len(data) and b"".join(each.data for each in got) == data
    ranges = [pb.BlobRange(offset_bytes=MIB - 1, length_bytes=2)]
    got = [answer async for answer in client.read_blob(pb.ReadBlobRequest(digest=digest, ranges=ranges))]
    assert b"".join(each.data for each in got) == data[MIB - 1 : MIB + 1]
    assert await client.find_missing([blake3(data[:MIB]).digest(), bytes(32)]) == [bytes(32)]
    known = await client.upload(pb.UploadStart())
    await known.send(pb.ChunkData(chunk_id=blake3(data[:MIB]).digest()))
    await known.finish()
    assert (await client.complete(known.upload_id)).digest == "b3:" + blake3(data[:MIB]).hexdigest()


async def test_an_upload_goes_on_after_kill_9_of_the_cache(tmp_path):
    data = os.urandom(6 * MIB)
    with start_cache(tmp_path) as cache:
        async with AsyncChunkClient(cache.address) as client:
            upload = await client.upload(pb.UploadStart())
            for offset in range(0, 3 * MIB, MIB):
                await upload.send(chunk(offset, data[offset : offset + MIB]))
            await upload.wait_committed(2 * MIB)
            acknowledged = upload.committed_offset
            cache.kill()
            upload.close()
    with start_cache(tmp_path) as cache:
        async with AsyncChunkClient(cache.address) as client:
            offset = (await client.get_upload(upload.upload_id)).committed_offset_bytes
            assert offset >= acknowledged
            again = await client.upload(pb.UploadStart(upload_id=upload.upload_id))
            for start in range(offset, len(data), MIB):
                await again.send(chunk(start, data[start : start + MIB]))
            await again.finish()
            digest = "b3:" + blake3(data).hexdigest()
            assert (await client.complete(upload.upload_id, digest)).digest == digest
            await client.abort((await client.upload(pb.UploadStart())).upload_id)


async def test_statuses(client):
    with pytest.raises(NotFoundError):
        await client.complete((await client.upload(pb.UploadStart())).upload_id.rpartition("/")[0] + "/0")
    with pytest.raises(UnavailableError):
        await client.get_upload("another-replica/1")
    with pytest.raises(NotFoundError):
        async for _ in client.read_blob(pb.ReadBlobRequest(digest="b3:0")):
            pass
    for bad, code in (
        (pb.ChunkData(data=b"abc", crc32=1), "CHUNK_DAMAGED"),
        (pb.ChunkData(offset_bytes=7, data=b"abc"), "CHUNK_OFFSET"),
        (pb.ChunkData(data=b"x" * (2 * MIB + 1)), "INVALID_FIELD"),
        (pb.ChunkData(), "INVALID_FIELD"),
    ):
        upload = await client.upload(pb.UploadStart())
        upload._credit = 10 * MIB  # as a client that doesn't care
        with pytest.raises(MetaExtractError) as error:
            await upload.send(bad)
            await upload.finish()
        assert error.value.reason == code
    upload = await send(client, b"abc")
    with pytest.raises(InvalidRequestError) as error:
        await client.complete(upload.upload_id, "b3:" + "0" * 64)
    assert error.value.reason == "DIGEST_MISMATCH"


def test_who_doesn_t_wait_for_credit_is_told(cache_process):
    # By the synchronous client: the asynchronous one may take a write that comes too late for an internal error.
    block = os.urandom(2 * MIB)

    def requests():
        yield pb.UploadChunksRequest(start=pb.UploadStart())
        for number in range(200):
            yield pb.UploadChunksRequest(chunk=chunk(number * 2 * MIB, block))

    with grpc.insecure_channel(cache_process.address) as channel:
        with pytest.raises(grpc.RpcError) as error:
            list(chunk_pb2_grpc.ChunkServiceStub(channel).UploadChunks(requests()))
    assert error.value.code() is grpc.StatusCode.FAILED_PRECONDITION


async def test_a_broken_stream_keeps_what_was_committed(client):
    upload = await client.upload(pb.UploadStart())
    await upload.send(chunk(0, b"abc"))
    await upload.wait_committed(3)
    upload.close()
    await asyncio.sleep(0.1)
    assert (await client.get_upload(upload.upload_id)).committed_offset_bytes == 3
