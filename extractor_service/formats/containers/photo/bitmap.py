"""Small headers: BMP, ICO and CUR, PCX, TGA and the portable anymaps.

Microsoft's BITMAPINFOHEADER family; ZSoft PCX 5; Truevision TGA 2.0; netpbm's pbm(5), pgm(5), ppm(5), pam(5).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from extractor_service.document import ByteRange, ProblemKind
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.embedded import icc
from extractor_service.formats.reading import binary
from extractor_service.formats.reading.reader import Reader, TruncatedError
from extractor_service.formats.reading.tagset import Conversion, Tag, build, raw_table

if TYPE_CHECKING:
    from extractor_service.document import Document, Value
    from extractor_service.sources.base import ByteSource

_SECTION = "file"
_MAX_ICONS = 500
_MAX_PROFILE_BYTES = 4 * 1024 * 1024
_PNM_KINDS = {b"P1": "PBM", b"P2": "PGM", b"P3": "PPM", b"P4": "PBM", b"P5": "PGM", b"P6": "PPM"}
_TGA_TYPES = {1: "Color-mapped", 2: "True-color", 3: "Black-and-white", 9: "RLE color-mapped", 10: "RLE true-color", 11: "RLE black-and-white"}  # fmt: skip


def _fixed_2_30(value: Value) -> Value:
    return (
        [each / 2**30 if isinstance(each, int) else each for each in value]
        if isinstance(value, list)
        else value
    )


@lru_cache(maxsize=8)
def _table(name: str) -> dict[int | str, Tag]:
    return build(
        raw_table("containers", name),
        {
            "NumColors": Conversion(None, lambda value: "Use BitDepth" if value == 0 else ""),
            "NumImportantColors": Conversion(None, lambda value: "All" if value == 0 else ""),
            "ImageHeight": Conversion(lambda value: abs(value) if isinstance(value, int) else value),
            "RedMask": Conversion(None, _mask_text), "GreenMask": Conversion(None, _mask_text),
            "BlueMask": Conversion(None, _mask_text), "AlphaMask": Conversion(None, _mask_text),
            "RedEndpoint": Conversion(_fixed_2_30), "GreenEndpoint": Conversion(_fixed_2_30),
            "BlueEndpoint": Conversion(_fixed_2_30),
        },
    )  # fmt: skip


def _mask_text(value: Value) -> str:
    return f"0x{value:08x}" if isinstance(value, int) else ""


def _head(source: ByteSource, length: int) -> bytes:
    try:
        return Reader(source).exact(0, length)
    except TruncatedError as error:
        raise CorruptFileError("the header is cut") from error


def parse_bmp(source: ByteSource, document: Document) -> None:
    """The information header, and the ICC profile that version 5 may embed."""
    size = int.from_bytes(_head(source, 18)[14:18], "little")
    if not 12 <= size <= 4096:
        raise CorruptFileError(f"an information header of {size} bytes")
    data = Reader(source).some(14, size)
    name = "BMP::OS2" if size == 12 else "BMP::Main"
    tags = dict(_table(name))
    compression = int.from_bytes(data[16:20], "little")
    calibrated = data[56:60] == b"\0\0\0\0"
    if size > 12:
        for key in [key for key in tags if isinstance(key, int)]:
            unused = (40 <= key <= 52 and size < 56 and compression != 3) or (
                60 <= key <= 104 and not calibrated
            )
            unused = unused or (key in {112, 116} and data[56:60] not in {b"DEBM", b"KNIL"})
            if unused or key >= size:
                del tags[key]
        if len(data) >= 60:
            data = data[:56] + data[59:55:-1] + data[60:]  # a four-letter code, stored backwards
    big_mask = size >= 56 and 56 in tags
    binary.parse(data, tags, "int8u", document, _SECTION, "", big_endian=False, origin=14)
    if big_mask and data[56:60] == b"MBED":
        offset, length = (int.from_bytes(data[start : start + 4], "little") for start in (112, 116))
        profile = Reader(source).some(14 + offset, min(length, _MAX_PROFILE_BYTES))
        icc.parse(profile, document, 14 + offset)


def parse_ico(source: ByteSource, document: Document) -> None:
    """The directory of icons or cursors."""
    head = _head(source, 6)
    kind, count = int.from_bytes(head[2:4], "little"), int.from_bytes(head[4:6], "little")
    tags = _table("ICO::Main")
    document.add(_SECTION, "ImageType", kind, tags[2].text(kind), origin=ByteRange(2, 2))
    document.add(_SECTION, "ImageCount", count, origin=ByteRange(4, 2))
    reader = Reader(source, big_endian=False)
    for index in range(min(count, _MAX_ICONS)):
        at = 6 + index * 16
        row = reader.some(at, 16)
        if len(row) < 16:
            document.problem(_SECTION, ProblemKind.TRUNCATED, "the directory is cut", at)
            return
        names = ("HotspotX", "HotspotY") if kind == 2 else ("ColorPlanes", "BitsPerPixel")
        rows = (
            ("ImageWidth", row[0] or 256, 0, 1), ("ImageHeight", row[1] or 256, 1, 1), ("NumColors", row[2] or 256, 2, 1),
            (names[0], int.from_bytes(row[4:6], "little"), 4, 2), (names[1], int.from_bytes(row[6:8], "little"), 6, 2),
            ("ImageLength", int.from_bytes(row[8:12], "little"), 8, 4),
        )  # fmt: skip
        for name, value, start, length in rows:
            document.add(
                _SECTION,
                name,
                value,
                group=f"Icon{index}" if index else "",
                origin=ByteRange(at + start, length),
            )


def parse_pcx(source: ByteSource, document: Document) -> None:
    """The header of 128 bytes; its edges become the size."""
    data = _head(source, 128)
    left, top, right, bottom = (int.from_bytes(data[start : start + 2], "little") for start in (4, 6, 8, 10))
    shown = bytearray(data)
    shown[8:10] = max(0, right - left + 1).to_bytes(4, "little")[:2]
    shown[10:12] = max(0, bottom - top + 1).to_bytes(4, "little")[:2]
    tags = dict(_table("PCX::Main"))
    if not int.from_bytes(data[70:72], "little"):
        tags = {key: tag for key, tag in tags.items() if key not in {70, 72}}
    binary.parse(bytes(shown), tags, "int8u", document, _SECTION, "", big_endian=False, origin=0)


def parse_tga(source: ByteSource, document: Document) -> None:
    """The header of 18 bytes, and the image's name."""
    data = _head(source, 18)
    kind = data[2]
    if kind not in _TGA_TYPES:
        raise CorruptFileError(f"an image of type {kind}")
    rows = (("ImageType", kind, 2, 1), ("ImageWidth", int.from_bytes(data[12:14], "little"), 12, 2),
            ("ImageHeight", int.from_bytes(data[14:16], "little"), 14, 2), ("BitsPerPixel", data[16], 16, 1))  # fmt: skip
    for name, value, start, length in rows:
        text = _TGA_TYPES[kind] if name == "ImageType" else ""
        document.add(_SECTION, name, value, text, origin=ByteRange(start, length))
    if data[0]:
        words = Reader(source).some(18, data[0]).rstrip(b"\0").decode("latin-1")
        document.add(_SECTION, "Comment", words, origin=ByteRange(18, data[0]))


