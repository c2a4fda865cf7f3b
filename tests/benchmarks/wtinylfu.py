"""W-TinyLFU, for comparison: a window of 1 % in front of a segmented LRU, admission by frequency.

Einziger, Friedman, Manes, "TinyLFU: A Highly Efficient Cache Admission Policy", ACM ToS 2017. With exact aged counters
instead of a sketch, which can only help it; sizes count in bytes, costs don't.
"""

from __future__ import annotations

from collections import OrderedDict

_WINDOW_RATIO = 0.01
_PROTECTED_RATIO = 0.8
_SAMPLE_FACTOR = 10


class WTinyLfuPolicy:
    """Knows its capacity from what is tracked, like the policies that it is compared with."""

    def __init__(self) -> None:
        self._window: OrderedDict[int, int] = OrderedDict()
        self._probation: OrderedDict[int, int] = OrderedDict()
        self._protected: OrderedDict[int, int] = OrderedDict()
        self._bytes = {"window": 0, "probation": 0, "protected": 0}
        self._counts: dict[int, int] = {}
        self._seen = 0
        self._candidate: int | None = None

    def admit(self, key: int, size_bytes: int, cost_seconds: float) -> bool:
        self._count(key)
        self._window[key] = size_bytes
        self._bytes["window"] += size_bytes
        total = sum(self._bytes.values())
        while len(self._window) > 1 and self._bytes["window"] > _WINDOW_RATIO * total:
            moved, size = self._window.popitem(last=False)
            self._bytes["window"] -= size
            self._probation[moved] = size
            self._bytes["probation"] += size
            self._candidate = moved
        return True

    def record_hit(self, key: int) -> None:
        self._count(key)
        if key in self._window:
            self._window.move_to_end(key)
        elif key in self._protected:
            self._protected.move_to_end(key)
        elif key in self._probation:
            size = self._probation.pop(key)
            self._bytes["probation"] -= size
            self._protected[key] = size
            self._bytes["protected"] += size
            main = self._bytes["probation"] + self._bytes["protected"]
            while self._bytes["protected"] > _PROTECTED_RATIO * main and len(self._protected) > 1:
                moved, size = self._protected.popitem(last=False)
                self._bytes["protected"] -= size
                self._probation[moved] = size
                self._bytes["probation"] += size

    def victim(self) -> int | None:
        candidate = self._candidate if self._candidate in self._probation else None
        for queue in (self._probation, self._protected, self._window):
            for key in queue:
                if key == candidate and len(queue) > 1:
                    continue
                if candidate is not None and self._counts.get(candidate, 0) <= self._counts.get(key, 0):
                    return candidate
                return key
        return None

    def forget(self, key: int) -> None:
        for name, queue in (
            ("window", self._window),
            ("probation", self._probation),
            ("protected", self._protected),
        ):
            if key in queue:
                self._bytes[name] -= queue.pop(key)

    def priority(self, key: int) -> float | None:
        return self._counts.get(key)

    def compact(self) -> None:
        pass

    def _count(self, key: int) -> None:
        self._counts[key] = self._counts.get(key, 0) + 1
        self._seen += 1
        tracked = len(self._window) + len(self._probation) + len(self._protected)
        if self._seen > _SAMPLE_FACTOR * max(1000, tracked):
            self._seen = 0
            self._counts = {each: count // 2 for each, count in self._counts.items() if count > 1}
