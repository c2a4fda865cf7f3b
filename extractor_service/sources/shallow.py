"""Shows a reader the beginning and the end of a file: all that a session's first answer has."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from extractor_service.sources.base import ByteSource

END_BYTES = 64 * 1024
"""Of either end; what a client sends with its offer."""


class DepthReachedError(Exception):
    """What is asked for lies deeper than the file is to be read."""

    def __init__(self, offset: int) -> None:
        super().__init__(f"bytes at {offset} lie deeper")
        self.offset = offset


class ShallowSource:
    """Reads what lies within the first bytes, and, where `has_tail`, the last ones.

    Attributes:
        reached_at: the first offset that was asked for and lies deeper; None while none was.
    """

    def __init__(self, source: ByteSource, *, has_tail: bool) -> None:
        self._source = source
        self.size_bytes = source.size_bytes
        self._tail_at = self.size_bytes - END_BYTES if has_tail else self.size_bytes
        self.reached_at: int | None = None

    def read_range(self, offset: int, length: int) -> bytes:
        """See `ByteSource.read_range`.

        Raises:
            DepthReachedError: a part of it lies deeper.
        """
        end = min(offset + length, self.size_bytes)
        if end > END_BYTES and offset < self._tail_at and offset < end:
            if self.reached_at is None:
                self.reached_at = offset
            raise DepthReachedError(offset)
        return self._source.read_range(offset, length)

    def prefetch(self, spans: Iterable[tuple[int, int]]) -> None:
        """Nothing is asked for beyond what is there."""
        del spans
