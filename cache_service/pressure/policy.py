"""From level to the tiers' budgets: down at once, up slowly and only into headroom. Pure; time is passed in.

The target is always computed from the configured maximum, so oscillation can't ratchet it down.
"""

from __future__ import annotations

from cache_service.entries.entry import Budget
from service_runtime.memory.levels import PressureLevel

FLOOR_ENTRIES = 50  # the original's; they still save 26 % of the work (cache-and-pressure.md, A)
_RATIO = {
    PressureLevel.NORMAL: 1.0,
    PressureLevel.ELEVATED: 0.75,
    PressureLevel.HIGH: 0.5,
    PressureLevel.CRITICAL: 0.1,  # and the floor by count, which is less unless values are large
}
_DISK_TARGET_RATIO = 0.9  # of its budget, by memory pressure: a little room, few results lost
_DISK_FULL_RATIO = 0.5  # of its budget: a disk that runs full stops everything, not only us


class TierBudgetPolicy:
    """Budgets of the memory tier by level."""

    def __init__(self, full: Budget, regrow_ratio_per_second: float) -> None:
        self._full = full
        self._regrow = regrow_ratio_per_second
        self._current = full
        self._at: float | None = None

    def target(self, level: PressureLevel) -> Budget:
        """What `level` allows in the end."""
        ratio = _RATIO[level]
        entries = max(1, int(self._full.entries * ratio)) if self._full.entries else 0
        if level is PressureLevel.CRITICAL:
            high = self.target(PressureLevel.HIGH)
            entries = min(FLOOR_ENTRIES, high.entries or FLOOR_ENTRIES)
        return Budget(int(self._full.bytes * ratio), entries)

    def eviction_target_bytes(self, level: PressureLevel) -> int:
        """Bytes of the configured maximum that `level` takes; never less at a worse one."""
        return self._full.bytes - self.target(level).bytes

    def update(self, now: float, level: PressureLevel, headroom_bytes: int | None = None) -> Budget:
        """The budget at `now`: the target at once when that is less, else one step towards it.

        `headroom_bytes` is what memory has left before the tier would have to shrink again; None: unknown, unlimited.
        """
        elapsed = 0.0 if self._at is None else max(0.0, now - self._at)
        self._at = now
        target = self.target(level)
        step = self._regrow * elapsed
        growth = int(self._full.bytes * step)
        if headroom_bytes is not None:
            growth = min(growth, headroom_bytes)
            step = step if headroom_bytes > 0 else 0.0
        self._current = Budget(
            min(target.bytes, self._current.bytes + growth), self._step_entries(target.entries, step)
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


def chunk_memory_ratio(target: Budget, full: Budget) -> float:
    """The share of their memory that uploaded chunks may keep beside a memory tier of `target`.

    It is none from HIGH on, where they are on the disk alone.
    """
    ratio = target.bytes / max(1, full.bytes)
    return ratio if ratio > _RATIO[PressureLevel.HIGH] else 0.0


def disk_target_ratio(level: PressureLevel, disk_level: PressureLevel | None) -> float | None:
    """The share of its budget to which the disk tier is to be cleaned up; None: not now. Expired entries go first.

    A disk that runs full costs half of it. Memory pressure alone costs what is over the target: giving up more of
    the disk tier would give no memory back, and every result lost there has to be computed under pressure.
    """
    if disk_level is not None and disk_level >= PressureLevel.HIGH:
        return _DISK_FULL_RATIO
    return _DISK_TARGET_RATIO if level >= PressureLevel.HIGH else None
