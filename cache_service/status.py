"""What the cache tells over HTTP as JSON, by the field names that people know from before.

Units are what the names say: `_mb` is 10^6 bytes, `_percent` of 100. What the old system couldn't know is said by further fields.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import psutil

from cache_service.entries.entry import RemovalCause
from service_runtime.memory.levels import PressureLevel
from service_runtime.version import VERSION

if TYPE_CHECKING:
    from cache_service.metrics import Parts
    from cache_service.pressure.monitor import PressureMonitor

_MB = 1e6  # bytes; decimal, as the name says
_HISTORY_SECONDS = 900.0  # all that is kept
_STARTED_AT = time.monotonic()


def cache_stats(parts: Parts) -> dict[str, object]:
    """`GET /api/cache/stats`."""
    stats, tiers = parts.store.stats, {tier.name: tier for tier in parts.store.tier_stats()}
    lookups = stats.hits + stats.misses
    removals = [tier.removals for tier in tiers.values()]
    memory = [tier for name, tier in tiers.items() if name in {"memory", "large"}]
    disk, redis = tiers.get("disk"), tiers.get("redis")
    return {
        "hits": stats.hits,
        "misses": stats.misses,
        "total_requests": lookups,
        "hit_rate_percent": round(100 * stats.hits / lookups, 2) if lookups else 0.0,
        "memory_hits": sum(tier.hits for tier in memory),
        "disk_hits": disk.hits if disk else 0,
        "redis_hits": redis.hits if redis else 0,
        "evictions": sum(each.get(RemovalCause.SIZE, 0) for each in removals),
        "pressure_evictions": sum(each.get(RemovalCause.PRESSURE, 0) for each in removals),
        "memory_pressure_events": parts.monitor.level_changes,
        "adaptive_adjustments": parts.monitor.budget_adjustments,
        "memory_cache_size": sum(tier.entry_count for tier in memory),
        "memory_cache_mb": round(sum(tier.used_bytes for tier in memory) / _MB, 3),
        "disk_cache_entries": disk.entry_count if disk else 0,
        "disk_cache_mb": round(disk.used_bytes / _MB, 3) if disk else 0.0,
        "saved_seconds": round(stats.saved_seconds, 3),
    }


def memory_status(monitor: PressureMonitor) -> dict[str, object]:
    """`GET /api/memory/status`."""
    state, thresholds = monitor.broadcaster.state, monitor.thresholds
    system, process = psutil.virtual_memory(), psutil.Process()
    own = process.memory_info()
    return {
        "timestamp": _at(state.sampled_at),
        "pressure_level": state.level.name,
        "fleet_pressure_level": state.fleet_level.name,
        "score_percent": round(100 * state.score_ratio, 2),
        "cause": state.cause,
        "system": {
            "used_mb": round((system.total - system.available) / _MB, 1),
            "available_mb": round(system.available / _MB, 1),
            "total_mb": round(system.total / _MB, 1),
            "percent": round(100 * (system.total - system.available) / system.total, 2),
        },
        "process": {
            "rss_mb": round(own.rss / _MB, 1),
            "vms_mb": round(own.vms / _MB, 1),
            "percent": round(100 * own.rss / system.total, 2),
        },
        "thresholds": {
            "elevated": round(100 * thresholds.elevated, 2),
            "high": round(100 * thresholds.high, 2),
            "critical": round(100 * thresholds.critical, 2),
        },
        "eviction_target_mb": round(state.eviction_target_bytes / _MB, 3),
        "under_pressure": state.level > PressureLevel.NORMAL,
        "critical": state.level is PressureLevel.CRITICAL,
        "overridden": state.overridden,
    }


def memory_history(monitor: PressureMonitor) -> dict[str, object]:
    """`GET /api/memory/history`: the last 15 minutes, a point a second."""
    now = time.time()
    points = monitor.history.points(now, _HISTORY_SECONDS)
    return {
        "history": [
            {
                "timestamp": _at(point.at),
                "pressure_level": point.level.name,
                "percent": round(100 * point.score_ratio, 2),
            }
            for point in points
        ],
        "trend_percent_per_minute": round(100 * monitor.history.trend_per_minute(now), 3),
    }


def system_status(parts: Parts, *, is_ready: bool) -> dict[str, object]:
    """`GET /api/status/system`."""
    return {
        "status": "ready" if is_ready else "not_ready",
        "version": VERSION,
        "uptime_seconds": round(time.monotonic() - _STARTED_AT, 1),
        "cache": cache_stats(parts),
        "memory": memory_status(parts.monitor),
        "tiers": {tier.name: "suspended" if tier.is_suspended else "ok" for tier in parts.store.tier_stats()},
    }


def _at(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