def parse_pnm(source: ByteSource, document: Document) -> None:
    """Size, depth and comments of a portable anymap."""
    data = Reader(source).some(0, 4096)
    if data[:2] == b"P7":
        _pam(data, document)
        return
    head = re.match(rb"P\d(?:\s*#[^\r\n]*)*", data)
    comments = re.findall(rb"#[ \t]*([^\r\n]*)", head[0]) if head else []
    body = re.sub(rb"#[^\r\n]*[\r\n]+", b" ", data[2:1024])
    numbers = re.match(rb"\s*(\d{1,9})\s+(\d{1,9})(?:\s+(\d{1,9}))?", body)
    if numbers is None:
        raise CorruptFileError("no size")
    document.add(_SECTION, "ImageWidth", int(numbers[1]), unit="px")
    document.add(_SECTION, "ImageHeight", int(numbers[2]), unit="px")
    if _PNM_KINDS[data[:2]] != "PBM" and numbers[3]:
        document.add(_SECTION, "MaxVal", int(numbers[3]))
    for each in comments:
        document.add(_SECTION, "Comment", each.decode("latin-1"))


def _pam(data: bytes, document: Document) -> None:
    names = {
        "WIDTH": "ImageWidth",
        "HEIGHT": "ImageHeight",
        "DEPTH": "Depth",
        "MAXVAL": "MaxVal",
        "TUPLTYPE": "TupleType",
    }
    for line in data.split(b"ENDHDR")[0].decode("latin-1").splitlines()[1:]:
        key, _, value = line.strip().partition(" ")
        if key in names and value.strip():
            text = value.strip()
            document.add(_SECTION, names[key], int(text) if text.isdigit() else text)
