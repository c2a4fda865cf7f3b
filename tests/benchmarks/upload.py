"""A 1 GiB ExtractUpload, hashed, spooled and parsed, against a bare server that counts the bytes."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from metaextract_client import ExtractorClient
from tests.benchmarks.bare import BareServer
from tests.golden.science import header
from tests.support.evidence import Evidence
from tests.support.processes import PeakMemory, start_cache, start_extractor

_CHUNK = 2**20
_CHUNKS = 1024
_ROUNDS = 7


def chunks(round_number: int):
    """1 GiB that is a FITS file, different in each round so that nothing is known before."""
    first = header(
        [
            "SIMPLE  =                    T", "BITPIX  =                    8", "NAXIS   =                    1",
            f"NAXIS1  = {_CHUNK * _CHUNKS - 2880:>20}", f"ROUND   = {round_number:>20}",
        ]
    )  # fmt: skip
    block = bytes(range(256)) * (_CHUNK // 256)
    yield first + block[len(first) :]
    for _ in range(_CHUNKS - 1):
        yield block


def timed(client: ExtractorClient, round_number: int):
    started = time.perf_counter()
    answer = client.extract_upload(chunks(round_number), "big.fits", _CHUNK * _CHUNKS)
    return _CHUNK * _CHUNKS / 2**20 / (time.perf_counter() - started), answer


def run(name: str) -> Evidence:
    evidence = Evidence(name)
    ours, reference = [], []
    with (
        tempfile.TemporaryDirectory() as folder,
        start_cache(Path(folder) / "cache") as cache,
        start_extractor(cache.address, METAEXTRACT_SPOOL_DIRECTORY=folder) as extractor,
        BareServer(Path(folder)) as bare,
        ExtractorClient(extractor.address) as client,
        ExtractorClient(bare.address) as bare_client,
    ):
        with PeakMemory(extractor.pid, cache.pid) as memory:
            _, answer = timed(client, 0)
        assert answer.document.file.format == "fits" and answer.document.file.size_bytes == _CHUNK * _CHUNKS
        timed(bare_client, 0)
        for number in range(1, _ROUNDS + 1):
            ours.append(timed(client, number)[0])
            reference.append(timed(bare_client, number)[0])
        with PeakMemory(extractor.pid, cache.pid) as later:
            timed(client, _ROUNDS + 1)
    over_idle = [max(a, b) for a, b in zip(memory.over_idle_mib(), later.over_idle_mib(), strict=True)]
    evidence.paired("1 GiB", "throughput", "MiB/s", ours, reference, "bare upload sink", ">= 0.6")
    evidence.single("1 GiB", "peak PSS over idle, extractor", "MiB", over_idle[0], "< 64")
    evidence.single("1 GiB", "peak PSS over idle, cache", "MiB", over_idle[1], "< 64")
    for part, rss in memory.peak_rss_bytes.items():
        evidence.single(
            "1 GiB", f"peak RSS, {part}", "MiB", max(rss, later.peak_rss_bytes.get(part, 0)) / 2**20
        )
    return evidence
