"""Files per second, CPU and p99 against clients, workers and extractors of this machine: where it bends, and why.

Every point reads the same photographs cold, by URI. A client has one file under way. Draws `scale_curve.png` beside this file.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from extractor_service.sources.content import SETTLE_SECONDS
from metaextract.extractor.v1 import extractor_pb2
from metaextract_client.extractor_async import AsyncExtractorClient
from tests.benchmarks.photographs import _copy
from tests.support import corpus
from tests.support.evidence import Evidence
from tests.support.processes import cpu_seconds, start_cache, start_extractor

_SECONDS = 3.0
_CLIENTS = (1, 2, 3, 4, 6, 8)
_WORKERS = (1, 2, 3, 4)
_EXTRACTORS = (1, 2, 3)
_MANY = 8


class Point(NamedTuple):
    rate: float
    cpu_ms: float
    p50_ms: float
    p99_ms: float
    busy_ratio: float
    """Of the machine, the load generator's part included."""


def run(name: str) -> Evidence:
    evidence = Evidence(name)
    curves: dict[str, list[tuple[int, Point]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        _copy(corpus.image_files(), root)
        uris = [path.as_uri() for path in sorted(root.rglob("*.*"))]
        time.sleep(SETTLE_SECONDS + 0.1)
        curves["clients"] = [(count, _measured(root, uris, count, 2, 1)) for count in _CLIENTS]
        curves["workers"] = [(count, _measured(root, uris, _MANY, count, 1)) for count in _WORKERS]
        curves["extractors"] = [(count, _measured(root, uris, _MANY, 2, count)) for count in _EXTRACTORS]
    evidence.single("machine", "CPUs", "count", os.cpu_count() or 0)
    for what, points in curves.items():
        for count, point in points:
            case = f"{count} {what}"
            evidence.single(case, "files per second", "1/s", point.rate)
            evidence.single(case, "CPU per file, all our processes", "ms", point.cpu_ms)
            evidence.single(case, "p50", "ms", point.p50_ms)
            evidence.single(case, "p99", "ms", point.p99_ms)
            evidence.single(case, "machine busy, with the load generator", "ratio", point.busy_ratio)
    _draw(curves)
    return evidence


def _measured(root: Path, uris: list[str], clients: int, workers: int, extractors: int) -> Point:
    with contextlib.ExitStack() as stack:
        cache = stack.enter_context(start_cache())
        fleet = [
            stack.enter_context(
                start_extractor(
                    cache.address,
                    METAEXTRACT_FILE_ROOTS=str(root),
                    METAEXTRACT_PARSE_CONCURRENCY=str(workers),
                )
            )
            for _ in range(extractors)
        ]
        pids = [cache.pid, *(each.pid for each in fleet)]
        addresses = [each.address for each in fleet]
        asyncio.run(_drive(addresses, uris, clients, 1.0))
        before, own = sum(map(cpu_seconds, pids)), time.process_time()
        started = time.perf_counter()
        latencies = asyncio.run(_drive(addresses, uris, clients, _SECONDS))
        wall = time.perf_counter() - started
        cpu, own = sum(map(cpu_seconds, pids)) - before, time.process_time() - own
    cuts = statistics.quantiles(latencies, n=100)
    return Point(
        len(latencies) / wall,
        cpu / len(latencies) * 1e3,
        cuts[49] * 1e3,
        cuts[98] * 1e3,
        (cpu + own) / wall / (os.cpu_count() or 1),
    )


async def _drive(addresses: list[str], uris: list[str], clients: int, seconds: float) -> list[float]:
    options = extractor_pb2.ExtractOptions(cache_mode=extractor_pb2.CACHE_MODE_REFRESH)
    ends_at, latencies, place = time.perf_counter() + seconds, [], iter(range(1 << 40))
    async with contextlib.AsyncExitStack() as stack:
        stubs = [await stack.enter_async_context(AsyncExtractorClient(each)) for each in addresses]

        async def client(number: int) -> None:
            while (began_at := time.perf_counter()) < ends_at:
                await stubs[number % len(stubs)].extract_uri(uris[next(place) % len(uris)], options)
                latencies.append(time.perf_counter() - began_at)

        await asyncio.gather(*(client(number) for number in range(clients)))
    return latencies


def _draw(curves: dict[str, list[tuple[int, Point]]]) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, len(curves), figsize=(12, 3.6), sharey=True)
    for axis, (what, points) in zip(axes, curves.items(), strict=True):
        counts = [count for count, _ in points]
        axis.plot(
            counts, [point.rate for _, point in points], "o-", color="#1f5fa8", label="files per second"
        )
        axis.set_xlabel(what)
        axis.set_xticks(counts)
        axis.set_ylim(bottom=0)
        late = axis.twinx()
        late.plot(counts, [point.p99_ms for _, point in points], "s--", color="#b5532a", label="p99, ms")
        late.plot(
            counts, [100 * point.busy_ratio for _, point in points], "^:", color="#777777", label="busy, %"
        )
        late.set_ylim(bottom=0)
    axes[0].set_ylabel("files per second")
    lines = [*axes[-1].get_lines(), *late.get_lines()]
    figure.legend(lines, [line.get_label() for line in lines], loc="upper center", ncol=3, frameon=False)
    figure.tight_layout(rect=(0, 0, 1, 0.92))
    figure.savefig(Path(__file__).with_name("scale_curve.png"), dpi=110)
