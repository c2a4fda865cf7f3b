"""ORCA: what stock gRPC balancers and meshes are told of this extractor's load, from its own limiter.

Out of band by `xds.service.orca.v3.OpenRcaService`, and with every answer in the trailer `endpoint-load-metrics-bin`.
A balancer's weight is calls per second / application_utilization, so a pressed extractor, whose limit is halved, gets half.
https://github.com/grpc/proposal/blob/master/A58-client-side-weighted-round-robin-lb-policy.md
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import grpc
from xds.data.orca.v3 import orca_load_report_pb2
from xds.service.orca.v3 import orca_pb2

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from grpc import aio

    from extractor_service.backoff.state import BackoffState
    from service_runtime.interceptors import InterceptingServer

    Context = aio.ServicerContext[Any, Any]
    Report = Any
    """xds-protos has no types."""

SERVICE = "xds.service.orca.v3.OpenRcaService"
TRAILER = "endpoint-load-metrics-bin"
_LEAST_INTERVAL_SECONDS = 0.1  # averages over two seconds say nothing new more often
_DEFAULT_INTERVAL_SECONDS = 1.0  # for callers that name none: half of what the load is averaged over
_KEPT_SECONDS = 0.05  # balancers ask ten times a second at most; calls come by the thousand


class LoadReporter:
    """Builds reports, at most one in 50 ms."""

    def __init__(self, backoff: BackoffState) -> None:
        self._backoff = backoff
        self._trailer = b""
        self._made_at = 0.0

    def report(self) -> Report:
        """The load now."""
        load = self._backoff.load()
        local = self._backoff.local
        return orca_load_report_pb2.OrcaLoadReport(
            application_utilization=load.utilization_ratio,
            mem_utilization=min(1.0, local.score) if local is not None else 0.0,
            rps_fractional=load.calls_per_second,
            eps=load.failures_per_second,
            named_metrics={
                "pressure_level": float(self._backoff.level()),
                "queued": float(self._backoff.limiter.queued),
            },
        )

    def trailer(self, *, failed: bool) -> tuple[tuple[str, bytes], ...]:
        """Counts a call that has ended; its trailing metadata."""
        self._backoff.record_call(failed=failed)
        now = time.monotonic()
        if now - self._made_at >= _KEPT_SECONDS:
            self._trailer, self._made_at = self.report().SerializeToString(), now
        return ((TRAILER, self._trailer),)


class OrcaService:
    """`StreamCoreMetrics`: a report at once, then at the interval asked for, 0.1 s at least."""

    def __init__(self, reporter: LoadReporter) -> None:
        self._reporter = reporter
        self._draining = asyncio.Event()

    def drain(self) -> None:
        """Ends all streams."""
        self._draining.set()

    async def stream_core_metrics(self, request: Any, context: Context) -> AsyncIterator[Report]:
        """Reports until the caller leaves or the server drains."""
        del context
        asked = request.report_interval.ToNanoseconds() / 1e9
        interval = max(_LEAST_INTERVAL_SECONDS, asked) if asked > 0 else _DEFAULT_INTERVAL_SECONDS
        while not self._draining.is_set():
            yield self._reporter.report()
            try:
                async with asyncio.timeout(interval):
                    await self._draining.wait()
            except TimeoutError:
                continue


def add_orca(service: OrcaService, server: InterceptingServer) -> None:
    """Adds the service; xds-protos ships its messages without gRPC code."""
    handler = grpc.unary_stream_rpc_method_handler(
        service.stream_core_metrics,
        request_deserializer=orca_pb2.OrcaLoadReportRequest.FromString,
        response_serializer=orca_load_report_pb2.OrcaLoadReport.SerializeToString,
    )
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(SERVICE, {"StreamCoreMetrics": handler}),)
    )
