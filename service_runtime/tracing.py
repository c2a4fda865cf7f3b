"""Traces by OpenTelemetry, from the caller's W3C `traceparent` to what it asks of others. Off, they cost a look at a variable per call.

`begin` opens a call's span; `staged` makes a step within it one; `headers` continue the trace elsewhere; `past` tells of what has happened in
a worker. The package is optional (`metaextract[tracing]`), and imported by `start` alone.
"""

from __future__ import annotations

import inspect
import random
import time
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

from service_runtime.version import VERSION

if TYPE_CHECKING:
    import contextlib
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from service_runtime.settings import RuntimeSettings

T = TypeVar("T")
PARENT_HEADER, STATE_HEADER = "traceparent", "tracestate"
_is_traced: ContextVar[bool] = ContextVar("is_traced", default=False)
_FLUSH_SECONDS = 2.0  # at the end, for what wasn't sent yet; a collector that is gone mustn't hold a drain
_OK = "OK"


def _is_wanted(parent: str) -> bool:
    """Whether the caller records its trace: the last bit of the flags (W3C Trace Context, section 3.2.2.5)."""
    flags = parent.rpartition("-")[2]
    return bool(flags) and flags[-1:] in "13579bdf"


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

    def __init__(self, settings: RuntimeSettings, service: str) -> None:
        from opentelemetry import context, propagate, trace  # noqa: PLC0415 - optional, and 8 MiB
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
        from opentelemetry.sdk.trace.sampling import ALWAYS_ON  # noqa: PLC0415

        from service_runtime.otlp import JsonExporter  # noqa: PLC0415 - as above

        resource = Resource.create({"service.name": service, "service.version": VERSION})
        self._ratio = settings.trace_ratio
        self._provider = TracerProvider(sampler=ALWAYS_ON, resource=resource)
        exporter = JsonExporter(settings.trace_endpoint)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer: Any = self._provider.get_tracer("metaextract", VERSION)
        self._context, self._propagate, self._trace = context, propagate, trace

    def begin(self, method: str, metadata: Iterable[tuple[str, str | bytes]]) -> Open | None:
        carrier = {key: value for key, value in metadata if key in {PARENT_HEADER, STATE_HEADER}}
        # Decided before there is a span: one that isn't recorded would cost a small call a tenth all the same (measured).
        if (
            not _is_wanted(str(carrier[PARENT_HEADER]))
            if PARENT_HEADER in carrier
            else random.random() >= self._ratio
        ):
            return None
        _is_traced.set(True)
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


active: _Tracing | None = None
"""None: there are no traces. It is looked at in every call."""


def start(settings: RuntimeSettings, service: str) -> None:
    """Traces from now on, where the settings name a collector.

    Raises:
        ValueError: the package isn't installed.
    """
    global active  # noqa: PLW0603 - spans are opened everywhere, and nobody hands a tracer through
    if not settings.trace_endpoint:
        return
    try:
        active = _Tracing(settings, service)
    except ImportError as error:
        raise ValueError(f"METAEXTRACT_TRACE_ENDPOINT needs metaextract[tracing]: {error}") from error


def stop() -> None:
    """Sends what is left, and ends it."""
    global active  # noqa: PLW0603 - see `start`
    if active is not None:
        active.stop()
        active = None


def begin(method: str, context: Metadata) -> Open | None:
    """The span of a call that begins; None: there are no traces."""
    return None if active is None else active.begin(method, context.invocation_metadata() or ())


def staged(name: str, function: Callable[..., T]) -> Callable[..., T]:
    """The function, each call of it a part of the call's span; itself, where there are no traces when this is asked."""
    tracing = active
    if tracing is None:
        return function

    async def asynchronous(*arguments: object, **options: object) -> object:
        if not _is_traced.get():
            return await cast("Awaitable[object]", function(*arguments, **options))
        with tracing.span(name):
            return await cast("Awaitable[object]", function(*arguments, **options))

    def synchronous(*arguments: object, **options: object) -> T:
        if not _is_traced.get():
            return function(*arguments, **options)
        with tracing.span(name):
            return function(*arguments, **options)

    return cast("Callable[..., T]", asynchronous) if inspect.iscoroutinefunction(function) else synchronous


def headers() -> tuple[tuple[str, str], ...]:
    """Metadata by which another service continues the trace."""
    return active.headers() if active is not None and _is_traced.get() else ()


def past(name: str, seconds: float, attributes: Mapping[str, str | int | float]) -> None:
    """What took `seconds` until now, elsewhere."""
    if active is not None and _is_traced.get():
        active.past(name, seconds, attributes)
