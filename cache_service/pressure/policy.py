"""From level to the memory tier's budget: down at once, up slowly. Pure; time is passed in.

The target is always computed from the configured maximum, so oscillation can't ratchet it down.
"""

from __future__ import annotations

from cache_service.entry import Budget
from service_runtime.memory.levels import PressureLevel

FLOOR_ENTRIES = 50
_RATIO = {PressureLevel.NORMAL: 1.0, PressureLevel.ELEVATED: 0.75, PressureLevel.HIGH: 0.5}


class TierBudgetPolicy:
    """Budgets of the memory tier by level."""

    def __init__(self, full: Budget, regrow_ratio_per_second: float) -> None:
        self._full = full
        self._regrow = regrow_ratio_per_second
        self._current = full
        self._at: float | None = None

    def target(self, level: PressureLevel) -> Budget:
        """What `level` allows in the end."""
        if level is PressureLevel.CRITICAL:
            high = self.target(PressureLevel.HIGH)
            return Budget(high.bytes, min(FLOOR_ENTRIES, high.entries or FLOOR_ENTRIES))
        ratio = _RATIO[level]
        entries = max(1, int(self._full.entries * ratio)) if self._full.entries else 0
        return Budget(int(self._full.bytes * ratio), entries)

    def update(self, now: float, level: PressureLevel) -> Budget:
        """The budget at `now`: the target at once when that is less, else one step towards it."""
        elapsed = 0.0 if self._at is None else max(0.0, now - self._at)
        self._at = now
        target = self.target(level)
        step = self._regrow * elapsed
        self._current = Budget(
            min(target.bytes, self._current.bytes + int(self._full.bytes * step)),
            self._step_entries(target.entries, step),
        )
        return self._current

    def _step_entries(self, target: int, step: float) -> int:
        # 0 means "no bound by count"; coming back from the floor, the bound grows until bytes bind again.
        current = self._current.entries
        if target and (not current or target <= current):
            return target
        if current == target:
            return current
        full = self._full.entries or 1_000_000
        grown = current + max(1, int(full * step)) if step > 0 else current
        if target:
            return min(target, grown)
        return 0 if grown >= full else grown
