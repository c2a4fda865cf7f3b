"""Kodak maker notes: several fixed layouts, told by their beginning. exiftool.org/TagNames/Kodak.html."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from extractor_service.formats.embedded.makernotes.base import Block, Notes
from extractor_service.formats.embedded.makernotes.layout import ordered
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
    "Type7.SerialNumber": Conversion(lambda value: value.rstrip(" ") if isinstance(value, str) else value),
    "Type9.DateTimeOriginal": Conversion(lambda value: value.replace("/", ":") if isinstance(value, str) else value),
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


class _Layout(NamedTuple):
    """One of the layouts, and what tells it."""

    head: re.Pattern[bytes]
    model: str
    """What the model must be like."""
    kind: str
    """"block", "directory" at a place of the note, or "wide": one whose count has 32 bits."""
    table: str
    order: str
    """"BE", "LE", or "" for the one that the count makes plausible."""
    start: int = 0


# In this order; by the conditions of ExifTool's documentation of maker notes (exiftool.org/TagNames/MakerNotes.html).
_LAYOUTS = tuple(
    _Layout(re.compile(head, re.DOTALL), *rest)
    for head, *rest in (
        (rb".{8}Eastman Kodak|\x01\0[\0\x01]\0\0\0\x04\0[a-zA-Z]{4}", "", "block", "Type2", "BE"),
        (rb"(?!MM|II|AOC).{12}\x07", "", "block", "Type3", "BE"),
        (rb"(?!MM|II|AOC).{41}JPG", "", "block", "Type4", "BE"),
        (rb"", r"CX(4200|4230|4300|4310|6200|6230)", "block", "Type5", "BE"),
        (rb"\0(\x1a\x18|\x3a\x08|\x59\xf8|\x14\x80)\0", "", "block", "Type5", "BE"),
        (rb"", r"DX3215", "block", "Type6", "BE"),
        (rb"", r"DX3700", "block", "Type6", "LE"),
        (rb"[CK][A-Z\d]{3} ?[A-Z\d]{1,2}\d{2}[A-Z\d]\d{4}[ \0]", "", "block", "Type7", "LE"),
        (rb"\0[\x02-\x7f]..\0[\x01-\x0c]\0\0|[\x02-\x7f]\0..[\x01-\x0c]\0..\0\0", "", "directory", "Type8", ""),
        (rb"II\x2a\0\x08\0\0\0.\0\0\0", r"(?i)kodak|pixpro", "wide", "Type11", "LE", 8),
        (rb"MM\0\x2a\0\0\0\x08\0\0\0.", r"(?i)kodak|pixpro", "wide", "Type11", "BE", 8),
        (rb"MM\0\x2a\0\0\0\x08|II\x2a\0\x08\0\0\0", "", "directory", "Type8", "", 8),
        (rb"IIII[\x02\x03]\0.{14}\d{4}/\d{2}/\d{2} ", "", "block", "Type9", "LE"),
        (rb"MM\0[\x02-\x7f]|II[\x02-\x7f]\0", "", "directory", "Type10", "", 2),
    )
)  # fmt: skip
# Directories within a note of type 8: at the value itself, or where it points to.
_INSIDE_8 = {0xFC00: "SubIFD0", 0xFC01: "SubIFD1", 0xFC02: "SubIFD2", 0xFC03: "SubIFD3", 0xFC04: "SubIFD4", 0xFC05: "SubIFD5", 0xFC06: "SubIFD6", 0xFCFF: "SubIFD0", 0xFF00: "CameraInfo"}  # fmt: skip
_HEAD_BYTES = 64  # as far as any layout is told


def other(walk: Walk, offset: int, length: int) -> None:
    """Without that name: the first layout that fits."""
    reader = walk.directories.reader
    head = reader.some(offset, min(length, _HEAD_BYTES))
    layout = next(
        (each for each in _LAYOUTS if each.head.match(head) and re.search(each.model, walk.model)), None
    )
    if layout is None:
        return
    table = f"Kodak::{layout.table}"
    if layout.kind == "block":
        data = reader.some(offset, min(length, 4096))
        Notes(walk, VENDOR, reader).found(data, table, offset, big_endian=layout.order == "BE")
        return
    # Offsets count from the note where it begins with a TIFF header, else from EXIF's.
    base = reader.base + offset if layout.start == 8 else reader.base
    start = layout.start if layout.start == 8 else offset + layout.start
    order = layout.order or {b"II": "LE", b"MM": "BE"}.get(head[:2], "")
    inner = reader.view(base, reader.length + reader.base - base)
    inner = inner.view(base, inner.length, big_endian=order == "BE") if order else ordered(inner, start)
    notes = Notes(walk, VENDOR, inner)
    if layout.kind == "wide":
        # Of the count's four bytes two are zero: in one order the last ones, in the other the first.
        is_big = inner.big_endian
        notes.directory(start + (2 if is_big else 0), notes.table(table, is_found=True), {}, gap_bytes=0 if is_big else 2)  # fmt: skip
        return
    inside = dict.fromkeys(_INSIDE_8, _inner) if layout.table == "Type8" else {}
    notes.directory(start, notes.table(table, is_found=True), inside)


def _inner(notes: Notes, entry: Entry) -> None:
    """A directory behind a byte order of its own; values count from there."""
    reader, at = notes.reader, entry.offset
    if entry.kind in {4, 13} and entry.count == 1:
        pointed = notes.directories.value(entry, 8)
        at = pointed if isinstance(pointed, int) else 0
    order = reader.some(at, 2) if at else b""
    if order not in {b"II", b"MM"}:
        return
    window = reader.view(reader.base + at, reader.length - at, big_endian=order == b"MM")
    part = Notes(notes.walk, VENDOR, window)
    part.directory(2, part.table(f"Kodak::{_INSIDE_8[entry.tag]}", is_found=True), {}, depth=1)


def tiff_directory(walk: Walk, entry: Entry) -> bool:
    """Kodak's directory in a tag of a TIFF file."""
    value = walk.directories.value(entry, 8) if entry.kind in {4, 13} else None
    if not isinstance(value, int):
        return False
    notes = Notes(walk, VENDOR, walk.directories.reader)
    notes.directory(value, notes.table("Kodak::IFD"), {}, "KodakIFD")
    return True
