"""One application segment of a JPEG, for those who know what stands in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from extractor_service.document import ByteRange

if TYPE_CHECKING:
    from collections.abc import Callable

    from extractor_service.document import Document
    from extractor_service.formats.reading.reader import Reader

_MAX_BLOCK_BYTES = 65_535  # a segment's
_MAX_PARTS = 256  # segments of one picture: 16 MB
_OTHERS = (
    b"MPF\0",
    b"FPXR",
    b"ICC_PROFILE\0",
    b"urn:",
    b"FLIR\0",
)  # of readers of their own: they go on with nobody
_HEAD_BYTES = 40  # of a segment: marker, length, and the longest name that one begins with
_PART_COST = 64  # bytes: every segment may begin a picture that goes on in all others


class Segment(NamedTuple):
    """What is being read."""

    reader: Reader
    document: Document
    marker: int
    offset: int
    length: int

    @property
    def at(self) -> int:
        """Where its content begins in the file."""
        return self.reader.base + self.offset

    def data(self, start: int = 0) -> bytes:
        """Its content from there on."""
        return self.reader.exact(self.offset + start, min(self.length, _MAX_BLOCK_BYTES) - start)

    def place(self, start: int, length: int) -> ByteRange:
        """Of a part of its content."""
        return ByteRange(self.at + start, length)

    def parts(
        self, markers: set[int], goes_on: Callable[[int, bytes], bool] | None = None
    ) -> list[tuple[int, int]]:
        """Offset and length of this segment, and of those right behind it that go on with it, as far as the file has them."""
        reader = self.reader
        parts = [(self.offset, min(self.length, reader.length - self.offset))]
        offset = self.offset + self.length
        for _ in range(_MAX_PARTS):
            head = reader.some(offset, _HEAD_BYTES)
            length = int.from_bytes(head[2:4]) - 2
            if len(head) < 4 or head[0] != 0xFF or head[1] not in markers or length < 0:
                break
            if head.startswith(_OTHERS, 4) or (goes_on is not None and not goes_on(head[1], head[4:])):
                break
            parts.append((offset + 4, min(length, reader.length - offset - 4)))
            offset += 4 + length
        self.document.spend(_PART_COST * len(parts))
        return parts
