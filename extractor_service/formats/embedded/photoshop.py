"""Photoshop: image resources (in JPEG, TIFF and PSD), and PSD and PSB files with their layers.

Adobe Photoshop File Formats Specification (2019), "Image Resources Section" and "Layer and Mask Information".
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from extractor_service.document import ByteRange, ProblemKind
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.embedded import icc, iptc, xmp
from extractor_service.formats.reading import binary, fields
from extractor_service.formats.reading import conversions as conv
from extractor_service.formats.reading.damage import Surviving
from extractor_service.formats.reading.reader import Reader, TruncatedError, layout
from extractor_service.formats.reading.tagset import Conversion, Tag, build, raw_table

if TYPE_CHECKING:
    from collections.abc import Callable

    from extractor_service.document import Document, Value
    from extractor_service.sources.base import ByteSource

SECTION = "photoshop"
_MAX_RESOURCES = 2000
_MAX_LAYERS = 1000
_MAX_RESOURCE_BYTES = 4 * 1024 * 1024
_SIGNATURES = frozenset({b"8BIM", b"PHUT", b"DCSR", b"AgHg", b"MeSa"})
_IPTC, _XMP, _ICC, _EXIF = 0x0404, 0x0424, 0x040F, 0x0422
_THUMBNAILS = frozenset({0x0409, 0x040C})
_UNITS = {1: "inches", 2: "cm", 3: "points", 4: "picas", 5: "columns"}


@lru_cache(maxsize=8)
def _table(name: str) -> dict[int | str, Tag]:
    hexadecimal = Conversion(lambda value: value.hex() if isinstance(value, bytes) else value)
    return build(
        raw_table("photoshop", f"Photoshop::{name}"),
        {
            "IPTCDigest": hexadecimal,
            "LayerOpacities": Conversion(None, conv.fixed("{:.0f}%")),
            "PhotoshopQuality": Conversion(
                None, lambda value: str(value + 4) if isinstance(value, int) else ""
            ),
            "PhotoshopThumbnail": Conversion(),
        },
    )


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
            _table("Header"),
            "int16u",
            document,
            SECTION,
            "Photoshop",
            big_endian=True,
            origin=0,
        )
    except TruncatedError as error:
        raise CorruptFileError("the header is cut") from error
    try:
        offset = 26 + 4 + reader.u32(26)
        length = reader.u32(offset)
        resources(reader.view(offset + 4, length), document)
        offset += 4 + length
        length = reader.u64(offset) if is_large else reader.u32(offset)
        start = offset + (8 if is_large else 4)
        if length:
            _layers(reader.view(start, length), document, is_large=is_large)
        compression = _table("ImageData")[0]
        stored = reader.u16(start + length)
        document.add(SECTION, compression.name, stored, compression.text(stored), group="Photoshop")
    except TruncatedError as error:
        document.problem(SECTION, ProblemKind.TRUNCATED, str(error), error.offset)


def resources(reader: Reader, document: Document) -> None:
    """Adds the image resources that fill `reader`'s window."""
    offset = 0
    for _ in range(_MAX_RESOURCES):
        if offset + 8 > reader.length:
            return
        try:
            if reader.exact(offset, 4) not in _SIGNATURES:
                if reader.some(offset, 16).strip(b"\0"):
                    document.problem(
                        SECTION, ProblemKind.DAMAGED, "no resource signature", reader.base + offset
                    )
                return
            number, name_length = reader.u16(offset + 4), reader.u8(offset + 6)
            name = reader.exact(offset + 7, name_length)
            offset += 6 + (name_length + 2) // 2 * 2
            length = reader.u32(offset)
            with Surviving(document, SECTION, f"resource {number}", reader.base + offset):
                _resource(reader, document, number, name, offset + 4, length)
        except TruncatedError as error:
            document.problem(SECTION, ProblemKind.TRUNCATED, f"a resource is cut: {error}", error.offset)
            return
        offset += 4 + length + length % 2


def _resource(reader: Reader, document: Document, number: int, name: bytes, offset: int, length: int) -> None:
    at = reader.base + offset
    place = ByteRange(at, length)
    tag = _table("Main").get(number)
    if number in _THUMBNAILS and tag is not None:
        reader.exact(offset, 28)
        fields.add_binary(
            document, SECTION, "Photoshop", tag.name, length - 28, ByteRange(at + 28, length - 28)
        )
        return
    special = _SPECIAL.get(number)
    if special is None and (tag is None or tag.hidden):
        return
    if length > _MAX_RESOURCE_BYTES:
        document.problem(SECTION, ProblemKind.LIMIT, f"resource {number} has {length} bytes", at)
        return
    data = reader.exact(offset, length)
    if special is not None:
        special(data, document, at)
    elif tag is not None:
        if tag.kind == "?" and tag.name == "ClippingPathName":
            data = data[1 : 1 + data[0]] if data else b""
        value: Value = (
            binary.read(data, 0, tag.kind, 1 if tag.kind.startswith("int") else len(data), big_endian=True)
            if (tag.kind in binary.CODES)
            else data.rstrip(b"\0").decode("latin-1")
        )
        if number == 0x0425:
            value = data.hex()
            document.add(SECTION, tag.name, value, group="Photoshop", origin=place)
            return
        if number == 0x03EE:
            value = _pascal_names(data)
        del name
        fields.add(document, SECTION, "Photoshop", tag, value, place)


