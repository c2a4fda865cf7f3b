"""From ratios to levels: up at once, down late and one level at a time. Pure; time is passed in.

Smoothing on the way up was tried and costs five times the seconds above 90 %; no hysteresis on the way down
flaps 180 times an hour (both simulated).
"""

from __future__ import annotations

from collections import deque

from service_runtime.memory.levels import PressureLevel, Thresholds

_SLOPE_WINDOW_SECONDS = 2.0  # 20 samples: noise is evened out, a ramp of seconds still seen coming


class Classifier:
    """Keeps the level of one stream of samples."""

    def __init__(
        self, thresholds: Thresholds, *, hold_seconds: float = 30.0, release_ratio: float = 0.05
    ) -> None:
        self.thresholds = thresholds
        """May be replaced at any time; counts from the next sample on."""
        self._hold_seconds = hold_seconds
        self._release_ratio = release_ratio
        self._level = PressureLevel.NORMAL
        self._lower_since: float | None = None
        self._unknown_at: float | None = None
        self._recent: deque[tuple[float, float]] = deque()

    @property
    def level(self) -> PressureLevel:
        """The level to act on; one worse than the last known while samples are missing, and a hold after."""
        return self._level if self._unknown_at is None else self._level.worse()

    def update(self, now: float, ratio: float | None, *, failed: bool = False) -> PressureLevel:
        """The level after a sample at `now`.

        `ratio` is the worst that is known, `failed` says that some signal couldn't be read: then the level may
        rise, but not fall, and one level worse is assumed.
        """
        if failed or ratio is None:
            self._unknown_at = now
        elif self._unknown_at is not None and now - self._unknown_at >= self._hold_seconds:
            self._unknown_at = (
                None  # later than the failure itself, or a flickering signal would flap the level
            )
        if ratio is None:
            self._lower_since = None
            return self.level
        self._remember(now, ratio)
        reached = self.thresholds.level(ratio)
        if reached >= self._level:
            self._level = reached
            self._lower_since = None
        elif not failed and self.thresholds.level(ratio + self._release_ratio) < self._level:
            self._fall(now)
        else:
            self._lower_since = None
        return self.level

    def is_settled(self, ratio: float) -> bool:
        """Whether more samples of this `ratio` would leave the level as it is, whatever the time."""
        return (
            self._unknown_at is None
            and self._lower_since is None
            and self.thresholds.level(ratio) == self._level
        )

    def slope_per_second(self) -> float:
        """Change of the ratio per second over the last two seconds; 0 before there are two samples."""
        if len(self._recent) < 2:
            return 0.0
        (first_at, first), (last_at, last) = self._recent[0], self._recent[-1]
        return (last - first) / (last_at - first_at) if last_at > first_at else 0.0

    def seconds_to_next_level(self) -> float | None:
        """Time until the next threshold at the present slope; None when steady, falling or CRITICAL."""
        slope = self.slope_per_second()
        threshold = self.thresholds.above(self._level)
        if slope <= 0 or threshold is None:
            return None
        return max(0.0, threshold - self._recent[-1][1]) / slope

    @property
    def regrow_ratio(self) -> float:
        """The ratio up to which what was given up may grow back. It lies below the next level by the release band."""
        threshold = self.thresholds.above(self._level)
        return 0.0 if threshold is None else threshold - self._release_ratio

    def _fall(self, now: float) -> None:
        if self._lower_since is None:
            self._lower_since = now
        if now - self._lower_since >= self._hold_seconds:
            self._level = PressureLevel(self._level - 1)
            self._lower_since = now

    def _remember(self, now: float, ratio: float) -> None:
        self._recent.append((now, ratio))
        while self._recent[0][0] < now - _SLOPE_WINDOW_SECONDS:
            self._recent.popleft()
