"""BatchGetResults of 100 against a pipeline of MGET to Redis, both over TCP by their Python clients: items a second."""

from __future__ import annotations

import socket
import subprocess
import tempfile
import time
from pathlib import Path

import grpc
import redis

from metaextract.cache.v1 import result_pb2, result_pb2_grpc
from metaextract_client.channel import options
from tests.benchmarks.rounds import ROUNDS
from tests.support.documents import fragments
from tests.support.evidence import Evidence
from tests.support.processes import cpu_seconds, start_cache

_ITEMS = 100
_CALLS = 50


def run(name: str) -> Evidence:
    evidence = Evidence(name)
    values = sorted(fragments(has_corpus=True), key=len)
    values = values[: len(values) // 2] or values  # up to the median document
    stored = [values[number % len(values)] for number in range(_ITEMS)]
    keys = [
        result_pb2.ResultKey(space="verified", content_id=f"b3:{number:064x}", module="metadata", version="1")
        for number in range(_ITEMS)
    ]
    names = [f"{key.space}\n{key.content_id}\n{key.module}\n{key.version}" for key in keys]
    with tempfile.TemporaryDirectory() as folder, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        server = subprocess.Popen(
            ["redis-server", "--port", str(port), "--save", "", "--dir", folder], stdout=subprocess.DEVNULL
        )
        client = redis.Redis("127.0.0.1", port)
        with (
            start_cache(Path(folder) / "cache") as cache,
            grpc.insecure_channel(cache.address, options=options(cache.address, retries=False)) as channel,
        ):
            stub = result_pb2_grpc.ResultServiceStub(channel)
            entries = [
                result_pb2.ResultEntry(key=key, value=value, cost_seconds=0.1)
                for key, value in zip(keys, stored, strict=True)
            ]
            stub.BatchPutResults(result_pb2.BatchPutResultsRequest(entries=entries))
            request = result_pb2.BatchGetResultsRequest(keys=keys)
            while True:
                try:
                    client.mset(dict(zip(names, stored, strict=True)))
                    break
                except redis.ConnectionError:
                    time.sleep(0.05)

            def ours() -> float:
                started = time.perf_counter()
                for _ in range(_CALLS):
                    found = [lookup.value for lookup in stub.BatchGetResults(request).lookups]
                assert found == stored
                return _CALLS * _ITEMS / (time.perf_counter() - started)

            def theirs() -> float:
                started = time.perf_counter()
                for _ in range(_CALLS):
                    with client.pipeline(transaction=False) as pipeline:
                        pipeline.mget(names)
                        (found,) = pipeline.execute()
                assert found == stored
                return _CALLS * _ITEMS / (time.perf_counter() - started)

            rates, cpu = {ours: [], theirs: []}, {ours: [], theirs: []}
            ours(), theirs()
            for number in range(ROUNDS):
                for side in (ours, theirs) if number % 2 == 0 else (theirs, ours):
                    pid = cache.pid if side is ours else server.pid
                    before = cpu_seconds(pid)
                    rates[side].append(side())
                    cpu[side].append((cpu_seconds(pid) - before) / (_CALLS * _ITEMS) * 1e6)
        client.close()
        server.terminate()
        server.wait()
    case = f"{_ITEMS} documents a call"
    evidence.single(case, "bytes of their values", "B", sum(map(len, stored)))
    evidence.paired(
        case, "items per second", "1/s", rates[ours], rates[theirs], "Redis MGET pipeline", ">= 0.4"
    )
    evidence.single(case, "CPU of the cache per item", "us", sorted(cpu[ours])[ROUNDS // 2])
    evidence.single(case, "CPU of Redis per item", "us", sorted(cpu[theirs])[ROUNDS // 2])
    return evidence
