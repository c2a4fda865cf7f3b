"""The CacheAdminService servicer: statistics, clearing, rehearsing pressure."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Any

from cache_service.invalidation import LogUnavailableError
from cache_service.metrics import value_of
from cache_service.services import wire, wire_pressure
from cache_service.services.tenancy import check_all_tenants, check_keys, chosen, scope
from cache_service.tiers.base import TierError
from metaextract.cache.v1 import admin_pb2, admin_pb2_grpc, pressure_pb2
from service_runtime.clock import steady_time
from service_runtime.errors import FleetUnreachableError, InvalidRequestError
from service_runtime.identity.principal import is_tenant
from service_runtime.memory.levels import PressureLevel, Thresholds
from service_runtime.version import VERSION

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from grpc import aio

    from cache_service.erasure import Eraser
    from cache_service.inspection import Inspector
    from cache_service.metrics import Parts

    Context = aio.ServicerContext[Any, Any]

_DEFAULT_PAGE = 100  # entries; a few screens, and each value is unpacked to tell its size


_COUNTS = {
    "hits": "hits_total",
    "misses": "misses_total",
    "puts": "puts_total",
    "puts_refused": "puts_refused_total",
    "pressure_changes": "pressure_changes_total",
    "budget_adjustments": "budget_adjustments_total",
    "leases_granted": "leases_granted_total",
    "single_flight_saved": "single_flight_saved_total",
    "leases_expired": "leases_expired_total",
    "value_bytes": "value_bytes_total",
    "stored_bytes": "stored_bytes_total",
}
"""Fields of GetStats, and the metrics that they are."""


class Limits:
    """Of `CacheAdminServicer`."""

    default_override_seconds = (
        300.0  # admin.proto; long enough for a drill, and a forgotten one ends by itself
    )
    max_override_seconds = (
        600.0  # admin.proto; longer than any drill, and a forged level is over before it has cost a day
    )
    default_interval_seconds = 1.0  # admin.proto; as often as a person can read the counters
    max_page = 1000  # entries whose values one call may unpack; more take another page
    max_warm = 10_000  # admin.proto; keys that one call may read; who has more calls again


class CacheAdminServicer(admin_pb2_grpc.CacheAdminServiceServicer):
    """For operators; see protos/metaextract/cache/v1/admin.proto."""

    def __init__(
        self,
        parts: Parts,
        inspector: Inspector,
        eraser: Eraser,
    ) -> None:
        self._parts = parts
        self._store = parts.store
        self._monitor = parts.monitor
        self._inspector = inspector
        self._eraser = eraser
        self._started_at = time.monotonic()
        self._draining = asyncio.Event()

    def drain(self) -> None:
        """Ends all watches."""
        self._draining.set()

    async def GetStats(
        self, request: admin_pb2.GetStatsRequest, context: Context
    ) -> admin_pb2.GetStatsResponse:
        """Counters since the start, and what is held now."""
        del request, context
        return self._stats()

    async def WatchStats(
        self, request: admin_pb2.WatchStatsRequest, context: Context
    ) -> AsyncIterator[admin_pb2.WatchStatsResponse]:
        """The counters at once, then at an interval, until the server drains."""
        del context
        interval = request.interval_seconds or Limits.default_interval_seconds
        if not 0.1 <= interval <= 60:
            raise InvalidRequestError("interval_seconds", "must be from 0.1 to 60")
        while True:
            yield admin_pb2.WatchStatsResponse(stats=self._stats())
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(interval):
                    await self._draining.wait()
            if self._draining.is_set():
                return

    async def DescribeEntry(
        self, request: admin_pb2.DescribeEntryRequest, context: Context
    ) -> admin_pb2.DescribeEntryResponse:
        """What is known of one entry."""
        del context
        if not request.HasField("key"):
            raise InvalidRequestError("key", "is required")
        key = wire.key_from_wire(request.key)
        check_keys([key])
        found = await self._inspector.describe(key)
        if found is None:
            return admin_pb2.DescribeEntryResponse(explanation="no tier holds it")
        return admin_pb2.DescribeEntryResponse(
            found=True,
            entry=wire.description_to_wire(found.description, steady_time()),
            priority=found.priority,
            next_victim_priority=found.next_victim_priority,
            explanation=found.text,
        )

    async def ListEntries(
        self, request: admin_pb2.ListEntriesRequest, context: Context
    ) -> admin_pb2.ListEntriesResponse:
        """A page of entries, in the order of their keys."""
        del context
        limit = request.page_size or _DEFAULT_PAGE
        if limit > Limits.max_page:
            raise InvalidRequestError("page_size", f"must be at most {Limits.max_page}")
        try:
            found = await self._inspector.list(
                request.tier or "memory", request.page_token, limit, tenant=scope()
            )
        except ValueError as error:
            raise InvalidRequestError("tier", str(error)) from error
        except TierError as error:
            raise FleetUnreachableError(str(error)) from error
        return admin_pb2.ListEntriesResponse(
            entries=[wire.description_to_wire(each, steady_time()) for each in found],
            next_page_token=found[-1].key.text() if len(found) == limit else "",
        )

    async def WarmCache(
        self, request: admin_pb2.WarmCacheRequest, context: Context
    ) -> AsyncIterator[admin_pb2.WarmCacheResponse]:
        """Promotes named keys into memory; tells its progress."""
        del context
        if not 1 <= len(request.keys) <= Limits.max_warm:
            raise InvalidRequestError("keys", f"1 to {Limits.max_warm} are expected, not {len(request.keys)}")
        keys = [wire.key_from_wire(key) for key in request.keys]
        check_keys(keys)
        async for progress in self._inspector.warm(keys):
            yield admin_pb2.WarmCacheResponse(
                done_count=progress.done, total_count=progress.total, warmed_count=progress.warmed
            )

    async def ClearCache(
        self, request: admin_pb2.ClearCacheRequest, context: Context
    ) -> admin_pb2.ClearCacheResponse:
        """Drops everything; everything of the caller's tenant, where it is one tenant's."""
        del request, context
        return admin_pb2.ClearCacheResponse(removed_count=await self.clear())

    async def clear(self) -> int:
        """How many results of the caller's were dropped; raises FleetUnreachableError."""
        mine = scope()
        try:
            if mine is not None:
                return int((await self._eraser.erase(mine)).own.result_count)
            return await self._store.clear()
        except LogUnavailableError as error:
            raise FleetUnreachableError(str(error)) from error

    async def EraseTenant(
        self, request: admin_pb2.EraseTenantRequest, context: Context
    ) -> admin_pb2.EraseTenantResponse:
        """Removes all that is kept of a tenant, everywhere."""
        del context
        tenant = chosen(request.tenant)
        if tenant is None or not is_tenant(tenant):
            raise InvalidRequestError("tenant", "the name of a tenant is expected")
        try:
            return wire.erasure_to_wire(await self._eraser.erase(tenant))
        except LogUnavailableError as error:
            raise FleetUnreachableError(str(error)) from error

    async def SetPressureOverride(
        self, request: admin_pb2.SetPressureOverrideRequest, context: Context
    ) -> admin_pb2.SetPressureOverrideResponse:
        """Pretends a level; the memory tier has been fitted to it when this returns."""
        del context
        check_all_tenants()
        seconds = (
            request.duration_seconds
            if request.HasField("duration_seconds")
            else Limits.default_override_seconds
        )
        if not 0 < seconds <= Limits.max_override_seconds:
            raise InvalidRequestError(
                "duration_seconds", f"must be above 0 and at most {Limits.max_override_seconds:g}"
            )
        state = await self._monitor.set_override(_level(request.level), seconds)
        return admin_pb2.SetPressureOverrideResponse(state=wire_pressure.state_to_wire(state))

    async def SetPressureThresholds(
        self, request: admin_pb2.SetPressureThresholdsRequest, context: Context
    ) -> admin_pb2.SetPressureThresholdsResponse:
        """Changes where levels begin, until the next restart."""
        del context
        check_all_tenants()
        try:
            thresholds = Thresholds(request.elevated_ratio, request.high_ratio, request.critical_ratio)
        except ValueError as error:
            raise InvalidRequestError("elevated_ratio", str(error)) from error
        state = await self._monitor.set_thresholds(thresholds)
        return admin_pb2.SetPressureThresholdsResponse(state=wire_pressure.state_to_wire(state))

    def _stats(self) -> admin_pb2.GetStatsResponse:
        parts = self._parts
        counts = {field: int(value_of(name, parts)) for field, name in _COUNTS.items()}
        saved_seconds = value_of("saved_seconds_total", parts)
        return admin_pb2.GetStatsResponse(
            **counts,
            hit_ratio=value_of("hit_ratio", parts),
            tiers=[wire.tier_stats_to_wire(tier) for tier in self._store.tier_stats()],
            saved_seconds=saved_seconds,
            saved_ms=saved_seconds * 1000,
            uptime_seconds=time.monotonic() - self._started_at,
            version=VERSION,
        )


def _level(level: pressure_pb2.PressureLevel.ValueType) -> PressureLevel | None:
    if level == pressure_pb2.PRESSURE_LEVEL_UNSPECIFIED:
        return None
    try:
        return PressureLevel(level)
    except ValueError:
        raise InvalidRequestError("level", "must be NORMAL, ELEVATED, HIGH, CRITICAL or unset") from None
