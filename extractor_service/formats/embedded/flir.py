"""FLIR thermal pictures: records in a JPEG's APP1 segments. exiftool.org/TagNames/FLIR.html."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from extractor_service.document import Field, ProblemKind
from extractor_service.formats.reading import binary
from extractor_service.formats.reading.reader import layout
from extractor_service.formats.reading.tagset import Conversion, Tag, build, raw_table

if TYPE_CHECKING:
    from extractor_service.document import Document, Value
    from extractor_service.formats.reading.reader import Reader

_SECTION = "app1"
_MAX_RECORDS = 100  # rows of a table of which six types are read; a damaged count ends here
_SEGMENT_BYTES = 64 * 1024  # so often may a first segment be met that turns out to hold nothing
_MAX_TABLE_BYTES = 2048  # the values at fixed places; what follows is the picture
# type of a record: its table; the byte order is told by the first word of each
_TABLES = {1: "RawData", 14: "EmbeddedImage", 32: "CameraInfo", 34: "PaletteInfo", 42: "PiP", 43: "GPSInfo"}


def _celsius(value: Value) -> Value:
    return value - 273.15 if isinstance(value, int | float) else value


def _one_digit(unit: str) -> Conversion:
    return Conversion(
        None, lambda value: f"{value:.1f} {unit}" if isinstance(value, int | float) else "", unit
    )


_TEMPERATURE = Conversion(
    _celsius, lambda value: f"{value:.1f} C" if isinstance(value, int | float) else "", "C"
)
_CONVERSIONS = {
    **dict.fromkeys(
        ("ReflectedApparentTemperature", "AtmosphericTemperature", "IRWindowTemperature", "CameraTemperatureRangeMax",
         "CameraTemperatureRangeMin", "CameraTemperatureMaxClip", "CameraTemperatureMinClip", "CameraTemperatureMaxWarn",
         "CameraTemperatureMinWarn", "CameraTemperatureMaxSaturated", "CameraTemperatureMinSaturated"),
        _TEMPERATURE,
    ),
    "ObjectDistance": Conversion(None, lambda value: f"{value:.2f} m" if isinstance(value, int | float) else "", "m"),
    "FieldOfView": _one_digit("deg"),
    "FocusDistance": _one_digit("m"),
}  # fmt: skip


@lru_cache(maxsize=16)
def _table(name: str) -> dict[int | str, Tag]:
    return build(raw_table("others", f"FLIR::{name}"), _CONVERSIONS)


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
        name = _TABLES.get(kind)
        if name is None or not length:
            continue
        content = joined.read(offset, min(length, _MAX_TABLE_BYTES))
        unit = "int16u" if name in {"RawData", "EmbeddedImage"} else "int8u"
        big_endian = content[:2] == b"\0\x02"
        binary.parse(
            content,
            binary.Layout(unit, big_endian=big_endian),
            _table(name),
            binary.Place(document, _SECTION, "FLIR"),
        )
