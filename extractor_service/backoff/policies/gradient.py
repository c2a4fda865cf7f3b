"""Gradient2: the limit follows the ratio of usual to present latency, under the table's cap.

As in Netflix's concurrency-limits (Gradient2Limit), with a long average for each format instead of one for all:
gradient = clamp(1.5 * long / present, 0.5, 1); limit' = 0.8 * limit + 0.2 * (gradient * limit + 4). A long average more
than twice the present latency drifts down by 5 %. https://github.com/Netflix/concurrency-limits
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.backoff.policies.latency import AdaptiveLimit

if TYPE_CHECKING:
    from extractor_service.backoff.policies.base import LatencySample

_TOLERANCE = 1.5  # rttTolerance of Gradient2Limit: half slower than usual is still no queue
_SMOOTHING = 0.2  # smoothing of Gradient2Limit: how much of the new limit counts at once
_QUEUE = 4  # queueSize of Gradient2Limit: what the limit may grow by while latency is usual
_DRIFT_RATIO = 0.95  # Gradient2Limit's: takes down an average that was learnt under load


class GradientPolicy(AdaptiveLimit):
    """Feels its way by latencies."""

    name = "gradient"

    def observe(self, sample: LatencySample, configured: int) -> bool:
        """See `BackoffPolicy.observe`."""
        limit = self._present(configured)
        seconds = max(sample.seconds, 1e-6)
        usual = self._usual.record(sample.kind, seconds)
        if usual > 2 * seconds:
            self._usual.forget_slowly(sample.kind, _DRIFT_RATIO)
        if sample.in_flight < limit / 2 and not sample.failed:
            return False  # the limit isn't what latency comes from
        gradient = 0.5 if sample.failed else min(1.0, max(0.5, _TOLERANCE * usual / seconds))
        # The queue may be as large as four, or half of a small pool would never be given up.
        queue = min(_QUEUE, configured / 4)
        limit = (1 - _SMOOTHING) * limit + _SMOOTHING * (gradient * limit + queue)
        return self._set(limit, configured)
