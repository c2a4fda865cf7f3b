"""RSS of the live cache after it was filled, shrunk step by step, and let back; and what a caller notices meanwhile."""

from __future__ import annotations

import random
import statistics
import threading
import time
from typing import NamedTuple

import psutil

from metaextract.cache.v1 import pressure_pb2, result_pb2, result_pb2_grpc
from metaextract_client import CacheClient
from tests.support.documents import fragments
from tests.support.evidence import Evidence
from tests.support.processes import start_cache, wait_until

MIB = 2**20
_STEPS = (
    ("-25 %", pressure_pb2.PRESSURE_LEVEL_ELEVATED),
    ("-50 %", pressure_pb2.PRESSURE_LEVEL_HIGH),
    ("floor", pressure_pb2.PRESSURE_LEVEL_CRITICAL),
    ("back", pressure_pb2.PRESSURE_LEVEL_NORMAL),
)
_RATIO_GOAL = "<= 1.35"
_BATCH_BYTES = 4 * MIB


class Fill(NamedTuple):
    case: str
    budget_bytes: int
    large_ratio: str
    allocator: str
    values: object
    has_goals: bool = True


def documents(rng):
    """Real documents, as extractors send them; the keys differ, the contents recur, each is stored for itself."""
    known = fragments(has_corpus=True)
    while True:
        yield rng.choice(known)


def small(rng):
    while True:
        yield rng.randbytes(min(50_000, max(1000, int(rng.lognormvariate(9, 1)))))


def chunks(rng):
    while True:
        yield rng.randbytes(rng.randrange(64 * 1024, MIB))


FILLS = (
    Fill("documents, 512 MiB", 512 * MIB, "0.01", "messages", documents),
    Fill("1-50 KB incompressible, 1 GiB", 1024 * MIB, "0.01", "messages", small),
    Fill("chunks 64 KiB-1 MiB, 1 GiB", 1024 * MIB, "0.99", "messages", chunks),
    Fill("chunks, allocator for values", 1024 * MIB, "0.99", "values", chunks, has_goals=False),
    Fill("documents, allocator for values", 512 * MIB, "0.01", "values", documents, has_goals=False),
)


class Probe:
    """Asks for a missing key again and again: what its answers take beyond the usual is the loop's stall, or more."""

    def __init__(self, address: str) -> None:
        self.seconds: list[float] = []
        self._address = address
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        key = result_pb2.ResultKey(space="verified", content_id="b3:none", module="m", version="1")
        with CacheClient(self._address) as client:
            while not self._stop.is_set():
                started = time.perf_counter()
                client.get_result(key)
                self.seconds.append(time.perf_counter() - started)

    def stalls_ms(self) -> tuple[float, float, int]:
        """The 99.9th percentile and the maximum above the median, and the number of answers."""
        usual = statistics.median(self.seconds)
        over = sorted(1000 * (each - usual) for each in self.seconds)
        return over[int(len(over) * 0.999)], over[-1], len(over)


def fill(client, stub, make, rng) -> None:
    """Puts until the memory tier has begun to evict."""
    values, number = make(rng), 0
    while sum(tier.removals.size for tier in client.get_stats().tiers) == 0:
        entries, size = [], 0
        while size < _BATCH_BYTES and len(entries) < 1000:
            value = next(values)
            size += len(value)
            number += 1
            entries.append(
                result_pb2.ResultEntry(
                    key=result_pb2.ResultKey(
                        space="verified",
                        content_id=f"b3:{number:064x}",
                        module="metadata",
                        version="1+jpeg.2",
                    ),
                    value=value,
                    cost_seconds=rng.lognormvariate(-3, 1.2),
                )
            )
        stub.BatchPutResults(result_pb2.BatchPutResultsRequest(entries=entries))


def run(name: str) -> Evidence:
    import grpc

    from metaextract_client.channel import options

    evidence = Evidence(name)
    for each in FILLS:
        with (
            start_cache(
                METAEXTRACT_CACHE_MEMORY_BYTES=str(each.budget_bytes),
                METAEXTRACT_CACHE_LARGE_RATIO=each.large_ratio,
                METAEXTRACT_CACHE_ALLOCATOR=each.allocator,
                METAEXTRACT_CACHE_REGROW_RATIO_PER_SECOND="1",
            ) as cache,
            CacheClient(cache.address) as client,
            grpc.insecure_channel(cache.address, options=options(cache.address, retries=False)) as channel,
        ):
            stub = result_pb2_grpc.ResultServiceStub(channel)
            rss = lambda: psutil.Process(cache.pid).memory_info().rss
            used = lambda: sum(tier.used_bytes for tier in client.get_stats().tiers)
            fill_one(stub)
            idle = rss() - used()
            started = time.monotonic()
            fill(client, stub, each.values, random.Random(1))
            stats = client.get_stats()
            count = sum(tier.entry_count for tier in stats.tiers)
            evidence.single(each.case, "entries", "count", count)
            evidence.single(each.case, "filling took", "s", time.monotonic() - started)
            evidence.single(
                each.case, "value bytes / stored bytes", "ratio", stats.value_bytes / stats.stored_bytes
            )
            report(evidence, each, "full", rss(), idle + used())
            for step, level in _STEPS:
                with Probe(cache.address) as probe:
                    time.sleep(0.3)
                    client.set_pressure_override(level, 120)
                    wait_until(lambda: settled(client), 20, 0.1)
                    time.sleep(0.7)  # the trim runs beside
                p999, worst, answers = probe.stalls_ms()
                report(evidence, each, step, rss(), idle + used())
                evidence.single(
                    each.case,
                    f"{step}: stall, p99.9 of {answers}",
                    "ms",
                    p999,
                    "< 25" if each.has_goals else "",
                )
                evidence.single(each.case, f"{step}: stall, longest", "ms", worst)
    return evidence


def fill_one(stub) -> None:
    """One entry, so that what every process needs once isn't counted."""
    key = result_pb2.ResultKey(space="verified", content_id="b3:first", module="m", version="1")
    entry = result_pb2.ResultEntry(key=key, value=bytes(100_000))
    stub.BatchPutResults(result_pb2.BatchPutResultsRequest(entries=[entry]))


def settled(client) -> bool:
    stats = client.get_stats()
    return all(
        tier.used_bytes <= tier.budget_bytes
        and (not tier.budget_entries or tier.entry_count <= tier.budget_entries)
        for tier in stats.tiers
    )


def report(evidence, each: Fill, step: str, rss_bytes: int, ideal_bytes: int) -> None:
    ratio = rss_bytes / ideal_bytes
    print(
        f"  {each.case:<34} {step:<6} RSS {rss_bytes / MIB:7.1f} MiB, ideal {ideal_bytes / MIB:7.1f}, {ratio:.2f}x"
    )
    evidence.single(each.case, f"{step}: RSS", "MiB", rss_bytes / MIB)
    evidence.single(each.case, f"{step}: RSS / ideal", "ratio", ratio, _RATIO_GOAL if each.has_goals else "")
