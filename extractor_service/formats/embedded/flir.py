"""FLIR thermal pictures: records in a JPEG's APP1 segments. exiftool.org/TagNames/FLIR.html."""

from __future__ import annotations

import re
import struct
from functools import lru_cache
from typing import TYPE_CHECKING

from extractor_service.document import Field, ProblemKind
from extractor_service.formats.reading import binary, fields, meanings
from extractor_service.formats.reading import conversions as conv
from extractor_service.formats.reading.damage import Surviving
from extractor_service.formats.reading.reader import layout
from extractor_service.formats.reading.tagset import Conversion, Tag

if TYPE_CHECKING:
    from extractor_service.document import Document, Value
    from extractor_service.formats.reading.reader import Reader

_SECTION = "app1"
_MAX_RECORDS = 100  # rows of a table of which six types are read; a damaged count ends here
_SEGMENT_BYTES = 64 * 1024  # so often may a first segment be met that turns out to hold nothing
_MAX_TABLE_BYTES = 2048  # the values at fixed places; what follows is the picture
# type of a record: its table; the byte order is told by the first word of each
_TABLES = {1: "RawData", 14: "EmbeddedImage", 32: "CameraInfo", 34: "PaletteInfo", 42: "PiP", 43: "GPSInfo"}
_UNITS = {"RawData": "int16u", "EmbeddedImage": "int16u", "PiP": "int16s"}  # that ids count in; else bytes
_PICTURES = frozenset({"RawData", "EmbeddedImage"})
_ORDERED = frozenset({"RawData", "EmbeddedImage", "CameraInfo"})
_PICTURE_AT = 32  # within its record
_MEASUREMENTS, _FIRST_TOOL, _LEAST_TOOL_BYTES, _PARAMETERS_AT, _MAX_TOOLS = 33, 12, 40, 36, 50
_TOOLS = {
    1: "Spot",
    2: "Area",
    3: "Ellipse",
    4: "Line",
    5: "Endpoint",
    6: "Alarm",
    7: "Unused",
    8: "Difference",
}
_PALETTE_AT = 0x70
_NAME = re.compile(r"[\x20-\x7e]{3,31}")


def _celsius(value: Value) -> Value:
    return value - 273.15 if isinstance(value, (int, float)) else value


def _time(value: Value) -> Value:
    """Seconds since 1970 (UTC), milliseconds, and minutes that the clock's zone is west of Greenwich."""
    if not isinstance(value, bytes) or len(value) < 10:
        return value
    seconds, fraction, west = struct.unpack_from("<IIh", value)
    shown = conv.unix_time(seconds - 60 * west)
    return f"{shown}.{fraction & 0xFFFF:03d}{conv.zone_text(-west)}"


def _file_name(value: Value) -> Value:
    """Rests of other texts stand there as well."""
    return value if isinstance(value, str) and _NAME.fullmatch(value) else None


def _one_digit(unit: str) -> Conversion:
    return Conversion(
        None, lambda value: f"{value:.1f} {unit}" if isinstance(value, (int, float)) else "", unit
    )


_TEMPERATURE = Conversion(
    _celsius, lambda value: f"{value:.1f} C" if isinstance(value, (int, float)) else "", "C"
)
_CONVERSIONS = {
    **dict.fromkeys(
        ("ReflectedApparentTemperature", "AtmosphericTemperature", "IRWindowTemperature", "CameraTemperatureRangeMax",
         "CameraTemperatureRangeMin", "CameraTemperatureMaxClip", "CameraTemperatureMinClip", "CameraTemperatureMaxWarn",
         "CameraTemperatureMinWarn", "CameraTemperatureMaxSaturated", "CameraTemperatureMinSaturated"),
        _TEMPERATURE,
    ),
    "ObjectDistance": Conversion(None, lambda value: f"{value:.2f} m" if isinstance(value, (int, float)) else "", "m"),
    "FieldOfView": _one_digit("deg"),
    "DateTimeOriginal": Conversion(_time),
    "OffsetX": Conversion(None, lambda value: f"{value:+d}" if isinstance(value, int) else ""),
    "OffsetY": Conversion(None, lambda value: f"{value:+d}" if isinstance(value, int) else ""),
    "FocusDistance": _one_digit("m"),
}  # fmt: skip


# What is no value at a fixed place: pictures, their kind, and names that may be none.
_ELSEWHERE = frozenset({"RawThermalImageType", "RawThermalImage", "EmbeddedImageType", "EmbeddedImage", "Palette", "PaletteFileName", "PaletteName"})  # fmt: skip


@lru_cache(maxsize=16)
def _table(name: str) -> dict[int | str, Tag]:
    tags = meanings.tags("others", f"FLIR::{name}", _CONVERSIONS)
    return {key: tag for key, tag in tags.items() if tag.name not in _ELSEWHERE}


