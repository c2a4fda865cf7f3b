"""The ResultService servicer: decode, delegate to the store, encode."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cache_service.entries.labels import MAX_KEY_PART_CHARS, MAX_SOURCE_CHARS, MAX_TAG_CHARS, is_good_key
from cache_service.flights import DEFAULT_LEASE_SECONDS, LostLeaseError, Wanted
from cache_service.invalidation import LogUnavailableError, ReadPoint
from cache_service.services import wire, wire_lookups
from cache_service.services.tenancy import check_keys, chosen, scope
from metaextract.cache.v1 import result_pb2, result_pb2_grpc
from service_runtime.clock import steady_time
from service_runtime.errors import FleetUnreachableError, InvalidRequestError, LeaseLostError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from grpc import aio

    from cache_service.flights import Acquisition, Flights
    from cache_service.invalidation import InvalidationLog
    from cache_service.similarity.index import SimilarityIndex
    from cache_service.store import PutOutcome, ResultStore

    Context = aio.ServicerContext[Any, Any]

# Contents that an extractor has seen itself: what a client only claims isn't found by others
_VERIFIED = "verified"
MAX_BATCH = 1000  # result.proto; who has more calls again, and others get their turn between
MAX_GROUP = 64  # result.proto; modules of one file, a handful in practice
MAX_WAIT_SECONDS = 300  # result.proto; longer waits would outlive who asked for them
MAX_LEASE_SECONDS = 30  # result.proto; how long others wait for a holder who died, or never meant to compute
# Below the 16 MiB that our clients take; results beyond it are answered as not found.
MAX_REPLY_BYTES = 12 * 1024 * 1024
# result.proto; below the 4 MiB that gRPC clients take by default, for who names no other size.
STOCK_REPLY_BYTES = 4 * 1024 * 1024 - 128 * 1024


class ResultServicer(result_pb2_grpc.ResultServiceServicer):
    """Results by key; see protos/metaextract/cache/v1/result.proto."""

    def __init__(
        self,
        store: ResultStore,
        flights: Flights,
        log: InvalidationLog,
        heartbeat_seconds: float,
        similar: SimilarityIndex,
    ) -> None:
        self._similar = similar
        self._store = store
        self._flights = flights
        self._log = log
        self._heartbeat_seconds = heartbeat_seconds
        self._is_draining = False

    def drain(self) -> None:
        """Ends what is held: waiters and watches."""
        self._is_draining = True
        self._flights.close()
        self._log.wake()

    async def GetResult(  # type: ignore[override] # answers are encoded already
        self, request: result_pb2.GetResultRequest, context: Context
    ) -> bytes:
        """One result."""
        del context
        if not request.HasField("key"):
            raise InvalidRequestError("key", "is required")
        point = self._store.read_point
        key = wire.key_from_wire(request.key)
        check_keys([key])
        found = self._store.at_hand(key) or (await self._store.get([key]))[0]
        return wire_lookups.response([found], point, steady_time())

    async def BatchGetResults(  # type: ignore[override] # as above
        self, request: result_pb2.BatchGetResultsRequest, context: Context
    ) -> bytes:
        """Several results, in the order of the keys."""
        del context
        _check_batch("keys", len(request.keys))
        point = self._store.read_point
        keys = [wire.key_from_wire(key) for key in request.keys]
        check_keys(keys)
        found = await self._store.get(keys, max_bytes=_most_bytes(request.max_answer_bytes))
        return wire_lookups.response(found, point, steady_time())

    async def PutResult(
        self, request: result_pb2.PutResultRequest, context: Context
    ) -> result_pb2.PutResultResponse:
        """Stores one result."""
        del context
        if not request.HasField("entry"):
            raise InvalidRequestError("entry", "is required")
        (outcome,) = await self._put([request.entry])
        return result_pb2.PutResultResponse(outcome=wire.outcome_to_wire(outcome))

    async def BatchPutResults(
        self, request: result_pb2.BatchPutResultsRequest, context: Context
    ) -> result_pb2.BatchPutResultsResponse:
        """Stores several results, in one transaction."""
        del context
        _check_batch("entries", len(request.entries))
        outcomes = await self._put(request.entries)
        return result_pb2.BatchPutResultsResponse(
            outcomes=[wire.outcome_to_wire(outcome) for outcome in outcomes]
        )

    async def InvalidateResults(
        self, request: result_pb2.InvalidateResultsRequest, context: Context
    ) -> result_pb2.InvalidateResultsResponse:
        """Makes the selected results unreachable."""
        del context
        _check_selector(request)
        selector = wire.selector_from_wire(request)._replace(tenant=chosen(request.tenant))
        if not any(selector[:-1]):
            raise InvalidRequestError(
                "content_id", "or another field must be set; ClearCache and EraseTenant drop everything"
            )
        if selector.version and not selector.module:
            raise InvalidRequestError("version", "is only valid together with module")
        try:
            point, removed = await self._store.invalidate(selector)
        except LogUnavailableError as error:
            raise FleetUnreachableError(str(error)) from error
        return result_pb2.InvalidateResultsResponse(point=wire.point_to_wire(point), removed_count=removed)

    async def AcquireResult(
        self, request: result_pb2.AcquireResultRequest, context: Context
    ) -> result_pb2.AcquireResultResponse:
        """Results, or a lease to compute them."""
        del context
        _check_batch("groups", len(request.groups))
        _check_wait(request)
        point = self._store.read_point
        wanted = [_wanted(group) for group in request.groups]
        check_keys(key for each in wanted for part in each for key in part)
        acquisitions = await self._acquire(request, wanted)
        now = steady_time()
        encoded = [wire.acquisition_to_wire(each, now) for each in acquisitions]
        left_bytes = _most_bytes(request.max_answer_bytes)
        for each in encoded:
            left_bytes = _cut(each, left_bytes)
        return result_pb2.AcquireResultResponse(acquisitions=encoded, read_point=wire.point_to_wire(point))

    async def ReleaseLease(
        self, request: result_pb2.ReleaseLeaseRequest, context: Context
    ) -> result_pb2.ReleaseLeaseResponse:
        """Ends leases without a result."""
        del context
        _check_batch("groups", len(request.groups))
        released = 0
        for group in request.groups:
            keys = _wanted(group).keys
            check_keys(keys)
            released += await self._flights.release(keys[0], group.lease_token)
        return result_pb2.ReleaseLeaseResponse(released_count=released)

    async def WatchInvalidations(
        self, request: result_pb2.WatchInvalidationsRequest, context: Context
    ) -> AsyncIterator[result_pb2.WatchInvalidationsResponse]:
        """The position, then every invalidation and heartbeats, until the server drains."""
        del context
        mine = scope()
        valid_for = 3 * self._heartbeat_seconds  # two heartbeats may be lost
        point = self._log.point
        if request.HasField("since"):
            since = ReadPoint(request.since.log_id, request.since.revision)
            is_known = self._log.since(since) is not None
            point = since if is_known else point
            yield _news(point, valid_for, reset=not is_known)
        else:
            yield _news(point, valid_for)
        while not self._is_draining:
            await self._log.wait(point, self._heartbeat_seconds)
            missed = self._log.since(point)
            if missed is None:
                point = self._log.point
                yield _news(point, valid_for, reset=True)
                continue
            for invalidation in missed:
                point = ReadPoint(point.log_id, invalidation.revision)
                is_foreign = mine is not None and invalidation.selector.tenant not in {None, mine}
                selector = None if is_foreign else wire.selector_to_wire(invalidation.selector)
                yield _news(point, valid_for, selector)
            if not missed:
                point = self._log.point  # it may have counted on without an invalidation
                yield _news(point, valid_for)

    async def _put(self, entries: Sequence[result_pb2.ResultEntry]) -> list[PutOutcome]:
        results = [wire.result_from_wire(entry) for entry in entries]
        check_keys(result.key for result in results)
        outcomes = await self._flights.put(results, [entry.lease_token for entry in entries])
        hashed = [
            wire.hashed_from_wire(entry, result, self._log.point.revision, steady_time())
            for entry, result, outcome in zip(entries, results, outcomes, strict=True)
            if entry.hashes and outcome.tier and result.key.space.startswith(_VERIFIED)
        ]
        if hashed:
            self._similar.add(hashed)
        return outcomes

    async def _acquire(
        self, request: result_pb2.AcquireResultRequest, wanted: list[Wanted]
    ) -> list[Acquisition]:
        """What each group got: its lease renewed, or all the others' results and leases."""
        seconds, holder = request.lease_seconds or DEFAULT_LEASE_SECONDS, request.holder[:100]
        tokens = [group.lease_token for group in request.groups]
        try:
            renewed = {
                place: await self._flights.renew(wanted[place].keys, token, seconds)
                for place, token in enumerate(tokens)
                if token
            }
        except LostLeaseError as error:
            raise LeaseLostError("the lease lapsed, and another one has it now") from error
        others = [each for each, token in zip(wanted, tokens, strict=True) if not token]
        if len(wanted) == len(others) == 1:
            (keys, optional), wait_seconds = wanted[0], request.max_wait_seconds
            return [await self._flights.acquire(keys, holder, seconds, wait_seconds, optional)]
        most_bytes = _most_bytes(request.max_answer_bytes)
        acquired = iter(await self._flights.acquire_many(others, holder, seconds, most_bytes))
        return [renewed[place] if token else next(acquired) for place, token in enumerate(tokens)]


