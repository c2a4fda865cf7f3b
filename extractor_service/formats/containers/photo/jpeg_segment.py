"""One application segment of a JPEG, for those who know what stands in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from extractor_service.document import ByteRange

if TYPE_CHECKING:
    from extractor_service.document import Document
    from extractor_service.formats.reading.reader import Reader

_MAX_BLOCK_BYTES = 65_535  # a segment's
_MAX_PARTS = 256  # segments of one picture: 16 MB
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

    def parts(self, markers: set[int]) -> list[tuple[int, int]]:
        """Offset and length of this segment, and of those right behind it that go on with it."""
        reader, parts = self.reader, [(self.offset, self.length)]
        for _ in range(_MAX_PARTS):
            offset = parts[-1][0] + parts[-1][1]
            head = reader.some(offset, 8)
            if (
                len(head) < 8
                or head[0] != 0xFF
                or head[1] not in markers
                or head[4:8] in {b"MPF\0", b"FPXR", b"ICC_"}
                or int.from_bytes(head[2:4]) < 2
            ):
                break
            parts.append((offset + 4, int.from_bytes(head[2:4]) - 2))
        self.document.spend(_PART_COST * len(parts))
        return parts
