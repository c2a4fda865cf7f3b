"""Least recently used: admits everything, evicts what was unused the longest. O(1) each."""

from __future__ import annotations

from collections import OrderedDict


class LruPolicy:
    """Keys in order of use."""

    def __init__(self) -> None:
        self._order: OrderedDict[int, int] = OrderedDict()
        self._clock = 0

    def admit(self, key: int, size_bytes: int, cost_seconds: float) -> bool:
        """Always True: recency knows neither size nor cost."""
        del size_bytes, cost_seconds
        self._touch(key)
        return True

    def record_hit(self, key: int) -> None:
        """Moves `key` to the young end."""
        if key in self._order:
            self._touch(key)

    def victim(self) -> int | None:
        """The key at the old end."""
        return next(iter(self._order), None)

    def forget(self, key: int) -> None:
        """Removes `key`."""
        self._order.pop(key, None)

    def priority(self, key: int) -> float | None:
        """The number of the last use."""
        return self._order.get(key)

    def compact(self) -> None:
        """See `EvictionPolicy.compact`."""
        self._order = OrderedDict(self._order)

    def _touch(self, key: int) -> None:
        self._clock += 1
        self._order[key] = self._clock
        self._order.move_to_end(key)
