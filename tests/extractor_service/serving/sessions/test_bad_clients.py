"""Sessions over gRPC with real servers: what a bad client is told, and what it leaves behind."""

from __future__ import annotations

import os
import time
import zlib

import grpc
import pytest

from metaextract.document.v1 import document_pb2
from metaextract.extractor.v1 import extractor_pb2 as pb
from tests.support import large_files
from tests.support.processes import wait_until

pytestmark = pytest.mark.servers
MIB = 2**20
DIGEST = pb.ExtractOptions(digests=[document_pb2.DIGEST_ALGORITHM_BLAKE3])
SEEK = {"name": "a.fits", "size_bytes": 10**9, "can_seek": True}
Code = grpc.StatusCode


def test_a_damaged_chunk_is_told(script):
    session = script(**SEEK)
    asked = session.until("ranges").ranges[0]
    data = b"\0" * asked.length_bytes
    session.chunk(0, data, zlib.crc32(data) ^ 1)
    assert session.status() is Code.DATA_LOSS


@pytest.mark.parametrize("offset", [5_000_000, 1 << 40])
def test_what_wasn_t_asked_for_is_told(script, offset):
    session = script(**SEEK)
    session.until("ranges")
    session.chunk(offset, b"x" * 100)
    assert session.status() is Code.OUT_OF_RANGE


def test_a_range_that_comes_twice_is_told(script):
    session = script(**SEEK)
    asked = session.until("ranges").ranges[0]
    session.chunk(0, b"x" * 100)
    session.chunk(0, b"x" * 100)
    assert asked.length_bytes > 100 and session.status() is Code.OUT_OF_RANGE


@pytest.mark.parametrize("data", [b"", b"x" * (2 * MIB + 1)])
def test_empty_and_oversized_chunks_are_told(script, data):
    session = script(**SEEK)
    session.until("ranges")
    session.chunk(0, data)
    assert session.status() is Code.INVALID_ARGUMENT


def test_silence_has_an_end(script):
    session = script(**SEEK)
    session.until("ranges")
    started = time.monotonic()
    assert session.status() is Code.ABORTED and time.monotonic() - started < 5


def test_a_client_that_can_t_read_its_file_says_so(script):
    session = script(**SEEK)
    session.until("ranges")
    session.send(pb.ExtractSessionRequest(failure=pb.SourceFailure(message="gone")))
    assert session.status() is Code.ABORTED


def test_streams_come_in_order_within_their_credit(script):
    session = script(name="a", size_bytes=64 * MIB, can_seek=True, options=DIGEST)
    stream = session.until("stream")
    session.chunk(5 * MIB, b"x" * 100)
    assert stream.credit_bytes >= MIB and session.status() is Code.OUT_OF_RANGE


def test_credit_is_held_to(script):
    session = script(name="a", size_bytes=640 * MIB, can_seek=True, options=DIGEST)
    stream = session.until("stream")
    block = os.urandom(2 * MIB)
    for number in range(64):  # without waiting for any ack
        session.chunk(2 * number * MIB, block)
    code = session.status()
    assert stream.credit_bytes < 128 * MIB and code is Code.FAILED_PRECONDITION


def test_a_wrong_digest_is_told_and_nothing_is_kept(script, client):
    wrong = "b3:" + "0" * 64
    session = script(name="a", size_bytes=100, can_seek=True, options=DIGEST, digest=wrong)
    session.until("stream")
    session.chunk(0, b"x" * 100)
    assert session.status() is Code.INVALID_ARGUMENT
    with pytest.raises(Exception, match="no such content"):
        client.extract_digest(wrong)


def test_a_wrong_size_is_told(script):
    session = script(name="a", size_bytes=100, can_seek=False)
    session.until("stream")
    session.chunk(0, b"x" * 50)
    session.send(pb.ExtractSessionRequest(end=pb.StreamEnd(size_bytes=50)))
    assert session.status() is Code.INVALID_ARGUMENT


def test_who_closes_while_bytes_are_missing_is_told(script):
    session = script(**SEEK)
    session.until("ranges")
    session.half_close()
    assert session.status() is Code.OUT_OF_RANGE


@pytest.mark.parametrize("claim", [{}, {"version": "a", "client_id": "b"}])
def test_who_closes_at_once_is_told_at_once(script, claim):
    session = script(**SEEK, **claim)
    session.half_close()
    started = time.monotonic()
    assert session.status() is Code.OUT_OF_RANGE and time.monotonic() - started < 5


def test_a_client_may_close_its_side_with_the_last_byte(script):
    session = script(name="a.fits", can_seek=False)
    session.until("stream")
    session.chunk(0, b"SIMPLE  =" + bytes(300_000))
    session.send(pb.ExtractSessionRequest(end=pb.StreamEnd(size_bytes=300_009)))
    session.half_close()
    assert session.until("result").info.moved_bytes == 300_009
    assert session.status() is Code.OK


@pytest.mark.parametrize(
    "offer",
    [
        {"can_seek": True},
        {"can_seek": True, "size_bytes": 5, "digest": "b3:xyz"},
        {"can_seek": True, "size_bytes": 5, "version": "v"},
        {"can_seek": True, "size_bytes": 5, "prefetch": [pb.FileChunk(data=b"123456")]},
        {"can_seek": True, "size_bytes": 5, "options": pb.ExtractOptions(modules=["?"])},
    ],
)
def test_bad_offers_are_told(script, offer):
    assert script(**offer).status() is Code.INVALID_ARGUMENT


def test_cancelled_sessions_leave_nothing(pair, script):
    import psutil

    process = psutil.Process(pair[1].pid)
    time.sleep(0.5)
    before = process.num_fds()
    for _ in range(50):
        session = script(**SEEK)
        session.until("ranges")
        session.close()
    wait_until(lambda: process.num_fds() <= before + 2)


def test_a_stalled_client_holds_no_worker(pair, script, client, fits):
    stalled = [script(**SEEK) for _ in range(16)]
    for session in stalled:
        session.chunk(0, b"SIMPLE  =                    T" + b" " * (16384 - 30))
    started = time.monotonic()
    for _ in range(5):
        client.extract_session(fits)
    assert time.monotonic() - started < 5
    for session in stalled:
        session.close()


def test_what_a_client_sends_beside_a_stored_digest_isn_t_taken_for_it(client, script, tmp_path):
    path = tmp_path / "true.fits"
    large_files.write_fits(path, 2 * MIB)
    with path.open("ab") as file:
        file.write(os.urandom(2880))
    first = client.extract_session(path, DIGEST)
    digest = first.info.content_id
    forged = b"SIMPLE  =                    T" + b" " * 50 + b"OBJECT  = 'Forged  '" + b" " * 60
    session = script(
        name="a",
        size_bytes=path.stat().st_size,
        can_seek=True,
        digest=digest,
        options=pb.ExtractOptions(cache_mode=pb.CACHE_MODE_REFRESH),
        prefetch=[pb.FileChunk(data=forged.ljust(16384))],
    )
    result = session.until("result")
    assert result.document.common.title == "Large field"
    assert client.extract_digest(digest).document.common.title == "Large field"


def test_many_small_pieces_are_refused(script):
    pieces = [pb.FileChunk(offset_bytes=2 * number, data=b"x") for number in range(9)]
    assert script(**SEEK, prefetch=pieces).status() is Code.INVALID_ARGUMENT
