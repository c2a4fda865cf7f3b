"""Computes when a refused caller should come back. Those refused then return no faster than they can be served."""

from __future__ import annotations

import random
from collections import deque

_WINDOW_SECONDS = 5.0  # long enough to count a slow rate of service, short enough to forget a burst
_MAX_SECONDS = 30.0  # a delay computed in a crisis mustn't keep callers away long after it is over
_MAX_EVENTS = 100_000  # 20,000 a second of the window; more drop the oldest instead of growing


class RetryAdvice:
    """Refusals and completions of the last five seconds. Time is passed in."""

    def __init__(self, jitter: random.Random | None = None) -> None:
        self._jitter = jitter or random.Random()
        self._refused: deque[float] = deque(maxlen=_MAX_EVENTS)
        self._done: deque[float] = deque(maxlen=_MAX_EVENTS)

    def record_done(self, now: float) -> None:
        """Work has ended."""
        self._done.append(now)

    def seconds(self, now: float, least: float, waiting: int) -> float:
        """The delay before jitter: `least`, or the time in which those waiting and refused lately can be served."""
        for events in (self._refused, self._done):
            while events and events[0] < now - _WINDOW_SECONDS:
                events.popleft()
        if not self._done:
            return least
        herd = waiting + len(self._refused)
        return max(least, min(_MAX_SECONDS, herd * _WINDOW_SECONDS / len(self._done)))

    def refuse(self, now: float, least: float, waiting: int) -> float:
        """The delay for one more refused caller, spread from three quarters to one and a half."""
        delay = self.seconds(now, least, waiting)
        self._refused.append(now)
        return delay * self._jitter.uniform(0.75, 1.5)
