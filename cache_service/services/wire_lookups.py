"""Answers to look-ups as encoded messages: a value is copied once, into the reply."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from metaextract.cache.v1 import result_pb2
from service_runtime.protobuf_bytes import LENGTH_DELIMITED, part, varint

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cache_service.invalidation import ReadPoint
    from cache_service.store import StoredResult

_FOUND = result_pb2.ResultLookup(found=True).SerializeToString()
_VALUE_TAG = bytes((result_pb2.ResultLookup.VALUE_FIELD_NUMBER << 3 | LENGTH_DELIMITED,))
_MEMORY = result_pb2.ResultLookup(tier=result_pb2.TIER_MEMORY).SerializeToString()
_TIERS = {
    "memory": _MEMORY,
    "large": _MEMORY,
    "disk": result_pb2.ResultLookup(tier=result_pb2.TIER_DISK).SerializeToString(),
    "redis": result_pb2.ResultLookup(tier=result_pb2.TIER_REDIS).SerializeToString(),
}
_seconds = struct.Struct("<cd").pack
_SECONDS_TAG = bytes((result_pb2.ResultLookup.EXPIRES_IN_SECONDS_FIELD_NUMBER << 3 | 1,))  # a double
_LOOKUP = result_pb2.GetResultResponse.LOOKUP_FIELD_NUMBER  # BatchGetResultsResponse's lookups have the same
_POINT = result_pb2.GetResultResponse.READ_POINT_FIELD_NUMBER
_points: dict[ReadPoint, bytes] = {}


def response(found: Sequence[StoredResult | None], point: ReadPoint, now: float) -> bytes:
    """An encoded GetResultResponse, of one, or BatchGetResultsResponse."""
    parts = [part(_LOOKUP, b"" if each is None else _lookup(each, now)) for each in found]
    parts.append(_point(point))
    return b"".join(parts)


def _lookup(found: StoredResult, now: float) -> bytes:
    value, left = found.value, found.entry.expires_at - now
    return (
        _FOUND
        + (_VALUE_TAG + varint(len(value)) + value if value else b"")
        + _TIERS.get(found.tier, b"")
        + (_seconds(_SECONDS_TAG, left) if left > 0 else b"")
    )


def _point(point: ReadPoint) -> bytes:
    """Remembered: it is the same until something is invalidated."""
    known = _points.get(point)
    if known is None:
        _points.clear()
        message = result_pb2.InvalidationPoint(log_id=point.log_id, revision=point.revision)
        known = _points[point] = part(_POINT, message.SerializeToString())
    return known
