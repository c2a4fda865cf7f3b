"""Every metric of the extractor: one line each. They are read when somebody asks, from counters that are there anyway."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from service_runtime.backoff_table import WorkClass
from service_runtime.operations.metric import counter, gauge, histogram

if TYPE_CHECKING:
    from extractor_service.backoff.limiter import Limiter
    from extractor_service.backoff.state import BackoffState
    from extractor_service.extraction.tally import Tally
    from extractor_service.results.client import ResultsClient
    from extractor_service.sources.spool import SpoolBudget
    from extractor_service.workers.pools import WorkerPools
    from service_runtime.operations.metric import Metric

PREFIX = "metaextract_extractor_"


class Parts(NamedTuple):
    """What they are read from."""

    backoff: BackoffState
    tally: Tally
    pool: WorkerPools
    results: ResultsClient
    spool: SpoolBudget


def _limiters(parts: Parts) -> dict[str, Limiter]:
    return {
        "parse": parts.backoff.limiter,
        "upload": parts.backoff.uploads,
        "session": parts.backoff.sessions,
    }


def _refused(parts: Parts) -> dict[tuple[str, ...], float]:
    return {
        (kind, work.name): float(limiter.refused[work])
        for kind, limiter in _limiters(parts).items()
        for work in WorkClass
    }


def _binding(parts: Parts) -> dict[str, float]:
    """1 for the terms that set the limit now, 0 for the others."""
    terms = parts.backoff.decide().terms
    least = min((term.limit for term in terms), default=0)
    return {term.name: float(term.limit == least) for term in terms}


METRICS: tuple[Metric[Parts], ...] = (
    counter("extractions_total", "Files, by format and what became of them.", lambda p: p.tally.by_format, ("format", "outcome")),
    histogram("extraction_duration_seconds", "From the first byte to the document, of files that were read.", lambda p: p.tally.seconds, ("format",)),
    counter("cache_lookups_total", "Files, by what the cache knew of them.", lambda p: p.tally.by_cache, ("status",)),
    counter("cache_failures_total", "Times that the cache didn't answer, and was left alone for a second.", lambda p: p.results.failures_total),
    gauge("cache_available", "0 while the cache is left alone after a failure.", lambda p: float(not p.results.is_paused)),
    counter("source_bytes_total", "Sizes of the files that were described.", lambda p: p.tally.bytes_offered),
    counter("source_bytes_read_total", "Bytes of them that were read; the others were saved.", lambda p: p.tally.bytes_read),
    counter("quarantined_total", "Files that were refused because they had killed their readers.", lambda p: p.tally.quarantined),
    gauge("in_flight", "Parses, uploads and sessions that run.", lambda p: {kind: each.in_flight for kind, each in _limiters(p).items()}, ("kind",)),
    gauge("queued", "Those that wait for a place.", lambda p: {kind: each.queued for kind, each in _limiters(p).items()}, ("kind",)),
    histogram("queue_wait_seconds", "How long they waited.", lambda p: {kind: each.waits for kind, each in _limiters(p).items()}, ("kind",)),
    counter("refused_total", "Those that were refused, by class of work.", _refused, ("kind", "work_class")),
    gauge("concurrency_limit", "Parses that may run at once now.", lambda p: p.backoff.decide().concurrency),
    gauge("concurrency_limit_binding", "1 for the terms that set this limit.", _binding, ("term",)),
    gauge("concurrency_utilization_ratio", "Parses that run or wait / limit; what to scale by.", lambda p: p.backoff.load().utilization_ratio),
    gauge("reserved_bytes", "Memory that work in flight is expected to need.", lambda p: p.backoff.ledger.reserved_bytes),
    gauge("inflight_budget_bytes", "What it may need together.", lambda p: p.backoff.ledger.budget_bytes),
    gauge("spooled_bytes", "Uploads on their way that are on disk.", lambda p: p.spool.used_bytes),
    gauge("pressure_level", "The level that is obeyed: 1 NORMAL, 2 ELEVATED, 3 HIGH, 4 CRITICAL.", lambda p: int(p.backoff.level())),
    gauge("pressure_score_ratio", "Memory used / limit, of this process's own container.", lambda p: p.backoff.local.score if p.backoff.local else None),
    gauge("workers", "Worker processes, by state.", lambda p: p.pool.states, ("state",)),
    gauge("workers_resident_memory_bytes", "RSS of all workers; what they share counts for each.", lambda p: p.pool.resident_bytes()),
    counter("workers_started_total", "Worker processes that were started.", lambda p: p.pool.started_total),
    counter("workers_lost_total", "Those that ended while they read: CRASH, SPENT (limits used up), OUTSIDE (killed).", lambda p: p.pool.lost, ("cause",)),
    gauge("sandbox_tight", "1 if every barrier around workers is in force.", lambda p: float(p.pool.readers.sandbox.is_tight)),
)  # fmt: skip
"""After the prefix; those of every service are in service_runtime/operations/common.py."""
