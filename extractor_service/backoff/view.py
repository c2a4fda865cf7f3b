"""What the extractor believes about pressure: the cache's last word, how old it is, and its own memory.

Rules for silence: past `valid_for` one level worse, once; after 60 s only the own signals count, at ELEVATED or
worse. So a cache that died at CRITICAL doesn't freeze the fleet. Pure; time is passed in.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from service_runtime.memory.levels import PressureLevel

SILENCE_SECONDS = 60.0  # ten times the 6 s that a state is valid: by then the cache is gone, not late


class CacheNews(NamedTuple):
    """The cache's last event."""

    level: PressureLevel
    valid_for_seconds: float
    received_at: float


class PressureView:
    """Fuses the two sources of pressure into one level."""

    def __init__(self) -> None:
        self._news: CacheNews | None = None
        self._local_level = PressureLevel.NORMAL
        self.version = 0
        """Another number whenever something was heard: what was decided before may not hold."""

    @property
    def local_level(self) -> PressureLevel:
        """The level of this process's own container."""
        return self._local_level

    @local_level.setter
    def local_level(self, level: PressureLevel) -> None:
        self._local_level = level
        self.version += 1

    def hear(self, now: float, level: PressureLevel, valid_for_seconds: float) -> None:
        """Notes an event of the cache."""
        self._news = CacheNews(level, valid_for_seconds, now)
        self.version += 1

    def holds_until(self, now: float) -> float:
        """When the level becomes another one by silence alone; infinite where it doesn't."""
        if self._news is None:
            return math.inf
        for seconds in (self._news.valid_for_seconds, SILENCE_SECONDS):
            if now - self._news.received_at <= seconds:
                return self._news.received_at + seconds
        return math.inf

    def news_age_seconds(self, now: float) -> float | None:
        """Age of the last event; None before the first."""
        return None if self._news is None else now - self._news.received_at

    def cache_level(self, now: float) -> PressureLevel | None:
        """The cache's level as it is to be taken now; None when there is nothing to go by."""
        if self._news is None:
            return None
        age = now - self._news.received_at
        if age <= self._news.valid_for_seconds:
            return self._news.level
        if age <= SILENCE_SECONDS:
            return self._news.level.worse()
        return None

    def cache_level_to_obey(self, now: float) -> PressureLevel:
        """The cache's level, or what stands in for it. A cache never heard of doesn't count: it may not exist."""
        cache = self.cache_level(now)
        if cache is not None:
            return cache
        return PressureLevel.NORMAL if self._news is None else PressureLevel.ELEVATED

    def level(self, now: float) -> PressureLevel:
        """The level to obey: the worse of both."""
        return max(self.cache_level_to_obey(now), self.local_level)
