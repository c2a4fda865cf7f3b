"""PSD and PSB files of Photoshop, with their image resources and layers.

Adobe Photoshop File Formats Specification (2019), "File Header Section" and "Layer and Mask Information".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.document import ByteRange, Field, ProblemKind
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.embedded import exif
from extractor_service.formats.embedded.photoshop import SECTION, resources, table, unicode_text
from extractor_service.formats.reading import binary
from extractor_service.formats.reading.damage import Surviving
from extractor_service.formats.reading.reader import Reader, TruncatedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from extractor_service.document import Document, Value
    from extractor_service.sources.base import ByteSource

_MAX_LAYERS = 1000  # the 16-bit count allows 32,768; each adds to several lists, the rest is left out


def parse(source: ByteSource, document: Document) -> None:
    """A PSD or PSB file: header, resources, layers, and how the picture is compressed."""
    reader = Reader(source)
    with Surviving(document, SECTION, "the file"):
        _read(reader, document)
    if SECTION not in document.sections:
        raise CorruptFileError("the header is cut")


def _read(reader: Reader, document: Document) -> None:
    try:
        is_large = reader.u16(4) == 2
        binary.parse(
            reader.exact(0, 26),
            binary.Layout("int16u", big_endian=True),
            table("Header"),
            binary.Place(document, SECTION, "Photoshop"),
            origin=0,
        )
    except TruncatedError as error:
        raise CorruptFileError("the header is cut") from error
    try:
        offset = 26 + 4 + reader.u32(26)
        length = reader.u32(offset)
        resources(reader.view(offset + 4, length), document, exif.parse_bytes)
        offset += 4 + length
        length = reader.u64(offset) if is_large else reader.u32(offset)
        start = offset + (8 if is_large else 4)
        if length:
            _layers(reader.view(start, length), document, is_large=is_large)
        compression = table("ImageData")[0]
        stored = reader.u16(start + length)
        document.add(SECTION, Field(compression.name, stored, compression.text(stored), group="Photoshop"))
    except TruncatedError as error:
        document.problem(SECTION, ProblemKind.TRUNCATED, str(error), error.offset)


def _layers(reader: Reader, document: Document, *, is_large: bool) -> None:
    """Adds names, places, blend modes and opacities of the layers, each as one list."""
    offset = 8 if is_large else 4
    count = reader.unpack("h", offset)[0]
    offset += 2
    tags = table("Layers")
    document.add(
        SECTION,
        Field("LayerCount", abs(count), group="Photoshop", origin=ByteRange(reader.base + offset - 2, 2)),
    )
    found: dict[str, list[Value]] = {}
    try:
        for _ in range(min(abs(count), _MAX_LAYERS)):
            offset = _layer(reader, offset, found, is_large=is_large)
    except TruncatedError as error:
        document.problem(SECTION, ProblemKind.TRUNCATED, f"layers are cut: {error}", error.offset)
    for key in ("_xrct", "_xbnd", "_xopc", "_xvis", "_xnam", "luni", "lclr", "lsct", "shmd"):
        values = found.get(key)
        if values:
            tag = tags[key]
            texts = [tag.text(each) for each in values]
            text = ", ".join(texts) if any(texts) else ""
            document.add(SECTION, Field(tag.name, values, text, group="Photoshop"))


def _layer(reader: Reader, offset: int, found: dict[str, list[Value]], *, is_large: bool) -> int:
    def put(key: str, value: Value) -> None:
        found.setdefault(key, []).append(value)

    rectangle = reader.unpack("IIII", offset)
    put("_xrct", " ".join(map(str, rectangle)))
    channels = reader.u16(offset + 16)
    offset += 18 + channels * (10 if is_large else 6)
    if reader.exact(offset, 4) != b"8BIM":
        raise TruncatedError(reader.base + offset, 4, reader.base + reader.length)
    put("_xbnd", reader.exact(offset + 4, 4).decode("latin-1"))
    put("_xopc", reader.u8(offset + 8) * 100 / 255)
    put("_xvis", reader.u8(offset + 10) & 2)
    extra = reader.u32(offset + 12)
    position, end = offset + 16, offset + 16 + extra
    for _ in range(2):  # the mask, then the blending ranges
        position += 4 + reader.u32(position)
    length = reader.u8(position)
    put("_xnam", reader.exact(position + 1, length).decode("mac-roman"))
    position += (length + 4) // 4 * 4
    for _ in range(200):
        if position + 12 > end:
            break
        key = reader.exact(position + 4, 4).decode("latin-1")
        size = reader.u32(position + 8)
        _additional(reader, key, position + 12, size, put)
        position += 12 + size + size % 2
    return end


def _additional(reader: Reader, key: str, offset: int, size: int, put: Callable[[str, Value], None]) -> None:
    if key == "luni" and size < 65536:
        put("luni", unicode_text(reader.exact(offset, size), 0)[0])
    elif key == "lclr" and size >= 2:
        put("lclr", reader.u16(offset))
    elif key == "lsct" and size >= 4:
        put("lsct", reader.u32(offset))
