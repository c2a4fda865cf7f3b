"""The limiter's terms to their wire message."""

from __future__ import annotations

from typing import TYPE_CHECKING

from metaextract.cache.v1 import pressure_pb2
from metaextract.extractor.v1 import extractor_pb2
from service_runtime.backoff_table import WorkClass

if TYPE_CHECKING:
    from extractor_service.backoff.policies.base import Term
    from extractor_service.backoff.state import BackoffState
    from service_runtime.memory.levels import PressureLevel
    from service_runtime.memory.monitor import Observation
    from service_runtime.memory.reading import Reading

_MOST_CALLERS = 20  # extractor.proto


def backoff_to_wire(backoff: BackoffState, now: float) -> extractor_pb2.GetBackoffStateResponse:
    """How much work is accepted, and why."""
    view, limiter, decision, local = backoff.view, backoff.limiter, backoff.decide(), backoff.local
    interactive = decision.rows[WorkClass.INTERACTIVE]
    cache_level = view.cache_level(now)
    return extractor_pb2.GetBackoffStateResponse(
        level=_level(backoff.level()),
        cache_level=pressure_pb2.PRESSURE_LEVEL_UNKNOWN if cache_level is None else _level(cache_level),
        local_level=_level(view.local_level),
        cache_event_age_seconds=view.news_age_seconds(now),
        concurrency_limit=decision.concurrency,
        in_flight=limiter.in_flight,
        queued=limiter.queued,
        refuse_above_bytes=interactive.refuse_above_bytes if decision.sheds else None,
        policy=backoff.policy.name,
        terms=_terms(decision.terms),
        refused_total=limiter.refused_total + backoff.uploads.refused_total,
        reserved_bytes=backoff.ledger.reserved_bytes,
        reservable_bytes=int(backoff.ledger.budget_bytes * decision.bytes_ratio(WorkClass.INTERACTIVE)),
        uploads_in_flight=backoff.uploads.in_flight,
        uploads_limit=backoff.decide_uploads().concurrency,
        classes=[
            extractor_pb2.ClassState(
                work_class=pressure_pb2.WorkClass.ValueType(work),
                limit=decision.limits[work],
                in_flight=limiter.running[work],
                queued=limiter.queued_of(work) + backoff.uploads.queued_of(work),
                refused_total=limiter.refused[work] + backoff.uploads.refused[work],
            )
            for work in WorkClass
        ],
        chunk_bytes=interactive.chunk_bytes,
        local_cause=local.cause if local is not None else "",
        local_signals=_signals(local) if local is not None else [],
        local_score_ratio=local.score if local is not None else 0.0,
        utilization_ratio=backoff.load().utilization_ratio,
        retry_after_seconds=limiter.retry_after_seconds(),
        callers=[
            extractor_pb2.CallerState(
                caller=use.caller,
                in_flight=use.in_flight,
                queued=limiter.queued_by(use.caller) + backoff.uploads.queued_by(use.caller),
                transfers=sum(
                    places.held.get(use.caller, 0)
                    for places in (backoff.upload_places, backoff.session_places)
                ),
                recent_cpu_seconds=use.recent_cpu_seconds,
                share_ratio=use.share_ratio,
                refused_total=use.refused_total,
            )
            for use in backoff.cpu.heaviest(_MOST_CALLERS)
        ],
    )


def _terms(terms: tuple[Term, ...]) -> list[extractor_pb2.LimitTerm]:
    """The terms; the first of the smallest binds."""
    binding = min(terms, key=lambda term: term.limit)
    return [
        extractor_pb2.LimitTerm(name=term.name, limit=term.limit, binding=term is binding) for term in terms
    ]


def _signals(local: Observation) -> list[pressure_pb2.PressureSignal]:
    thresholds = local.thresholds
    return [_signal(reading, reading.level(thresholds)) for reading in local.sample.ordered(thresholds)]


def _signal(reading: Reading, level: PressureLevel | None) -> pressure_pb2.PressureSignal:
    return pressure_pb2.PressureSignal(
        name=reading.name,
        used_bytes=reading.used_bytes,
        limit_bytes=reading.limit_bytes,
        ratio=reading.ratio or 0.0,
        level=pressure_pb2.PRESSURE_LEVEL_UNKNOWN if level is None else _level(level),
        worst_level=_level(reading.worst),
    )


def _level(level: int) -> pressure_pb2.PressureLevel.ValueType:
    return pressure_pb2.PressureLevel.ValueType(int(level))
