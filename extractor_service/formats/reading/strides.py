"""Structures at equal distances, foretold: so that a chain of them takes few round trips to a distant file."""

from __future__ import annotations

_FIRST, _CONFIRMED, _MOST = 1, 4, 32


class Stride:
    """Learns the distance between structures; the longer it holds, the more of those to come are named."""

    def __init__(self) -> None:
        self._last: int | None = None
        self._distance = 0
        self._count = 0

    def following(self, offset: int) -> list[int]:
        """Where structures are likely to follow the one at `offset`; none when there is nothing to go by."""
        distance = offset - self._last if self._last is not None else 0
        self._last = offset
        if distance <= 0:
            self._distance, self._count = 0, 0
        elif distance != self._distance:
            self._distance, self._count = distance, _FIRST
        else:
            self._count = min(_MOST, max(_CONFIRMED, 2 * self._count))
        return [offset + self._distance * number for number in range(1, self._count + 1)]
