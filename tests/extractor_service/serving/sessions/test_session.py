"""Sessions over gRPC with real servers: what moves, what is found again, what a bad client is told."""

from __future__ import annotations

import hashlib
import os
import threading
import time

import grpc
import pytest
from blake3 import blake3

from extractor_service.sources.content import SETTLE_SECONDS
from metaextract.document.v1 import document_pb2
from metaextract.extractor.v1 import extractor_pb2 as pb
from metaextract.extractor.v1 import extractor_pb2_grpc
from metaextract_client import NEVER, AsyncExtractorClient, ExtractorClient, NotFoundError, SessionOptions
from metaextract_client.render import cache_status_name, outcome_name
from tests.support import large_files
from tests.support.processes import start_cache, start_extractor, wait_until

pytestmark = pytest.mark.servers
MIB = 2**20
ME = SessionOptions(client_id="test machine, and 32 characters more")
DIGEST = pb.ExtractOptions(digests=[document_pb2.DIGEST_ALGORITHM_BLAKE3])


def status(answer):
    return cache_status_name(answer.info.cache_status)


def settled(path, data):
    path.write_bytes(data)
    os.utime(path, (1e9, 1e9))
    time.sleep(SETTLE_SECONDS + 0.1)  # ctime can't be set
    return path


def test_a_gibibyte_is_described_by_its_headers(client, fits):
    answer = client.extract_session(fits)
    assert outcome_name(answer.document.outcome) == "OK" and answer.document.common.title == "Large field"
    assert 0 < answer.info.moved_bytes <= 200 * 1024
    assert answer.info.moved_bytes + answer.info.saved_bytes == fits.stat().st_size
    assert answer.info.round_trips <= 1 and status(answer) == "BYPASSED"


def test_a_version_is_found_again_without_a_byte_and_a_second_module_moves_none(client, fits):
    first = client.extract_session(fits, None, ME)
    assert status(first) == "MISS" and first.info.content_id.startswith("v1:")
    again = client.extract_session(fits, None, ME)
    assert status(again) == "HIT" and again.info.moved_bytes == 0 and again.info.round_trips == 0
    again.document.modules[0].elapsed_seconds = first.document.modules[0].elapsed_seconds
    assert again.document.sections == first.document.sections
    time.sleep(0.5)  # blocks are kept in the background
    refresh = pb.ExtractOptions(cache_mode=pb.CACHE_MODE_REFRESH)
    anew = client.extract_session(fits, refresh, ME)
    assert anew.info.moved_bytes == 0 and outcome_name(anew.document.outcome) == "OK"


def test_claims_of_another_client_are_nobody_elses(client, fits):
    client.extract_session(fits, None, ME)
    other = client.extract_session(
        fits, None, SessionOptions(client_id="another machine, and 32 characters more")
    )
    assert status(other) == "MISS" and other.info.moved_bytes > 0


@pytest.mark.parametrize("mode", [pb.CACHE_MODE_USE, pb.CACHE_MODE_BYPASS])
def test_a_digest_takes_the_whole_stream_once(client, tmp_path, mode):
    path = tmp_path / "a.fits"
    large_files.write_fits(path, 8 * MIB)
    with path.open("ab") as file:
        file.write(os.urandom(2880))
    options = pb.ExtractOptions(
        digests=[document_pb2.DIGEST_ALGORITHM_BLAKE3, document_pb2.DIGEST_ALGORITHM_SHA256], cache_mode=mode
    )
    answer = client.extract_session(path, options)
    data = path.read_bytes()
    found = {digest.algorithm: digest.hex for digest in answer.document.file.digests}
    assert found[document_pb2.DIGEST_ALGORITHM_BLAKE3] == blake3(data).hexdigest()
    assert found[document_pb2.DIGEST_ALGORITHM_SHA256] == hashlib.sha256(data).hexdigest()
    assert answer.info.moved_bytes == len(data) and answer.info.saved_bytes == 0
    assert answer.document.sections


def test_after_a_whole_upload_nothing_is_asked_again(client, tmp_path):
    path = settled(tmp_path / "whole.bin", b"SIMPLE  =" + os.urandom(3 * MIB))
    digest = "b3:" + blake3(path.read_bytes()).hexdigest()
    first = client.extract_session(path, DIGEST, ME)
    assert first.info.content_id == digest and first.info.moved_bytes == path.stat().st_size
    sha = pb.ExtractOptions(digests=[document_pb2.DIGEST_ALGORITHM_SHA256])
    again = client.extract_session(path, sha, ME)
    assert again.info.moved_bytes == 0
    assert {each.hex for each in again.document.file.digests} >= {
        hashlib.sha256(path.read_bytes()).hexdigest()
    }
    by_digest = client.extract_session(path, None, SessionOptions(digest=digest))
    assert by_digest.info.moved_bytes == 0
    assert client.extract_digest(digest).info.content_id == digest


