"""The ResultService servicer: decode, delegate to the store, encode."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from cache_service import convert
from metaextract.cache.v1 import result_pb2, result_pb2_grpc
from service_runtime.errors import InvalidRequestError

if TYPE_CHECKING:
    from grpc import aio

    from cache_service.store import ResultStore

    Context = aio.ServicerContext[Any, Any]

MAX_BATCH = 1000
# Below the largest message that clients take; results beyond it are answered as not found.
MAX_REPLY_BYTES = 12 * 1024 * 1024


class ResultServicer(result_pb2_grpc.ResultServiceServicer):
    """Results by key; see protos/metaextract/cache/v1/result.proto."""

    def __init__(self, store: ResultStore) -> None:
        self._store = store

    async def GetResult(
        self, request: result_pb2.GetResultRequest, context: Context
    ) -> result_pb2.GetResultResponse:
        """One result."""
        del context
        if not request.HasField("key"):
            raise InvalidRequestError("key", "is required")
        point = self._store.read_point
        (found,) = await self._store.get([convert.key_from_wire(request.key)])
        return result_pb2.GetResultResponse(
            lookup=convert.lookup_to_wire(found, time.time()), read_point=convert.point_to_wire(point)
        )

    async def BatchGetResults(
        self, request: result_pb2.BatchGetResultsRequest, context: Context
    ) -> result_pb2.BatchGetResultsResponse:
        """Several results, in the order of the keys."""
        del context
        _check_batch("keys", len(request.keys))
        point = self._store.read_point
        found = await self._store.get([convert.key_from_wire(key) for key in request.keys])
        now, left_bytes = time.time(), MAX_REPLY_BYTES
        lookups = []
        for hit in found:
            left_bytes -= len(hit.entry.value) if hit is not None else 0
            lookups.append(convert.lookup_to_wire(hit if left_bytes >= 0 else None, now))
        return result_pb2.BatchGetResultsResponse(lookups=lookups, read_point=convert.point_to_wire(point))

    async def PutResult(
        self, request: result_pb2.PutResultRequest, context: Context
    ) -> result_pb2.PutResultResponse:
        """Stores one result."""
        del context
        if not request.HasField("entry"):
            raise InvalidRequestError("entry", "is required")
        (outcome,) = await self._store.put([convert.result_from_wire(request.entry)])
        return result_pb2.PutResultResponse(outcome=convert.outcome_to_wire(outcome))

    async def BatchPutResults(
        self, request: result_pb2.BatchPutResultsRequest, context: Context
    ) -> result_pb2.BatchPutResultsResponse:
        """Stores several results, in one transaction."""
        del context
        _check_batch("entries", len(request.entries))
        outcomes = await self._store.put([convert.result_from_wire(entry) for entry in request.entries])
        return result_pb2.BatchPutResultsResponse(
            outcomes=[convert.outcome_to_wire(outcome) for outcome in outcomes]
        )

    async def InvalidateResults(
        self, request: result_pb2.InvalidateResultsRequest, context: Context
    ) -> result_pb2.InvalidateResultsResponse:
        """Makes the selected results unreachable."""
        del context
        selector = convert.selector_from_wire(request)
        if not any(selector):
            raise InvalidRequestError("content_id", "or module must be set; ClearCache drops everything")
        if selector.version and not selector.module:
            raise InvalidRequestError("version", "is only valid together with module")
        point, removed = await self._store.invalidate(selector)
        return result_pb2.InvalidateResultsResponse(point=convert.point_to_wire(point), removed_count=removed)


def _check_batch(field: str, count: int) -> None:
    if not 1 <= count <= MAX_BATCH:
        raise InvalidRequestError(field, f"1 to {MAX_BATCH} are expected, not {count}")
