"""A token bucket: a minute's worth at most, filled evenly."""

from __future__ import annotations


class Bucket:
    """Tokens of a minute. Time is passed in."""

    def __init__(self, per_minute: float, now: float) -> None:
        self._per_minute = per_minute
        self._level = per_minute
        self._at = now

    def wait_seconds(self, count: float, now: float) -> float:
        """Seconds until `count` are there; 0: now."""
        self._fill(now)
        # More than a full bucket is never there: who asks for it waits for a full one.
        missing = min(count, self._per_minute) - self._level
        return max(0.0, missing / (self._per_minute / 60))

    def take(self, count: float, now: float) -> None:
        """Takes them, into debt where they aren't there."""
        self._fill(now)
        self._level -= count

    def _fill(self, now: float) -> None:
        self._level = min(self._per_minute, self._level + (now - self._at) * self._per_minute / 60)
        self._at = now
