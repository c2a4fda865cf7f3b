"""A file made of pieces of another: what a container has cut into segments, read by ranges without joining it."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extractor_service.sources.base import ByteSource


class PiecedSource:
    """A `ByteSource` of pieces of `source`, each an offset and a length, one behind the other."""

    def __init__(self, source: ByteSource, pieces: Sequence[tuple[int, int]]) -> None:
        self._source = source
        self._pieces = pieces
        self._starts: list[int] = []
        size = 0
        for _, length in pieces:
            self._starts.append(size)
            size += length
        self._size_bytes = size

    @property
    def size_bytes(self) -> int:
        """Of all pieces together."""
        return self._size_bytes

    def read_range(self, offset: int, length: int) -> bytes:
        """As `ByteSource.read_range`."""
        if offset < 0 or length < 0:
            raise ValueError(f"a range of {length} bytes at {offset}")
        index = bisect_right(self._starts, offset) - 1
        if index >= 0:
            at, size = self._pieces[index]
            inner = offset - self._starts[index]
            if 0 < length <= size - inner:  # within one piece, as nearly all are
                return self._source.read_range(at + inner, length)
        parts = [self._source.read_range(at, size) for at, size in self._spans(offset, length)]
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def place_of(self, offset: int, length: int) -> int | None:
        """Where the range lies in the file; None where a piece's end cuts it."""
        spans = self._spans(offset, length)
        return spans[0][0] if len(spans) == 1 else None

    def _spans(self, offset: int, length: int) -> list[tuple[int, int]]:
        length = min(length, self._size_bytes - offset)
        spans: list[tuple[int, int]] = []
        index = bisect_right(self._starts, offset) - 1
        while length > 0:
            at, size = self._pieces[index]
            inner = offset - self._starts[index]
            taken = min(size - inner, length)
            if taken:
                spans.append((at + inner, taken))
            offset, length, index = offset + taken, length - taken, index + 1
        return spans
