"""Clients that are slow, silent, lying or damaged: each is told so, costs little memory, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import os
import statistics
import tempfile
import threading
import time
import zlib
from pathlib import Path

import grpc
import psutil
from grpc import aio

from metaextract.document.v1 import document_pb2
from metaextract.extractor.v1 import extractor_pb2 as pb
from metaextract.extractor.v1 import extractor_pb2_grpc
from metaextract_client import NEVER, ExtractorClient
from metaextract_client.session_state import SessionFile, SessionState
from tests.benchmarks.upload import write_file
from tests.samples import PHOTOS
from tests.support import large_files
from tests.support.evidence import Evidence
from tests.support.processes import PeakMemory, start_cache, start_extractor
from tests.support.scripted_session import Script

MIB = 2**20
_IDLE_SECONDS = 3.0
Code = grpc.StatusCode
DIGEST = pb.ExtractOptions(digests=[document_pb2.DIGEST_ALGORITHM_BLAKE3])
SEEK = {"name": "a.fits", "size_bytes": 10**9, "can_seek": True}
STREAM = {**SEEK, "options": DIGEST}


def _leftovers(*pids: int) -> tuple[int, int]:
    """Open descriptors and threads of the services."""
    processes = [psutil.Process(pid) for pid in pids]
    return sum(each.num_fds() for each in processes), sum(each.num_threads() for each in processes)


def _slow(session: Script) -> Code:
    """1 KB a second, honestly: small chunks come, so it isn't silent; it is cancelled after a while."""
    session.until("stream")
    for number in range(5):
        session.chunk(number * 1000, b"x" * 1000)
        time.sleep(1)
    session.call.cancel()
    return session.status()


def _never_reads(address: str, path: Path) -> Code:
    """Answers what it is asked, and then doesn't read a document that is larger than any window."""
    with path.open("rb", buffering=0) as file:
        state = SessionState(SessionFile(file, path.name), None)
        # A small window of its own: by default gRPC would take the whole document in unread.
        channel = grpc.insecure_channel(
            address, options=[("grpc.http2.bdp_probe", 0), ("grpc.http2.lookahead_bytes", 65536)]
        )
        session = Script(address, state.first().offer, channel)
        for answer in session.call:
            state.hear(answer)
            while (message := state.next()) is not None:
                session.send(message)
            if answer.WhichOneof("part") == "enough":
                break
        time.sleep(2 * _IDLE_SECONDS)
        code = session.status()
        session.close()
        channel.close()
    return code


def _out_of_order(session: Script) -> Code:
    session.until("stream")
    session.chunk(MIB, b"x" * 100)
    return session.status()


def _duplicated(session: Script) -> Code:
    session.until("stream")
    session.chunk(0, b"x" * 100)
    session.chunk(0, b"x" * 100)
    return session.status()


def _corrupted(session: Script) -> Code:
    session.until("stream")
    session.chunk(0, b"x" * 100, zlib.crc32(b"y" * 100))
    return session.status()


def _oversized(session: Script) -> Code:
    session.until("stream")
    session.chunk(0, b"x" * (2 * MIB + 1))
    return session.status()


def _greedy(session: Script) -> Code:
    session.until("stream")
    for number in range(100):
        session.chunk(number * 2 * MIB, b"x" * (2 * MIB))
    return session.status()


def _short(session: Script) -> Code:
    session.until("stream")
    session.chunk(0, b"x" * 50)
    session.send(pb.ExtractSessionRequest(end=pb.StreamEnd(size_bytes=50)))
    return session.status()


def _wrong_digest(session: Script) -> Code:
    session.until("stream")
    session.chunk(0, b"x" * 100)
    return session.status()


def _silent(session: Script) -> Code:
    session.until("ranges")
    return session.status()


CASES = {
    "1 KB/s": (STREAM, _slow, {Code.CANCELLED}),
    "chunk out of order": (STREAM, _out_of_order, {Code.OUT_OF_RANGE}),
    "chunk twice": (STREAM, _duplicated, {Code.OUT_OF_RANGE}),
    "chunk corrupted": (STREAM, _corrupted, {Code.DATA_LOSS}),
    "chunk oversized": (STREAM, _oversized, {Code.INVALID_ARGUMENT}),
    "ignores credit": (STREAM, _greedy, {Code.FAILED_PRECONDITION, Code.OUT_OF_RANGE}),
    "lies about size": ({"name": "a", "size_bytes": 100, "can_seek": False}, _short, {Code.INVALID_ARGUMENT}),
    "lies about digest": (
        {"name": "a", "size_bytes": 100, "can_seek": True, "options": DIGEST, "digest": "b3:" + "0" * 64},
        _wrong_digest,
        {Code.INVALID_ARGUMENT},
    ),
    "answers nothing": (SEEK, _silent, {Code.ABORTED}),
}


async def _idle_sessions(address: str, count: int) -> dict[str, int]:
    """Statuses of so many sessions that offer a file and then do nothing."""
    async with aio.insecure_channel(address) as channel:
        stub = extractor_pb2_grpc.ExtractorServiceStub(channel)

        async def one() -> str:
            over = asyncio.Event()

            async def requests():
                yield pb.ExtractSessionRequest(offer=pb.SessionOffer(**SEEK))
                await over.wait()

            try:
                async for _ in stub.ExtractSession(requests()):
                    pass
            except aio.AioRpcError as error:
                return error.code().name
            finally:
                over.set()
            return "OK"

        statuses = await asyncio.gather(*(one() for _ in range(count)))
    return {name: statuses.count(name) for name in set(statuses)}


