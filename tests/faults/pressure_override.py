"""SetPressureOverride CRITICAL and back: 100 watchers, the memory tier, the extractor; with times."""

from __future__ import annotations

import asyncio
import time

from metaextract.cache.v1 import pressure_pb2, result_pb2
from metaextract_client import AsyncCacheClient, CacheClient, ExtractorClient, OverloadedError
from metaextract_client.render import outcome_name
from tests.samples import PHOTOS
from tests.support.evidence import Evidence
from tests.support.processes import start_cache, start_extractor

_WATCHERS = 100
_ENTRIES = 2000
CRITICAL = pressure_pb2.PRESSURE_LEVEL_CRITICAL
REAL = pressure_pb2.PRESSURE_LEVEL_UNSPECIFIED


def run(name: str) -> Evidence:
    return asyncio.run(_run(name))


async def _run(name: str) -> Evidence:
    evidence = Evidence(name)
    with (
        start_cache(METAEXTRACT_CACHE_REGROW_RATIO_PER_SECOND="0.2") as cache,
        start_extractor(cache.address) as extractor,
        CacheClient(cache.address) as admin,
        ExtractorClient(extractor.address) as client,
    ):
        for number in range(_ENTRIES):
            key = result_pb2.ResultKey(space="verified", content_id=f"b3:{number}", module="m", version="1")
            admin.put_result(result_pb2.ResultEntry(key=key, value=bytes(4096)))
        full = admin.get_stats().tiers[0]
        arrivals: dict[int, list[float]] = {CRITICAL: [], pressure_pb2.PRESSURE_LEVEL_NORMAL: []}
        clients = [AsyncCacheClient(cache.address) for _ in range(_WATCHERS)]
        tasks = [asyncio.create_task(_watch(each, arrivals)) for each in clients]
        while len(arrivals[pressure_pb2.PRESSURE_LEVEL_NORMAL]) < _WATCHERS:
            await asyncio.sleep(0.01)
        arrivals[pressure_pb2.PRESSURE_LEVEL_NORMAL].clear()

        started = time.monotonic()
        await asyncio.to_thread(admin.set_pressure_override, CRITICAL, 60)
        fitted = time.monotonic() - started
        await _until(lambda: len(arrivals[CRITICAL]) == _WATCHERS)
        floor = admin.get_stats().tiers[0]
        evidence.single(
            "to CRITICAL", "watchers that heard", "count", len(arrivals[CRITICAL]), f"== {_WATCHERS}"
        )
        evidence.single(
            "to CRITICAL", "first watcher after", "ms", (min(arrivals[CRITICAL]) - started) * 1000
        )
        evidence.single(
            "to CRITICAL", "last watcher after", "ms", (max(arrivals[CRITICAL]) - started) * 1000, "<= 1000"
        )
        evidence.single("to CRITICAL", "memory tier fitted after", "ms", fitted * 1000, "<= 1000")
        evidence.single("to CRITICAL", "entries before", "count", full.entry_count, f"== {_ENTRIES}")
        evidence.single("to CRITICAL", "entries at the floor", "count", floor.entry_count, "== 50")
        evidence.single(
            "to CRITICAL",
            "entries removed by pressure",
            "count",
            floor.removals.pressure,
            f"== {_ENTRIES - 50}",
        )

        await _until(lambda: client.get_backoff_state().level == CRITICAL)
        refusals = []
        for call in (
            lambda: client.extract_upload(iter([bytes(2**20)] * 2), "large.bin", 2 * 2**20),
            lambda: client.extract_bytes(b"\xff\xd8\xff" + bytes(2**20 + 1), "large.jpg", timeout=1),
        ):
            began = time.monotonic()
            try:
                await asyncio.to_thread(call)
            except OverloadedError as error:
                refusals.append((time.monotonic() - began, error.retry_after_seconds))
            except Exception as error:  # noqa: BLE001 - gRPC itself retries inline calls until their deadline
                refusals.append((time.monotonic() - began, getattr(error, "retry_after_seconds", 0.0)))
        evidence.single(
            "at CRITICAL", "upload of 2 MiB refused after", "ms", refusals[0][0] * 1000, "<= 1000"
        )
        evidence.single("at CRITICAL", "retry delay told", "s", refusals[0][1], "> 0")
        small = await asyncio.to_thread(client.extract_file, PHOTOS[0])
        evidence.single(
            "at CRITICAL",
            "small file still OK",
            "0/1",
            float(outcome_name(small.document.outcome) == "OK"),
            "== 1",
        )
        evidence.single(
            "at CRITICAL", "parses at once", "count", client.get_backoff_state().concurrency_limit, "== 1"
        )

        started = time.monotonic()
        await asyncio.to_thread(admin.set_pressure_override, REAL)
        normal = pressure_pb2.PRESSURE_LEVEL_NORMAL
        await _until(lambda: len(arrivals[normal]) == _WATCHERS)
        evidence.single(
            "back to NORMAL", "last watcher after", "ms", (max(arrivals[normal]) - started) * 1000, "<= 1000"
        )
        await _until(lambda: client.get_backoff_state().level == normal)
        large = await asyncio.to_thread(
            client.extract_upload, iter([bytes(2**20)] * 2), "large.bin", 2 * 2**20
        )
        evidence.single(
            "back to NORMAL",
            "2 MiB upload accepted after",
            "ms",
            (time.monotonic() - started) * 1000,
            "<= 2000",
        )
        assert outcome_name(large.document.outcome) == "UNSUPPORTED"
        await _until(lambda: admin.get_stats().tiers[0].budget_bytes == full.budget_bytes, 30)
        evidence.single(
            "back to NORMAL", "memory budget full again after", "s", time.monotonic() - started, "<= 30"
        )
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for each in clients:
            await each.close()
    return evidence


async def _watch(client: AsyncCacheClient, arrivals: dict[int, list[float]]) -> None:
    known = None
    async for event in client.watch_pressure("fault run"):
        if event.state.level != known and event.state.level in arrivals:
            arrivals[event.state.level].append(time.monotonic())
        known = event.state.level


async def _until(condition, timeout: float = 10.0) -> None:
    async with asyncio.timeout(timeout):
        while not condition():
            await asyncio.sleep(0.005)
