"""From a change of the level to the last of 1,000 subscribers, and of 10,000, against a bare broadcast of the same messages.

The bare server keeps a queue per subscriber and sends what it is given: gRPC's own cost, the same loop, message and
clients. Subscribers are one process, a hundred on a connection, for each server.
"""

from __future__ import annotations

import time

from metaextract.cache.v1 import pressure_pb2
from metaextract_client import CacheClient
from tests.support.crowd import Crowd
from tests.support.evidence import Evidence
from tests.support.processes import ServiceProcess, pss_bytes, start_cache

SUBSCRIBERS = 1000
_MANY = 10_000
_ROUNDS = 9
_LEVELS = (pressure_pb2.PRESSURE_LEVEL_HIGH, pressure_pb2.PRESSURE_LEVEL_ELEVATED)


def run(name: str) -> Evidence:
    return _run(name, SUBSCRIBERS, "<= 1.5")


def run_many(name: str) -> Evidence:
    return _run(name, _MANY, "<= 1.2")


def _run(name: str, count: int, goal: str) -> Evidence:
    evidence = Evidence(name)
    case = f"{count:,} subscribers"
    with (
        start_cache(METAEXTRACT_PRESSURE_HEARTBEAT_SECONDS="60") as cache,
        ServiceProcess("tests.benchmarks.broadcast_server") as bare,
        CacheClient(cache.address) as ours,
        CacheClient(bare.address) as reference,
    ):
        idle = [pss_bytes(cache.pid), pss_bytes(bare.pid)]
        watchers = [Crowd(cache.address, count), Crowd(bare.address, count)]
        time.sleep(1)
        grown = [(pss_bytes(p.pid) - before) / count / 1024 for p, before in zip((cache, bare), idle)]
        latencies: list[list[float]] = [[], []]
        for number in range(_ROUNDS):
            order = (0, 1) if number % 2 else (1, 0)
            for side in order:
                client = (ours, reference)[side]
                started = time.time()
                state = client.set_pressure_override(_LEVELS[number % 2], 600)
                latencies[side].append((watchers[side].heard(state.revision) - started) * 1000)
                time.sleep(0.3 * count / SUBSCRIBERS)
        for watcher in watchers:
            watcher.kill()
    evidence.paired(
        case, "change to the last of them", "ms", latencies[0], latencies[1], "bare broadcast", goal
    )
    evidence.paired(case, "memory for each", "KiB", [grown[0]], [grown[1]], "bare stream", "<= 1.2")
    evidence.single(case, "longest", "ms", max(latencies[0]))
    return evidence
