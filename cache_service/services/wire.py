"""Between the wire and the store: the only place that knows both."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from cache_service.entries.entry import Entry, Key, RemovalCause, Selector
from cache_service.invalidation import ReadPoint
from cache_service.similarity.hashes import Hashed, HashKind
from cache_service.store import NewResult, TtlSpan
from metaextract.cache.v1 import admin_pb2, result_pb2

if TYPE_CHECKING:
    from cache_service.entries.entry import TierStats
    from cache_service.erasure import Erasure
    from cache_service.flights import Acquisition
    from cache_service.inspection import Description
    from cache_service.store import PutOutcome, StoredResult

_HASH_KINDS = frozenset(HashKind)
_HOUR = 3600.0  # in seconds
_MAX_COST_SECONDS = 86_400.0  # one entry mustn't outweigh all others for ever
_TTL = {
    result_pb2.TTL_CLASS_UNSPECIFIED: TtlSpan(_HOUR, 2 * _HOUR),
    result_pb2.TTL_CLASS_EXTRACTION: TtlSpan(_HOUR, 2 * _HOUR),
    result_pb2.TTL_CLASS_MODULE: TtlSpan(2 * _HOUR, 4 * _HOUR),
    result_pb2.TTL_CLASS_FAILURE: TtlSpan(60.0, 120.0),
    result_pb2.TTL_CLASS_PERCEPTUAL_HASH: TtlSpan(6 * _HOUR, 12 * _HOUR),
    result_pb2.TTL_CLASS_GEOCODING: TtlSpan(20 * _HOUR, 28 * _HOUR),
    result_pb2.TTL_CLASS_STRIKES: TtlSpan(20 * _HOUR, 28 * _HOUR),
}
_TIER = {
    "memory": result_pb2.TIER_MEMORY,
    "large": result_pb2.TIER_MEMORY,
    "disk": result_pb2.TIER_DISK,
    "redis": result_pb2.TIER_REDIS,
}
_PUT_STATUS = {
    "disk": result_pb2.PUT_STATUS_DISK,
    "memory": result_pb2.PUT_STATUS_MEMORY,
    "large": result_pb2.PUT_STATUS_MEMORY,
    "": result_pb2.PUT_STATUS_NOT_STORED,
}


def key_from_wire(key: result_pb2.ResultKey) -> Key:
    """The key as the store knows it."""
    return Key(key.space, key.content_id, key.module, key.version, key.options)


def result_from_wire(entry: result_pb2.ResultEntry) -> NewResult:
    """The result as the store takes it."""
    point = entry.read_point if entry.HasField("read_point") else None
    return NewResult(
        key=key_from_wire(entry.key),
        value=entry.value,
        cost_seconds=_cost(entry.cost_seconds),
        ttl=_TTL.get(entry.ttl_class, _TTL[result_pb2.TTL_CLASS_UNSPECIFIED]),
        read_point=None if point is None else ReadPoint(point.log_id, point.revision),
        source=entry.source,
        tags=tuple(entry.tags),
    )


def hashed_from_wire(entry: result_pb2.ResultEntry, result: NewResult, revision: int, now: float) -> Hashed:
    """The hashes that came with a result; those of wrong lengths are left out."""
    bits = {
        HashKind(each.kind): each.bits
        for each in entry.hashes
        if int(each.kind) in _HASH_KINDS and len(each.bits) == HashKind(each.kind).length_bytes
    }
    facts = Entry(
        b"",
        0.0,
        now + result.ttl.low_seconds,
        result.read_point.revision if result.read_point is not None else revision,
        result.source,
        result.tags,
    )
    return Hashed(result.key, facts, bits)


def selector_from_wire(request: result_pb2.InvalidateResultsRequest) -> Selector:
    """The selector; empty fields select nothing in particular."""
    return Selector(
        request.content_id or None,
        request.module or None,
        request.version or None,
        request.source_prefix or None,
        request.tag or None,
        request.tenant or None,
    )


def selector_to_wire(selector: Selector) -> result_pb2.InvalidateResultsRequest:
    """The request that it came from."""
    fields = {name: value for name, value in selector._asdict().items() if value is not None}
    return result_pb2.InvalidateResultsRequest(**fields)


def lookup_to_wire(found: StoredResult | None, now: float) -> result_pb2.ResultLookup:
    """The answer for one key."""
    if found is None:
        return result_pb2.ResultLookup()
    return result_pb2.ResultLookup(
        found=True,
        value=found.value,
        tier=_TIER.get(found.tier, result_pb2.TIER_UNSPECIFIED),
        expires_in_seconds=max(0.0, found.entry.expires_at - now),
    )


def acquisition_to_wire(acquisition: Acquisition, now: float) -> result_pb2.Acquisition:
    """What a group got."""
    lookups = [lookup_to_wire(result, now) for result in acquisition.results]
    if acquisition.lease is not None:
        return result_pb2.Acquisition(
            status=result_pb2.ACQUIRE_STATUS_LEASED,
            lookups=lookups,
            lease_token=acquisition.lease.token,
            lease_expires_in_seconds=max(0.0, acquisition.lease.expires_at - now),
        )
    status = result_pb2.ACQUIRE_STATUS_HIT if acquisition.is_hit else result_pb2.ACQUIRE_STATUS_WAIT
    return result_pb2.Acquisition(status=status, lookups=lookups)


def key_to_wire(key: Key) -> result_pb2.ResultKey:
    """The key for the wire."""
    return result_pb2.ResultKey(**key._asdict())


def description_to_wire(description: Description, now: float) -> admin_pb2.EntryDescription:
    """An entry for operators."""
    entry = description.entry
    return admin_pb2.EntryDescription(
        key=key_to_wire(description.key),
        tiers=description.tiers,
        value_bytes=description.value_bytes,
        stored_bytes=len(entry.value),
        cost_seconds=entry.cost_seconds,
        expires_in_seconds=max(0.0, entry.expires_at - now),
        read_revision=entry.read_revision,
        source=entry.source,
        tags=entry.tags,
    )


def erasure_to_wire(erasure: Erasure) -> admin_pb2.EraseTenantResponse:
    """What an erasure did."""
    return admin_pb2.EraseTenantResponse(
        tenant=erasure.tenant,
        point=point_to_wire(erasure.point),
        replicas=[admin_pb2.ErasedReplica(**part._asdict()) for part in erasure.parts],
        pending_replicas=erasure.pending,
    )


def outcome_to_wire(outcome: PutOutcome) -> result_pb2.PutOutcome:
    """The fate of one entry."""
    return result_pb2.PutOutcome(
        status=_PUT_STATUS.get(outcome.tier, result_pb2.PUT_STATUS_NOT_STORED), reason=outcome.reason
    )


def point_to_wire(point: ReadPoint) -> result_pb2.InvalidationPoint:
    """A place in the invalidation log."""
    return result_pb2.InvalidationPoint(log_id=point.log_id, revision=point.revision)


def tier_stats_to_wire(stats: TierStats) -> admin_pb2.TierStats:
    """The numbers of one tier."""
    removals = {cause.value: stats.removals.get(cause, 0) for cause in RemovalCause}
    return admin_pb2.TierStats(
        name=stats.name,
        hits=stats.hits,
        entry_count=stats.entry_count,
        used_bytes=stats.used_bytes,
        budget_bytes=stats.budget.bytes,
        budget_entries=stats.budget.entries,
        removals=admin_pb2.Removals(**removals),
        failures=stats.failures,
        held_bytes=stats.held_bytes,
        suspended=stats.is_suspended,
    )


def _cost(seconds: float) -> float:
    """The cost within what policies can weigh; what isn't a number costs nothing."""
    return min(max(0.0, seconds), _MAX_COST_SECONDS) if not math.isnan(seconds) else 0.0
