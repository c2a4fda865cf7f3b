"""How loaded this extractor is, for balancers: demand against what is allowed, averaged over two seconds."""

from __future__ import annotations

import math
from typing import NamedTuple

_TIME_CONSTANT_SECONDS = 2.0  # smooths single calls, yet balancers see a change within a few seconds
_LEAST_UTILIZATION = 0.01
"""gRPC's weighted round robin ignores backends that report none."""


class Load(NamedTuple):
    """What a balancer is told."""

    utilization_ratio: float
    """Running and waiting work / what is allowed; above 1 when more waits than may run."""
    calls_per_second: float
    failures_per_second: float


class LoadMeter:
    """Exponential averages of a level and of two rates; call `record_demand` before each change. Time is passed in."""

    def __init__(self, now: float) -> None:
        self._at = now
        self._demand_ratio = 0.0
        self._average = 0.0
        self._calls = 0.0
        self._failures = 0.0

    def record_demand(self, now: float, ratio: float) -> None:
        """From now on the demand is `ratio` of what is allowed."""
        self._decay(now)
        self._demand_ratio = ratio

    def record_call(self, now: float, *, failed: bool) -> None:
        """A call has ended."""
        self._decay(now)
        self._calls += 1 / _TIME_CONSTANT_SECONDS
        self._failures += failed / _TIME_CONSTANT_SECONDS

    def load(self, now: float) -> Load:
        """The averages at `now`."""
        self._decay(now)
        return Load(max(_LEAST_UTILIZATION, self._average), self._calls, self._failures)

    def _decay(self, now: float) -> None:
        kept = math.exp(-max(0.0, now - self._at) / _TIME_CONSTANT_SECONDS)
        self._average = self._demand_ratio + (self._average - self._demand_ratio) * kept
        self._calls *= kept
        self._failures *= kept
        self._at = max(self._at, now)
