"""Starts the cache service: settings, objects, serve. The only wiring."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from cache_service import metrics, status
from cache_service.assembly import assembled, replica_name
from cache_service.checks import check
from cache_service.entries.entry import RemovalCause
from cache_service.fleet.pressure_exchange import RedisMemory, exchange
from cache_service.pressure.monitor import Actions, PressureMonitor
from cache_service.pressure.policy import TierBudgetPolicy, chunk_memory_ratio
from cache_service.services.admin_service import CacheAdminServicer
from cache_service.services.chunk_service import ChunkServicer
from cache_service.services.pressure_service import PressureServicer
from cache_service.services.result_service import ResultServicer
from cache_service.services.similarity_service import SimilarityServicer
from cache_service.settings import Settings
from cache_service.sizing import memory_budget
from metaextract.cache.v1 import (
    admin_pb2_grpc,
    chunk_pb2_grpc,
    pressure_pb2_grpc,
    result_pb2_grpc,
    similarity_pb2_grpc,
)
from service_runtime import server as runtime
from service_runtime import tracing
from service_runtime.background import background
from service_runtime.backoff_table import make_table
from service_runtime.command import configured
from service_runtime.identity.access_file import LiveAccess
from service_runtime.listener import Registration, ServerOptions
from service_runtime.memory.release import TrimLimiter, tune_for_large_messages, tune_for_large_values
from service_runtime.memory.sampler import InThread
from service_runtime.memory.signals.disk import DiskRoom
from service_runtime.memory.signals.registry import tightest_limit_bytes
from service_runtime.memory.wiring import make_monitor, thresholds_of
from service_runtime.operations.opening import opened
from service_runtime.operations.shown import Action, Operations
from service_runtime.telemetry import configure_logging

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from cache_service.assembly import Assembled
    from cache_service.entries.entry import Budget
    from service_runtime.configuration import Configuration
    from service_runtime.memory.monitor import MemoryMonitor
    from service_runtime.settings import RuntimeSettings

_KEPT_BYTES = (
    4 * 1024 * 1024
)  # for messages: four chunks of an upload, and little beside what the smallest container may have
SERVICE_NAME = "metaextract-cache"
# A batch of puts, as large as our clients send; larger is refused by gRPC.
_MAX_STREAMS = 10_000  # on one connection: an extractor has a stream for each of its uploads, a thousand sessions among them
_MAX_RECEIVE_BYTES = 16 * 1024 * 1024  # results in groups, of documents of at most 16 MiB


@contextlib.asynccontextmanager
async def running_cache(settings: Settings) -> AsyncIterator[runtime.RunningServer]:
    """A started cache server, not yet marked ready; everything is closed on leaving."""
    tracing.start(settings, SERVICE_NAME)
    memory = make_monitor(settings)
    budget = memory_budget(settings, tightest_limit_bytes(memory.sampler.signals))
    access = LiveAccess(settings)
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(memory.sampler.close)
        parts = await stack.enter_async_context(assembled(settings, budget, access))
        yield await stack.enter_async_context(_serving(settings, parts, memory, budget, access))


@contextlib.asynccontextmanager
async def _serving(
    settings: Settings, parts: Assembled, memory: MemoryMonitor, budget: Budget, access: LiveAccess
) -> AsyncIterator[runtime.RunningServer]:
    directory = Path(settings.cache_directory) if settings.cache_directory else None
    disk = parts.disk
    if disk is not None and directory is not None:
        memory.sampler.slow.append(InThread(DiskRoom(directory, lambda: disk.used_bytes)))
    if parts.channel is not None:
        memory.sampler.slow.append(RedisMemory(parts.channel))

    async def resize(target: Budget, cause: RemovalCause) -> None:
        ratio = chunk_memory_ratio(target, budget)
        if cause is RemovalCause.PRESSURE:
            parts.similar.forget()
        parts.chunks.resize(ratio)
        if directory is None:  # then all of them are in memory
            await asyncio.to_thread(parts.chunks.clean_up, ratio)
        await parts.tier.resize(target, cause)

    async def clean_disk(ratio: float) -> None:
        await asyncio.to_thread(parts.chunks.clean_up, ratio)
        if disk is not None:
            await disk.clean_up(ratio)

    monitor = PressureMonitor(
        memory,
        TierBudgetPolicy(budget, settings.cache_regrow_ratio_per_second),
        Actions(resize, TrimLimiter(), clean_disk),
        heartbeat_seconds=settings.pressure_heartbeat_seconds,
        replica=replica_name(settings),
        history_path=directory / "pressure.json" if directory else None,
    )
    parts.eraser.others = lambda: [peer.replica for peer in monitor.peers.live(time.monotonic())]
    results = ResultServicer(
        parts.store, parts.flights, parts.log, settings.pressure_heartbeat_seconds, parts.similar
    )
    observed = metrics.Parts(parts.store, parts.flights, parts.leases, parts.chunks, monitor, parts.similar)
    admin = CacheAdminServicer(observed, parts.inspector, parts.eraser)
    pressure = PressureServicer(monitor, make_table(settings.policy_file))
    registrations = [
        Registration(
            "metaextract.cache.v1.ResultService",
            results,
            result_pb2_grpc.add_ResultServiceServicer_to_server,
        ),
        Registration(
            "metaextract.cache.v1.ChunkService",
            ChunkServicer(
                parts.chunks,
                lambda: monitor.broadcaster.state.level,
                idle_seconds=settings.cache_upload_idle_seconds,
                upload_seconds=settings.cache_upload_seconds,
                credit_bytes=settings.cache_upload_credit_bytes,
            ),
            chunk_pb2_grpc.add_ChunkServiceServicer_to_server,
        ),
        Registration(
            "metaextract.cache.v1.PressureService",
            pressure,
            pressure_pb2_grpc.add_PressureServiceServicer_to_server,
        ),
        Registration(
            "metaextract.cache.v1.SimilarityService",
            SimilarityServicer(parts.similar),
            similarity_pb2_grpc.add_SimilarityServiceServicer_to_server,
        ),
        Registration(
            "metaextract.cache.v1.CacheAdminService",
            admin,
            admin_pb2_grpc.add_CacheAdminServiceServicer_to_server,
            is_admin=True,
        ),
    ]
    options = ServerOptions(
        settings.cache_address,
        share_port=False,
        max_receive_bytes=_MAX_RECEIVE_BYTES,
        max_streams=_MAX_STREAMS,
        tenant_header=settings.cache_tenant_header,
        trusts_extractors=True,
        access=access,
        address_variable="METAEXTRACT_CACHE_ADDRESS",
        admin_address=settings.cache_admin_address,
        admin_variable="METAEXTRACT_CACHE_ADMIN_ADDRESS",
    )
    loops = [background(monitor.run(), "pressure")]
    if parts.channel is not None:
        loops.append(background(exchange(monitor, parts.channel), "peers"))

    async def follow(new: RuntimeSettings) -> None:
        await monitor.set_thresholds(thresholds_of(new))

    def follow_thresholds(new: RuntimeSettings) -> None:
        loops.append(background(follow(new), "thresholds"))

    try:
        server = await runtime.start_server(registrations, options, settings)
        for drain in (monitor.broadcaster.close, results.drain, admin.drain):
            server.on_drain(drain)
        server.on_reload(lambda _: pressure.hear_table(make_table(settings.policy_file)))
        server.on_reload(follow_thresholds)

        async def clear() -> dict[str, object]:
            return {"cleared_entries": await admin.clear()}

        def operations() -> Operations:
            return Operations(
                metrics.PREFIX,
                metrics.METRICS,
                observed,
                {
                    "/api/cache/stats": lambda: status.cache_stats(observed),
                    "/api/memory/status": lambda: status.memory_status(monitor),
                    "/api/memory/history": lambda: status.memory_history(monitor),
                    "/api/status/system": lambda: status.system_status(
                        observed, is_ready=server.health.is_ready
                    ),
                },
                [Action("/api/cache/clear", "/metaextract.cache.v1.CacheAdminService/ClearCache", clear)],
            )

        default = Settings.cache_operations_address
        async with opened(settings.cache_operations_address, default, operations, server):
            yield server
    finally:
        for loop in loops:
            loop.cancel()
        await asyncio.gather(*loops, return_exceptions=True)


async def _serve(configuration: Configuration[Settings], read: Callable[[], Configuration[Settings]]) -> None:
    async with running_cache(configuration.settings) as server:
        await runtime.serve_until_signal(server, configuration, read)


def main() -> None:
    """Runs until SIGTERM or SIGINT; exits with 1 and one line when it can't start."""
    configuration, read = configured(SERVICE_NAME, Settings, sys.argv[1:], os.environ, check)
    settings = configuration.settings
    configure_logging(settings.log_level, settings.log_format)
    if settings.cache_allocator != "system":
        if settings.cache_allocator == "values":
            tune_for_large_values()
        else:
            tune_for_large_messages(_KEPT_BYTES)
    try:
        check(settings)
        runtime.run(lambda: _serve(configuration, read))
    except (OSError, ValueError) as error:
        sys.exit(f"{SERVICE_NAME}: {error}")


if __name__ == "__main__":
    main()
