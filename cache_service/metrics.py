"""Every metric of the cache: one line each. They are read when somebody asks, from counters that are there anyway; GetStats too is
filled from here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cache_service.entries.entry import RemovalCause
from service_runtime.operations.metric import counter, gauge

if TYPE_CHECKING:
    from collections.abc import Callable

    from cache_service.chunks.store import ChunkStore
    from cache_service.entries.entry import TierStats
    from cache_service.flights import Flights
    from cache_service.leases import LocalLeases
    from cache_service.pressure.monitor import PressureMonitor
    from cache_service.similarity.index import SimilarityIndex
    from cache_service.store import ResultStore
    from service_runtime.operations.metric import Metric

PREFIX = "metaextract_cache_"


class Parts(NamedTuple):
    """What they are read from."""

    store: ResultStore
    flights: Flights
    leases: LocalLeases
    chunks: ChunkStore
    monitor: PressureMonitor
    similar: SimilarityIndex


def _tiers(read: Callable[[TierStats], float]) -> Callable[[Parts], dict[str, float]]:
    return lambda parts: {tier.name: read(tier) for tier in parts.store.tier_stats()}


def _removals(parts: Parts) -> dict[tuple[str, ...], float]:
    return {
        (tier.name, cause.value): tier.removals.get(cause, 0)
        for tier in parts.store.tier_stats()
        for cause in RemovalCause
    }


def _hit_ratio(parts: Parts) -> float:
    stats = parts.store.stats
    lookups = stats.hits + stats.misses
    return stats.hits / lookups if lookups else 0.0


METRICS: tuple[Metric[Parts], ...] = (
    counter("hits_total", "Results that were there.", lambda p: p.store.stats.hits),
    counter("misses_total", "Results that weren't.", lambda p: p.store.stats.misses),
    gauge("hit_ratio", "Hits / look-ups since the start; rate(hits_total) says more.", _hit_ratio),
    counter("tier_hits_total", "Hits, by the tier that had it.", _tiers(lambda t: t.hits), ("tier",)),
    counter("tier_failures_total", "Calls to a tier that failed.", _tiers(lambda t: t.failures), ("tier",)),
    gauge("tier_suspended", "1 while a tier is left alone after failures; of redis: the breaker is open.", _tiers(lambda t: t.is_suspended), ("tier",)),
    gauge("tier_entries", "Entries in a tier.", _tiers(lambda t: t.entry_count), ("tier",)),
    gauge("tier_used_bytes", "What they take.", _tiers(lambda t: t.used_bytes), ("tier",)),
    gauge("tier_budget_bytes", "What they may take now.", _tiers(lambda t: t.budget.bytes), ("tier",)),
    counter("removals_total", "Entries that left a tier, by cause.", _removals, ("tier", "cause")),
    counter("puts_total", "Results that were stored.", lambda p: p.store.stats.puts),
    counter("puts_refused_total", "Results that no tier would take.", lambda p: p.store.stats.puts_refused),
    counter("saved_seconds_total", "Reading time that hits have saved.", lambda p: p.store.stats.saved_seconds),
    counter("value_bytes_total", "Stored results, before compression.", lambda p: p.store.stats.value_bytes),
    counter("stored_bytes_total", "The same, after it.", lambda p: p.store.stats.stored_bytes),
    counter("leases_granted_total", "Leases to compute a result.", lambda p: p.flights.stats.granted),
    counter("leases_expired_total", "Leases whose holder fell silent.", lambda p: p.leases.expired),
    counter("single_flight_saved_total", "Callers that waited for another one's result.", lambda p: p.flights.stats.saved),
    gauge("chunk_bytes", "Uploaded chunks that are kept.", lambda p: p.chunks.stored_bytes),
    gauge("pressure_level", "1 NORMAL, 2 ELEVATED, 3 HIGH, 4 CRITICAL.", lambda p: int(p.monitor.broadcaster.state.level)),
    gauge("fleet_pressure_level", "The worst of all replicas.", lambda p: int(p.monitor.broadcaster.state.fleet_level)),
    gauge("pressure_score_ratio", "The worst signal's used / limit.", lambda p: p.monitor.broadcaster.state.score_ratio),
    gauge("pressure_watchers", "Open streams of WatchPressure.", lambda p: p.monitor.broadcaster.watcher_count),
    counter("pressure_changes_total", "Changes of the level.", lambda p: p.monitor.level_changes),
    counter("budget_adjustments_total", "Changes of the memory tier's budget.", lambda p: p.monitor.budget_adjustments),
    gauge("similar_contents", "Contents whose perceptual hashes are kept.", lambda p: p.similar.entry_count),
    gauge("similar_memory_bytes", "Memory of the hashes that were searched lately.", lambda p: p.similar.memory_bytes),
)  # fmt: skip
"""After the prefix; those of every service are in service_runtime/operations/common.py."""

_BY_NAME = {metric.name: metric for metric in METRICS}


def value_of(name: str, parts: Parts) -> float:
    """The value of a metric without labels.

    Raises:
        KeyError: there is none of that name.
    """
    value = _BY_NAME[name].read(parts)
    if not isinstance(value, int | float):
        raise KeyError(name)
    return value
