"""Additive increase, multiplicative decrease, under the table's cap.

As in Netflix's concurrency-limits (AIMDLimit): a failed or late parse takes a tenth off, others add one while at
least half of the limit is used. Late is five times the usual of the format, because seconds mean nothing between a
photograph and a gigabyte of HDF5. https://github.com/Netflix/concurrency-limits
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.backoff.policies.latency import AdaptiveLimit

if TYPE_CHECKING:
    from extractor_service.backoff.policies.base import LatencySample

_DECREASE_RATIO = 0.9  # the backoff ratio of Netflix's AIMDLimit: a tenth off
_LATE_FACTOR = 5.0  # our choice: files of one format differ severalfold without any overload


class AimdPolicy(AdaptiveLimit):
    """Feels its way by failures and late answers."""

    name = "aimd"

    def observe(self, sample: LatencySample, configured: int) -> bool:
        """See `BackoffPolicy.observe`."""
        limit = self._present(configured)
        usual = self._usual.record(sample.kind, sample.seconds)
        if sample.failed or sample.seconds > _LATE_FACTOR * usual:
            limit *= _DECREASE_RATIO
        elif sample.in_flight * 2 >= limit:
            limit += 1
        return self._set(limit, configured)
