"""Finding similar pictures among a million: time by kind of hash, recall against comparing all, memory, and what GetResult feels of it."""

from __future__ import annotations

import asyncio
import sqlite3
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
from grpc import aio

from cache_service.similarity.search import Search
from metaextract.cache.v1 import result_pb2, result_pb2_grpc, similarity_pb2, similarity_pb2_grpc
from tests.support.evidence import Evidence
from tests.support.processes import pss_bytes, start_cache

_CONTENTS = 1_000_000
_QUERIES = 60
_MIB = 2**20
_PHASH, _PDQ = similarity_pb2.HASH_KIND_PHASH, similarity_pb2.HASH_KIND_PDQ


def run(name: str) -> Evidence:
    evidence = Evidence(name)
    rng = np.random.default_rng(1)
    pdq = rng.integers(0, 256, (_CONTENTS, 32), dtype=np.uint8)
    phash = rng.integers(0, 256, (_CONTENTS, 8), dtype=np.uint8)
    queries = []
    for number in range(_QUERIES):  # each near some that are there
        at = int(rng.integers(_CONTENTS))
        bits = np.unpackbits(pdq[at])
        bits[rng.choice(256, 8 + number % 16, replace=False)] ^= 1
        near = np.packbits(bits)
        for _ in range(20):
            other = np.unpackbits(near)
            other[rng.choice(256, int(rng.integers(1, 32)), replace=False)] ^= 1
            pdq[int(rng.integers(_CONTENTS))] = np.packbits(other)
        queries.append((phash[at].tobytes(), near.tobytes()))
    _recall(evidence, pdq, queries)
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_serve(evidence, Path(folder), phash, pdq, queries))
    return evidence


def _recall(evidence: Evidence, pdq: np.ndarray, queries: list[tuple[bytes, bytes]]) -> None:
    """By bands against comparing all of them."""
    search = Search(((at + 1, row.tobytes()) for at, row in enumerate(pdq)), 32)
    words = pdq.view(np.uint64)
    found = expected = 0
    for _, bits in queries:
        near = {each.number for each in search.near(bits, 31, 10_000)}
        away = np.bitwise_count(words ^ np.frombuffer(bits, dtype=np.uint64)).sum(axis=1)
        truth = set((np.flatnonzero(away <= 31) + 1).tolist())
        found += len(near & truth)
        expected += len(truth)
    evidence.single(
        f"PDQ by bands, {expected} near ones",
        "recall against comparing all",
        "%",
        100 * found / expected,
        "== 100",
    )


def _fill(folder: Path, phash: np.ndarray, pdq: np.ndarray) -> None:
    """A million rows, as puts would have written them."""
    database = sqlite3.connect(folder / "similar.sqlite")
    rows = (
        (
            "default",
            f"verified\nb3:{at:064x}\nperceptual\n1\n",
            4e9,
            0,
            "",
            "",
            phash[at].tobytes(),
            None,
            None,
            pdq[at].tobytes(),
        )
        for at in range(_CONTENTS)
    )
    database.executemany("INSERT INTO hashes VALUES (NULL,?,?,?,?,?,?,?,?,?,?)", rows)
    database.commit()
    database.close()


async def _serve(
    evidence: Evidence, folder: Path, phash: np.ndarray, pdq: np.ndarray, queries: list[tuple[bytes, bytes]]
) -> None:
    with start_cache(folder):
        pass  # makes the file
    _fill(folder, phash, pdq)
    evidence.single("a million contents", "disk", "MiB", (folder / "similar.sqlite").stat().st_size / _MIB)
    with start_cache(folder, METAEXTRACT_CACHE_SIMILAR_ENTRIES="2000000") as process:
        idle = pss_bytes(process.pid)
        async with aio.insecure_channel(process.address) as channel:
            similar, results = (
                similarity_pb2_grpc.SimilarityServiceStub(channel),
                result_pb2_grpc.ResultServiceStub(channel),
            )
            for kind, place, name, goal in ((_PHASH, 0, "64 bits", "<= 25"), (_PDQ, 1, "PDQ", "<= 50")):
                began_at = time.perf_counter()
                await _find(similar, kind, queries[0][place])
                evidence.single(
                    f"{name}, a million",
                    "the first call, which loads them",
                    "s",
                    time.perf_counter() - began_at,
                )
                times = []
                for query in queries * 3:
                    began_at = time.perf_counter()
                    answer = await _find(similar, kind, query[place])
                    times.append((time.perf_counter() - began_at) * 1000)
                    assert answer.searched_count == _CONTENTS and answer.contents
                evidence.single(f"{name}, a million", "p50", "ms", statistics.median(times))
                evidence.single(
                    f"{name}, a million", "p95", "ms", statistics.quantiles(times, n=20)[-1], goal
                )
                evidence.single(
                    f"after {name}",
                    "memory above an empty cache",
                    "MiB",
                    (pss_bytes(process.pid) - idle) / _MIB,
                )
            await _beside(evidence, similar, results, queries)


async def _beside(evidence, similar, results, queries) -> None:
    """GetResult's p99 while somebody searches without a pause, and alone, in turns."""
    key = result_pb2.ResultKey(space="verified", content_id="b3:1", module="m", version="1")
    await results.PutResult(
        result_pb2.PutResultRequest(entry=result_pb2.ResultEntry(key=key, value=b"x" * 4000))
    )
    alone, beside = [], []
    for _ in range(7):
        alone.append(await _p99(results, key))
        stop = asyncio.Event()
        searching = asyncio.create_task(_search(similar, queries, stop))
        beside.append(await _p99(results, key))
        stop.set()
        await searching
    evidence.paired("GetResult while another one searches", "p99", "ms", beside, alone, "without", "<= 1.5")


async def _search(similar, queries, stop: asyncio.Event) -> None:
    while not stop.is_set():
        for phash, pdq in queries:
            await _find(similar, _PHASH, phash)
            await asyncio.sleep(0.05)  # ten a second of each kind
            await _find(similar, _PDQ, pdq)
            await asyncio.sleep(0.05)
            if stop.is_set():
                return


async def _p99(results, key) -> float:
    times = []
    for _ in range(1500):
        began_at = time.perf_counter()
        await results.GetResult(result_pb2.GetResultRequest(key=key))
        times.append((time.perf_counter() - began_at) * 1000)
    return statistics.quantiles(times, n=100)[-1]


async def _find(similar, kind, bits):
    wanted = similarity_pb2.PerceptualHash(kind=kind, bits=bits)
    return await similar.FindSimilar(similarity_pb2.FindSimilarRequest(hash=wanted))
