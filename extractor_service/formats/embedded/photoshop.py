"""Photoshop's image resources, in JPEG, TIFF, PNG and PSD files.

Adobe Photoshop File Formats Specification (2019), "Image Resources Section".
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from extractor_service.document import ByteRange, Field, ProblemKind
from extractor_service.formats.embedded import icc, iptc, xmp
from extractor_service.formats.reading import binary, fields
from extractor_service.formats.reading import conversions as conv
from extractor_service.formats.reading.damage import Surviving
from extractor_service.formats.reading.reader import Reader, TruncatedError, layout
from extractor_service.formats.reading.tagset import Conversion, Tag, build, raw_table

if TYPE_CHECKING:
    from collections.abc import Callable

    from extractor_service.document import Document, Value

SECTION: Final = "photoshop"
_MAX_RESOURCES: Final = 2000  # of 12 bytes at least; documents have dozens, those after it are left out
_MAX_RESOURCE_BYTES: Final = (
    4 * 1024 * 1024
)  # XMP and profiles are the largest that are read; thumbnails aren't
_SIGNATURES: Final = frozenset({b"8BIM", b"PHUT", b"DCSR", b"AgHg", b"MeSa"})
_IPTC, _XMP, _ICC, _EXIF = 0x0404, 0x0424, 0x040F, 0x0422
_THUMBNAILS: Final = frozenset({0x0409, 0x040C})
_UNITS: Final = {1: "inches", 2: "cm", 3: "points", 4: "picas", 5: "columns"}


@lru_cache(maxsize=8)
def table(name: str) -> dict[int | str, Tag]:
    """The tags of one of ExifTool's Photoshop tables."""
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


def resources(reader: Reader, document: Document, read_exif: Callable[[bytes, Document], None]) -> None:
    """Adds the image resources that fill `reader`'s window; `read_exif` reads the one that holds EXIF."""
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
            reader.exact(offset + 7, name_length)
            offset += 6 + (name_length + 2) // 2 * 2
            length = reader.u32(offset)
            with Surviving(document, SECTION, f"resource {number}", reader.base + offset):
                _resource(reader, document, number, offset + 4, length, read_exif)
        except TruncatedError as error:
            document.problem(SECTION, ProblemKind.TRUNCATED, f"a resource is cut: {error}", error.offset)
            return
        offset += 4 + length + length % 2


def _resource(
    reader: Reader,
    document: Document,
    number: int,
    offset: int,
    length: int,
    read_exif: Callable[[bytes, Document], None],
) -> None:
    at = reader.base + offset
    place = ByteRange(at, length)
    tag = table("Main").get(number)
    if number in _THUMBNAILS and tag is not None:
        reader.exact(offset, 28)
        if length < 28:
            document.problem(SECTION, ProblemKind.DAMAGED, f"resource {number} has {length} bytes", at)
            return
        fields.add_binary(
            document, SECTION, "Photoshop", tag.name, length - 28, ByteRange(at + 28, length - 28)
        )
        return
    special = _SPECIAL.get(number)
    if special is None and number != _EXIF and (tag is None or tag.hidden):
        return
    if length > _MAX_RESOURCE_BYTES:
        document.problem(SECTION, ProblemKind.LIMIT, f"resource {number} has {length} bytes", at)
        return
    data = reader.exact(offset, length)
    if number == _EXIF:
        read_exif(data, document)
    elif special is not None:
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
            document.add(SECTION, Field(tag.name, value, group="Photoshop", origin=place))
            return
        if number == 0x03EE:
            value = _pascal_names(data)
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
        document.add(
            SECTION, Field(name, value, text, group="Photoshop", origin=ByteRange(at + index * 4, 4))
        )


def _version(data: bytes, document: Document, at: int) -> None:
    if len(data) < 9:
        return
    merged = data[4]
    document.add(SECTION, Field("HasRealMergedData", merged, {0: "No", 1: "Yes"}.get(merged, ""), group="Photoshop",
                 origin=ByteRange(at + 4, 1)))  # fmt: skip
    offset = 5
    for name in ("WriterName", "ReaderName"):
        text, offset = unicode_text(data, offset)
        document.add(SECTION, Field(name, text, group="Photoshop", origin=ByteRange(at, len(data))))


def unicode_text(data: bytes, offset: int) -> tuple[str, int]:
    """A text that begins with its length in UTF-16 units, and the offset behind it."""
    count = int.from_bytes(data[offset : offset + 4])
    end = offset + 4 + count * 2
    return data[offset + 4 : end].decode("utf-16-be", "replace").rstrip("\0"), end


def _slices(data: bytes, document: Document, at: int) -> None:
    if len(data) < 24 or int.from_bytes(data[:4]) != 6:
        return
    name, end = unicode_text(data, 20)
    document.add(
        SECTION, Field("SlicesGroupName", name, group="Photoshop", origin=ByteRange(at + 20, end - 20))
    )
    if end + 4 <= len(data):
        document.add(SECTION, Field("NumSlices", int.from_bytes(data[end : end + 4]), group="Photoshop"))


def _urls(data: bytes, document: Document, at: int) -> None:
    count = int.from_bytes(data[:4])
    offset, found = 4, []
    for _ in range(min(count, 100)):
        text, offset = unicode_text(data, offset + 8)
        found.append(text)
    values: list[Value] = [*found]
    document.add(SECTION, Field("URL_List", values, group="Photoshop", origin=ByteRange(at, len(data))))


def _pixels(data: bytes, document: Document, at: int) -> None:
    if len(data) >= 12:
        value = layout(">d").unpack_from(data, 4)[0]
        document.add(
            SECTION, Field("PixelAspectRatio", value, group="Photoshop", origin=ByteRange(at + 4, 8))
        )


def _print_scale(data: bytes, document: Document, at: int) -> None:
    if len(data) < 14:
        return
    style, x, y, scale = layout(">Hfff").unpack_from(data)
    tags = {tag.name: tag for tag in table("PrintScaleInfo").values()}
    document.add(
        SECTION,
        Field(
            "PrintStyle",
            style,
            tags["PrintStyle"].text(style),
            group="Photoshop",
            origin=ByteRange(at, 2),
        ),
    )
    document.add(SECTION, Field("PrintPosition", [x, y], group="Photoshop", origin=ByteRange(at + 2, 8)))
    document.add(SECTION, Field("PrintScale", scale, group="Photoshop", origin=ByteRange(at + 10, 4)))


def _quality(data: bytes, document: Document, at: int) -> None:
    binary.parse(
        data,
        binary.Layout("int16s", big_endian=True),
        table("JPEG_Quality"),
        binary.Place(document, SECTION, "Photoshop"),
        origin=at,
    )


_SPECIAL: Final[dict[int, Callable[[bytes, Document, int], None]]] = {
    _IPTC: lambda data, document, at: iptc.parse(data, document, at, is_standard=True),
    _XMP: lambda data, document, at: xmp.parse(data, document, ByteRange(at, len(data))),
    _ICC: icc.parse,
    0x03ED: _resolution,
    0x0406: _quality,
    0x041A: _slices,
    0x041E: _urls,
    0x0421: _version,
    0x0426: _print_scale,
    0x0428: _pixels,
}
