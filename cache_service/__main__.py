"""Starts the cache service: settings, objects, serve. The only wiring."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from cache_service.admin_service import CacheAdminServicer
from cache_service.entry import Budget
from cache_service.eviction.lru import LruPolicy
from cache_service.invalidation import InvalidationLog, open_log
from cache_service.pressure.monitor import PressureMonitor
from cache_service.pressure.policy import TierBudgetPolicy
from cache_service.pressure_service import PressureServicer
from cache_service.result_service import ResultServicer
from cache_service.settings import Settings
from cache_service.store import ResultStore
from cache_service.tiers.composite import CompositeTier
from cache_service.tiers.disk import DiskTier
from cache_service.tiers.memory import MemoryTier
from metaextract.cache.v1 import admin_pb2_grpc, pressure_pb2_grpc, result_pb2_grpc
from service_runtime import server as runtime
from service_runtime.memory import signals
from service_runtime.memory.release import TrimLimiter
from service_runtime.memory.sampler import Sampler
from service_runtime.memory.wiring import make_classifier
from service_runtime.settings import InvalidSettingError, from_environ
from service_runtime.telemetry import configure_logging

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from cache_service.tiers.base import Tier

_MAX_RECEIVE_BYTES = 16 * 1024 * 1024


@contextlib.asynccontextmanager
async def running_cache(settings: Settings) -> AsyncIterator[runtime.RunningServer]:
    """A started cache server, not yet marked ready; everything is closed on leaving."""
    memory_budget = Budget(settings.cache_memory_bytes, settings.cache_memory_entries)
    tiers: list[Tier] = [MemoryTier(memory_budget, LruPolicy())]
    if settings.cache_directory:
        directory = Path(settings.cache_directory)
        log = open_log(directory / "invalidations.sqlite")
        tiers.append(await DiskTier.open(directory, Budget(settings.cache_disk_bytes), log.point.log_id))
    else:
        log = InvalidationLog()
    tier = CompositeTier(tiers)
    store = ResultStore(tier, log)
    sampler = Sampler(signals.discover())
    monitor = PressureMonitor(
        sampler,
        make_classifier(settings),
        TierBudgetPolicy(memory_budget, settings.cache_regrow_ratio_per_second),
        tier.resize,
        TrimLimiter(),
        sample_seconds=settings.pressure_sample_seconds,
        heartbeat_seconds=settings.pressure_heartbeat_seconds,
    )
    registrations = [
        runtime.Registration(
            "metaextract.cache.v1.ResultService",
            ResultServicer(store),
            result_pb2_grpc.add_ResultServiceServicer_to_server,
        ),
        runtime.Registration(
            "metaextract.cache.v1.PressureService",
            PressureServicer(monitor.broadcaster),
            pressure_pb2_grpc.add_PressureServiceServicer_to_server,
        ),
        runtime.Registration(
            "metaextract.cache.v1.CacheAdminService",
            CacheAdminServicer(store, monitor),
            admin_pb2_grpc.add_CacheAdminServiceServicer_to_server,
        ),
    ]
    options = runtime.ServerOptions(
        settings.cache_address, share_port=False, max_receive_bytes=_MAX_RECEIVE_BYTES
    )
    monitoring = asyncio.create_task(monitor.run())
    try:
        server = await runtime.start_server(registrations, options, settings)
        server.on_drain(monitor.broadcaster.close)
        yield server
    finally:
        monitoring.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await monitoring
        sampler.close()
        await store.close()


async def _serve(settings: Settings) -> None:
    async with running_cache(settings) as server:
        await runtime.serve_until_signal(server)


def main() -> None:
    """Runs until SIGTERM or SIGINT; exits with 1 and one line when it can't start."""
    try:
        settings = from_environ(Settings, os.environ)
    except InvalidSettingError as error:
        sys.exit(f"metaextract-cache: {error}")
    configure_logging(settings.log_level)
    try:
        runtime.run(lambda: _serve(settings))
    except OSError as error:
        sys.exit(f"metaextract-cache: {error}")


if __name__ == "__main__":
    main()
