"""What the extractor tells over HTTP as JSON."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from service_runtime.version import VERSION

if TYPE_CHECKING:
    from extractor_service.metrics import Parts

_STARTED_AT = time.monotonic()


def system_status(parts: Parts, *, is_ready: bool) -> dict[str, object]:
    """`GET /api/status/system`."""
    backoff = parts.backoff
    decision = backoff.decide()
    return {
        "status": "ready" if is_ready else "not_ready",
        "version": VERSION,
        "uptime_seconds": round(time.monotonic() - _STARTED_AT, 1),
        "pressure_level": backoff.level().name,
        "concurrency_limit": decision.concurrency,
        "limit_terms": {term.name: term.limit for term in decision.terms},
        "in_flight": backoff.limiter.in_flight,
        "queued": backoff.limiter.queued,
        "workers": parts.pool.states,
        "workers_lost": parts.pool.lost,
        "cache_available": not parts.results.is_paused,
        "sandbox_tight": parts.pool.readers.sandbox.is_tight,
    }
