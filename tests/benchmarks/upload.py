"""Whole streams: a session with a digest against bare servers with the same messages, chunks and client; memory."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import time
from pathlib import Path

from metaextract.document.v1 import document_pb2
from metaextract.extractor.v1 import extractor_pb2
from metaextract_client import NEVER, ExtractorClient, RetryPolicy
from metaextract_client.session_state import SessionFile, SessionState, run_session
from tests.benchmarks.bare import BareServer
from tests.benchmarks.bare_streams import BareStreams
from tests.support.evidence import Evidence
from tests.support.large_files import fits_header
from tests.support.processes import PeakMemory, cpu_seconds, start_cache, start_extractor

MIB = 2**20
_ROUNDS = 7
_UNKEPT = extractor_pb2.ExtractOptions(
    digests=[document_pb2.DIGEST_ALGORITHM_BLAKE3], cache_mode=extractor_pb2.CACHE_MODE_BYPASS
)
_KEPT = extractor_pb2.ExtractOptions(
    digests=[document_pb2.DIGEST_ALGORITHM_BLAKE3], cache_mode=extractor_pb2.CACHE_MODE_REFRESH
)


def write_file(path: Path, size_bytes: int, seed: str = "") -> Path:
    """A FITS file of random bytes, which no disk and no compressor makes smaller."""
    block = os.urandom(MIB)
    with path.open("wb") as file:
        file.write(fits_header(f"{path.stem}{seed}"[:8], size_bytes))
        while (left := size_bytes - file.tell()) > 0:
            # Each MiB is different: equal chunks would be stored once.
            file.write(file.tell().to_bytes(8, "big") + block[8 : min(left, MIB)])
    return path


def session(stub, path: Path, options) -> extractor_pb2.SessionResult:
    """One session: the same client code for ours and for the references."""
    with path.open("rb", buffering=0) as file:
        state = SessionState(SessionFile(file, path.name), options)
        run_session(state, stub.ExtractSession)
    assert state.result is not None
    return state.result


def throughput(stub, path: Path, options) -> float:
    started = time.perf_counter()
    session(stub, path, options)
    return path.stat().st_size / MIB / (time.perf_counter() - started)


def run_throughput(name: str) -> Evidence:
    evidence = Evidence(name)
    with (
        tempfile.TemporaryDirectory() as folder,
        start_cache(Path(folder) / "cache") as cache,
        start_extractor(cache.address, METAEXTRACT_SPOOL_DIRECTORY=folder) as extractor,
        BareStreams("sink") as sink,
        BareStreams("store", folder) as store,
        BareStreams("relay", store.address) as relay,
        ExtractorClient(extractor.address, NEVER) as ours,
        ExtractorClient(sink.address, NEVER) as to_sink,
        ExtractorClient(relay.address, NEVER) as to_relay,
    ):
        path = write_file(Path(folder) / "big.fits", 512 * MIB)
        servers = {ours: (extractor, cache), to_sink: (sink,), to_relay: (relay, store)}
        for case, options, reference, reference_name, goal in (
            ("retaining nothing", _UNKEPT, to_sink, "bare upload sink", ">= 0.85"),
            ("retaining chunks", _KEPT, to_relay, "bare two-hop relay to the same disk", ">= 0.8"),
        ):
            speeds, costs = {True: [], False: []}, {True: [], False: []}
            # The first upload of all, which also loads what is needed: over idle includes it.
            with PeakMemory(extractor.pid, cache.pid, interval_seconds=0.01) as memory:
                result = session(ours._stub, path, options)
            assert result.document.file.digests and result.document.sections
            for number in range(_ROUNDS + 1):
                for is_ours in (True, False) if number % 2 else (False, True):
                    client = ours if is_ours else reference
                    if is_ours and options is _KEPT:  # another content, or nothing would have to be written
                        with path.open("r+b") as file:
                            for offset in range(0, path.stat().st_size, MIB):
                                file.seek(offset + 4096)
                                file.write(number.to_bytes(8, "big"))
                    before = sum(cpu_seconds(each.pid) for each in servers[client])
                    speed = throughput(client._stub, path, options)
                    cost = sum(cpu_seconds(each.pid) for each in servers[client]) - before
                    if number:
                        speeds[is_ours].append(speed)
                        costs[is_ours].append(cost * 2**30 / path.stat().st_size)
            evidence.paired(
                f"512 MiB, {case}",
                "throughput",
                "MiB/s",
                speeds[True],
                speeds[False],
                reference_name,
                goal,
            )
            # What doesn't move with the machine's other tenants: with a client that computes as well, two CPUs are full.
            evidence.paired(
                f"512 MiB, {case}",
                "CPU of the servers for a GiB",
                "s",
                costs[True],
                costs[False],
                reference_name,
            )
            over = memory.over_idle_mib()
            evidence.single(f"512 MiB, {case}", "peak PSS over idle, pair", "MiB", sum(over), "<= 48")
            evidence.single(f"512 MiB, {case}", "of it the cache", "MiB", over[1])
    return evidence


def run_unary(name: str) -> Evidence:
    """ExtractUpload, which hashes, and spools what isn't read forward, against a bare server that counts."""
    evidence = Evidence(name)
    with (
        tempfile.TemporaryDirectory() as folder,
        start_cache(Path(folder) / "cache") as cache,
        start_extractor(cache.address, METAEXTRACT_SPOOL_DIRECTORY=folder) as extractor,
        BareServer(Path(folder)) as bare,
        ExtractorClient(extractor.address, NEVER) as ours,
        ExtractorClient(bare.address, NEVER) as reference,
    ):
        passing = write_file(Path(folder) / "big.fits", 512 * MIB)
        spooled = Path(folder) / "big.bin"
        shutil.copy(passing, spooled)
        with spooled.open("r+b") as file:
            file.write(b"nothing that is known")
        for case, path in (("of FITS, read while it passes", passing), ("of what is spooled", spooled)):
            speeds: dict[ExtractorClient, list[float]] = {ours: [], reference: []}
            costs: dict[ExtractorClient, list[float]] = {ours: [], reference: []}
            servers = {ours: (extractor, cache), reference: (bare,)}
            for number in range(_ROUNDS + 1):
                for client in (ours, reference) if number % 2 else (reference, ours):
                    before = sum(cpu_seconds(each.pid) for each in servers[client])
                    started = time.perf_counter()
                    with path.open("rb", buffering=0) as file:
                        client.extract_upload(iter(lambda f=file: f.read(MIB), b""), path.name, 512 * MIB)
                    if number:
                        speeds[client].append(512 / (time.perf_counter() - started))
                        costs[client].append(
                            2 * (sum(cpu_seconds(each.pid) for each in servers[client]) - before)
                        )
            evidence.paired(
                f"512 MiB {case}, ExtractUpload",
                "throughput",
                "MiB/s",
                speeds[ours],
                speeds[reference],
                "bare upload sink",
                ">= 0.7",
            )
            evidence.paired(
                f"512 MiB {case}, ExtractUpload",
                "CPU of the servers for a GiB",
                "s",
                costs[ours],
                costs[reference],
                "bare upload sink",
            )
    return evidence


