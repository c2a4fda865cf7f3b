"""From a change of the level to the last of 1,000 subscribers, against a bare broadcast of the same messages.

The bare server keeps a queue per subscriber and sends what it is given: gRPC's own cost, the same loop, message and
clients. Subscribers are one process, on ten connections for each server.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time

from metaextract.cache.v1 import pressure_pb2
from metaextract_client import CacheClient
from tests.support.evidence import ROOT, Evidence
from tests.support.processes import ServiceProcess, pss_bytes, start_cache

SUBSCRIBERS = 1000
_CONNECTIONS = 10
_ROUNDS = 9
_LEVELS = (pressure_pb2.PRESSURE_LEVEL_HIGH, pressure_pb2.PRESSURE_LEVEL_ELEVATED)


class Subscribers:
    """A process with so many watches on one server; it reports when the last of them has heard of a revision."""

    def __init__(self, address: str, count: int, stopped: int = 0) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.benchmarks.broadcast_client", address, str(count), str(_CONNECTIONS), str(stopped)],
            stdout=subprocess.PIPE, text=True, cwd=ROOT,
        )  # fmt: skip
        assert self._process.stdout.readline() == "subscribed\n"

    def last_heard(self) -> tuple[float, float]:
        """Time of day at which the median and the last reading subscriber had the newest revision."""
        median, last = json.loads(self._process.stdout.readline())
        return median, last

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()


def run(name: str) -> Evidence:
    evidence = Evidence(name)
    with (
        start_cache(METAEXTRACT_PRESSURE_HEARTBEAT_SECONDS="60") as cache,
        ServiceProcess("tests.benchmarks.broadcast_server") as bare,
        CacheClient(cache.address) as ours,
        CacheClient(bare.address) as reference,
    ):
        idle = [pss_bytes(cache.pid), pss_bytes(bare.pid)]
        watchers = [Subscribers(cache.address, SUBSCRIBERS), Subscribers(bare.address, SUBSCRIBERS)]
        time.sleep(1)
        grown = [(pss_bytes(p.pid) - before) / SUBSCRIBERS / 1024 for p, before in zip((cache, bare), idle)]
        latencies: list[list[float]] = [[], []]
        for number in range(_ROUNDS):
            order = (0, 1) if number % 2 else (1, 0)
            for side in order:
                client = (ours, reference)[side]
                started = time.time()
                client.set_pressure_override(_LEVELS[number % 2], 600)
                _, last = watchers[side].last_heard()
                latencies[side].append((last - started) * 1000)
                time.sleep(0.3)
        for watcher in watchers:
            watcher.close()
    evidence.paired(
        "1,000 subscribers", "change to the last of them", "ms", latencies[0], latencies[1], "bare broadcast", "<= 1.5"
    )  # fmt: skip
    evidence.paired(
        "1,000 subscribers", "memory for each", "KiB", [grown[0]], [grown[1]], "bare stream", "<= 1.2"
    )
    evidence.single("1,000 subscribers", "longest", "ms", max(latencies[0]))
    return evidence