def segment(reader: Reader, document: Document, offset: int, length: int, head: bytes) -> None:
    """Reads the records when the first of the segments is met: the others follow it directly.

    The thermal picture itself is never read: of each record only what its table needs.
    """
    if head[6] != 0 or any(field.group == "FLIR" for field in document.sections.get(_SECTION, ())):
        return
    document.spend(_SEGMENT_BYTES)
    pieces = [(offset + 8, length - 8)]
    place = offset + length
    for _ in range(head[7]):
        marker = reader.some(place, 12)
        if marker[:2] != b"\xff\xe1" or marker[4:9] != b"FLIR\0":
            break
        size = int.from_bytes(marker[2:4])
        pieces.append((place + 12, size - 10))
        place += 2 + size
    _records(_Joined(reader, pieces), document, reader.base + offset + 8)


class _Joined:
    """The contents of several segments as if they were one."""

    def __init__(self, reader: Reader, pieces: list[tuple[int, int]]) -> None:
        self._reader = reader
        self._pieces = pieces

    def read(self, offset: int, length: int) -> bytes:
        """Up to `length` bytes from `offset` on."""
        parts = []
        for start, size in self._pieces:
            if length <= 0:
                break
            if offset < size:
                taken = min(size - offset, length)
                parts.append(self._reader.some(start + offset, taken))
                offset, length = 0, length - taken
            else:
                offset -= size if offset >= size else 0
        return b"".join(parts)


def _records(joined: _Joined, document: Document, at: int) -> None:
    head = joined.read(0, 64)
    if head[:3] not in {b"FFF", b"AFF"} or len(head) < 64:
        document.problem(_SECTION, ProblemKind.DAMAGED, "no FLIR header", at)
        return
    creator = head[4:20].split(b"\0")[0].decode("latin-1")
    document.add(_SECTION, Field("CreatorSoftware", creator, group="FLIR"))
    version = int.from_bytes(head[20:24])
    order = ">" if 100 <= version < 200 else "<"
    start, count = layout(order + "II").unpack_from(head, 24)
    for index in range(min(count, _MAX_RECORDS)):
        row = joined.read(start + index * 32, 32)
        if len(row) < 32:
            return
        kind = layout(order + "H").unpack_from(row)[0]
        offset, length = layout(order + "II").unpack_from(row, 12)
        content = joined.read(offset, min(length, _MAX_TABLE_BYTES)) if length else b""
        with Surviving(document, _SECTION, f"FLIR record {kind}", at):
            if kind == _MEASUREMENTS:
                _tools(content, document)
            elif kind in _TABLES and content:
                _record(content, length, _TABLES[kind], document)


def _record(content: bytes, length: int, name: str, document: Document) -> None:
    # Of three kinds the first number is a small one, and tells the byte order.
    big_endian = name in _ORDERED and content[1:2] != b"\0"
    place = binary.Place(document, _SECTION, "FLIR")
    binary.parse(
        content, binary.Layout(_UNITS.get(name, "int8u"), big_endian=big_endian), _table(name), place
    )
    if name in _PICTURES:
        prefix = "RawThermalImage" if name == "RawData" else "EmbeddedImage"
        start = content[_PICTURE_AT : _PICTURE_AT + 8]
        size = length - _PICTURE_AT
        kind = "PNG" if start[:4] == b"\x89PNG" else "JPG" if start[:3] == b"\xff\xd8\xff" else "DAT"
        if kind == "DAT" and name == "RawData":
            width, height = struct.unpack_from(">HH" if big_endian else "<HH", content, 2)
            if not big_endian and size == 2 * width * height:
                kind = "TIFF"  # 16 bits a point, as which ExifTool hands it out
        document.add(_SECTION, Field(f"{prefix}Type", kind, group="FLIR"))
        fields.add_binary(document, _SECTION, "FLIR", prefix, size, None)
    elif name == "PaletteInfo":
        for key, at in (("PaletteFileName", 0x30), ("PaletteName", 0x50)):
            text = _file_name(content[at : at + 32].split(b"\0")[0].decode("latin-1"))
            if text is not None:
                document.add(_SECTION, Field(key, text, group="FLIR"))
        size = 3 * content[0]
        if _PALETTE_AT + size <= length:
            fields.add_binary(document, _SECTION, "FLIR", "Palette", size, None)


def _tools(content: bytes, document: Document) -> None:
    """Points and areas that were measured: kind, places and label of each."""
    order = "<" if content[1:2] == b"\0" else ">"
    place = _FIRST_TOOL
    for number in range(1, _MAX_TOOLS):
        if place + _LEAST_TOOL_BYTES > len(content):
            return
        size, _, places_bytes, _, _, kind = struct.unpack_from(order + "6H", content, place)
        if size < _LEAST_TOOL_BYTES or place + size > len(content):
            return
        document.add(_SECTION, Field(f"Meas{number}Type", kind, _TOOLS.get(kind, f"Unknown ({kind})"), group="FLIR"))  # fmt: skip
        start = place + _PARAMETERS_AT
        count = places_bytes // 2
        if start + 2 * count > len(content):
            return
        places = list(struct.unpack_from(f"{order}{count}H", content, start))
        document.add(_SECTION, Field(f"Meas{number}Params", places, group="FLIR"))
        text = content[start + places_bytes : place + size].decode("utf-16-be" if order == ">" else "utf-16-le", "replace")  # fmt: skip
        label = re.match(r"[\x20-\x7f]*", text)
        document.add(_SECTION, Field(f"Meas{number}Label", label[0] if label else "", group="FLIR"))
        place += size