def _pascal_names(data: bytes) -> Value:
    names: list[Value] = []
    offset = 0
    while offset < len(data):
        length = data[offset]
        names.append(data[offset + 1 : offset + 1 + length].decode("mac-roman"))
        offset += 1 + length
    return names


def _resolution(data: bytes, document: Document, at: int) -> None:
    if len(data) < 16:
        return
    x, unit_x, _, y, unit_y, _ = layout(">IHHIHH").unpack_from(data)
    rows = (("XResolution", x / 65536, ""), ("DisplayedUnitsX", unit_x, _UNITS.get(unit_x, "")),
            ("YResolution", y / 65536, ""), ("DisplayedUnitsY", unit_y, _UNITS.get(unit_y, "")))  # fmt: skip
    for index, (name, value, text) in enumerate(rows):
        document.add(SECTION, name, value, text, group="Photoshop", origin=ByteRange(at + index * 4, 4))


def _version(data: bytes, document: Document, at: int) -> None:
    if len(data) < 9:
        return
    merged = data[4]
    document.add(SECTION, "HasRealMergedData", merged, {0: "No", 1: "Yes"}.get(merged, ""), group="Photoshop",
                 origin=ByteRange(at + 4, 1))  # fmt: skip
    offset = 5
    for name in ("WriterName", "ReaderName"):
        text, offset = _unicode(data, offset)
        document.add(SECTION, name, text, group="Photoshop", origin=ByteRange(at, len(data)))


def _unicode(data: bytes, offset: int) -> tuple[str, int]:
    count = int.from_bytes(data[offset : offset + 4])
    end = offset + 4 + count * 2
    return data[offset + 4 : end].decode("utf-16-be", "replace").rstrip("\0"), end


def _slices(data: bytes, document: Document, at: int) -> None:
    if len(data) < 24 or int.from_bytes(data[:4]) != 6:
        return
    name, end = _unicode(data, 20)
    document.add(SECTION, "SlicesGroupName", name, group="Photoshop", origin=ByteRange(at + 20, end - 20))
    if end + 4 <= len(data):
        document.add(SECTION, "NumSlices", int.from_bytes(data[end : end + 4]), group="Photoshop")


def _urls(data: bytes, document: Document, at: int) -> None:
    count = int.from_bytes(data[:4])
    offset, found = 4, []
    for _ in range(min(count, 100)):
        text, offset = _unicode(data, offset + 8)
        found.append(text)
    values: list[Value] = [*found]
    document.add(SECTION, "URL_List", values, group="Photoshop", origin=ByteRange(at, len(data)))


def _pixels(data: bytes, document: Document, at: int) -> None:
    if len(data) >= 12:
        value = layout(">d").unpack_from(data, 4)[0]
        document.add(SECTION, "PixelAspectRatio", value, group="Photoshop", origin=ByteRange(at + 4, 8))


def _print_scale(data: bytes, document: Document, at: int) -> None:
    if len(data) < 14:
        return
    style, x, y, scale = layout(">Hfff").unpack_from(data)
    tags = {tag.name: tag for tag in _table("PrintScaleInfo").values()}
    document.add(
        SECTION,
        "PrintStyle",
        style,
        tags["PrintStyle"].text(style),
        group="Photoshop",
        origin=ByteRange(at, 2),
    )
    document.add(SECTION, "PrintPosition", [x, y], group="Photoshop", origin=ByteRange(at + 2, 8))
    document.add(SECTION, "PrintScale", scale, group="Photoshop", origin=ByteRange(at + 10, 4))


def _quality(data: bytes, document: Document, at: int) -> None:
    binary.parse(
        data, _table("JPEG_Quality"), "int16s", document, SECTION, "Photoshop", big_endian=True, origin=at
    )


def _exif(data: bytes, document: Document, at: int) -> None:
    from extractor_service.formats.embedded import exif  # noqa: PLC0415 - it imports this module's kind lazily as well
    from extractor_service.sources.descriptor import BytesSource  # noqa: PLC0415

    del at
    exif.parse(BytesSource(data), document, 0, len(data))


_SPECIAL: dict[int, Callable[[bytes, Document, int], None]] = {
    _IPTC: iptc.parse,
    _XMP: lambda data, document, at: xmp.parse(data, document, ByteRange(at, len(data))),
    _ICC: icc.parse,
    _EXIF: _exif,
    0x03ED: _resolution,
    0x0406: _quality,
    0x041A: _slices,
    0x041E: _urls,
    0x0421: _version,
    0x0426: _print_scale,
    0x0428: _pixels,
}


def _layers(reader: Reader, document: Document, *, is_large: bool) -> None:
    """Adds names, places, blend modes and opacities of the layers, each as one list."""
    offset = 8 if is_large else 4
    count = reader.unpack("h", offset)[0]
    offset += 2
    tags = _table("Layers")
    document.add(
        SECTION, "LayerCount", abs(count), group="Photoshop", origin=ByteRange(reader.base + offset - 2, 2)
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
            document.add(SECTION, tag.name, values, text, group="Photoshop")


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
        put("luni", _unicode(reader.exact(offset, size), 0)[0])
    elif key == "lclr" and size >= 2:
        put("lclr", reader.u16(offset))
    elif key == "lsct" and size >= 4:
        put("lsct", reader.u32(offset))
