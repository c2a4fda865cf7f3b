"""Sends spans to a collector as OTLP/JSON over HTTP (https://opentelemetry.io/docs/specs/otlp/#otlphttp).

OpenTelemetry's own exporters need `opentelemetry-proto`, of which xds-protos (our load reports) brings an older copy into the same
folder: whichever is installed last wins, and the exporter can't be imported (xds-protos 1.85). This is all that is needed of them.
"""

from __future__ import annotations

import json
import logging
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from opentelemetry.sdk.trace import ReadableSpan

_TIMEOUT_SECONDS = 5.0  # in a thread of its own; what a slow collector misses is dropped
_PATH = "/v1/traces"
_TELL_SECONDS = 60.0  # between two lines about a collector that is away
_log = logging.getLogger(__name__)


class JsonExporter(SpanExporter):
    """Sends to `endpoint`, an http:// or https:// URL; /v1/traces is added where it has no path."""

    def __init__(self, endpoint: str) -> None:
        has_path = bool(endpoint.partition("://")[2].partition("/")[2])
        self._url = endpoint if has_path else endpoint.rstrip("/") + _PATH
        self._told_at = -_TELL_SECONDS

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Whether they were taken."""
        request = urllib.request.Request(  # noqa: S310 - an operator's URL
            self._url, encoded(spans), {"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS):  # noqa: S310 - as above
                return SpanExportResult.SUCCESS
        except (OSError, ValueError) as error:
            self._tell(error)
            return SpanExportResult.FAILURE

    def _tell(self, error: Exception) -> None:
        now = time.monotonic()
        if now - self._told_at >= _TELL_SECONDS:
            self._told_at = now
            _log.warning("the collector takes no traces", extra={"error": str(error)})

    def shutdown(self) -> None:
        """Nothing is kept open."""

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Nothing is kept back."""
        del timeout_millis
        return True


def encoded(spans: Sequence[ReadableSpan]) -> bytes:
    """An ExportTraceServiceRequest; all spans are of one process."""
    resource = _attributes(spans[0].resource.attributes) if spans else []
    scope = {"scope": {"name": "metaextract"}, "spans": [_span(each) for each in spans]}
    body = {"resourceSpans": [{"resource": {"attributes": resource}, "scopeSpans": [scope]}]}
    return json.dumps(body).encode()


def _span(span: ReadableSpan) -> dict[str, Any]:
    found = {
        "traceId": f"{span.context.trace_id:032x}",
        "spanId": f"{span.context.span_id:016x}",
        "traceState": span.context.trace_state.to_header(),
        "name": span.name,
        "kind": span.kind.value + 1,  # OTLP counts from UNSPECIFIED
        "startTimeUnixNano": str(span.start_time),
        "endTimeUnixNano": str(span.end_time),
        "attributes": _attributes(span.attributes or {}),
        "status": {"code": span.status.status_code.value, "message": span.status.description or ""},
    }
    if span.parent is not None:
        found["parentSpanId"] = f"{span.parent.span_id:016x}"
    return found


def _attributes(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": _value(value)} for key, value in values.items()]


def _value(value: object) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    return {"stringValue": str(value)}
