"""The asynchronous client of the cache service: results, pressure, administration. The synchronous one is made from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from metaextract.cache.v1 import (
    admin_pb2,
    admin_pb2_grpc,
    pressure_pb2,
    pressure_pb2_grpc,
    result_pb2,
    result_pb2_grpc,
    similarity_pb2,
    similarity_pb2_grpc,
)
from metaextract_client import channel
from metaextract_client.errors import translated

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from metaextract_client.security import Security

    Metadata = tuple[tuple[str, str | bytes], ...]


class AsyncCacheClient:
    """Asynchronous client; belongs to one event loop. No call is repeated by itself: a failing cache is a miss."""

    def __init__(self, address: str | None = None, security: Security | None = None) -> None:
        """`address` as HOST:PORT; without one METAEXTRACT_CACHE_ADDRESS, or this machine's usual port.

        CacheAdminService may have METAEXTRACT_CACHE_ADMIN_ADDRESS to itself. Without `security`, certificates and token come from METAEXTRACT_TLS_… and METAEXTRACT_TOKEN….
        """
        where = address or channel.cache_address()
        self._channel = channel.open_async(where, security)
        self._results = result_pb2_grpc.ResultServiceStub(self._channel)
        self._similarity = similarity_pb2_grpc.SimilarityServiceStub(self._channel)
        self._pressure = pressure_pb2_grpc.PressureServiceStub(self._channel)
        operators = channel.admin_address(where)
        self._admin_channel = self._channel if operators == where else channel.open_async(operators, security)
        self._admin = admin_pb2_grpc.CacheAdminServiceStub(self._admin_channel)

    async def get_result(
        self, key: result_pb2.ResultKey, timeout: float | None = 10.0
    ) -> result_pb2.ResultLookup:
        """What is stored under `key`, if anything."""
        with translated():
            response = await self._results.GetResult(result_pb2.GetResultRequest(key=key), timeout=timeout)
        return response.lookup

    async def find_similar(
        self,
        wanted: similarity_pb2.PerceptualHash,
        max_distance: int | None = None,
        limit: int = 0,
        timeout: float | None = 10.0,
    ) -> similarity_pb2.FindSimilarResponse:
        """Contents stored before that look like it, the nearest first; None and 0 for the usual distance and number."""
        request = similarity_pb2.FindSimilarRequest(hash=wanted, max_distance=max_distance, limit=limit)
        with translated():
            return await self._similarity.FindSimilar(request, timeout=timeout)

    async def put_result(
        self, entry: result_pb2.ResultEntry, timeout: float | None = 10.0
    ) -> result_pb2.PutOutcome:
        """How safely `entry` was stored."""
        with translated():
            response = await self._results.PutResult(
                result_pb2.PutResultRequest(entry=entry), timeout=timeout
            )
        return response.outcome

    async def get_results(
        self,
        keys: Sequence[result_pb2.ResultKey],
        timeout: float | None = 30.0,
        metadata: Metadata | None = None,
    ) -> result_pb2.BatchGetResultsResponse:
        """One look-up per key, in order."""
        request = result_pb2.BatchGetResultsRequest(keys=keys, max_answer_bytes=channel.MAX_MESSAGE_BYTES)
        with translated():
            return await self._results.BatchGetResults(request, timeout=timeout, metadata=metadata)

    async def put_results(
        self,
        entries: Sequence[result_pb2.ResultEntry],
        timeout: float | None = 30.0,
        metadata: Metadata | None = None,
    ) -> result_pb2.BatchPutResultsResponse:
        """One outcome per entry, in order."""
        request = result_pb2.BatchPutResultsRequest(entries=entries)
        with translated():
            return await self._results.BatchPutResults(request, timeout=timeout, metadata=metadata)

    async def acquire_results(
        self,
        groups: Sequence[result_pb2.ResultGroup],
        max_wait_seconds: float = 0,
        lease_seconds: float = 0,
        timeout: float | None = 30.0,
        metadata: Metadata | None = None,
    ) -> result_pb2.AcquireResultResponse:
        """For each group its results, a lease to compute them, or WAIT while another one does."""
        request = result_pb2.AcquireResultRequest(
            groups=groups,
            max_wait_seconds=max_wait_seconds,
            lease_seconds=lease_seconds,
            max_answer_bytes=channel.MAX_MESSAGE_BYTES,
        )
        with translated():
            return await self._results.AcquireResult(request, timeout=timeout, metadata=metadata)

    async def renew_lease(
        self,
        key: result_pb2.ResultKey,
        token: int,
        lease_seconds: float,
        timeout: float | None = 10.0,
        metadata: Metadata | None = None,
    ) -> None:
        """Renews a lease; AbortedError when another one has it."""
        group = result_pb2.ResultGroup(keys=[key], lease_token=token)
        request = result_pb2.AcquireResultRequest(groups=[group], lease_seconds=lease_seconds)
        with translated():
            await self._results.AcquireResult(request, timeout=timeout, metadata=metadata)

    async def release_lease(
        self,
        key: result_pb2.ResultKey,
        token: int,
        timeout: float | None = 10.0,
        metadata: Metadata | None = None,
    ) -> bool:
        """Whether the lease was still held; the next one waiting gets it."""
        group = result_pb2.ResultGroup(keys=[key], lease_token=token)
        with translated():
            response = await self._results.ReleaseLease(
                result_pb2.ReleaseLeaseRequest(groups=[group]), timeout=timeout, metadata=metadata
            )
        return response.released_count > 0

    async def watch_invalidations(self) -> AsyncGenerator[result_pb2.WatchInvalidationsResponse, None]:
        """The log's position, every invalidation from now on, and heartbeats, until the server drains."""
        call = self._results.WatchInvalidations(result_pb2.WatchInvalidationsRequest())
        try:
            with translated():
                async for event in call:
                    yield event
        finally:
            call.cancel()

    async def invalidate_results(
        self,
        content_id: str = "",
        module: str = "",
        version: str = "",
        source_prefix: str = "",
        tag: str = "",
        timeout: float | None = 10.0,
        *,
        tenant: str = "",
    ) -> result_pb2.InvalidateResultsResponse:
        """Makes the selected results unreachable; every field that is set must match.

        Of a caller who belongs to a tenant, that tenant's alone.
        """
        request = result_pb2.InvalidateResultsRequest(
            content_id=content_id,
            module=module,
            version=version,
            source_prefix=source_prefix,
            tag=tag,
            tenant=tenant,
        )
        with translated():
            return await self._results.InvalidateResults(request, timeout=timeout)

    async def get_pressure(self, timeout: float | None = 10.0) -> pressure_pb2.PressureState:
        """The current pressure."""
        with translated():
            response = await self._pressure.GetPressure(pressure_pb2.GetPressureRequest(), timeout=timeout)
        return response.state

    async def watch_pressure(
        self, subscriber: str = "", epoch: str = "", after_revision: int = 0
    ) -> AsyncGenerator[pressure_pb2.WatchPressureResponse, None]:
        """The current pressure, changes and heartbeats, until the server drains.

        With the epoch and revision last seen, the first event tells what was missed.
        """
        request = pressure_pb2.WatchPressureRequest(
            subscriber=subscriber, epoch=epoch, after_revision=after_revision
        )
        call = self._pressure.WatchPressure(request)
        try:
            with translated():
                async for event in call:
                    yield event
        finally:
            call.cancel()

    async def get_stats(self, timeout: float | None = 10.0) -> admin_pb2.GetStatsResponse:
        """The cache's counters."""
        with translated():
            return await self._admin.GetStats(admin_pb2.GetStatsRequest(), timeout=timeout)

    async def get_pressure_history(
        self, since_seconds: float = 0, max_points: int = 0, timeout: float | None = 10.0
    ) -> pressure_pb2.GetPressureHistoryResponse:
        """Points, averages, trend and changes of the last 15 minutes, or of the last `since_seconds`."""
        request = pressure_pb2.GetPressureHistoryRequest(since_seconds=since_seconds, max_points=max_points)
        with translated():
            return await self._pressure.GetPressureHistory(request, timeout=timeout)

    async def set_pressure_thresholds(
        self, elevated_ratio: float, high_ratio: float, critical_ratio: float, timeout: float | None = 10.0
    ) -> pressure_pb2.PressureState:
        """The state by other thresholds, which count until the cache restarts."""
        request = admin_pb2.SetPressureThresholdsRequest(
            elevated_ratio=elevated_ratio, high_ratio=high_ratio, critical_ratio=critical_ratio
        )
        with translated():
            response = await self._admin.SetPressureThresholds(request, timeout=timeout)
        return response.state

    async def watch_stats(
        self, interval_seconds: float = 1.0
    ) -> AsyncGenerator[admin_pb2.GetStatsResponse, None]:
        """The cache's counters at once, then at an interval, until the server drains."""
        call = self._admin.WatchStats(admin_pb2.WatchStatsRequest(interval_seconds=interval_seconds))
        try:
            with translated():
                async for event in call:
                    yield event.stats
        finally:
            call.cancel()

    async def describe_entry(
        self, key: result_pb2.ResultKey, timeout: float | None = 10.0
    ) -> admin_pb2.DescribeEntryResponse:
        """What is known of one entry: where it is, what it is worth, what would evict it."""
        with translated():
            return await self._admin.DescribeEntry(admin_pb2.DescribeEntryRequest(key=key), timeout=timeout)

    async def list_entries(
        self, tier: str = "", page_size: int = 0, page_token: str = "", timeout: float | None = 30.0
    ) -> admin_pb2.ListEntriesResponse:
        """A page of entries in the order of their keys."""
        request = admin_pb2.ListEntriesRequest(tier=tier, page_size=page_size, page_token=page_token)
        with translated():
            return await self._admin.ListEntries(request, timeout=timeout)

    async def warm_cache(
        self, keys: Sequence[result_pb2.ResultKey]
    ) -> AsyncGenerator[admin_pb2.WarmCacheResponse, None]:
        """Promotes keys into memory; tells how far it is."""
        call = self._admin.WarmCache(admin_pb2.WarmCacheRequest(keys=keys))
        try:
            with translated():
                async for event in call:
                    yield event
        finally:
            call.cancel()

    async def clear_cache(self, timeout: float | None = 60.0) -> int:
        """The number of entries dropped: all; of an admin of one tenant, all of that tenant."""
        with translated():
            response = await self._admin.ClearCache(admin_pb2.ClearCacheRequest(), timeout=timeout)
        return response.removed_count

    async def erase_tenant(
        self, tenant: str = "", timeout: float | None = 120.0
    ) -> admin_pb2.EraseTenantResponse:
        """What was removed, by replica; everything that is kept of the tenant (the caller's own) is gone for good."""
        with translated():
            return await self._admin.EraseTenant(admin_pb2.EraseTenantRequest(tenant=tenant), timeout=timeout)

    async def set_pressure_override(
        self,
        level: pressure_pb2.PressureLevel.ValueType,
        duration_seconds: float | None = None,
        timeout: float | None = 30.0,
    ) -> pressure_pb2.PressureState:
        """The state after pretending `level`; UNSPECIFIED ends it."""
        request = admin_pb2.SetPressureOverrideRequest(level=level, duration_seconds=duration_seconds)
        with translated():
            response = await self._admin.SetPressureOverride(request, timeout=timeout)
        return response.state

    async def close(self) -> None:
        """Closes the connection."""
        await self._channel.close(None)
        if self._admin_channel is not self._channel:
            await self._admin_channel.close(None)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
