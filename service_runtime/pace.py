"""Tells a slow sender from one that only pretends to send. Time is passed in."""

from __future__ import annotations

import math

_GRACE_SECONDS = (
    10.0  # nobody is judged by the first moments: connections begin slowly, and phones lose them for a while
)


class Pace:
    """The bytes of one sender against the time that was spent waiting for it; our own time isn't held against it."""

    def __init__(self, least_bytes_per_second: float, longest_seconds: float = math.inf) -> None:
        """`longest_seconds`: of waiting, in all."""
        self._least = least_bytes_per_second
        self._longest_seconds = longest_seconds
        self._waited_seconds = 0.0
        self._received_bytes = 0

    def waited(self, seconds: float) -> None:
        """So long was nothing done but wait for the sender."""
        self._waited_seconds += max(0.0, seconds)

    def received(self, count: int) -> None:
        """Bytes have come."""
        self._received_bytes += count

    @property
    def is_too_slow(self) -> bool:
        """Whether less has come than the least rate brings in the time waited, beyond a grace; or it was waited for too long in all."""
        waited = self._waited_seconds
        if waited > self._longest_seconds:
            return True
        return waited > _GRACE_SECONDS and self._received_bytes < self._least * waited
