"""Least recently used: admits everything, evicts what was unused the longest. O(1) each."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cache_service.entry import Key


class LruPolicy:
    """Keys in order of use. Not thread-safe; the memory tier lives on the event loop."""

    def __init__(self) -> None:
        self._order: OrderedDict[Key, None] = OrderedDict()

    def admit(self, key: Key, size_bytes: int, cost_seconds: float) -> bool:
        """Always True: recency knows neither size nor cost."""
        del size_bytes, cost_seconds
        self._order[key] = None
        self._order.move_to_end(key)
        return True

    def record_hit(self, key: Key) -> None:
        """Moves `key` to the young end."""
        if key in self._order:
            self._order.move_to_end(key)

    def victim(self) -> Key | None:
        """The key at the old end."""
        return next(iter(self._order), None)

    def forget(self, key: Key) -> None:
        """Removes `key`."""
        self._order.pop(key, None)
