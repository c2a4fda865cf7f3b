"""GetResult from the memory tier against a bare gRPC server that answers the same bytes at once."""

from __future__ import annotations

import tempfile
from pathlib import Path

import grpc

from metaextract.cache.v1 import result_pb2, result_pb2_grpc
from metaextract_client.channel import options
from tests.benchmarks.bare import BareServer
from tests.benchmarks.rounds import add_latency_and_cpu, interleave
from tests.support.evidence import Evidence
from tests.support.processes import start_cache

_CALLS = 1500
_VALUE_BYTES = 4096


def run(name: str) -> Evidence:
    evidence = Evidence(name)
    key = result_pb2.ResultKey(space="verified", content_id="b3:00", module="metadata", version="1+jpeg.1")
    entry = result_pb2.ResultEntry(key=key, value=bytes(range(256)) * (_VALUE_BYTES // 256), cost_seconds=0.1)
    request = result_pb2.GetResultRequest(key=key)
    with (
        tempfile.TemporaryDirectory() as folder,
        start_cache(Path(folder) / "cache") as cache,
        grpc.insecure_channel(cache.address, options=options(cache.address, retries=False)) as channel,
    ):
        stub = result_pb2_grpc.ResultServiceStub(channel)
        stub.PutResult(result_pb2.PutResultRequest(entry=entry))
        answer = stub.GetResult(request)
        assert answer.lookup.found and answer.lookup.value == entry.value
        with (
            BareServer(Path(folder), get_result=answer.SerializeToString()) as bare,
            grpc.insecure_channel(bare.address, options=options(bare.address, retries=False)) as bare_channel,
        ):
            bare_stub = result_pb2_grpc.ResultServiceStub(bare_channel)
            ours, reference = interleave(
                lambda: stub.GetResult(request),
                lambda: bare_stub.GetResult(request),
                _CALLS,
                [cache.pid],
                [bare.pid],
            )
    add_latency_and_cpu(
        evidence, "4 KiB from memory", ours, reference, "bare grpc.aio echo", cpu_goal="<= 1.1"
    )
    return evidence
