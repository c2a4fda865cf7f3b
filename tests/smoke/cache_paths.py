"""The cache's hot paths; see `extractor_paths`."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections import deque
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from smoke.extractor_paths import fragments
from smoke.photographs import photos

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from smoke.extractor_paths import Turn
    from smoke.served import Served

    from cache_service.assembly import Assembled
    from metaextract.cache.v1 import result_pb2

_FOREVER = 1e6  # seconds; nothing may expire between two turns
_POOL = 400  # puts until a dictionary is trained: afterwards the store is as it is after its first minute


@contextlib.asynccontextmanager
async def _store() -> AsyncIterator[Assembled]:
    from cache_service.assembly import assembled
    from cache_service.entries.entry import Budget
    from cache_service.settings import Settings

    async with assembled(Settings(cache_directory=""), Budget(256 << 20, 0)) as parts:
        yield parts


def _served_results(parts: Assembled) -> Served:
    from smoke.served import Served

    from cache_service.services.result_service import ResultServicer
    from metaextract.cache.v1 import result_pb2_grpc

    # Older code keeps no hashes.
    similar = (parts.similar,) if hasattr(parts, "similar") else ()
    servicer = ResultServicer(parts.store, parts.flights, parts.log, 5.0, *similar)
    return Served(result_pb2_grpc.add_ResultServiceServicer_to_server, servicer)


def _entries() -> Iterator[result_pb2.ResultEntry]:
    """Metadata of photographs, endlessly, each under a key of its own."""
    from blake3 import blake3

    from metaextract.cache.v1 import result_pb2

    values = [fragments(path)["metadata"] for path in photos()]
    for number in itertools.count():
        content = "b3:" + blake3(number.to_bytes(8)).hexdigest()
        key = result_pb2.ResultKey(
            space="verified", content_id=content, module="metadata", version="1+jpeg.2"
        )
        yield result_pb2.ResultEntry(key=key, value=values[number % len(values)], cost_seconds=0.1)


_PUT = "/metaextract.cache.v1.ResultService/PutResult"
_GET = "/metaextract.cache.v1.ResultService/GetResult"


async def _fill(
    served: Served, parts: Assembled, entries: Iterator[result_pb2.ResultEntry]
) -> list[result_pb2.ResultEntry]:
    """As many as a dictionary needs, until it is in use."""
    from metaextract.cache.v1 import result_pb2

    filled = [next(entries) for _ in range(_POOL)]
    for entry in filled:
        await served.call(_PUT, result_pb2.PutResultRequest(entry=entry).SerializeToString())
    await parts.store._dictionaries.close()
    return filled


@contextlib.asynccontextmanager
async def get_result() -> AsyncIterator[Turn]:
    """A result that is in memory."""
    from metaextract.cache.v1 import result_pb2

    async with _store() as parts:
        served = _served_results(parts)
        filled = await _fill(served, parts, _entries())
        requests = deque(
            [result_pb2.GetResultRequest(key=entry.key).SerializeToString() for entry in filled[:8]]
        )

        async def turn() -> None:
            requests.rotate()
            assert len(await served.call(_GET, requests[0])) > 500

        yield turn


@contextlib.asynccontextmanager
async def put_result() -> AsyncIterator[Turn]:
    """A new result."""
    from metaextract.cache.v1 import result_pb2

    async with _store() as parts:
        served = _served_results(parts)
        entries = _entries()
        await _fill(served, parts, entries)
        requests = deque(
            [result_pb2.PutResultRequest(entry=next(entries)).SerializeToString() for _ in range(400)]
        )

        async def turn() -> None:
            await served.call(_PUT, requests.popleft())

        yield turn


@contextlib.asynccontextmanager
async def pressure_event() -> AsyncIterator[Turn]:
    """A change of pressure, from the broadcaster to the bytes of one watcher."""
    from smoke.served import Served

    from cache_service.pressure.broadcaster import PressureBroadcaster
    from cache_service.pressure.history import PressureHistory
    from cache_service.pressure.state import PressureState, SignalState
    from cache_service.services.pressure_service import PressureServicer
    from metaextract.cache.v1 import pressure_pb2, pressure_pb2_grpc
    from service_runtime.backoff_table import make_table
    from service_runtime.memory.levels import PressureLevel
    from service_runtime.memory.reading import Reading

    readings = [Reading(name, 1 << 29, 1 << 30, 0.5) for name in ("cgroup", "host", "rss", "psi")]
    state = PressureState(
        epoch="0123456789abcdef",
        revision=1 << 20,
        level=PressureLevel.ELEVATED,
        score_ratio=0.625,
        slope_ratio_per_second=0.125,
        seconds_to_next_level=12.5,
        signals=tuple(SignalState(reading, PressureLevel.NORMAL) for reading in readings),
        valid_for_seconds=15.0,
        overridden=False,
        sampled_at=1.7e9,
        cause="cgroup",
        eviction_target_bytes=1 << 26,
        replica="host:1234",
        fleet_level=PressureLevel.NORMAL,
        peers=(),
    )
    history = PressureHistory()
    broadcaster = PressureBroadcaster(state, _FOREVER, history)
    monitor = cast("Any", SimpleNamespace(broadcaster=broadcaster, history=history))
    served = Served(
        pressure_pb2_grpc.add_PressureServiceServicer_to_server, PressureServicer(monitor, make_table(""))
    )
    request = pressure_pb2.WatchPressureRequest(subscriber="smoke").SerializeToString()
    seen = [0]

    async def watch() -> None:
        async for _ in served.stream("/metaextract.cache.v1.PressureService/WatchPressure", request):
            seen[0] += 1

    watcher = asyncio.create_task(watch())

    async def turn() -> None:
        nonlocal state
        before = seen[0]
        state = replace(state, revision=state.revision + 1)
        broadcaster.publish(state)
        while seen[0] == before:
            await asyncio.sleep(0)

    while not seen[0]:
        await asyncio.sleep(0)
    yield turn
    watcher.cancel()
    await asyncio.gather(watcher, return_exceptions=True)
