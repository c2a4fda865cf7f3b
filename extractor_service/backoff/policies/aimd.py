"""Additive increase, multiplicative decrease, under the table's cap.

As in Netflix's concurrency-limits (AIMDLimit): a failed or late parse takes a tenth off, others add one while at
least half of the limit is used. Late is five times the usual of the format, because seconds mean nothing between a
photograph and a gigabyte of HDF5. https://github.com/Netflix/concurrency-limits
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.backoff.policies.base import Term, pressure_decision
from extractor_service.backoff.policies.latency import UsualLatencies

if TYPE_CHECKING:
    from extractor_service.backoff.policies.base import Decision, LatencySample, Pressure

_DECREASE_RATIO = 0.9
_LATE_FACTOR = 5.0


class AimdPolicy:
    """Feels its way by failures and late answers."""

    name = "aimd"

    def __init__(self) -> None:
        self._limit: float | None = None
        self._usual = UsualLatencies()

    def decide(self, pressure: Pressure, configured: int) -> Decision:
        """See `BackoffPolicy.decide`."""
        limit = configured if self._limit is None else int(min(self._limit, configured))
        return pressure_decision(pressure, configured, Term("latency", max(1, limit)))

    def observe(self, sample: LatencySample, configured: int) -> None:
        """See `BackoffPolicy.observe`."""
        limit = float(configured) if self._limit is None else self._limit
        usual = self._usual.note(sample.kind, sample.seconds)
        if sample.failed or sample.seconds > _LATE_FACTOR * usual:
            limit *= _DECREASE_RATIO
        elif sample.in_flight * 2 >= limit:
            limit += 1
        self._limit = min(max(1.0, limit), float(configured))
