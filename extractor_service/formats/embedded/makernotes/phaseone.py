"""Phase One maker notes (IIQ): directories of their own layout. exiftool.org/TagNames/PhaseOne.html.

A header names the byte order and where the directory is; entries have 16 bytes (tag, size of a value, bytes, value or place), those
of the sensor's calibration 12, without the size of a value.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from extractor_service.document import ByteRange, ProblemKind
from extractor_service.formats.embedded.makernotes.base import SECTION, Notes
from extractor_service.formats.embedded.makernotes.tables import Vendor
from extractor_service.formats.reading import binary, fields
from extractor_service.formats.reading import conversions as conv
from extractor_service.formats.reading.damage import Surviving
from extractor_service.formats.reading.tagset import Conversion

if TYPE_CHECKING:
    from collections.abc import Mapping

    from extractor_service.document import Value
    from extractor_service.formats.embedded.walk import Walk
    from extractor_service.formats.reading.reader import Reader

_MAIN, _CALIBRATION = "PhaseOne::Main", "PhaseOne::SensorCalibration"
_HEADS = {_MAIN: re.compile(rb"IIII.waR|MMMMRaw.", re.DOTALL), _CALIBRATION: re.compile(rb"IIII\x01\0\0\0|MMMM\0\0\0\x01")}  # fmt: skip
_ENTRY_BYTES = {_MAIN: 16, _CALIBRATION: 12}
_MAX_ENTRIES = 300  # cameras write fewer than 100
_MAX_VALUE_BYTES = 4096  # longer ones are pictures and tables of the sensor: told by their size
_MAX_TABLE_BYTES = 64 * 1024  # of tables that are told by how long they are as text
_CALIBRATION_TAG = 0x110  # exiftool.org/TagNames/PhaseOne.html
_KINDS = {1: "string", 2: "int16s", 4: "int32s"}
_FLOAT_EXPONENTS = range(
    121, 140
)  # of 2**-6 to 2**12: 32 bits that look like this are a float, where no type is known


def _time(value: Value) -> Value:
    return 2**-value if isinstance(value, (int, float)) and abs(value) < 100 else 0


def _aperture(value: Value) -> Value:
    return 2 ** (value / 2) if isinstance(value, (int, float)) else value


def _matrix(value: Value) -> str:
    return " ".join(f"{each:.3f}" for each in conv.numbers(value))


_APERTURE = Conversion(_aperture, conv.fixed("f/{:.1f}"))
CONVERSIONS: Mapping[str, Conversion] = {
    "CameraOrientation": Conversion(lambda value: value & 3 if isinstance(value, int) else value),
    "DateTimeOriginal": Conversion(conv.unix_time),
    "ShutterSpeedValue": Conversion(_time, conv.exposure_text, "s"),
    "ApertureValue": _APERTURE,
    "MaxApertureValue": _APERTURE,
    "MinApertureValue": _APERTURE,
    "ExposureCompensation": Conversion(None, conv.fixed("{:.3f}"), "EV"),
    "FocalLength": Conversion(None, conv.fixed("{:.1f} mm"), "mm"),
    "SensorTemperature": Conversion(None, conv.fixed("{:.2f} C"), "°C"),
    "SensorTemperature2": Conversion(None, conv.fixed("{:.2f} C"), "°C"),
    "ColorMatrix1": Conversion(None, _matrix),
    "ColorMatrix2": Conversion(None, _matrix),
}
VENDOR = Vendor("raw", "PhaseOne", CONVERSIONS)


def parse(walk: Walk, offset: int, length: int) -> None:
    """Places count from the note's beginning; the raw picture itself lies inside."""
    reader = walk.directories.reader
    _directory(walk, reader.view(reader.base + offset, length), _MAIN)


def _directory(walk: Walk, window: Reader, table: str) -> None:
    head = window.exact(0, 12)
    if not _HEADS[table].match(head):
        return  # another layout: the note stays unknown
    reader = window.view(window.base, window.length, big_endian=head[:1] == b"M")
    notes = Notes(walk, VENDOR, reader)
    start, width = reader.u32(8), _ENTRY_BYTES[table]
    count = reader.u32(start)
    if not 2 <= count <= _MAX_ENTRIES:
        notes.problem(ProblemKind.DAMAGED, f"{count} entries", start)
        return
    for index in range(count):
        place = start + 8 + width * index
        with Surviving(walk.document, SECTION, f"Phase One entry {index}", reader.base + place):
            _entry(notes, table, place, width)


def _entry(notes: Notes, table: str, place: int, width: int) -> None:
    reader, document = notes.reader, notes.document
    number, size = reader.u32(place), reader.u32(place + width - 8)
    at = reader.u32(place + width - 4) if size > 4 else place + width - 4
    if number == _CALIBRATION_TAG and table == _MAIN:
        _directory(notes.walk, reader.view(reader.base + at, size), _CALIBRATION)
        return
    tag = notes.table(table).get(number)
    if tag is None or tag.hidden or at + size > reader.length:
        return
    origin = ByteRange(reader.base + at, size)
    stored_kind = _KINDS.get(reader.u32(place + 4), "undef") if width == 16 else "undef" if size % 4 else "int32s"  # fmt: skip
    kind = tag.form or stored_kind
    if kind == "undef" or size > (_MAX_TABLE_BYTES if tag.binary else _MAX_VALUE_BYTES):
        fields.add_binary(document, SECTION, VENDOR.group, tag.name, size, origin)
        return
    document.spend(size)
    data = reader.exact(at, size)
    count = max(1, size // binary.CODES[kind][1])
    value = binary.read(data, 0, kind, count, big_endian=reader.big_endian)
    if kind == "int32s" and not tag.form and tag.labels is None:
        first = value[0] if isinstance(value, list) else value
        if isinstance(first, int) and first >> 23 & 0xFF in _FLOAT_EXPONENTS:
            value = binary.read(data, 0, "float", count, big_endian=reader.big_endian)
    fields.add(document, SECTION, VENDOR.group, tag, value, origin)
