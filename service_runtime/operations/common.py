"""The metrics that both services have."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

import psutil

from service_runtime.operations.metric import counter, gauge, histogram
from service_runtime.sockets import count_descriptors
from service_runtime.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Mapping

    from service_runtime.histogram import Histogram
    from service_runtime.operations.loop_lag import LoopLag
    from service_runtime.operations.metric import Metric
    from service_runtime.server import RunningServer

_PROCESS = psutil.Process()


class Common(NamedTuple):
    """What they are read from."""

    server: RunningServer
    lag: LoopLag


def _calls(parts: Common) -> dict[tuple[str, ...], float]:
    return {
        (each.method, code): float(count)
        for each in parts.server.calls.methods.values()
        for code, count in each.by_code.items()
    }


def _durations(parts: Common) -> Mapping[str, Histogram]:
    return {each.method: each.seconds for each in parts.server.calls.methods.values()}


def _cpu_seconds() -> float:
    times = _PROCESS.cpu_times()
    return float(times.user + times.system)


COMMON: tuple[Metric[Common], ...] = (
    counter("requests_total", "Calls that have ended, by method and gRPC status.", _calls, ("method", "code")),
    histogram("request_duration_seconds", "How long they took, refused ones and streams included.", _durations, ("method",)),
    gauge("requests_running", "Calls that run now.", lambda p: float(p.server.calls.running)),
    counter("connections_closed_total", "Connections that were closed because there were too many.", lambda p: float(p.server.reaper.closed_total)),
    gauge("ready", "1 while calls are taken, 0 while starting or draining.", lambda p: float(p.server.health.is_ready)),
    histogram("event_loop_lag_seconds", "How much later than asked for the event loop came to something.", lambda p: p.lag.histogram),
    counter("process_cpu_seconds_total", "CPU time of the service's own process.", lambda _: _cpu_seconds()),
    gauge("process_resident_memory_bytes", "RSS of the service's own process.", lambda _: float(_PROCESS.memory_info().rss)),
    gauge("process_open_fds", "Descriptors that the process has.", lambda _: float(count_descriptors())),
    gauge("process_start_time_seconds", "When the process was started, since 1970.", lambda _: _PROCESS.create_time()),
    gauge("uptime_seconds", "How long the process has run.", lambda _: time.time() - _PROCESS.create_time()),
    gauge("build_info", "Always 1; the label says which version this is.", lambda _: {VERSION: 1.0}, ("version",)),
)  # fmt: skip
"""Each by its name, after the service's prefix."""
