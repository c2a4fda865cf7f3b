"""What a look-up and a put cost the cache when it holds a thousand results, and a million."""

from __future__ import annotations

import grpc

from metaextract.cache.v1 import result_pb2, result_pb2_grpc
from metaextract_client.channel import options
from tests.support.evidence import Evidence
from tests.support.processes import cpu_seconds, pss_bytes, start_cache

_SIZES = (1_000, 10_000, 100_000, 1_000_000)
_BATCH = 1000
_CALLS = 20
_VALUE = bytes(range(48)) * 1  # small: the index is what grows


def run(name: str) -> Evidence:
    evidence = Evidence(name)
    cost: dict[int, tuple[float, float]] = {}
    with (
        start_cache(METAEXTRACT_CACHE_MEMORY_BYTES=str(2**30)) as cache,
        grpc.insecure_channel(cache.address, options=options(cache.address, retries=False)) as channel,
    ):
        stub = result_pb2_grpc.ResultServiceStub(channel)
        idle, held = pss_bytes(cache.pid), 0
        for size in _SIZES:
            while held < size:
                _put(stub, range(held, held + _BATCH))
                held += _BATCH
            cost[size] = _measured(cache.pid, stub, held)
            held += _CALLS * _BATCH
            case = f"{size:,} results"
            evidence.single(case, "CPU for each of a thousand looked up", "us", cost[size][0])
            evidence.single(case, "CPU for each of a thousand put", "us", cost[size][1])
            evidence.single(case, "memory for each", "B", (pss_bytes(cache.pid) - idle) / held)
    for number, what in enumerate(("look-up", "put")):
        ratio = cost[_SIZES[-1]][number] / cost[_SIZES[0]][number]
        evidence.single("growth", f"{what}: a million / a thousand", "ratio", ratio, "<= 1.5")
    return evidence


def _key(number: int) -> result_pb2.ResultKey:
    return result_pb2.ResultKey(
        space="verified", content_id=f"b3:{number:064x}", module="metadata", version="1"
    )


def _put(stub, numbers: range) -> None:
    entries = [result_pb2.ResultEntry(key=_key(number), value=_VALUE, cost_seconds=0.1) for number in numbers]
    stub.BatchPutResults(result_pb2.BatchPutResultsRequest(entries=entries))


def _measured(pid: int, stub, held: int) -> tuple[float, float]:
    """Microseconds of CPU for each result that is looked up, and that is put."""
    step = max(1, held // _BATCH)
    requests = [
        result_pb2.BatchGetResultsRequest(
            keys=[_key((number * step + call) % held) for number in range(_BATCH)]
        )
        for call in range(_CALLS)
    ]
    stub.BatchGetResults(requests[0])
    before = cpu_seconds(pid)
    for request in requests:
        assert all(lookup.found for lookup in stub.BatchGetResults(request).lookups)
    between = cpu_seconds(pid)
    for call in range(_CALLS):
        _put(stub, range(held + call * _BATCH, held + (call + 1) * _BATCH))
    after = cpu_seconds(pid)
    per = 1e6 / (_CALLS * _BATCH)
    return (between - before) * per, (after - between) * per
