"""Panasonic and Leica maker notes. Layout by exiftool.org/TagNames/Panasonic.html and exiv2.org/makernote.html."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.formats.embedded.makernotes.base import Block, Notes
from extractor_service.formats.embedded.makernotes.layout import displaced, ordered
from extractor_service.formats.embedded.makernotes.tables import Vendor
from extractor_service.formats.reading import conversions as conv
from extractor_service.formats.reading.tagset import Conversion

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from extractor_service.document import Value
    from extractor_service.formats.embedded.walk import Walk
    from extractor_service.formats.reading import ifd


def _firmware(value: Value) -> Value:
    """Four digits as numbers or characters: "0.1.0.5"."""
    if isinstance(value, bytes):
        return " ".join(map(str, value)) if any(each < 0x20 for each in value) else value.decode("latin-1")
    return value


def _dotted(value: Value) -> str:
    return value.replace(" ", ".") if isinstance(value, str) else ""


def _serial(value: Value) -> str:
    """Factory, then year, month and day of manufacture, then a number."""
    if isinstance(value, str) and len(value) >= 13 and value[3:9].isdigit():
        year = int(value[3:5])
        return f"({value[:3]}) {(1900 if year >= 70 else 2000) + year}:{value[5:7]}:{value[7:9]} no. {value[9:13]}"
    return ""


def _since_power_on(value: Value) -> str:
    if not isinstance(value, (int, float)):
        return ""
    days, rest = divmod(value, 86400)
    hours, rest = divmod(rest, 3600)
    minutes, seconds = divmod(rest, 60)
    clock = f"{int(hours):02d}:{int(minutes):02d}:{seconds:05.2f}"
    return f"{int(days)} days {clock}" if days else clock


def _baby_age(value: Value) -> str:
    return "(not set)" if value == "9999:99:99 00:00:00" else ""


def _text_of(value: Value) -> Value:
    return value.split(b"\0", 1)[0].decode("utf-8", "replace") if isinstance(value, bytes) else value


def _parameter(value: Value) -> str:
    if not isinstance(value, int):
        return ""
    return f"{value:+d}" if value else "Normal"


def _angle(value: Value) -> Value:
    if isinstance(value, int):
        return (value - 65536 if value > 32767 else value) / 10
    return value


def _bcd(value: Value) -> Value:
    """Eight bytes of two decimal digits each."""
    if isinstance(value, bytes) and len(value) >= 8 and value.strip(b"\0"):
        digits = value.hex()
        return f"{digits[:4]}:{digits[4:6]}:{digits[6:8]} {digits[8:10]}:{digits[10:12]}:{digits[12:14]}.{digits[14:16]}"
    return None


CONVERSIONS: Mapping[str, Conversion] = {
    "FirmwareVersion": Conversion(_firmware, _dotted),
    "LensFirmwareVersion": Conversion(lambda value: " ".join(map(str, value)) if isinstance(value, (bytes, list)) else value, _dotted),
    "InternalSerialNumber": Conversion(conv.text_of_bytes, _serial),
    "WhiteBalanceBias": Conversion(lambda value: value / 3 if isinstance(value, int) else value, conv.fraction_text),
    "FlashBias": Conversion(lambda value: value / 3 if isinstance(value, int) else value, conv.fraction_text, "EV"),
    "ExifVersion": conv.TEXT,
    "MakerNoteVersion": conv.TEXT,
    "TimeSincePowerOn": Conversion(lambda value: value / 100 if isinstance(value, int) else value, _since_power_on, "s"),
    "BabyAge": Conversion(None, _baby_age),
    "Title": Conversion(_text_of),
    "BabyName": Conversion(_text_of),
    "Location": Conversion(_text_of),
    "Country": Conversion(_text_of),
    "State": Conversion(_text_of),
    "City": Conversion(_text_of),
    "City2": Conversion(_text_of),
    "Landmark": Conversion(_text_of),
    "Contrast": Conversion(None, _parameter),
    "Saturation": Conversion(None, _parameter),
    "Sharpness": Conversion(None, _parameter),
    "AccelerometerZ": Conversion(),
    "RollAngle": Conversion(_angle),
    "PitchAngle": Conversion(lambda value: -each if isinstance(each := _angle(value), (int, float)) else each),
    "NoiseReduction": Conversion(),
    "FlashCurtain": Conversion(),
    "LensTypeModel": Conversion(lambda value: f"{value & 255:02x} {value >> 8:02x}" if isinstance(value, int) else value),
    "Leica2.LensType": Conversion(lambda value: [value >> 2, value & 3] if isinstance(value, int) else value),
    "Leica2.ApproximateFNumber": conv.F_NUMBER,
    "TimeInfo.PanasonicDateTime": Conversion(_bcd),
}  # fmt: skip


VENDOR = Vendor("panasonic", "Panasonic", CONVERSIONS)
LEICA = Vendor("panasonic", "Leica", CONVERSIONS)


def parse(walk: Walk, offset: int, length: int) -> None:
    """Notes that begin with "Panasonic", then a directory; offsets count from the TIFF header."""
    reader = ordered(walk.directories.reader, offset + 12)
    notes = Notes(walk, VENDOR, reader, displaced(reader, offset + 12, length - 12))
    notes.directory(offset + 12, notes.table("Panasonic::Main"), _INSIDE)


def type2(walk: Walk, offset: int, length: int) -> None:
    """A few bytes at fixed places."""
    notes = Notes(walk, VENDOR, walk.directories.reader.view(walk.base, None, big_endian=False))
    notes.block(notes.reader.some(offset, min(length, 64)), Block("Panasonic::Type2", "int16u"), offset)


# What stands after "LEICA" tells the table, and whether offsets count from the note.
_LEICA: Mapping[bytes, tuple[str, bool]] = {
    b"\0\0\0": ("Leica2", True), b"\0\x01\0": ("Leica5", True), b"\0\x04\0": ("Leica5", True), b"\0\x05\0": ("Leica5", True),
    b"\0\x06\0": ("Leica5", True), b"\0\x07\0": ("Leica5", True), b"\0\x10\0": ("Leica5", True), b"\0\x1a\0": ("Leica5", True),
    b"\0\x08\0": ("Leica9", True), b"\0\x09\0": ("Leica9", True), b"\0\x0a\0": ("Leica9", True), b"\0\x02\xff": ("Leica6", False),
}  # fmt: skip


def leica(walk: Walk, offset: int, length: int) -> None:
    """Notes that begin with "LEICA" and bytes that tell the layout; compact cameras are Panasonic's own."""
    del length
    reader = walk.directories.reader
    mark = reader.exact(offset + 5, 3)
    table, relative = _LEICA.get(mark, ("Leica2", True))
    if mark == b"\0\0\0" and _is_panasonic(walk.model):
        notes = Notes(walk, VENDOR, ordered(reader, offset + 8))
        notes.directory(offset + 8, notes.table("Panasonic::Main"), _INSIDE)
        return
    base = reader.view(reader.base + offset, reader.length - offset) if relative else reader
    start = 8 if relative else offset + 8
    notes = Notes(walk, LEICA, ordered(base, start))
    notes.directory(start, notes.table(f"Panasonic::{table}"), {})


def leica_plain(walk: Walk, offset: int, length: int) -> None:
    """A directory without a name (R8, R9, M8)."""
    del length
    notes = Notes(walk, LEICA, ordered(walk.directories.reader, offset))
    notes.directory(offset, notes.table("Panasonic::Leica3"), {})


def _is_panasonic(model: str) -> bool:
    """Leica's compact cameras are made by Panasonic, and say so in their notes."""
    return not model.upper().startswith(("M", "S", "LEICA M", "LEICA S"))


_INSIDE: Mapping[int, Block | Callable[[Notes, ifd.Entry], None]] = {
    0x4E: Block("Panasonic::FaceDetInfo", "int16u"),
    0x61: Block("Panasonic::FaceRecInfo", "int8u"),
    0x2003: Block("Panasonic::TimeInfo", "int8u"),
}
