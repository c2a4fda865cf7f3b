"""Windows and OS/2 bitmaps: the information header, and the profile behind it.

Microsoft's BITMAPINFOHEADER family (BITMAPCOREHEADER to BITMAPV5HEADER).
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.embedded import icc
from extractor_service.formats.reading import binary
from extractor_service.formats.reading.head import head_of
from extractor_service.formats.reading.reader import Reader
from extractor_service.formats.reading.tagset import Conversion, Tag, build, raw_table

if TYPE_CHECKING:
    from extractor_service.document import Document, Value
    from extractor_service.sources.base import ByteSource

_SECTION = "file"
# What the header claims isn't believed; beyond it the profile is read cut.
_MAX_PROFILE_BYTES = 4 * 1024 * 1024


def _fixed_2_30(value: Value) -> Value:
    return (
        [each / 2**30 if isinstance(each, int) else each for each in value]
        if isinstance(value, list)
        else value
    )


def _mask_text(value: Value) -> str:
    return f"0x{value:08x}" if isinstance(value, int) else ""


@lru_cache(maxsize=2)
def _table(name: str) -> dict[int | str, Tag]:
    return build(
        raw_table("containers", name),
        {
            "NumColors": Conversion(None, lambda value: "Use BitDepth" if value == 0 else ""),
            "NumImportantColors": Conversion(None, lambda value: "All" if value == 0 else ""),
            "Compression": Conversion(lambda value: value.to_bytes(4, "little").decode("latin-1") if isinstance(value, int) and value > 0xFF else value),
            "ImageHeight": Conversion(lambda value: abs(value) if isinstance(value, int) else value),
            "RedMask": Conversion(None, _mask_text), "GreenMask": Conversion(None, _mask_text),
            "BlueMask": Conversion(None, _mask_text), "AlphaMask": Conversion(None, _mask_text),
            "RedEndpoint": Conversion(_fixed_2_30), "GreenEndpoint": Conversion(_fixed_2_30),
            "BlueEndpoint": Conversion(_fixed_2_30),
        },
    )  # fmt: skip


def parse(source: ByteSource, document: Document) -> None:
    """The information header, and the ICC profile that version 5 may embed."""
    size = int.from_bytes(head_of(source, 18)[14:18], "little")
    if not 12 <= size <= 4096:
        raise CorruptFileError(f"an information header of {size} bytes")
    data = information(document, Reader(source).some(14, size), 14)
    if size >= 56 and data[56:60] == b"MBED":
        offset, length = (int.from_bytes(data[start : start + 4], "little") for start in (112, 116))
        profile = Reader(source).some(14 + offset, min(length, _MAX_PROFILE_BYTES))
        icc.parse(profile, document, 14 + offset)


def information(document: Document, data: bytes, at: int) -> bytes:
    """Adds the fields of an information header, as films have one as well; returns it with its four-letter code put right."""
    size = int.from_bytes(data[:4], "little")
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
    binary.parse(
        data, binary.Layout("int8u", big_endian=False), tags, binary.Place(document, _SECTION, ""), origin=at
    )
    return data
