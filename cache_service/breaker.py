"""A circuit breaker: leaves a failing tier alone for a while, then lets one call try again.

The states are those of Nygard, "Release It!", 2007: closed, open, half-open. Pure; time is passed in.
"""

from __future__ import annotations

_FAILURES = 3  # in a row; one or two may be chance, more would each cost a time-out
_FIRST_PAUSE_SECONDS = 0.5  # a hiccup is over by then; a longer pause would miss what the tier has
_LAST_PAUSE_SECONDS = 2.0  # a trial costs one caller its time-out


class CircuitBreaker:
    """Opens after a few failures in a row; each failed trial doubles the pause, up to two seconds."""

    def __init__(self) -> None:
        self._failures = 0
        self._pause_seconds = _FIRST_PAUSE_SECONDS
        self._open_until: float | None = None
        self._trying = False

    @property
    def is_open(self) -> bool:
        """Whether calls are refused, but for a trial."""
        return self._open_until is not None

    def allows(self, now: float) -> bool:
        """Whether a call may be made; in the pause none, after it one, until its outcome is noted."""
        if self._open_until is None:
            return True
        if now < self._open_until or self._trying:
            return False
        self._trying = True
        return True

    def record_cancelled(self) -> None:
        """Nothing was learned: whoever waited has gone. A trial is open to the next one."""
        self._trying = False

    def record_success(self) -> None:
        """Closes."""
        self._failures = 0
        self._pause_seconds = _FIRST_PAUSE_SECONDS
        self._open_until = None
        self._trying = False

    def record_failure(self, now: float) -> None:
        """Counts; opens, or stays open for longer."""
        self._failures += 1
        if self._trying:
            self._pause_seconds = min(2 * self._pause_seconds, _LAST_PAUSE_SECONDS)
        elif self._failures < _FAILURES:
            return
        self._trying = False
        self._open_until = now + self._pause_seconds
