"""Puts the store together from the settings: log, codec, tiers, leases. Knows no gRPC."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from cache_service.chunks.open_store import open_chunks, stored_name
from cache_service.chunks.store import ChunkStore
from cache_service.entries.codec import Codec
from cache_service.entries.dictionaries import Dictionaries, FolderShelf
from cache_service.entries.entry import Budget
from cache_service.erasure import Eraser, Fellows
from cache_service.eviction.lru import LruPolicy
from cache_service.eviction.registry import POLICIES
from cache_service.eviction.shares import TenantShares
from cache_service.flights import Flights
from cache_service.inspection import Inspector
from cache_service.invalidation import InvalidationLog, open_log
from cache_service.leases import LocalLeases
from cache_service.similarity.index import SimilarityIndex
from cache_service.store import MAX_VALUE_BYTES, Fastest, ResultStore
from cache_service.tiers.arena import MAX_RECORD_BYTES, Arena
from cache_service.tiers.composite import CompositeTier, Layer
from cache_service.tiers.disk import DiskTier
from cache_service.tiers.memory import MemoryTier
from cache_service.tiers.sized import SizedTier
from cache_service.tiers.storage import MappedStorage
from cache_service.trace import TraceWriter
from service_runtime.identity.access_file import LiveAccess, no_quota

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from cache_service.entries.dictionaries import Shelf
    from cache_service.fleet.redis_channel import FleetChannel
    from cache_service.fleet.wiring import Fleet
    from cache_service.settings import Settings
    from service_runtime.identity.access_file import Quota

_SPLIT_BYTES = 64 * 1024  # as stored; documents are a few KiB, larger ones get their own share (README)
_POLL_SECONDS = 0.05  # how late another replica's result is seen; one look per name waited for
_DISK_SECONDS = 5.0  # a disk that takes longer is a miss
_REFRESH_SECONDS = 60.0  # another replica's dictionary is also fetched on first use; this re-saves ours
_TIDY_SECONDS = 30.0  # how late expired uploads go, unless a quarter of their life is shorter
_MEMORY_CHUNKS_DIVISOR = 16  # the budget is meant for a disk; without one 4 GiB become 256 MiB of memory
_CANCEL_SECONDS = 0.5  # a cancelled task ends at once; one that doesn't has swallowed it: again


class Assembled(NamedTuple):
    """The parts that services are made of."""

    store: ResultStore
    tier: CompositeTier
    log: InvalidationLog
    flights: Flights
    leases: LocalLeases
    inspector: Inspector
    disk: DiskTier | None
    chunks: ChunkStore
    channel: FleetChannel | None
    eraser: Eraser
    similar: SimilarityIndex


@contextlib.asynccontextmanager
async def assembled(
    settings: Settings, memory_budget: Budget, access: LiveAccess | None = None
) -> AsyncIterator[Assembled]:
    """The parts, connected and warm; closed on leaving. `access`: who may use how much; None: as the settings say.

    Raises:
        OSError: the folder can't be used.
        ValueError: the URL of Redis isn't one.
    """
    async with contextlib.AsyncExitStack() as stack:
        directory = Path(settings.cache_directory) if settings.cache_directory else None
        log = open_log(directory / "invalidations.sqlite") if directory else InvalidationLog()
        stack.callback(log.close)
        held: list[Callable[[str], Awaitable[None]]] = []

        async def restarted(log_id: str) -> None:
            for drop in held:
                await drop(log_id)

        fleet = await _joined(settings, log, restarted, stack)
        access = access or LiveAccess(settings)
        quota_of = access.quota_of if access.has_quotas else no_quota
        memory = make_memory(settings, memory_budget, quota_of)
        layers = [Layer(memory)]
        shelves: list[Shelf] = []
        disk = None
        if directory:  # after the fleet was joined: its entries belong to one log
            disk = await DiskTier.open(
                directory, Budget(settings.cache_disk_bytes), log.point.log_id, quota_of
            )
            log.reserve()  # the folder is ours by now
            held.append(disk.adopt_log)
            layers.append(Layer(disk, timeout_seconds=_DISK_SECONDS))
            shelves.append(FolderShelf(directory / "dictionaries"))
        if fleet is not None:
            is_behind = settings.cache_redis_write == "behind"
            limit = settings.cache_redis_timeout_seconds
            layers.append(Layer(fleet.tier, is_local=False, timeout_seconds=limit, behind=is_behind))
            shelves.append(fleet.shelf)
        tier = CompositeTier(layers)
        if disk is not None:
            memory.set_demote(tier.demote)
        dictionaries = Dictionaries(Codec(MAX_VALUE_BYTES), shelves)
        await dictionaries.start()
        similar = SimilarityIndex(
            directory / "similar.sqlite" if directory else None, log, settings.cache_similar_entries
        )
        stack.push_async_callback(similar.close)
        held.append(similar.adopt_log)
        store = ResultStore(
            tier,
            log,
            dictionaries,
            fastest=Fastest(memory, tier),
            appender=fleet.log if fleet else None,
            trace=_trace(settings),
        )
        held.append(lambda _: store.drop_all())
        stack.push_async_callback(store.close)
        if fleet is not None:
            stack.push_async_callback(_cancel, _background(fleet, dictionaries))
        leases = fleet.leases.local if fleet else LocalLeases()
        flights = Flights(
            store, fleet.leases if fleet else leases, poll_seconds=_POLL_SECONDS if fleet else None
        )
        inspector = Inspector(store, log, memory, disk, [fleet.tier] if fleet else [])
        channel = fleet.channel if fleet else None
        replica = settings.cache_replica or await asyncio.to_thread(stored_name, directory)
        chunks = await _open_chunks(settings, directory, replica, quota_of, stack)
        eraser = Eraser(
            log,
            tier,
            chunks,
            dictionaries,
            similar,
            replica=replica_name(settings),
            fellows=Fellows(fleet.log, fleet.erasures) if fleet else None,
        )
        await eraser.start()
        stack.push_async_callback(eraser.close)
        yield Assembled(store, tier, log, flights, leases, inspector, disk, chunks, channel, eraser, similar)


def replica_name(settings: Settings) -> str:
    """By which this replica is known among the others."""
    return settings.cache_replica or f"{socket.gethostname()}:{os.getpid()}"


async def _open_chunks(
    settings: Settings,
    directory: Path | None,
    replica: str,
    quota_of: Callable[[str], Quota],
    stack: contextlib.AsyncExitStack,
) -> ChunkStore:
    """The chunk store, tidied up now and then; in memory, and small, without a folder."""
    index, shelf = await asyncio.to_thread(open_chunks, directory)
    stack.callback(index.close)
    stack.callback(shelf.close)
    store = ChunkStore(
        index,
        shelf,
        replica=replica,
        max_bytes=settings.cache_chunk_bytes // (1 if directory else _MEMORY_CHUNKS_DIVISOR),
        memory_bytes=settings.cache_chunk_memory_bytes if directory else 0,
        quota_of=quota_of,
    )
    stack.push_async_callback(
        _cancel,
        {asyncio.create_task(_tidy(store, settings.cache_upload_seconds, settings.cache_blob_seconds))},
    )
    return store


async def _tidy(store: ChunkStore, upload_seconds: float, blob_seconds: float) -> None:
    await asyncio.to_thread(store.sweep_orphans)
    while True:
        await asyncio.sleep(min(_TIDY_SECONDS, upload_seconds / 4))
        await asyncio.to_thread(store.expire, upload_seconds, blob_seconds)


async def _joined(
    settings: Settings,
    log: InvalidationLog,
    restarted: Callable[[str], Awaitable[None]],
    stack: contextlib.AsyncExitStack,
) -> Fleet | None:
    """What replicas share, with the log in step when Redis answers; None without a Redis."""
    if not settings.cache_redis_url:
        return None
    from cache_service.fleet.wiring import make_fleet  # noqa: PLC0415 - redis-py is large

    fleet = make_fleet(settings, log, restarted)
    stack.push_async_callback(fleet.connection.close)
    await fleet.log.join()
    return fleet


def _background(fleet: Fleet, dictionaries: Dictionaries) -> set[asyncio.Task[None]]:
    return {asyncio.create_task(fleet.log.run()), asyncio.create_task(_refresh(dictionaries))}


def _trace(settings: Settings) -> TraceWriter | None:
    path = settings.cache_trace_path
    return TraceWriter(Path(path), settings.cache_trace_bytes) if path else None


def make_memory(settings: Settings, budget: Budget, quota_of: Callable[[str], Quota] = no_quota) -> SizedTier:
    """The memory tier: documents by the policy, large values by recency, whose costs follow their sizes."""
    ratio = None if quota_of is no_quota else lambda tenant: quota_of(tenant).guaranteed_ratio
    large, small = SizedTier.split(budget, settings.cache_large_ratio)
    return SizedTier(
        MemoryTier(
            small,
            TenantShares(POLICIES[settings.cache_policy](), ratio),
            Arena(small.bytes),
            max_record_bytes=MAX_RECORD_BYTES,
        ),
        MemoryTier(large, TenantShares(LruPolicy(), ratio), MappedStorage(), name="large"),
        split_bytes=_SPLIT_BYTES,
        large_ratio=settings.cache_large_ratio,
    )


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
