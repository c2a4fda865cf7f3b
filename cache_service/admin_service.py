"""The CacheAdminService servicer: statistics, clearing, rehearsing pressure."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from cache_service import convert
from metaextract.cache.v1 import admin_pb2, admin_pb2_grpc, pressure_pb2
from service_runtime.errors import InvalidRequestError
from service_runtime.memory.levels import PressureLevel
from service_runtime.version import VERSION

if TYPE_CHECKING:
    from grpc import aio

    from cache_service.pressure.monitor import PressureMonitor
    from cache_service.store import ResultStore

    Context = aio.ServicerContext[Any, Any]

_DEFAULT_OVERRIDE_SECONDS = 300.0
_MAX_OVERRIDE_SECONDS = 86_400.0


class CacheAdminServicer(admin_pb2_grpc.CacheAdminServiceServicer):
    """For operators; see protos/metaextract/cache/v1/admin.proto."""

    def __init__(self, store: ResultStore, monitor: PressureMonitor) -> None:
        self._store = store
        self._monitor = monitor
        self._started_at = time.monotonic()

    async def GetStats(
        self, request: admin_pb2.GetStatsRequest, context: Context
    ) -> admin_pb2.GetStatsResponse:
        """Counters since the start, and what is held now."""
        del request, context
        stats = self._store.stats
        lookups = stats.hits + stats.misses
        return admin_pb2.GetStatsResponse(
            hits=stats.hits,
            misses=stats.misses,
            hit_ratio=stats.hits / lookups if lookups else 0.0,
            tiers=[convert.tier_stats_to_wire(tier) for tier in self._store.tier_stats()],
            puts=stats.puts,
            puts_refused=stats.puts_refused,
            saved_seconds=stats.saved_seconds,
            pressure_changes=self._monitor.level_changes,
            budget_adjustments=self._monitor.budget_adjustments,
            uptime_seconds=time.monotonic() - self._started_at,
            version=VERSION,
        )

    async def ClearCache(
        self, request: admin_pb2.ClearCacheRequest, context: Context
    ) -> admin_pb2.ClearCacheResponse:
        """Drops everything."""
        del request, context
        return admin_pb2.ClearCacheResponse(removed_count=await self._store.clear())

    async def SetPressureOverride(
        self, request: admin_pb2.SetPressureOverrideRequest, context: Context
    ) -> admin_pb2.SetPressureOverrideResponse:
        """Pretends a level; the memory tier has been fitted to it when this returns."""
        del context
        seconds = (
            request.duration_seconds if request.HasField("duration_seconds") else _DEFAULT_OVERRIDE_SECONDS
        )
        if not 0 < seconds <= _MAX_OVERRIDE_SECONDS:
            raise InvalidRequestError(
                "duration_seconds", f"must be above 0 and at most {_MAX_OVERRIDE_SECONDS:g}"
            )
        state = await self._monitor.set_override(_level(request.level), seconds)
        return admin_pb2.SetPressureOverrideResponse(state=convert.state_to_wire(state))


def _level(level: pressure_pb2.PressureLevel.ValueType) -> PressureLevel | None:
    if level == pressure_pb2.PRESSURE_LEVEL_UNSPECIFIED:
        return None
    try:
        return PressureLevel(level)
    except ValueError:
        raise InvalidRequestError("level", "must be NORMAL, ELEVATED, HIGH, CRITICAL or unset") from None
