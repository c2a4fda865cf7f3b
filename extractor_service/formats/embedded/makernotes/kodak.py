"""Kodak maker notes: several fixed layouts, told by their beginning. exiftool.org/TagNames/Kodak.html."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.formats.embedded.makernotes.base import Block, Notes, ordered
from extractor_service.formats.embedded.makernotes.tables import Vendor
from extractor_service.formats.reading import conversions as conv
from extractor_service.formats.reading.tagset import Conversion

if TYPE_CHECKING:
    from collections.abc import Mapping

    from extractor_service.document import Value
    from extractor_service.formats.embedded.walk import Walk
    from extractor_service.formats.reading.ifd import Entry


def _numbers(value: Value) -> list[int]:
    if isinstance(value, bytes):
        return [*value]
    return [each for each in value if isinstance(each, int)] if isinstance(value, list) else []


def _month_day(value: Value) -> Value:
    found = _numbers(value)
    return f"{found[0]:02d}:{found[1]:02d}" if len(found) > 1 else value


def _clock(value: Value) -> Value:
    found = _numbers(value)
    return f"{found[0]:02d}:{found[1]:02d}:{found[2]:02d}.{found[3]:02d}" if len(found) > 3 else value


CONVERSIONS: Mapping[str, Conversion] = {
    "MonthDayCreated": Conversion(_month_day),
    "TimeCreated": Conversion(_clock),
    "BurstMode2": Conversion(),
    "FNumber": Conversion(lambda value: value / 100 if isinstance(value, int) else value, conv.f_number_text),
    "ExposureTime": Conversion(lambda value: value / 1e5 if isinstance(value, int) else value, conv.exposure_text, "s"),
    "ExposureCompensation": Conversion(None, conv.fraction_text, "EV"),
    "TotalZoom": Conversion(lambda value: value / 100 if isinstance(value, int) else value),
    "DigitalZoom": Conversion(lambda value: value / 100 if isinstance(value, int) else value),
    "OpticalZoom": Conversion(lambda value: value / 100 if isinstance(value, int) else value),
    "Sharpness": Conversion(None, lambda value: "Normal" if value == 0 else f"{value:+d}" if isinstance(value, int) else ""),
}  # fmt: skip
VENDOR = Vendor("kodak", "Kodak", CONVERSIONS)


def parse(walk: Walk, offset: int, length: int) -> None:
    """Notes that begin with "KDK INFO" is big-endian, "KDK" little-endian; values begin after 8 bytes."""
    reader = walk.directories.reader
    head = reader.exact(offset, 8)
    notes = Notes(walk, VENDOR, reader)
    data = reader.some(offset + 8, min(length - 8, 4096))
    notes.block(data, Block("Kodak::Main", "int8u", None, head[:8] == b"KDK INFO"), offset + 8)


def other(walk: Walk, offset: int, length: int) -> None:
    """Without that name: a directory, or one of the other layouts."""
    reader = walk.directories.reader
    data = reader.some(offset, min(length, 4096))
    notes = Notes(walk, VENDOR, reader)
    if data[8:13] == b"Eastm" or data[8:13] == b"EASTM":
        notes.block(data, Block("Kodak::Type2", "int8u", None, True), offset)
    elif data[12:14] in {b"\x07\xd0", b"\x07\xd1", b"\x07\xd2", b"\x07\xd3"} and len(data) > 0x20:
        notes.block(data, Block("Kodak::Type3", "int8u", None, True), offset)
    elif data[:2] in {b"II", b"MM"}:
        inner = reader.view(reader.base + offset, reader.length - offset, big_endian=data[:2] == b"MM")
        notes = Notes(walk, VENDOR, inner)
        start = inner.u32(4) if data[2:4] in {b"*\0", b"\0*"} else 2
        notes.directory(start, notes.table("Kodak::SubIFD0" if start == 2 else "Kodak::Type10"), {})
    elif walk.model.startswith(("CX4200", "CX4230", "CX4300", "CX4310", "CX6200", "CX6230")):
        notes.block(data, Block("Kodak::Type5", "int8u", None, True), offset)
    elif walk.model.startswith(("DX3215", "DX3500", "DX3600", "DX3700", "DX3900")):
        notes.block(data, Block("Kodak::Type6", "int8u", None, False), offset)
    elif 5 < int.from_bytes(data[:2], "big" if reader.big_endian else "little") < 100 and len(data) > 20:
        inner = ordered(reader, offset)
        notes = Notes(walk, VENDOR, inner)
        notes.directory(offset, notes.table("Kodak::SubIFD0"), {})


def tiff_directory(walk: Walk, entry: Entry) -> bool:
    """Kodak's directory in a tag of a TIFF file."""
    value = walk.directories.value(entry, 8) if entry.kind in {4, 13} else None
    if not isinstance(value, int):
        return False
    notes = Notes(walk, VENDOR, walk.directories.reader)
    notes.directory(value, notes.table("Kodak::IFD"), {}, "KodakIFD")
    return True
