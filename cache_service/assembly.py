"""Puts the store together from the settings: log, codec, tiers, leases. Knows no gRPC."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from cache_service.codec import Codec
from cache_service.dictionaries import Dictionaries, FolderShelf
from cache_service.entry import Budget
from cache_service.eviction.lru import LruPolicy
from cache_service.eviction.registry import POLICIES
from cache_service.flights import Flights
from cache_service.inspection import Inspector
from cache_service.invalidation import InvalidationLog, open_log
from cache_service.leases import LocalLeases
from cache_service.store import MAX_VALUE_BYTES, ResultStore
from cache_service.tiers.arena import MAX_RECORD_BYTES, Arena
from cache_service.tiers.composite import CompositeTier, Layer
from cache_service.tiers.disk import DiskTier
from cache_service.tiers.memory import MemoryTier
from cache_service.tiers.sized import SizedTier
from cache_service.tiers.storage import HeapStorage
from cache_service.trace import TraceWriter

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from cache_service.dictionaries import Shelf
    from cache_service.fleet.connection import FleetConnection
    from cache_service.settings import Settings
    from cache_service.tiers.base import Tier

_SPLIT_BYTES = 64 * 1024
_POLL_SECONDS = 0.05
_DISK_SECONDS = 5.0  # a disk that takes longer is a miss
_REFRESH_SECONDS = 60.0
_CANCEL_SECONDS = 0.5


class Assembled(NamedTuple):
    """The parts that services are made of."""

    store: ResultStore
    tier: CompositeTier
    log: InvalidationLog
    flights: Flights
    leases: LocalLeases
    inspector: Inspector


@contextlib.asynccontextmanager
async def assembled(settings: Settings, memory_budget: Budget) -> AsyncIterator[Assembled]:
    """The parts, connected and warm; closed on leaving.

    Raises:
        OSError: the folder can't be used.
        ValueError: the URL of Redis isn't one.
    """
    async with contextlib.AsyncExitStack() as stack:
        directory = Path(settings.cache_directory) if settings.cache_directory else None
        log = open_log(directory / "invalidations.sqlite") if directory else InvalidationLog()
        stack.callback(log.close)
        memory = make_memory(settings, memory_budget)
        layers = [Layer(memory)]
        shelves: list[Shelf] = []
        disk = None
        fleet = _connect(settings)
        if fleet is not None:
            stack.push_async_callback(fleet.close)
        background = set[asyncio.Task[None]]()
        stack.push_async_callback(_cancel, background)
        shared_log = None
        if fleet is not None:
            from cache_service.fleet.log import FleetLog  # noqa: PLC0415 - redis-py is large

            shared_log = FleetLog(fleet, log, lambda log_id: _drop(parts, disk, log_id))
        parts: list[ResultStore] = []
        if shared_log is not None:
            await shared_log.join()  # before the disk tier is opened, whose entries belong to one log
        if directory:
            disk = await DiskTier.open(directory, Budget(settings.cache_disk_bytes), log.point.log_id)
            layers.append(Layer(disk, timeout_seconds=_DISK_SECONDS))
            shelves.append(FolderShelf(directory / "dictionaries"))
        leases = LocalLeases()
        shared: list[Tier] = []
        book: LocalLeases | FleetLeases = leases
        if fleet is not None:
            from cache_service.fleet.dictionaries import RedisShelf  # noqa: PLC0415
            from cache_service.fleet.leases import FleetLeases  # noqa: PLC0415
            from cache_service.tiers.redis import RedisTier  # noqa: PLC0415

            redis = RedisTier(fleet, lambda: log.point.log_id)
            layers.append(
                Layer(
                    redis,
                    is_local=False,
                    timeout_seconds=settings.cache_redis_timeout_seconds,
                    behind=settings.cache_redis_write == "behind",
                )
            )
            shelves.append(RedisShelf(fleet))
            shared.append(redis)
            book = FleetLeases(fleet)
            leases = book.local
        tier = CompositeTier(layers)
        if disk is not None:
            memory.set_demote(tier.demote)
        codec = Codec(MAX_VALUE_BYTES)
        dictionaries = Dictionaries(codec, shelves)
        await dictionaries.start()
        trace = (
            TraceWriter(Path(settings.cache_trace_path), settings.cache_trace_bytes)
            if settings.cache_trace_path
            else None
        )
        store = ResultStore(tier, log, codec, dictionaries, appender=shared_log, trace=trace)
        parts.append(store)
        stack.push_async_callback(store.close)
        stack.push_async_callback(_cancel, background)
        if shared_log is not None:
            background.add(asyncio.create_task(shared_log.run()))
            background.add(asyncio.create_task(_refresh(dictionaries)))
        flights = Flights(store, book, poll_seconds=_POLL_SECONDS if fleet else None)
        yield Assembled(store, tier, log, flights, leases, Inspector(store, log, memory, disk, shared))


def make_memory(settings: Settings, budget: Budget) -> SizedTier:
    """The memory tier: documents by the policy, large values by recency, whose costs follow their sizes."""
    large, small = SizedTier.split(budget, settings.cache_large_ratio)
    return SizedTier(
        MemoryTier(
            small, POLICIES[settings.cache_policy](), Arena(small.bytes), max_record_bytes=MAX_RECORD_BYTES
        ),
        MemoryTier(large, LruPolicy(), HeapStorage(), name="large"),
        split_bytes=_SPLIT_BYTES,
        large_ratio=settings.cache_large_ratio,
    )


def _connect(settings: Settings) -> FleetConnection | None:
    if not settings.cache_redis_url:
        return None
    from cache_service.fleet.connection import FleetConnection  # noqa: PLC0415 - redis-py is large

    return FleetConnection(
        settings.cache_redis_url, settings.cache_redis_prefix, settings.cache_redis_timeout_seconds
    )


async def _drop(stores: list[ResultStore], disk: DiskTier | None, log_id: str) -> None:
    """The invalidation log is another one: what is held can't be judged by it."""
    for store in stores:
        await store.drop_all()
    if disk is not None:
        await disk.adopt_log(log_id)


async def _refresh(dictionaries: Dictionaries) -> None:
    while True:
        await asyncio.sleep(_REFRESH_SECONDS)
        await dictionaries.refresh()


async def _cancel(tasks: set[asyncio.Task[None]]) -> None:
    """Ends the tasks. More than once where need be: redis-py can turn a cancellation into an error of its own."""
    running = tasks
    while running:
        for task in running:
            task.cancel()
        _, running = await asyncio.wait(running, timeout=_CANCEL_SECONDS)
