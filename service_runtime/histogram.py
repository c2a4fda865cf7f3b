"""How often what came to how much, as Prometheus counts it."""

from __future__ import annotations

from bisect import bisect_left

BOUNDS_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""A cached answer takes one to two milliseconds, a reader may take 30 s."""


class Histogram:
    """Counts values by bounds, which are inclusive."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...] = BOUNDS_SECONDS) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        """One for each bound, and what is beyond the last."""
        self.total = 0.0

    def observe(self, value: float) -> None:
        """Counts one."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def cumulative(self) -> list[tuple[str, int]]:
        """Bound and how many are at most that, the last for all of them."""
        found, count = [], 0
        for bound, more in zip((*map(_bound, self.bounds), "+Inf"), self.counts, strict=True):
            count += more
            found.append((bound, count))
        return found


def _bound(value: float) -> str:
    return repr(float(value))
