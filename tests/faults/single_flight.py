"""200 clients ask for one cold extraction of 2 s at once: it is made once, on one cache replica and on two."""

from __future__ import annotations

import contextlib
import os
import signal
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from metaextract.extractor.v1 import extractor_pb2
from metaextract_client import CacheClient, ExtractorClient
from metaextract_client.render import cache_status_name, outcome_name
from tests.faults.hostile import make
from tests.support.evidence import Evidence
from tests.support.processes import start_cache, start_extractor, wait_until
from tests.support.redis_server import RedisServer

_CLIENTS = 200
_SLOW_SECONDS = 2.0


def run(name: str) -> Evidence:
    evidence = Evidence(name)
    with tempfile.TemporaryDirectory() as folder, RedisServer() as redis:
        alone = {}
        shared = {"METAEXTRACT_CACHE_REDIS_URL": redis.url}
        with start_cache(Path(folder) / "alone", **alone) as cache:
            measure(evidence, "one replica", [cache], b"1")
            killed_leader(evidence, cache)
        with (
            start_cache(Path(folder) / "a", **shared) as one,
            start_cache(Path(folder) / "b", **shared) as two,
        ):
            measure(evidence, "two replicas, Redis", [one, two], b"2")
    return evidence


def measure(evidence, case: str, caches: list, seed: bytes) -> None:
    """Each cache replica has an extractor of its own; the clients are spread over them."""
    data = make("slow") + seed
    with contextlib.ExitStack() as stack:
        extractors = [
            stack.enter_context(
                start_extractor(
                    cache.address, "tests.faults.hostile_extractor", METAEXTRACT_QUEUE_LENGTH=str(_CLIENTS)
                )
            )
            for cache in caches
        ]
        clients = [stack.enter_context(ExtractorClient(each.address)) for each in extractors]
        for client in clients:
            client.extract_bytes(b"warm" + seed, "")

        def ask(number: int):
            return clients[number % len(clients)].extract_bytes(data, "x.hostile", timeout=60)

        started = time.monotonic()
        with ThreadPoolExecutor(_CLIENTS) as executor:
            answers = list(executor.map(ask, range(_CLIENTS)))
        seconds = time.monotonic() - started
    statuses = [cache_status_name(answer.info.cache_status) for answer in answers]
    evidence.single(case, "clients", "count", len(answers))
    evidence.single(case, "extractions", "count", statuses.count("MISS"), "== 1")
    evidence.single(case, "answered from the result", "count", statuses.count("HIT"), f"== {_CLIENTS - 1}")
    evidence.single(
        case, "documents that are OK", "count",
        sum(outcome_name(answer.document.outcome) == "OK" for answer in answers), f"== {_CLIENTS}",
    )  # fmt: skip
    evidence.single(case, "until all were answered", "s", seconds, f"<= {_SLOW_SECONDS + 2}")
    saved = 0
    for cache in caches:
        with CacheClient(cache.address) as asked:
            saved += asked.get_stats().single_flight_saved
    evidence.single(case, "waited instead of computing", "count", saved, "> 0")


def killed_leader(evidence, cache) -> None:
    """The extractor that computes is killed: the followers, at another one, get the next turn when its lease lapses."""
    data = make("slow") + b"3"
    with (
        start_extractor(cache.address, "tests.faults.hostile_extractor") as leader,
        start_extractor(cache.address, "tests.faults.hostile_extractor") as follower,
        ExtractorClient(leader.address) as first,
        ExtractorClient(follower.address) as second,
        ThreadPoolExecutor(11) as executor,
    ):
        executor.submit(first.extract_bytes, data, "x.hostile", extractor_pb2.ExtractOptions(), 30)
        with CacheClient(cache.address) as client:
            granted = client.get_stats().leases_granted
            wait_until(lambda: client.get_stats().leases_granted > granted - 1, 5)
        time.sleep(0.5)
        started = time.monotonic()
        waiting = [executor.submit(second.extract_bytes, data, "x.hostile", timeout=60) for _ in range(10)]
        time.sleep(0.3)
        os.kill(leader.pid, signal.SIGKILL)
        answers = [future.result() for future in waiting]
        seconds = time.monotonic() - started
    evidence.single(
        "leader killed", "followers answered OK", "count",
        sum(outcome_name(answer.document.outcome) == "OK" for answer in answers), "== 10",
    )  # fmt: skip
    evidence.single(
        "leader killed", "extractions by followers", "count",
        sum(cache_status_name(answer.info.cache_status) == "MISS" for answer in answers), "== 1",
    )  # fmt: skip
    evidence.single("leader killed", "until all were answered", "s", seconds, "<= 15")
