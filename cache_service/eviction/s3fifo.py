"""S3-FIFO: three queues, no cost; keeps one-hit wonders from pushing out what is used again.

Yang et al., "FIFO queues are all you need for cache eviction", SOSP 2023: a small queue of a tenth of the bytes
admits, a main queue keeps what was hit again, a ghost queue remembers what left the small one. Beside GDSF for
workloads whose costs and sizes don't vary.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

_SMALL_RATIO = 0.1  # a tenth of the bytes, as in the paper
_MAX_FREQUENCY = 3  # two bits, as in the paper: no entry outlives more than three second chances
_PROMOTE_AT = 2  # hits in the small queue that earn a place in the main one, as in the authors' libCacheSim


class _Tracked(NamedTuple):
    size_bytes: int
    is_main: bool


class S3FifoPolicy:
    """Sizes count, costs don't. The queues' shares follow the bytes tracked, so a resize needs no call."""

    def __init__(self) -> None:
        self._small: OrderedDict[int, int] = OrderedDict()  # key -> hits, oldest first
        self._main: OrderedDict[int, int] = OrderedDict()
        self._ghost: OrderedDict[int, int] = OrderedDict()  # key -> size
        self._tracked: dict[int, _Tracked] = {}
        self._small_bytes = 0
        self._main_bytes = 0
        self._ghost_bytes = 0

    def admit(self, key: int, size_bytes: int, cost_seconds: float) -> bool:
        """Always True; what was seen lately goes to the main queue."""
        del cost_seconds
        self.forget(key)
        remembered = self._ghost.pop(key, None)
        if remembered is not None:
            self._ghost_bytes -= remembered
            self._enter_main(key, size_bytes)
        else:
            self._small[key] = 0
            self._small_bytes += size_bytes
            self._tracked[key] = _Tracked(size_bytes, is_main=False)
        return True

    def record_hit(self, key: int) -> None:
        """Counts up to three hits; nothing moves."""
        tracked = self._tracked.get(key)
        if tracked is not None:
            queue = self._main if tracked.is_main else self._small
            queue[key] = min(_MAX_FREQUENCY, queue[key] + 1)

    def victim(self) -> int | None:
        """The oldest of the queue that is over its share, after second chances."""
        while self._tracked:
            total = self._small_bytes + self._main_bytes
            if self._small and (self._small_bytes > _SMALL_RATIO * total or not self._main):
                key, hits = next(iter(self._small.items()))
                if hits < _PROMOTE_AT:
                    return key
                size_bytes = self._tracked[key].size_bytes
                self._leave(key)
                self._enter_main(key, size_bytes)
            else:
                key, hits = next(iter(self._main.items()))
                if hits == 0:
                    return key
                self._main[key] = hits - 1
                self._main.move_to_end(key)
        return None

    def forget(self, key: int) -> None:
        """Drops `key`; from the small queue it is remembered for a while."""
        tracked = self._tracked.get(key)
        if tracked is None:
            return
        self._leave(key)
        if not tracked.is_main:
            self._ghost[key] = tracked.size_bytes
            self._ghost_bytes += tracked.size_bytes
            while self._ghost_bytes > self._main_bytes + self._small_bytes and self._ghost:
                self._ghost_bytes -= self._ghost.popitem(last=False)[1]

    def priority(self, key: int) -> float | None:
        """Hits since it entered its queue, and 4 for the main one."""
        tracked = self._tracked.get(key)
        if tracked is None:
            return None
        return self._main[key] + _MAX_FREQUENCY + 1 if tracked.is_main else self._small[key]

    def compact(self) -> None:
        """See `EvictionPolicy.compact`."""
        self._small, self._main = OrderedDict(self._small), OrderedDict(self._main)
        self._ghost, self._tracked = OrderedDict(self._ghost), dict(self._tracked)

    def _enter_main(self, key: int, size_bytes: int) -> None:
        self._main[key] = 0
        self._main_bytes += size_bytes
        self._tracked[key] = _Tracked(size_bytes, is_main=True)

    def _leave(self, key: int) -> None:
        tracked = self._tracked.pop(key)
        if tracked.is_main:
            del self._main[key]
            self._main_bytes -= tracked.size_bytes
        else:
            del self._small[key]
            self._small_bytes -= tracked.size_bytes