def test_two_tenants_don_t_learn_of_each_other(known_pair, tmp_path):
    extractor, realm = known_pair
    path = settled(tmp_path / "same.fits", b"")
    large_files.write_fits(path, 2 * MIB)
    digest = "b3:" + blake3(path.read_bytes()).hexdigest()
    with grpc.insecure_channel(extractor.address) as channel:
        stub = extractor_pb2_grpc.ExtractorServiceStub(channel)

        def run(tenant, options, digest=""):
            with path.open("rb") as file:
                from metaextract_client.session_state import SessionFile, SessionState, run_session

                state = SessionState(SessionFile(file, "a"), options, SessionOptions(digest=digest))
                run_session(state, lambda parts: stub.ExtractSession(parts, metadata=realm.metadata(tenant)))
            return state.result

        first = run("red", DIGEST)
        assert status(first) == "MISS"
        other = run("blue", DIGEST)
        assert status(other) == "MISS" and other.info.moved_bytes == first.info.moved_bytes
        assert run("green", None, digest).info.moved_bytes > 0, "a claim finds nothing of others"
        with pytest.raises(grpc.RpcError) as error:
            stub.Extract(pb.ExtractRequest(digest=digest), metadata=realm.metadata("green"))
        assert error.value.code() is grpc.StatusCode.NOT_FOUND
        assert (
            stub.Extract(pb.ExtractRequest(digest=digest), metadata=realm.metadata("red")).info.moved_bytes
            == 0
        )


def test_a_pipe_is_taken_whole(client, tmp_path):
    path = tmp_path / "p.fits"
    large_files.write_fits(path, 4 * MIB)
    reading, writing = os.pipe()

    def feed():
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(path.read_bytes())

    threading.Thread(target=feed, daemon=True).start()
    answer = client.extract_session(f"/dev/fd/{reading}")
    os.close(reading)
    assert answer.info.content_id == "b3:" + blake3(path.read_bytes()).hexdigest()
    assert answer.document.sections
    wait_until(lambda: is_stored(client, answer.info.content_id))


def is_stored(client, digest):
    try:
        return client.extract_digest(digest).info.content_id == digest
    except NotFoundError:
        return False


def test_an_upload_in_one_message_stream_is_kept_as_well(client):
    data = b"SIMPLE  =" + os.urandom(3 * MIB)
    answer = client.extract_upload([data[:MIB], data[MIB : 2 * MIB], data[2 * MIB :]], "a.fits")
    wait_until(lambda: is_stored(client, answer.info.content_id))


@pytest.mark.parametrize("size", [0, 1, 100])
def test_tiny_files(client, tmp_path, size):
    path = tmp_path / "tiny"
    path.write_bytes(b"\1" * size)
    answer = client.extract_session(path, DIGEST)
    assert outcome_name(answer.document.outcome) == "UNSUPPORTED" and answer.document.file.size_bytes == size
    assert answer.info.content_id == "b3:" + blake3(b"\1" * size).hexdigest()


async def test_the_asynchronous_client_does_the_same(pair, fits):
    async with AsyncExtractorClient(pair[1].address, NEVER) as client:
        answer = await client.extract_session(fits)
    assert answer.document.common.title == "Large field" and answer.info.moved_bytes <= 200 * 1024


def test_scattered_structures_end_with_a_problem(tmp_path, pair):
    path = tmp_path / "many.fits"
    with path.open("wb") as file:  # distances that never repeat
        from tests.golden.science import header

        file.write(
            header(
                [
                    "SIMPLE  =                    T",
                    "BITPIX  =                    8",
                    "NAXIS   =                    0",
                ]
            )
        )
        for number in range(120):
            width = 40_000 + 7919 * (number * number % 97)
            file.write(
                header(
                    [
                        "XTENSION= 'IMAGE   '", "BITPIX  =                    8", "NAXIS   =                    1",
                        f"NAXIS1  = {width:>20}", "PCOUNT  =                    0", "GCOUNT  =                    1",
                    ]
                )
            )  # fmt: skip
            file.truncate(file.tell() + -(-width // 2880) * 2880)
            file.seek(0, 2)
    with ExtractorClient(pair[1].address, NEVER) as client:
        answer = client.extract_session(path)
    assert outcome_name(answer.document.outcome) == "PARTIAL" and answer.info.round_trips <= 64
    assert any("round trips" in problem.message for problem in answer.document.problems)
    assert len(answer.document.sections[0].fields) > 100, "what was found stays"


def test_progress_and_what_was_found_come_on_the_way(client, tmp_path):
    path = tmp_path / "many.fits"
    large_files.write_fits_hdus(path, 300, 2880, 60)
    stages = []
    session = SessionOptions(on_progress=lambda progress: stages.append(progress.stage))
    with client.session(path, DIGEST, session) as opened:
        result = opened.run()
    assert {"receiving", "reading"} <= set(stages)
    assert opened.partial is not None and opened.partial.sections[0].fields
    assert len(result.document.sections[0].fields) >= len(opened.partial.sections[0].fields)


def test_an_upload_that_the_cache_loses_is_sent_again_unkept(tmp_path):
    import asyncio

    from metaextract.cache.v1 import chunk_pb2
    from metaextract_client import AsyncChunkClient

    async def occupy(address):
        """Six of eight MiB, by an upload that doesn't end."""
        async with AsyncChunkClient(address) as chunks:
            upload = await chunks.upload(chunk_pb2.UploadStart())
            for number in range(6):
                await upload.send(chunk_pb2.ChunkData(offset_bytes=number * MIB, data=os.urandom(MIB)))
            await upload.wait_committed(6 * MIB)

    path = tmp_path / "a.bin"
    path.write_bytes(os.urandom(6 * MIB))
    with (
        start_cache(tmp_path / "c", METAEXTRACT_CACHE_CHUNK_BYTES=str(8 * MIB)) as cache,
        start_extractor(cache.address) as extractor,
        ExtractorClient(extractor.address) as client,
    ):
        asyncio.run(occupy(cache.address))
        answer = client.extract_session(path, DIGEST)
    assert answer.info.content_id == "b3:" + blake3(path.read_bytes()).hexdigest()
