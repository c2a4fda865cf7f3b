"""GIF: the screen, the extensions and how long it runs. GIF89a specification sections 18 to 27."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from extractor_service.document import ByteRange, Field, ProblemKind
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.containers.photo.jpeg_apps import comment
from extractor_service.formats.embedded import icc, xmp
from extractor_service.formats.reading.conversions import duration_text
from extractor_service.formats.reading.damage import Surviving
from extractor_service.formats.reading.reader import Reader, TruncatedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from extractor_service.document import Document
    from extractor_service.sources.base import ByteSource

_SECTION = "gif"
_MAX_BLOCKS = 100_000  # frames have two each: over an hour at 10 a second; then a Problem
# Of 255 bytes at most: some 255 MB of one extension, walked a byte count at a time.
_MAX_SUB_BLOCKS = 1_000_000
# Of a comment, profile or XMP packet; what is beyond is skipped, not kept.
_MAX_EXTENSION_BYTES = 4 * 1024 * 1024
_MAX_PIECES = 65_536  # of content credentials: 16 MB, of which little is read
_IMAGE, _EXTENSION, _TRAILER = 0x2C, 0x21, 0x3B
_CONTROL, _COMMENT, _APPLICATION = 0xF9, 0xFE, 0xFF


def parse(source: ByteSource, document: Document) -> None:
    """The screen descriptor, comments, application blocks, and frames with their delays."""
    reader = Reader(source, big_endian=False)
    try:
        head = reader.exact(0, 13)
    except TruncatedError as error:
        raise CorruptFileError("the header is cut") from error
    flags = head[10]
    _put(document, "GIFVersion", head[3:6].decode("latin-1"), 3, 3)
    _put(document, "ImageWidth", int.from_bytes(head[6:8], "little"), 6, 2, unit="px")
    _put(document, "ImageHeight", int.from_bytes(head[8:10], "little"), 8, 2, unit="px")
    has_map = flags >> 7
    _put(document, "HasColorMap", has_map, 10, 1, text="Yes" if has_map else "No")
    _put(document, "ColorResolutionDepth", (flags >> 4 & 7) + 1, 10, 1)
    _put(document, "BitsPerPixel", (flags & 7) + 1, 10, 1)
    _put(document, "BackgroundColor", head[11], 11, 1)
    if head[12]:
        _put(document, "PixelAspectRatio", (head[12] + 15) / 64, 12, 1)
    walk = _Walk(reader, document)
    with Surviving(document, _SECTION, "a block"):
        walk.run(13 + (3 << (flags & 7) + 1 if has_map else 0))
    if walk.frames > 1:
        document.add(_SECTION, Field("FrameCount", walk.frames, group="GIF"))
    if walk.delay_hundredths:
        seconds = walk.delay_hundredths / 100
        document.add(_SECTION, Field("Duration", seconds, duration_text(seconds), "s", group="GIF"))


def _put(
    document: Document,
    name: str,
    value: str | float,
    offset: int,
    length: int,
    text: str = "",
    unit: str = "",
) -> None:
    document.add(_SECTION, Field(name, value, text, unit, group="GIF", origin=ByteRange(offset, length)))


class _Walk:
    def __init__(self, reader: Reader, document: Document) -> None:
        self._reader = reader
        self._document = document
        self.frames = 0
        self.delay_hundredths = 0

    def run(self, offset: int) -> None:
        reader = self._reader
        for _ in range(_MAX_BLOCKS):
            kind = reader.u8(offset)
            if kind == _TRAILER:
                return
            if kind == _IMAGE:
                self.frames += 1
                flags = reader.u8(offset + 9)
                start = offset + 10 + (3 << (flags & 7) + 1 if flags >> 7 else 0)
                offset = self._skip(start + 1)
            elif kind == _EXTENSION:
                offset = self._extension(offset)
            else:
                self._document.problem(_SECTION, ProblemKind.DAMAGED, f"a block of type {kind}", offset)
                return
        self._document.problem(_SECTION, ProblemKind.LIMIT, f"more than {_MAX_BLOCKS} blocks", offset)

    def _extension(self, offset: int) -> int:
        reader, label = self._reader, self._reader.u8(offset + 1)
        start = offset + 2
        if label == _CONTROL:
            size = reader.u8(start)
            data = reader.exact(start + 1, size)
            if size >= 4:
                self.delay_hundredths += int.from_bytes(data[1:3], "little")
                if data[0] & 1:
                    _put(self._document, "TransparentColor", data[3], start + 4, 1)
            return self._skip(start)
        if label == _COMMENT:
            text, end = self._collect(start)
            self._document.add("file", Field("Comment", comment(text), origin=ByteRange(start, end - start)))
            return end
        if label == _APPLICATION and reader.u8(start) == 11:
            return self._application(start)
        return self._skip(start)

    def _application(self, start: int) -> int:
        name = self._reader.exact(start + 1, 11)
        body = start + 12
        if (
            name == b"XMP DataXMP"
        ):  # raw bytes, with a trailer that makes sub-block readers fall on their feet
            end = self._skip(body)
            packet = self._reader.some(body, min(end - body, _MAX_EXTENSION_BYTES))
            trailer = packet.find(b"\x01\xff\xfe\xfd")
            xmp.parse(
                packet[:trailer] if trailer >= 0 else packet, self._document, ByteRange(body, end - body)
            )
            return end
        if name == b"ICCRGBG1012":
            data, end = self._collect(body)
            icc.parse(data, self._document)
            return end
        if name in {b"NETSCAPE2.0", b"ANIMEXTS1.0"}:
            data, end = self._collect(body)
            if len(data) >= 3 and data[0] == 1:
                count = int.from_bytes(data[1:3], "little")
                _put(
                    self._document,
                    "AnimationIterations",
                    count,
                    body + 2,
                    2,
                    text="" if count else "Infinite",
                )
            return end
        if name[:8] == b"C2PA_GIF":  # C2PA specification 2.4, A.3.5
            from extractor_service.formats.embedded import jumbf_fields  # noqa: PLC0415 - when first met

            end = self._skip(body)
            jumbf_fields.in_pieces(
                self._reader.source, list(islice(self._pieces(body), _MAX_PIECES)), self._document
            )
            return end
        return self._skip(body)

    def _pieces(self, offset: int) -> Iterator[tuple[int, int]]:
        """Place and length of each sub-block."""
        for _ in range(_MAX_SUB_BLOCKS):
            size = self._reader.u8(offset)
            if not size:
                return
            yield offset + 1, size
            offset += size + 1

    def _collect(self, offset: int) -> tuple[bytes, int]:
        """The joined sub-blocks from `offset` on, and where they end."""
        parts: list[bytes] = []
        total = 0
        for _ in range(_MAX_SUB_BLOCKS):
            size = self._reader.u8(offset)
            if not size:
                return b"".join(parts), offset + 1
            total += size
            if total <= _MAX_EXTENSION_BYTES:
                parts.append(self._reader.exact(offset + 1, size))
            offset += size + 1
        return b"".join(parts), offset

    def _skip(self, offset: int) -> int:
        """Where the sub-blocks from `offset` on end; whole blocks of the source are searched at once."""
        reader = self._reader
        while True:
            window = reader.some(offset, 4096)
            if not window:
                raise TruncatedError(offset, 1, reader.length)
            position, end = 0, len(window)
            while position < end:
                size = window[position]
                if not size:
                    return offset + position + 1
                position += size + 1
            offset += position