def _many(extractor, paths: list[Path], at_once: int, options) -> list[extractor_pb2.SessionResult]:
    """Sessions with all of `paths`, so many at a time."""
    results, waiting, lock = [], list(paths), threading.Lock()

    def work() -> None:
        with ExtractorClient(extractor.address, RetryPolicy(max_attempts=50)) as client:
            while True:
                with lock:
                    if not waiting:
                        return
                    path = waiting.pop()
                answer = client.extract_session(path, options)
                with lock:
                    results.append(answer)

    threads = [threading.Thread(target=work) for _ in range(at_once)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def run_16_streams(name: str) -> Evidence:
    evidence = Evidence(name)
    with tempfile.TemporaryDirectory() as folder:
        paths = [write_file(Path(folder) / f"s{number}.fits", 64 * MIB) for number in range(16)]
        for case, options in (("retaining nothing", _UNKEPT), ("retaining chunks", _KEPT)):
            with (
                start_cache(Path(folder) / f"cache-{case}") as cache,
                start_extractor(cache.address, METAEXTRACT_SPOOL_DIRECTORY=folder) as extractor,
            ):
                _many(extractor, paths[:1], 1, _UNKEPT)
                started = time.perf_counter()
                with PeakMemory(extractor.pid, cache.pid, interval_seconds=0.02) as memory:
                    results = _many(extractor, paths, 16, options)
                seconds = time.perf_counter() - started
            assert len(results) == 16 and all(each.document.file.digests for each in results)
            over = memory.over_idle_mib()
            evidence.single(f"16 x 64 MiB, {case}", "peak PSS over idle, pair", "MiB", sum(over), "<= 160")
            evidence.single(f"16 x 64 MiB, {case}", "of it the cache", "MiB", over[1])
            evidence.single(f"16 x 64 MiB, {case}", "throughput together", "MiB/s", 1024 / seconds)
    return evidence


def run_10x500(name: str) -> Evidence:
    evidence = Evidence(name)
    with (
        tempfile.TemporaryDirectory() as folder,
        start_cache(Path(folder) / "cache", METAEXTRACT_CACHE_CHUNK_BYTES=str(2**34)) as cache,
        start_extractor(cache.address, METAEXTRACT_SPOOL_DIRECTORY=folder) as extractor,
    ):
        paths = [write_file(Path(folder) / f"b{number}.fits", 500 * MIB) for number in range(10)]
        started = time.perf_counter()
        with PeakMemory(extractor.pid, cache.pid, interval_seconds=0.02) as memory:
            results = _many(extractor, paths, 4, _KEPT)
        seconds = time.perf_counter() - started
        assert len(results) == 10 and all(each.info.moved_bytes == 500 * MIB for each in results)
        over = memory.over_idle_mib()
        evidence.single("10 x 500 MiB, 4 at once", "peak PSS over idle, pair", "MiB", sum(over), "<= 150")
        evidence.single("10 x 500 MiB, 4 at once", "of it the cache", "MiB", over[1])
        evidence.single("10 x 500 MiB, 4 at once", "throughput together", "MiB/s", 5000 / seconds)
    return evidence
