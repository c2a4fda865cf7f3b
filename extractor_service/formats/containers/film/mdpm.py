"""What AVCHD camcorders write into the pictures: date, exposure, place. exiftool.org/TagNames/H264.html (MDPM); H.264, annex D (SEI)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.document import ByteRange, Rational
from extractor_service.formats.containers.film.bitstream import unescaped
from extractor_service.formats.reading import conversions as conv
from extractor_service.formats.reading import fields
from extractor_service.formats.reading.table import Table
from extractor_service.formats.reading.tagset import Conversion, Tag

if TYPE_CHECKING:
    from extractor_service.document import Document, Value

SECTION = "h264"
_GROUP = "H264"
_UNREGISTERED = 5
_IDENTITY = bytes.fromhex("17ee8c60f84d11d98cd60800200c9a66")
_MARK = b"MDPM"
_TIME_CODE, _DATE, _MAKE, _MODEL = 0x13, 0x18, 0xE0, 0xE4
_MAKES = {0x0103: "Panasonic", 0x0108: "Sony", 0x1011: "Canon", 0x1104: "JVC"}
_WITH_NEXT_TWO = frozenset({0xB2, 0xB6, 0xBB})  # degrees or hours, minutes, seconds: an entry each
_MAKE_TAG = Tag(("Make", "string", 1, "", None, ""))
_TAGS = Table(
    "film/H264::MDPM", SECTION, _GROUP,
    {
        "ExposureTime": conv.EXPOSURE, "ExposureCompensation": conv.FRACTION, "FocalLengthIn35mmFormat": conv.MILLIMETRES,
        "MaxApertureValue": Conversion(lambda value: 2 ** (value / 2) if isinstance(value, (int, float)) else value, conv.fixed("{:.1f}")),
        "GPSLatitude": Conversion(None, conv.degrees_text()), "GPSLongitude": Conversion(None, conv.degrees_text()),
        "GPSAltitudeRef": Conversion(lambda value: 1 if value else 0), "GPSVersionID": Conversion(None, conv.joined(".")),
    },
)  # fmt: skip


def parse(document: Document, nal: bytes, at: int) -> None:
    """Adds what the messages of a supplemental unit say, where one is a camcorder's; only the first of a file does."""
    if _MARK not in nal or document.find(SECTION, "DateTimeOriginal") is not None:
        return
    data, place = unescaped(nal), 0
    while place + 2 < len(data):
        kind = size = 0
        while data[place] == 0xFF:
            kind, place = kind + 255, place + 1
        kind, place = kind + data[place], place + 1
        while data[place] == 0xFF:
            size, place = size + 255, place + 1
        size, place = size + data[place], place + 1
        message = data[place : place + size]
        if kind == _UNREGISTERED and message[:16] == _IDENTITY and message[16:20] == _MARK:
            _entries(document, message[20:], at + place + 20)
        place += size


def _entries(document: Document, data: bytes, at: int) -> None:
    """A count, then numbers of one byte with values of four."""
    entries = [
        (data[place], data[place + 1 : place + 5], at + place + 1)
        for place in range(1, min(1 + data[0] * 5, len(data) - 4), 5)
    ]
    for index, (key, value, place) in enumerate(entries):
        following = [part for _, part, _ in entries[index + 1 : index + 3]]
        meant = _meant(key, value, following)
        if meant is None:
            continue
        if key == _MAKE:
            fields.add(document, SECTION, _GROUP, _MAKE_TAG, meant, ByteRange(place, 4))
        else:
            _TAGS.put(document, key, meant, ByteRange(place, 4))


def _meant(key: int, value: bytes, following: list[bytes]) -> Value:
    if key == _TIME_CODE:
        return ":".join(f"{byte:02x}" for byte in reversed(value))
    if key == _DATE and following:
        zone, digits = value[0], (value[1:] + following[0]).hex()
        sign, hours, half = "-" if zone & 0x20 else "+", zone >> 1 & 15, "30" if zone & 1 else "00"
        date = f"{digits[:4]}:{digits[4:6]}:{digits[6:8]} {digits[8:10]}:{digits[10:12]}:{digits[12:14]}"
        return f"{date}{sign}{hours:02d}:{half}" + (" DST" if zone & 0x40 else "")
    if key == _MAKE:
        return _MAKES.get(int.from_bytes(value[:2]), f"Unknown ({int.from_bytes(value[:2]):#06x})")
    if key in _WITH_NEXT_TWO and len(following) == 2:
        parts = [_fraction(part).real() or 0.0 for part in (value, *following)]
        if key == 0xBB:
            return f"{int(parts[0]):02d}:{int(parts[1]):02d}:{parts[2]:02.0f}"
        return parts[0] + parts[1] / 60 + parts[2] / 3600
    if key in {0x19, 0xB3, 0xB4, 0xB7, 0xB8, 0xBC, 0xBD, 0xE5, 0xE6, 0xCB, 0xCC}:
        return None
    tag = _TAGS.tags.get(key)
    if tag is None:
        return None
    if key == _MODEL or (key == 0xCA and len(following) == 2):
        return (value + b"".join(following)).split(b"\0")[0].decode("latin-1")
    if tag.kind.startswith("rational"):
        return _fraction(value, is_signed=tag.kind.endswith("s"))
    if tag.kind == "string":
        return value.split(b"\0")[0].decode("latin-1")
    return [*value] if tag.count == 4 else int.from_bytes(value)


def _fraction(data: bytes, *, is_signed: bool = False) -> Rational:
    return Rational(int.from_bytes(data[:2], signed=is_signed), int.from_bytes(data[2:4], signed=is_signed))
