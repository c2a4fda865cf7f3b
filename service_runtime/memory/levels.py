"""Pressure levels and the thresholds between them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum


class PressureLevel(IntEnum):
    """Severity of memory pressure; the numbers are those of the wire enum."""

    NORMAL = 1
    ELEVATED = 2
    HIGH = 3
    CRITICAL = 4

    def worse(self) -> PressureLevel:
        """The next level up; CRITICAL stays."""
        return PressureLevel(min(self + 1, PressureLevel.CRITICAL))


@dataclass(frozen=True)
class Thresholds:
    """Ratios of memory used at which levels begin, 0 to 1, rising."""

    elevated: float = 0.60
    high: float = 0.80
    critical: float = 0.90

    def __post_init__(self) -> None:
        """Checks the order.

        Raises:
            ValueError: they don't rise, or leave 0.05 to 0.999.
        """
        if not 0.05 <= self.elevated < self.high < self.critical <= 0.999:
            raise ValueError(
                f"thresholds must rise within 0.05 to 0.999: elevated {self.elevated}, high {self.high},"
                f" critical {self.critical}"
            )

    def level(self, ratio: float) -> PressureLevel:
        """The level that `ratio` alone stands for."""
        if ratio >= self.critical:
            return PressureLevel.CRITICAL
        if ratio >= self.high:
            return PressureLevel.HIGH
        if ratio >= self.elevated:
            return PressureLevel.ELEVATED
        return PressureLevel.NORMAL

    def above(self, level: PressureLevel) -> float | None:
        """The ratio at which the next level begins; None at CRITICAL."""
        if level is PressureLevel.NORMAL:
            return self.elevated
        if level is PressureLevel.ELEVATED:
            return self.high
        return self.critical if level is PressureLevel.HIGH else None

    def capped(self, ratio: float, worst: PressureLevel) -> float:
        """`ratio`, but at most the greatest that still stands for `worst`."""
        limit = self.above(worst)
        return ratio if limit is None else min(ratio, math.nextafter(limit, 0))
