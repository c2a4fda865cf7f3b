"""Ten minutes of churn at full rate and constant content: RSS, descriptors and threads of the cache stay as they are.

METAEXTRACT_SOAK_SECONDS shortens it, for a look.
"""

from __future__ import annotations

import os
import random
import tempfile
import threading
import time
from pathlib import Path

import psutil

from metaextract.cache.v1 import result_pb2
from metaextract_client import CacheClient, MetaExtractError
from tests.support.documents import fragments
from tests.support.evidence import Evidence
from tests.support.processes import start_cache

MIB = 2**20
_SECONDS = 600.0
_WARM_RATIO = 0.25  # until both tiers are full and everything has been used once
_WORKERS = 2
_KEYS = 400_000
_BATCH = 50


class Churn:
    """Gets and puts random keys in batches, and invalidates now and then."""

    def __init__(self, address: str) -> None:
        self.calls = 0
        self.failed: list[str] = []
        self._address = address
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(number,)) for number in range(_WORKERS)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self, worker: int) -> None:
        rng = random.Random(worker)
        values = fragments(has_corpus=True)
        with CacheClient(self._address) as client:
            while not self._stop.is_set():
                numbers = [rng.randrange(_KEYS) for _ in range(_BATCH)]
                keys = [
                    result_pb2.ResultKey(
                        space="verified", content_id=f"b3:{number:064x}", module="m", version="1"
                    )
                    for number in numbers
                ]
                try:
                    found = client.get_results(keys).lookups
                    client.put_results(
                        [
                            result_pb2.ResultEntry(
                                key=key,
                                value=values[number % len(values)],
                                cost_seconds=rng.lognormvariate(-3, 1.2),
                            )
                            for key, number, lookup in zip(keys, numbers, found, strict=True)
                            if not lookup.found
                        ]
                        or [result_pb2.ResultEntry(key=keys[0], value=b"again")]
                    )
                    if rng.random() < 0.02:
                        client.invalidate_results(content_id=keys[0].content_id)
                except MetaExtractError as error:
                    self.failed.append(str(error))
                self.calls += 1


def slope_per_minute(samples: list[tuple[float, float]]) -> float:
    """Least squares; per minute."""
    count = len(samples)
    mean_x = sum(x for x, _ in samples) / count
    mean_y = sum(y for _, y in samples) / count
    return 60 * (
        sum((x - mean_x) * (y - mean_y) for x, y in samples) / sum((x - mean_x) ** 2 for x, _ in samples)
    )


def run(name: str) -> Evidence:
    seconds = float(os.environ.get("METAEXTRACT_SOAK_SECONDS") or _SECONDS)
    evidence = Evidence(name)
    with (
        tempfile.TemporaryDirectory() as folder,
        start_cache(
            Path(folder) / "cache",
            METAEXTRACT_CACHE_MEMORY_BYTES=str(48 * MIB),
            METAEXTRACT_CACHE_DISK_BYTES=str(128 * MIB),
        ) as cache,
        CacheClient(cache.address) as client,
    ):
        process = psutil.Process(cache.pid)
        samples: list[tuple[float, float]] = []
        descriptors, threads, on_disk = [], [], []
        with Churn(cache.address) as churn:
            started = time.monotonic()
            while (elapsed := time.monotonic() - started) < seconds:
                time.sleep(min(1.0, seconds / 60))
                if elapsed < seconds * _WARM_RATIO:
                    continue
                samples.append((elapsed, process.memory_info().rss / MIB))
                descriptors.append(process.num_fds())
                threads.append(process.num_threads())
                on_disk.append(
                    sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file()) / MIB
                )
        stats = client.get_stats()
    turned_over = sum(
        tier.removals.size + tier.removals.replaced + tier.removals.deleted + tier.removals.expired
        for tier in stats.tiers
    )
    rss = [value for _, value in samples]
    slope = slope_per_minute(samples)
    minutes = (samples[-1][0] - samples[0][0]) / 60
    evidence.single("churn", "duration", "s", seconds)
    evidence.single("churn", "entries put", "count", stats.puts, "> 0")
    evidence.single("churn", "entries turned over", "count", turned_over, "> 0")
    evidence.single("churn", "calls", "count", churn.calls)
    evidence.single("churn", "failed calls", "count", len(churn.failed), "== 0")
    evidence.single("after warming up", "RSS, least", "MiB", min(rss))
    evidence.single("after warming up", "RSS, most", "MiB", max(rss))
    evidence.single("after warming up", "RSS slope", "MiB/min", slope)
    noise = max(rss) - min(rss)
    evidence.single(
        "after warming up", "RSS drift / its own range", "ratio", abs(slope) * minutes / max(noise, 0.1)
    )
    evidence.single("after warming up", "RSS drift over it", "MiB", slope * minutes, "<= 4")
    evidence.single(
        "after warming up",
        "descriptors, most less least",
        "count",
        max(descriptors) - min(descriptors),
        "<= 3",
    )
    evidence.single(
        "after warming up", "threads, most less least", "count", max(threads) - min(threads), "<= 2"
    )
    evidence.single("after warming up", "disk, most", "MiB", max(on_disk), "<= 300")
    return evidence
