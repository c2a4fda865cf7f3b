"""Traces by OpenTelemetry, from the caller's W3C `traceparent` to what it asks of others. Off, a span costs a look at a variable.

`begin` opens a call's span; `span` what happens within it; `headers` continue the trace elsewhere; `past` tells of what has happened in
a worker. The package is optional (`metaextract[tracing]`), and imported by `start` alone.
"""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from service_runtime.settings import RuntimeSettings

PARENT_HEADER, STATE_HEADER = "traceparent", "tracestate"
_FLUSH_SECONDS = 2.0  # at the end, for what wasn't sent yet; a collector that is gone mustn't hold a drain
_NOTHING = contextlib.nullcontext()
_OK = "OK"


class Open(Protocol):
    """A call's span."""

    def end(self, code: str) -> None:
        """Ends it with the name of a gRPC status."""
        ...


class Metadata(Protocol):
    """A call's context, as far as it counts here."""

    def invocation_metadata(self) -> Iterable[tuple[str, str | bytes]] | None:
        """What the caller sent."""
        ...


class _Tracing:
    """What is imported when there are traces."""

    def __init__(self, settings: RuntimeSettings, service: str, version: str) -> None:
        from opentelemetry import context, propagate, trace  # noqa: PLC0415 - optional, and 8 MiB
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
        from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased  # noqa: PLC0415

        resource = Resource.create({"service.name": service, "service.version": version})
        self._provider = TracerProvider(
            sampler=ParentBased(TraceIdRatioBased(settings.trace_ratio)), resource=resource
        )
        is_plain = not settings.trace_endpoint.startswith("https://")
        exporter = OTLPSpanExporter(endpoint=settings.trace_endpoint, insecure=is_plain)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer: Any = self._provider.get_tracer("metaextract", version)
        self._context, self._propagate, self._trace = context, propagate, trace

    def begin(self, method: str, metadata: Iterable[tuple[str, str | bytes]]) -> Open:
        carrier = {key: value for key, value in metadata if key in {PARENT_HEADER, STATE_HEADER}}
        parent = self._propagate.extract(carrier) if carrier else None
        service, _, name = method.removeprefix("/").rpartition("/")
        span = self._tracer.start_span(
            method.removeprefix("/"), parent, kind=self._trace.SpanKind.SERVER,
            attributes={"rpc.system": "grpc", "rpc.service": service, "rpc.method": name},
        )  # fmt: skip
        # Never detached: gRPC runs each call in a task, whose context ends with it.
        self._context.attach(self._trace.set_span_in_context(span))
        return _Call(span, self._trace)

    def span(self, name: str) -> contextlib.AbstractContextManager[object]:
        found: contextlib.AbstractContextManager[object] = self._tracer.start_as_current_span(name)
        return found

    def headers(self) -> tuple[tuple[str, str], ...]:
        carrier: dict[str, str] = {}
        self._propagate.inject(carrier)
        return tuple(carrier.items())

    def past(self, name: str, seconds: float, attributes: Mapping[str, str | int | float]) -> None:
        now = time.time_ns()
        span = self._tracer.start_span(name, start_time=now - int(seconds * 1e9), attributes=attributes)
        span.end(now)

    def stop(self) -> None:
        self._provider.force_flush(int(_FLUSH_SECONDS * 1000))
        self._provider.shutdown()


class _Call:
    def __init__(self, span: Any, trace: Any) -> None:
        self._span = span
        self._trace = trace

    def end(self, code: str) -> None:
        self._span.set_attribute("rpc.grpc.status", code)
        if code != _OK:
            self._span.set_status(self._trace.StatusCode.ERROR, code)
        self._span.end()


_tracing: _Tracing | None = None


def start(settings: RuntimeSettings, service: str, version: str) -> None:
    """Traces from now on, where the settings name a collector.

    Raises:
        ValueError: the package isn't installed.
    """
    global _tracing  # noqa: PLW0603 - spans are opened everywhere, and nobody hands a tracer through
    if not settings.trace_endpoint:
        return
    try:
        _tracing = _Tracing(settings, service, version)
    except ImportError as error:
        raise ValueError(f"METAEXTRACT_TRACE_ENDPOINT needs metaextract[tracing]: {error}") from error


def stop() -> None:
    """Sends what is left, and ends it."""
    global _tracing  # noqa: PLW0603 - see `start`
    if _tracing is not None:
        _tracing.stop()
        _tracing = None


def begin(method: str, context: Metadata) -> Open | None:
    """The span of a call that begins; None: there are no traces."""
    return None if _tracing is None else _tracing.begin(method, context.invocation_metadata() or ())


def span(name: str) -> contextlib.AbstractContextManager[object]:
    """What the block does, as a part of the call's span."""
    return _NOTHING if _tracing is None else _tracing.span(name)


def headers() -> tuple[tuple[str, str], ...]:
    """Metadata by which another service continues the trace."""
    return () if _tracing is None else _tracing.headers()


def past(name: str, seconds: float, attributes: Mapping[str, str | int | float]) -> None:
    """What took `seconds` until now, elsewhere."""
    if _tracing is not None:
        _tracing.past(name, seconds, attributes)
