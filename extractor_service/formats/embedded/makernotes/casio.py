"""Casio maker notes, of two kinds. exiftool.org/TagNames/Casio.html, exiv2.org/makernote.html."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.document import ByteRange
from extractor_service.formats.embedded.makernotes.base import SECTION, Block, Notes
from extractor_service.formats.embedded.makernotes.layout import displaced, ordered
from extractor_service.formats.embedded.makernotes.tables import Vendor
from extractor_service.formats.reading import conversions as conv
from extractor_service.formats.reading import fields
from extractor_service.formats.reading.tagset import Conversion, plain_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from extractor_service.document import Value
    from extractor_service.formats.embedded.walk import Walk
    from extractor_service.formats.reading import ifd


def _date(value: Value) -> str:
    """The date in "0712090900": 2007:12:09 09:00."""
    text = conv.text_of_bytes(value)
    if isinstance(text, str) and len(text) >= 10 and text[:10].isdigit():
        year = int(text[:2])
        return f"{(1900 if year > 70 else 2000) + year}:{text[2:4]}:{text[4:6]} {text[6:8]}:{text[8:10]}"
    return ""


def _word(value: Value) -> Value:
    return int.from_bytes(value) if isinstance(value, bytes) and len(value) == 2 else value


def _distance(value: Value) -> str:
    return "inf" if value in {0, "inf"} else f"{plain_text(value)} m"


def _frame_rate(value: Value) -> Value:
    """Thousandths where one number stands there, else the two ends of a range."""
    if isinstance(value, int):
        return value / 1000
    numbers = conv.numbers(value)
    if len(numbers) < 2:
        return value
    first, second = numbers[:2]
    return f"{second:.0f}-{first:.0f}" if second else first / 1000 if first > 10000 else first


CONVERSIONS: Mapping[str, Conversion] = {
    "CaptureFrameRate": Conversion(_frame_rate),
    "Main.ObjectDistance": Conversion(lambda value: value / 1000 if isinstance(value, int) else value, _distance, "m"),
    "Type2.ObjectDistance": Conversion(lambda value: "inf" if value == 0x20000000 else value / 1000 if isinstance(value, int) else value, _distance, "m"),
    "FocalLength": Conversion(lambda value: value / 10 if isinstance(value, int) else value, conv.fixed("{:.1f} mm"), "mm"),
    "PreviewImageSize": Conversion(None, conv.joined("x")),
    "CasioImageSize": Conversion(None, conv.joined("x")),
    "WhiteBalanceBias": Conversion(),
    **dict.fromkeys(("Type2.Sharpness", "Type2.Contrast", "Type2.Saturation"), Conversion(_word)),
    "BestShotMode": Conversion(None, plain_text),  # every model numbers its scenes anew
    "FirmwareDate": Conversion(None, _date),
}  # fmt: skip
VENDOR = Vendor("casio", "Casio", CONVERSIONS)


def parse(walk: Walk, offset: int, length: int) -> None:
    """A directory whose offsets count from the TIFF header."""
    del length
    notes = Notes(walk, VENDOR, ordered(walk.directories.reader, offset))
    notes.directory(offset, notes.table("Casio::Main"), {})


def type2(walk: Walk, offset: int, length: int) -> None:
    """Notes that begin with "QVC", then a directory; big-endian in some models whatever the file is."""
    reader = ordered(walk.directories.reader, offset + 6)
    notes = Notes(walk, VENDOR, reader, displaced(reader, offset + 6, length - 6))
    notes.directory(offset + 6, notes.table("Casio::Type2"), _INSIDE)
    notes.preview()


def _faces(notes: Notes, entry: ifd.Entry) -> None:
    data = notes.bytes_of(entry)
    if data[:2] == b"\0\0":
        notes.block(data, Block("Casio::FaceInfo1", "int8u", None, True), entry.offset)
    elif data[:2] == b"\2\1":
        notes.block(data, Block("Casio::FaceInfo2", "int8u", None, False), entry.offset)


def _preview(notes: Notes, entry: ifd.Entry) -> None:
    origin = ByteRange(notes.reader.base + entry.offset, entry.size_bytes)
    fields.add_binary(notes.document, SECTION, "Casio", "PreviewImage", entry.size_bytes, origin)


_INSIDE: Mapping[int, Block | Callable[[Notes, ifd.Entry], None]] = {0x2000: _preview, 0x2089: _faces}
