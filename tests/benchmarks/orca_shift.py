"""A stock gRPC client with weighted_round_robin and ORCA out of band, two extractors: load leaves the pressed one.

The client knows nothing of us: two addresses, the standard balancer, calls of cold files at half of what both can do.
Extractor B is told CRITICAL for ten seconds by its own cache; each has its own, so that only B is pressed.
"""

from __future__ import annotations

import contextlib
import json
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc

from metaextract.cache.v1 import pressure_pb2
from metaextract.extractor.v1 import extractor_pb2, extractor_pb2_grpc
from metaextract_client import CacheClient
from tests.faults.hostile import make
from tests.support.evidence import OUTPUT, Evidence
from tests.support.processes import start_cache, start_extractor

_BALANCER = {
    "loadBalancingConfig": [
        {
            "weighted_round_robin": {
                "enableOobLoadReport": True,
                "oobReportingPeriod": "0.2s",
                "blackoutPeriod": "0.5s",
                "weightUpdatePeriod": "0.2s",
                "weightExpirationPeriod": "10s",
            }
        }
    ]
}
_PHASES = (("before", 6.0), ("pressed", 10.0), ("after", 22.0))
_PER_SECOND = 24.0
_THREADS = 24


def run(name: str) -> Evidence:
    evidence = Evidence(name)
    settings = {"METAEXTRACT_PARSE_CONCURRENCY": "4"}
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        caches = [
            stack.enter_context(
                start_cache(Path(folder) / f"cache{number}", METAEXTRACT_PRESSURE_HOLD_SECONDS="1")
            )
            for number in range(2)
        ]
        extractors = [
            stack.enter_context(start_extractor(cache.address, "tests.faults.hostile_extractor", **settings))
            for cache in caches
        ]
        pressed = stack.enter_context(CacheClient(caches[1].address))
        target = "ipv4:" + ",".join(extractor.address for extractor in extractors)
        channel = stack.enter_context(
            grpc.insecure_channel(target, options=[("grpc.service_config", json.dumps(_BALANCER))])
        )
        answers = drive(extractor_pb2_grpc.ExtractorServiceStub(channel), pressed)
    report(evidence, answers, f":{extractors[1].pid}", name)
    return evidence


def drive(stub, pressed: CacheClient) -> list[tuple[float, str, bool]]:
    """Time, server, and success of each call."""
    answers: list[tuple[float, str, bool]] = []
    lock, started = threading.Lock(), time.monotonic()

    def call() -> None:
        request = extractor_pb2.ExtractRequest(
            inline=extractor_pb2.InlineSource(data=make("work"), name="job.hostile")
        )
        future = stub.Extract.future(request, timeout=20)
        try:
            server, ok = future.result().info.instance, True
        except grpc.RpcError:
            server, ok = "", False
        at = time.monotonic() - started
        with lock:
            answers.append((at, server, ok))

    def press() -> None:
        time.sleep(_PHASES[0][1])
        pressed.set_pressure_override(pressure_pb2.PRESSURE_LEVEL_CRITICAL, _PHASES[1][1])

    threading.Thread(target=press, daemon=True).start()
    with ThreadPoolExecutor(_THREADS) as threads:
        end = sum(seconds for _, seconds in _PHASES)
        sent = 0
        while (now := time.monotonic() - started) < end:
            threads.submit(call)
            sent += 1
            time.sleep(max(0.0, sent / _PER_SECOND - now))
    return answers


def report(evidence: Evidence, answers: list[tuple[float, str, bool]], b: str, name: str) -> None:
    start = 0.0
    shares = {}
    for phase, seconds in _PHASES:
        # The first two seconds of a phase are the shift itself; of the way back, the last eight count.
        begin = start + seconds - 8 if phase == "after" else start + 2
        counts = Counter(server for at, server, _ in answers if begin <= at < start + seconds)
        total = sum(counts.values())
        shares[phase] = sum(count for server, count in counts.items() if server.endswith(b)) / max(1, total)
        start += seconds
    evidence.single("share of the pressed one", "before", "ratio", shares["before"], ">= 0.4")
    evidence.single("share of the pressed one", "while it is CRITICAL", "ratio", shares["pressed"], "<= 0.3")
    evidence.single("share of the pressed one", "8 s, 14 s later", "ratio", shares["after"], ">= 0.4")
    failed = sum(not ok for _, _, ok in answers)
    evidence.single("calls", "all", "count", len(answers))
    evidence.single("calls", "failed", "count", failed, "== 0")
    by_second = Counter((int(at), server.endswith(b)) for at, server, _ in answers)
    split = [(second, by_second[second, False], by_second[second, True]) for second in range(int(start))]
    print("second: calls to A, calls to B\n" + "  ".join(f"{s}:{a},{b}" for s, a, b in split))
    OUTPUT.mkdir(parents=True, exist_ok=True)
    rows = "\n".join(f"{second},{to_a},{to_b}" for second, to_a, to_b in split)
    (OUTPUT / f"{name}_split.csv").write_text(f"second,calls to A,calls to B\n{rows}\n", encoding="utf-8")
