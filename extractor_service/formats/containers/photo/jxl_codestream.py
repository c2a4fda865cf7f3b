"""A bare JPEG XL codestream: its size header. ISO/IEC 18181-1 section D."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.document import ByteRange, Field
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.reading.damage import Surviving
from extractor_service.formats.reading.reader import Reader, TruncatedError

if TYPE_CHECKING:
    from extractor_service.document import Document
    from extractor_service.sources.base import ByteSource

_SECTION = "jpeg2000"
_RATIOS = {1: (1, 1), 2: (12, 10), 3: (4, 3), 4: (3, 2), 5: (16, 9), 6: (5, 4), 7: (2, 1)}


def parse(source: ByteSource, document: Document) -> None:
    """A bare JPEG XL codestream."""
    with Surviving(document, _SECTION, "the size header"):
        size(Reader(source), document, 0, source.size_bytes)


def size(reader: Reader, document: Document, offset: int, length: int) -> None:
    """The size header (18181-1, table D.1): little-endian bits after the two bytes FF 0A.

    Raises:
        CorruptFileError: there is none.
        TruncatedError: it is cut.
    """
    data = reader.some(offset, min(length, 16))
    if data[:2] != b"\xff\x0a":
        raise CorruptFileError("no JPEG XL codestream")
    bits, place = int.from_bytes(data[2:], "little"), 0

    def take(count: int) -> int:
        nonlocal place
        value = bits >> place & (1 << count) - 1
        place += count
        return value

    def dimension(is_small: int) -> int:
        if is_small:
            return (take(5) + 1) * 8
        return take((9, 13, 18, 30)[take(2)]) + 1

    small = take(1)
    height = dimension(small)
    ratio = take(3)
    if ratio:
        top, bottom = _RATIOS[ratio]
        width = height * top // bottom
    else:
        width = dimension(small)
    used = (place + 7) // 8
    if used > len(data) - 2:
        raise TruncatedError(reader.base + offset + 2, used, reader.base + offset + len(data))
    origin = ByteRange(reader.base + offset + 2, used)
    document.add("file", Field("ImageWidth", width, unit="px", origin=origin))
    document.add("file", Field("ImageHeight", height, unit="px", origin=origin))
