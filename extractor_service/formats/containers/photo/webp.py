"""WebP: the chunks of a RIFF file. RFC 9649 (WebP), sections 2 to 3; RFC 6386 section 9.1 (VP8 frame header)."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from extractor_service.document import ByteRange, Field, ProblemKind
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.embedded import exif, icc, xmp
from extractor_service.formats.reading.conversions import duration_text
from extractor_service.formats.reading.damage import Surviving
from extractor_service.formats.reading.reader import Reader
from extractor_service.formats.reading.tagset import Tag, build, raw_table

if TYPE_CHECKING:
    from extractor_service.document import Document, Value
    from extractor_service.sources.base import ByteSource

_SECTION = "riff"
_HEAD_BYTES = 12  # "RIFF", size, "WEBP"; RFC 9649 section 2.4
_METADATA = frozenset({b"EXIF", b"XMP ", b"ICCP"})  # what programs append without counting it in
_MAX_CHUNKS = 100_000  # frames of an animation: over an hour at 25 a second; then a Problem
_MAX_PACKET_BYTES = 8 * 1024 * 1024  # of XMP or a profile, read whole; longer chunks are passed over


@lru_cache(maxsize=8)
def _table(name: str) -> dict[int | str, Tag]:
    return build(raw_table("containers", f"RIFF::{name}"), {})


def parse(source: ByteSource, document: Document) -> None:
    """Sizes, flags and animation of a WebP file, with its EXIF, XMP and ICC profile."""
    reader = Reader(source, big_endian=False)
    if source.size_bytes < _HEAD_BYTES:
        raise CorruptFileError("the header is cut")
    offset, end = _HEAD_BYTES, min(source.size_bytes, 8 + reader.u32(4) + 1)
    if end + 8 <= source.size_bytes and reader.some(end - 1 + (end - 1) % 2, 4) in _METADATA:
        message = f"the file goes on behind its stated end at {end - 1}"
        document.problem(_SECTION, ProblemKind.DAMAGED, message, 4)
        end = source.size_bytes
    duration = 0
    for _ in range(_MAX_CHUNKS):
        if offset + 8 > end:
            break
        kind, length = reader.exact(offset, 4), reader.u32(offset + 4)
        with Surviving(document, _SECTION, "chunk", offset, kind):
            if kind == b"ANMF":
                duration += int.from_bytes(reader.exact(offset + 8 + 12, 3), "little")
            else:
                _chunk(reader, document, kind, offset + 8, length)
        offset += 8 + length + length % 2
    else:
        document.problem(_SECTION, ProblemKind.LIMIT, f"more than {_MAX_CHUNKS} chunks", offset)
    if duration:
        document.add(
            _SECTION, Field("Duration", duration / 1000, duration_text(duration / 1000), "s", group="RIFF")
        )
    if not document.sections:
        raise CorruptFileError("no chunk could be read")


def _chunk(reader: Reader, document: Document, kind: bytes, offset: int, length: int) -> None:
    def put(name: str, value: Value, start: int, size: int, tag: Tag | None = None) -> None:
        text = tag.text(value) if tag else ""
        document.add(_SECTION, Field(name, value, text, group="RIFF", origin=ByteRange(offset + start, size)))

    if kind == b"VP8X":
        data = reader.exact(offset, 10)
        flags = int.from_bytes(data[:4], "little")
        put("WebP_Flags", flags, 0, 4, _table("VP8X")[0])
        put("ImageWidth", int.from_bytes(data[4:7], "little") + 1, 4, 3)
        put("ImageHeight", int.from_bytes(data[7:10], "little") + 1, 7, 3)
    elif kind == b"VP8 ":
        data = reader.exact(offset, 10)
        tags = _table("VP8")
        put("VP8Version", data[0] >> 1 & 7, 0, 1, tags.get(0))
        width, height = int.from_bytes(data[6:8], "little"), int.from_bytes(data[8:10], "little")
        put("ImageWidth", width & 0x3FFF, 6, 2)
        put("HorizontalScale", width >> 14, 6, 2)
        put("ImageHeight", height & 0x3FFF, 8, 2)
        put("VerticalScale", height >> 14, 8, 2)
    elif kind == b"VP8L":
        bits = int.from_bytes(reader.exact(offset + 1, 4), "little")
        put("ImageWidth", (bits & 0x3FFF) + 1, 1, 4)
        put("ImageHeight", (bits >> 14 & 0x3FFF) + 1, 1, 4)
        used = bits >> 28 & 1
        document.add(
            _SECTION,
            Field(
                "AlphaIsUsed",
                used,
                "Yes" if used else "No",
                group="RIFF",
                origin=ByteRange(offset + 1, 4),
            ),
        )
    elif kind == b"ALPH":
        byte = reader.u8(offset)
        tags = {tag.name: tag for tag in _table("ALPH").values()}
        for name, value in (
            ("AlphaPreprocessing", byte >> 4 & 3),
            ("AlphaFiltering", byte >> 2 & 3),
            ("AlphaCompression", byte & 3),
        ):
            put(name, value, 0, 1, tags.get(name))
    elif kind == b"ANIM":
        data = reader.exact(offset, 6)
        put("BackgroundColor", [*data[:4]], 0, 4)
        loops = int.from_bytes(data[4:6], "little")
        document.add(
            _SECTION,
            Field(
                "AnimationLoopCount",
                loops,
                "" if loops else "inf",
                group="RIFF",
                origin=ByteRange(offset + 4, 2),
            ),
        )
    elif kind in {b"EXIF", b"exif"}:
        skip = 6 if reader.some(offset, 6) == b"Exif\0\0" else 0
        exif.parse(reader.source, document, offset + skip, length - skip)
    elif kind == b"C2PA":
        from extractor_service.formats.embedded import jumbf_fields  # noqa: PLC0415 - when first met

        jumbf_fields.parse(reader.view(offset, length, big_endian=True), document)
    elif length > _MAX_PACKET_BYTES:
        return
    elif kind in {b"XMP ", b"XMP\0"}:
        xmp.parse(reader.exact(offset, length), document, ByteRange(offset, length))
    elif kind == b"ICCP":
        icc.parse(reader.exact(offset, length), document, offset)