def _wanted(group: result_pb2.ResultGroup) -> Wanted:
    """The group's keys; raises InvalidRequestError."""
    if not 1 <= len(group.keys) <= MAX_GROUP:
        raise InvalidRequestError("groups.keys", f"1 to {MAX_GROUP} are expected, not {len(group.keys)}")
    if len(group.optional_keys) > MAX_GROUP:
        raise InvalidRequestError("groups.optional_keys", f"at most {MAX_GROUP} are expected")
    wanted = Wanted(
        [wire.key_from_wire(key) for key in group.keys],
        [wire.key_from_wire(key) for key in group.optional_keys],
    )
    if not all(map(is_good_key, (*wanted.keys, *wanted.optional))):
        raise InvalidRequestError("groups.keys", "a part is missing, too long or not printable")
    return wanted


def _news(
    point: ReadPoint,
    valid_for_seconds: float,
    selector: result_pb2.InvalidateResultsRequest | None = None,
    *,
    reset: bool = False,
) -> result_pb2.WatchInvalidationsResponse:
    return result_pb2.WatchInvalidationsResponse(
        point=wire.point_to_wire(point),
        selector=selector,
        reset=reset,
        valid_for_seconds=valid_for_seconds,
    )


def _cut(acquisition: result_pb2.Acquisition, left_bytes: int) -> int:
    """The bytes left after it. Values beyond them aren't found: what was a hit is computed again, without a lease."""
    for lookup in acquisition.lookups:
        left_bytes -= len(lookup.value)
        if left_bytes < 0:
            lookup.Clear()
    return left_bytes


