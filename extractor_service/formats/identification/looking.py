"""What identification may read: the head, and where that isn't enough, a directory of the file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from extractor_service.sources.base import ByteSource

HEAD_BYTES = 16 * 1024
"""What is looked at of every file: one block of the range readers."""


class BeyondHeadError(Exception):
    """What would tell more lies where nobody has looked yet, or wants to look."""

    def __init__(self, offset: int, length: int) -> None:
        super().__init__(f"{length} bytes at {offset} aren't at hand")
        self.offset, self.length = offset, length


class View(Protocol):
    """Bytes of the file; shorter than asked for only at its end."""

    size_bytes: int

    def read_range(self, offset: int, length: int) -> bytes:
        """The bytes; raises BeyondHeadError when they aren't at hand."""
        ...


class HeadView:
    """The head alone."""

    def __init__(self, head: bytes, size_bytes: int) -> None:
        self._head = head
        self.size_bytes = size_bytes

    def read_range(self, offset: int, length: int) -> bytes:
        """Of the head; raises BeyondHeadError for more."""
        if min(offset + length, self.size_bytes) > len(self._head):
            raise BeyondHeadError(offset, length)
        return self._head[offset : offset + length]


class BudgetView:
    """A whole file, of which no more than a budget is read."""

    def __init__(self, source: ByteSource, budget_bytes: int = 192 * 1024) -> None:
        self._source = source
        self._left_bytes = budget_bytes
        self.size_bytes = source.size_bytes

    def read_range(self, offset: int, length: int) -> bytes:
        """The bytes; raises BeyondHeadError once the budget is used up."""
        if length > self._left_bytes:
            raise BeyondHeadError(offset, length)
        self._left_bytes -= length
        return self._source.read_range(offset, length) if 0 <= offset < self.size_bytes else b""
