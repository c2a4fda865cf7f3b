"""A cached Extract, from the extractor's near cache, against a bare gRPC server that answers the same bytes at once, one hop."""

from __future__ import annotations

import tempfile
from pathlib import Path

import grpc

from metaextract.extractor.v1 import extractor_pb2, extractor_pb2_grpc
from metaextract_client.channel import options
from metaextract_client.render import cache_status_name
from tests.benchmarks.bare import BareServer
from tests.benchmarks.rounds import add_latency_and_cpu, interleave
from tests.samples import PHOTOS
from tests.support.engine import of_engine
from tests.support.evidence import Evidence
from tests.support.processes import start_cache, start_extractor

_CALLS = 1000


def run(name: str) -> Evidence:
    evidence = Evidence(of_engine(name))
    photo = next(path for path in PHOTOS if "FujiFilm" in path.name)
    request = extractor_pb2.ExtractRequest(
        inline=extractor_pb2.InlineSource(data=photo.read_bytes(), name=photo.name)
    )
    with (
        tempfile.TemporaryDirectory() as folder,
        start_cache(Path(folder) / "cache") as cache,
        start_extractor(cache.address) as extractor,
        grpc.insecure_channel(
            extractor.address, options=options(extractor.address, retries=False)
        ) as channel,
    ):
        stub = extractor_pb2_grpc.ExtractorServiceStub(channel)
        stub.Extract(request)
        answer = stub.Extract(request)
        assert cache_status_name(answer.info.cache_status) == "HIT"
        with (
            BareServer(Path(folder), extract=answer.SerializeToString()) as bare,
            grpc.insecure_channel(bare.address, options=options(bare.address, retries=False)) as bare_channel,
        ):
            bare_stub = extractor_pb2_grpc.ExtractorServiceStub(bare_channel)
            ours, reference = interleave(
                lambda: stub.Extract(request),
                lambda: bare_stub.Extract(request),
                _CALLS,
                [extractor.pid, cache.pid],
                [bare.pid],
            )
        assert cache_status_name(stub.Extract(request).info.cache_status) == "HIT"
    evidence.single("payload", "request", "B", request.ByteSize())
    evidence.single("payload", "reply", "B", answer.ByteSize())
    add_latency_and_cpu(
        evidence,
        "41 KB photo, cached",
        ours,
        reference,
        "bare grpc.aio echo",
        p50_goal="<= 1.1",
        cpu_goal="<= 1.0",
    )
    return evidence
