"""Ranges of a file: rising, disjoint spans, and the set of those that are at hand. Pure."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class Span(NamedTuple):
    """Consecutive bytes."""

    offset: int
    length: int

    @property
    def end(self) -> int:
        """The offset behind the last byte."""
        return self.offset + self.length


class SpanSet:
    """Disjoint spans in rising order; those that touch become one."""

    def __init__(self, spans: Iterable[tuple[int, int]] = ()) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        for offset, length in spans:
            self.add(offset, length)

    def __iter__(self) -> Iterator[Span]:
        for start, end in zip(self._starts, self._ends, strict=True):
            yield Span(start, end - start)

    def __len__(self) -> int:
        return len(self._starts)

    @property
    def total_bytes(self) -> int:
        """Bytes in all spans."""
        return sum(self._ends) - sum(self._starts)

    def add(self, offset: int, length: int) -> None:
        """Adds a span; what is there already stays."""
        if length <= 0:
            return
        end = offset + length
        first = bisect_left(self._ends, offset)
        last = bisect_right(self._starts, end)
        if first < last:
            offset, end = min(offset, self._starts[first]), max(end, self._ends[last - 1])
        self._starts[first:last] = [offset]
        self._ends[first:last] = [end]

    def missing(self, offset: int, length: int) -> list[Span]:
        """The parts of a range that aren't in the set, in order."""
        end = offset + length
        gaps = []
        for index in range(bisect_right(self._ends, offset), len(self._starts)):
            start = self._starts[index]
            if start >= end:
                break
            if start > offset:
                gaps.append(Span(offset, start - offset))
            offset = self._ends[index]
        if offset < end:
            gaps.append(Span(offset, end - offset))
        return gaps


def aligned(spans: Iterable[Span], block_bytes: int, size_bytes: int) -> list[Span]:
    """The spans widened to whole blocks within the file, joined and in order."""
    widened = SpanSet()
    for offset, length in spans:
        start = offset // block_bytes * block_bytes
        end = min(size_bytes, -(-(offset + length) // block_bytes) * block_bytes)
        widened.add(start, end - start)
    return list(widened)
