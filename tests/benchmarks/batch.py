"""BatchGetResults of 100 against as many calls of GetResult, on the same connection: items a second."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import grpc

from metaextract.cache.v1 import result_pb2, result_pb2_grpc
from metaextract_client.channel import options
from tests.benchmarks.rounds import ROUNDS
from tests.support.documents import fragments
from tests.support.evidence import Evidence
from tests.support.processes import cpu_seconds, start_cache

_ITEMS = 100
_CALLS = 20


def run(name: str) -> Evidence:
    evidence = Evidence(name)
    keys = [
        result_pb2.ResultKey(space="verified", content_id=f"b3:{number:064x}", module="metadata", version="1")
        for number in range(_ITEMS)
    ]
    values = sorted(fragments(has_corpus=True), key=len)
    values = values[: len(values) // 2] or values  # up to the median document
    entries = [
        result_pb2.ResultEntry(key=key, value=values[number % len(values)], cost_seconds=0.1)
        for number, key in enumerate(keys)
    ]
    batch = result_pb2.BatchGetResultsRequest(keys=keys)
    singles = [result_pb2.GetResultRequest(key=key) for key in keys]
    with (
        tempfile.TemporaryDirectory() as folder,
        start_cache(Path(folder) / "cache") as cache,
        grpc.insecure_channel(cache.address, options=options(cache.address, retries=False)) as channel,
    ):
        stub = result_pb2_grpc.ResultServiceStub(channel)
        stub.BatchPutResults(result_pb2.BatchPutResultsRequest(entries=entries))
        assert all(lookup.found for lookup in stub.BatchGetResults(batch).lookups)

        def in_batches() -> float:
            started = time.perf_counter()
            for _ in range(_CALLS):
                stub.BatchGetResults(batch)
            return _CALLS * _ITEMS / (time.perf_counter() - started)

        def one_by_one() -> float:
            started = time.perf_counter()
            for request in singles:
                stub.GetResult(request)
            return len(singles) / (time.perf_counter() - started)

        rates, cpu = {in_batches: [], one_by_one: []}, {in_batches: [], one_by_one: []}
        in_batches(), one_by_one()
        for number in range(ROUNDS):
            for side in (in_batches, one_by_one) if number % 2 == 0 else (one_by_one, in_batches):
                before = cpu_seconds(cache.pid)
                rates[side].append(side())
                items = _CALLS * _ITEMS if side is in_batches else _ITEMS
                cpu[side].append((cpu_seconds(cache.pid) - before) / items * 1e6)
    case = f"{_ITEMS} documents"
    evidence.single(case, "bytes of their values", "B", sum(len(entry.value) for entry in entries))
    evidence.paired(
        case, "items per second", "1/s", rates[in_batches], rates[one_by_one], "GetResult", ">= 10"
    )
    evidence.single(case, "CPU of the cache per item, batch", "us", sorted(cpu[in_batches])[ROUNDS // 2])
    evidence.single(case, "CPU of the cache per item, unary", "us", sorted(cpu[one_by_one])[ROUNDS // 2])
    return evidence