def _check_selector(request: result_pb2.InvalidateResultsRequest) -> None:
    limits = {"source_prefix": MAX_SOURCE_CHARS, "tag": MAX_TAG_CHARS}
    for field, value in request.ListFields():
        most = limits.get(field.name, MAX_KEY_PART_CHARS)
        if len(value) > most or not value.isprintable():
            raise InvalidRequestError(field.name, f"at most {most} printable characters are expected")


def _check_wait(request: result_pb2.AcquireResultRequest) -> None:
    if not 0 <= request.max_wait_seconds <= MAX_WAIT_SECONDS:
        raise InvalidRequestError("max_wait_seconds", f"must be from 0 to {MAX_WAIT_SECONDS}")
    if request.max_wait_seconds and len(request.groups) > 1:
        raise InvalidRequestError("max_wait_seconds", "only a single group can be held")
    if request.lease_seconds and not 1 <= request.lease_seconds <= MAX_LEASE_SECONDS:
        raise InvalidRequestError("lease_seconds", f"must be from 1 to {MAX_LEASE_SECONDS}")


def _most_bytes(asked: int) -> int:
    return min(asked, MAX_REPLY_BYTES) if asked else STOCK_REPLY_BYTES


def _check_batch(field: str, count: int) -> None:
    if not 1 <= count <= MAX_BATCH:
        raise InvalidRequestError(field, f"1 to {MAX_BATCH} are expected, not {count}")
