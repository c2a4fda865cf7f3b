"""A bare JPEG 2000 codestream: its first marker segments. ISO/IEC 15444-1 annex A."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.document import ByteRange, Field, ProblemKind
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.containers.photo.jpeg_apps import comment
from extractor_service.formats.reading.reader import Reader, TruncatedError

if TYPE_CHECKING:
    from extractor_service.document import Document
    from extractor_service.sources.base import ByteSource

_SECTION = "jpeg2000"
_MAX_MARKERS = 1000  # of a main header: some per component, and comments; later ones are unread


def parse(source: ByteSource, document: Document) -> None:
    """A bare JPEG 2000 codestream."""
    try:
        segments(Reader(source), document)
    except TruncatedError as error:
        if not document.sections:
            raise CorruptFileError("the codestream is cut") from error
        document.problem(_SECTION, ProblemKind.TRUNCATED, str(error), error.offset)


def segments(reader: Reader, document: Document) -> None:
    """Image size and comments: the SIZ and COM segments (annexes A.5.1, A.9.2)."""
    offset = 2
    for _ in range(_MAX_MARKERS):
        marker, length = reader.u16(offset), reader.u16(offset + 2)
        if marker in {0xFF90, 0xFFD9, 0xFF93}:  # a tile, the end, data
            return
        at = reader.base + offset
        if marker == 0xFF51:
            width, height, left, top = reader.unpack("IIII", offset + 6)
            document.add("file", Field("ImageWidth", width - left, unit="px", origin=ByteRange(at + 6, 4)))
            document.add("file", Field("ImageHeight", height - top, unit="px", origin=ByteRange(at + 10, 4)))
        elif marker == 0xFF64 and length > 4 and reader.u16(offset + 4) == 1:
            text = comment(reader.exact(offset + 6, length - 4))
            document.add("file", Field("Comment", text, origin=ByteRange(at + 6, length - 4)))
        offset += 2 + length
