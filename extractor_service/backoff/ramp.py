"""The way back up: each instance begins at its own moment, and grows slowly. Pure; time is passed in."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from service_runtime.backoff_table import BackoffTable


class Ramp:
    """Follows a target: down at once, up after a pause of this instance's own, at a bounded rate."""

    def __init__(self, instance: str, configured: int) -> None:
        self._instance = instance
        self._configured = configured
        self._current = float(configured)
        self._rising_from = 0.0
        self._rising_at: float | None = None
        self._climbs = 0

    def limit(self, now: float, target: int, table: BackoffTable) -> int:
        """What is allowed at `now` of `target`, at least 1."""
        if target <= self._current:
            self._current, self._rising_at = float(target), None
            return max(1, target)
        if self._rising_at is None:
            self._climbs += 1
            self._rising_from = self._current
            self._rising_at = now + self.phase_seconds(table)
        growth = (now - self._rising_at) * table.ramp_ratio_per_second * self._configured
        self._current = min(float(target), max(self._current, self._rising_from + growth))
        return max(1, int(self._current))

    def phase_seconds(self, table: BackoffTable) -> float:
        """The pause before this climb: another one for each instance and each climb."""
        digest = hashlib.blake2b(f"{self._instance} {self._climbs}".encode(), digest_size=4).digest()
        draw = int.from_bytes(digest, "big") / 2**32
        return draw * table.phase_spread_seconds
