"""Boxes of Sony's players and cameras: profiles, and texts of their own form. exiftool.org/TagNames/QuickTime.html (Profile, MetaData)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.document import ByteRange
from extractor_service.formats.reading import boxes
from extractor_service.formats.reading.conversions import TEXT, signed
from extractor_service.formats.reading.table import Table
from extractor_service.formats.reading.tagset import Conversion

if TYPE_CHECKING:
    from extractor_service.document import Document, Value
    from extractor_service.formats.reading.reader import Reader

SECTION = "quicktime"


def _hexadecimal(value: Value) -> str:
    return f"0x{value:04x}" if isinstance(value, int) else ""


def _between(sign: str) -> Conversion:
    return Conversion(None, lambda value: sign.join(map(str, value)) if isinstance(value, list) else "")


def _kilobits(value: Value) -> Value:
    return value * 1000 if isinstance(value, int) else value


_RATE = Conversion(_kilobits, None, "bit/s")
_CONVERSIONS = {
    "AudioCodec": TEXT, "VideoCodec": TEXT, "AudioCodecInfo": Conversion(None, _hexadecimal), "VideoCodecInfo": Conversion(None, _hexadecimal),
    "AudioAvgBitrate": _RATE, "AudioMaxBitrate": _RATE, "VideoAvgBitrate": _RATE, "VideoMaxBitrate": _RATE, "VideoSize": _between("x"), "PixelAspectRatio": _between(":"),
}  # fmt: skip
_PROFILES = {
    kind: Table(f"film/QuickTime::{name}", SECTION, "QuickTime", _CONVERSIONS, unit="int32u", big_endian=True)
    for kind, name in ((b"FPRF", "FileProf"), (b"APRF", "AudioProf"), (b"VPRF", "VideoProf"))
}
_TEXTS = Table("film/QuickTime::MetaData", SECTION, "QuickTime")
_TIME_ZONE, _TRACK_PROPERTY, _DATES = 11, 10, {3, 12}
_UTF16 = 1


def parse(reader: Reader, document: Document, start: int, end: int) -> None:
    """Adds what the boxes inside say."""
    for box in boxes.walk(reader, start, end):
        if box.kind in _PROFILES:
            data = reader.exact(box.offset, min(box.length, 256))
            _PROFILES[box.kind].block(document, data, reader.base + box.offset)
        elif box.kind == b"MTDT" and box.length >= 2:
            _texts(document, reader.exact(box.offset, min(box.length, 65536)), reader.base + box.offset)


def _texts(document: Document, data: bytes, at: int) -> None:
    """Each with its size, its kind, its language and how it is written."""
    place = 2
    for _ in range(int.from_bytes(data[:2])):
        size, kind = int.from_bytes(data[place : place + 2]), int.from_bytes(data[place + 2 : place + 6])
        form, content = int.from_bytes(data[place + 8 : place + 10]), data[place + 10 : place + size]
        if size < 10 or place + size > len(data):
            break
        value: Value = content.decode("utf-16-be" if form == _UTF16 else "latin-1", "replace").rstrip("\0")
        if kind == _TIME_ZONE and len(content) >= 2:
            value = signed(int.from_bytes(content[:2]), 16)
        elif kind == _TRACK_PROPERTY and len(content) >= 8:
            value = [int.from_bytes(content[:4]), int.from_bytes(content[4:6]), int.from_bytes(content[6:8])]
        elif kind in _DATES and isinstance(value, str):
            value = value.replace("/", ":")
        _TEXTS.put(document, kind, value, ByteRange(at + place + 10, size - 10))
        place += size
