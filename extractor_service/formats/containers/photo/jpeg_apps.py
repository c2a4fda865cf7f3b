"""JPEG application segments beside EXIF, XMP, ICC and Photoshop. Each is told by its marker and its first bytes."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from extractor_service.document import ByteRange, Field
from extractor_service.formats.reading import binary, fields
from extractor_service.formats.reading.tagset import Tag, build, raw_table

if TYPE_CHECKING:
    from extractor_service.document import Document, Value
    from extractor_service.formats.reading.reader import Reader

_DENSITY_UNITS: Final = {0: "None", 1: "inches", 2: "cm"}
# JFIF 1.02, JFIF extension: JPEG, a palette and its pixels, or pixels of three bytes.
_THUMBNAILS: Final = {0x10: "ThumbnailImage", 0x11: "ThumbnailTIFF", 0x13: "ThumbnailTIFF"}
_PICTURE_LINE: Final = re.compile(r"\s*([\w#.-]+)\s*=\s*(.*)")


@lru_cache(maxsize=8)
def _table(name: str) -> dict[int | str, Tag]:
    return build(raw_table("containers", name), {})


def comment(data: bytes) -> str:
    """A comment as text: UTF-8, or Latin-1 when it isn't that."""
    data = data.rstrip(b"\0")
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")


def segment(reader: Reader, document: Document, marker: int, offset: int, length: int, data: bytes) -> None:
    """Adds what the segment at `offset` says; `data` is its beginning. Unknown segments are passed over."""
    at = reader.base + offset
    if marker == 0xE0 and data[:5] == b"JFIF\0":
        _jfif(document, reader.exact(offset, min(length, 14)), at, length)
    elif marker == 0xE0 and data[:5] == b"JFXX\0":
        name = _THUMBNAILS.get(data[5]) if length > 8 else None
        if name is not None and data[6:8] != b"\0\0":
            fields.add_binary(document, "jfif", "JFXX", name, length - 6, ByteRange(at + 6, length - 6))
    elif marker == 0xE0 and data[6:14] == b"HEAPJPGM":
        from extractor_service.formats.containers.photo import crw  # noqa: PLC0415 - of cameras before EXIF

        crw.at(reader.source, document, at, length, "CIFF")
    elif marker == 0xE1 and data[:5] == b"FLIR\0":
        from extractor_service.formats.embedded import flir  # noqa: PLC0415 - when first met

        flir.segment(reader, document, offset, length, data)
    elif marker == 0xE2 and data[:4] == b"MPF\0":
        from extractor_service.formats.embedded import mpf  # noqa: PLC0415

        mpf.parse(reader.source, document, at + 4, length - 4)
    elif marker == 0xE3 and data[:6] in {b"Meta\0\0", b"META\0\0", b"Exif\0\0"}:
        _meta(reader, document, at + 6, length - 6)
    elif marker == 0xE6 and data[:6] == b"GoPro\0":
        from extractor_service.formats.embedded import gopro  # noqa: PLC0415 - of one maker's cameras

        gopro.parse(reader.exact(offset + 6, length - 6), document, at + 6, "app6")
    elif marker == 0xEC and data[:5] == b"Ducky":
        _ducky(document, reader.exact(offset + 5, length - 5), at + 5)
    elif marker == 0xEC:
        _picture_info(document, reader.exact(offset, length), at)
    elif marker == 0xEE and data[:5] == b"Adobe" and length >= 12:
        tags = _table("JPEG::Adobe")
        binary.parse(
            data[5:12],
            binary.Layout("int16u", big_endian=True),
            tags,
            binary.Place(document, "app14", "Adobe"),
            origin=at + 5,
        )
    elif length:
        from extractor_service.formats.containers.photo import jpeg_vendors  # noqa: PLC0415 - of few files

        jpeg_vendors.segment(reader, document, marker, offset, length, data)


def _jfif(document: Document, data: bytes, at: int, length: int) -> None:
    if len(data) < 12:
        return
    major, minor, unit = data[5:8]
    origin = ByteRange(at, 12)
    document.add(
        "jfif", Field("JFIFVersion", f"{major} {minor}", f"{major}.{minor:02d}", group="JFIF", origin=origin)
    )
    document.add(
        "jfif",
        Field(
            "ResolutionUnit",
            unit,
            _DENSITY_UNITS.get(unit, f"Unknown ({unit})"),
            group="JFIF",
            origin=origin,
        ),
    )
    document.add("jfif", Field("XResolution", int.from_bytes(data[8:10]), group="JFIF", origin=origin))
    document.add("jfif", Field("YResolution", int.from_bytes(data[10:12]), group="JFIF", origin=origin))
    if len(data) >= 14:
        width, height = data[12], data[13]
        for name, value, start in (("ThumbnailWidth", width, 12), ("ThumbnailHeight", height, 13)):
            if value:
                document.add("jfif", Field(name, value, group="JFIF", origin=ByteRange(at + start, 1)))
        pixels = min(3 * width * height, length - 14)
        if pixels > 0:
            fields.add_binary(document, "jfif", "JFIF", "ThumbnailTIFF", pixels, ByteRange(at + 14, pixels))


def _meta(reader: Reader, document: Document, base: int, length: int) -> None:
    """Kodak's TIFF structure beside EXIF."""
    from extractor_service.formats.embedded import kodak_meta  # noqa: PLC0415 - rare

    kodak_meta.parse(reader.source, document, base, length)


def _ducky(document: Document, data: bytes, at: int) -> None:
    """Photoshop's "save for web": a tag, a length and a value each."""
    tags, offset = _table("APP12::Ducky"), 0
    while offset + 4 <= len(data):
        number, length = (
            int.from_bytes(data[offset : offset + 2]),
            int.from_bytes(data[offset + 2 : offset + 4]),
        )
        if number == 0:
            return
        content = data[offset + 4 : offset + 4 + length]
        tag = tags.get(number)
        if tag is not None:
            value: Value = (
                int.from_bytes(content)
                if number == 1
                else content[4:].decode("utf-16-be", "replace").rstrip("\0")
            )
            text = f"{value}%" if number == 1 else ""
            document.add(
                "ducky",
                Field(tag.name, value, text, group="Ducky", origin=ByteRange(at + offset + 4, length)),
            )
        offset += 4 + length


def _picture_info(document: Document, data: bytes, at: int) -> None:
    """Lines of "name=value", as early digital cameras wrote them; sections stand in square brackets."""
    if b"=" not in data or b"\0\0\0" in data[:8]:
        return
    tags = _table("APP12::PictureInfo")
    for line in data.decode("latin-1").replace("\0", "\n").splitlines():
        found = _PICTURE_LINE.match(line)
        if found is None:
            continue
        key, value = found[1], found[2].strip()
        tag = tags.get(key)
        name = tag.name if tag else key[:1].upper() + key[1:]
        if tag and tag.hidden:
            continue
        text = tag.text(value) if tag else ""
        document.add("app12", Field(name, value, text, group="PictureInfo", origin=ByteRange(at, len(data))))