def _latencies(client: ExtractorClient, path: Path, count: int) -> list[float]:
    """Of sessions with a large file and of small photographs, in turn; none from the cache."""
    taken = []
    photo = PHOTOS[0].read_bytes()
    for number in range(count):
        started = time.perf_counter()
        if number % 2:
            client.extract_session(path)
        else:
            client.extract_bytes(photo + os.urandom(4), "a.jpg")
        taken.append(time.perf_counter() - started)
    return taken


def run(name: str) -> Evidence:
    evidence = Evidence(name)
    with (
        tempfile.TemporaryDirectory() as folder,
        start_cache(Path(folder) / "cache") as cache,
        start_extractor(cache.address, METAEXTRACT_UPLOAD_IDLE_SECONDS=str(_IDLE_SECONDS)) as extractor,
        ExtractorClient(extractor.address, NEVER) as client,
    ):
        path = Path(folder) / "large.fits"
        large_files.write_fits(path, 2**30)
        wordy = Path(folder) / "wordy.fits"
        large_files.write_fits_hdus(wordy, 700, 2880, 60)
        _latencies(client, path, 20)
        client.extract_session(
            write_file(Path(folder) / "kept.bin", 20 * MIB), DIGEST
        )  # opens what stays open
        time.sleep(1)
        before = _leftovers(extractor.pid, cache.pid)
        for case, (offer, act, expected) in CASES.items():
            codes = set()
            for _ in range(1 if act in (_slow, _silent) else 5):
                session = Script(extractor.address, pb.SessionOffer(**offer))
                codes.add(act(session))
                session.close()
            evidence.single(
                f"{case}: {', '.join(code.name for code in codes)}",
                "clear status",
                "yes",
                codes <= expected,
                "== 1",
            )
        with PeakMemory(extractor.pid, cache.pid) as memory:
            code = _never_reads(extractor.address, wordy)
        evidence.single(f"stops reading: {code.name}", "clear status", "yes", code is Code.ABORTED, "== 1")
        evidence.single(
            "stops reading", "peak PSS over idle, pair", "MiB", sum(memory.over_idle_mib()), "<= 48"
        )
        with PeakMemory(extractor.pid, cache.pid) as memory:
            statuses = asyncio.run(_idle_sessions(extractor.address, 1000))
        told = set(statuses) <= {"ABORTED", "RESOURCE_EXHAUSTED"}
        evidence.single(f"1,000 idle: {statuses}", "clear status", "yes", told, "== 1")
        evidence.single(
            "1,000 idle sessions", "peak PSS over idle, pair", "MiB", sum(memory.over_idle_mib()), "<= 160"
        )
        _stalled(evidence, extractor.address, client, path)
        deadline = time.monotonic() + 10
        while (after := _leftovers(extractor.pid, cache.pid))[0] > before[
            0
        ] + 4 and time.monotonic() < deadline:
            time.sleep(0.2)
        evidence.single(
            "afterwards", "open descriptors more than before", "count", after[0] - before[0], "<= 4"
        )
        evidence.single("afterwards", "threads more than before", "count", after[1] - before[1], "<= 8")
        spool = [
            each for each in Path(tempfile.gettempdir()).iterdir() if each.name.startswith("metaextract")
        ]
        evidence.single("afterwards", "files left behind", "count", len(spool), "== 0")
        state = client.get_backoff_state()
        evidence.single("afterwards", "bytes still reserved", "count", state.reserved_bytes, "== 0")
    return evidence


def _stalled(evidence: Evidence, address: str, client: ExtractorClient, path: Path) -> None:
    """Latency of others while 64 clients have sent a head and answer nothing more; in turn with none."""
    alone, beside = [], []
    for _ in range(5):
        alone.append(_latencies(client, path, 100))
        over = threading.Event()
        keepers = [threading.Thread(target=_stall, args=(address, 16, over)) for _ in range(4)]
        for each in keepers:
            each.start()
        time.sleep(0.5)
        beside.append(_latencies(client, path, 100))
        over.set()
        for each in keepers:
            each.join()
    p99 = lambda values: statistics.quantiles(values, n=100)[98] * 1000
    evidence.paired(
        "64 stalled sessions", "p99 of other clients", "ms", [p99(each) for each in beside], [p99(each) for each in alone],
        "without them", "<= 2",
    )  # fmt: skip
    median = lambda values: statistics.median(values) * 1000
    evidence.paired(
        "64 stalled sessions", "p50 of other clients", "ms", [median(each) for each in beside], [median(each) for each in alone],
        "without them",
    )  # fmt: skip


def _stall(address: str, count: int, over: threading.Event) -> None:
    """Keeps so many sessions open that have a first block and are asked for more; anew when they are ended."""
    head = b"SIMPLE  =                    T" + b" " * (65536 - 30)
    with grpc.insecure_channel(address) as channel:
        sessions: list[Script] = []
        for _ in range(count):
            offer = pb.SessionOffer(**SEEK, prefetch=[pb.FileChunk(data=head)])
            sessions.append(Script(address, offer, channel))
        over.wait(60)
        for session in sessions:
            session.close()
