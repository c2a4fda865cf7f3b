"""Canon's CameraInfo, a dump of the camera's memory laid out differently in every model, and the creative filters.

Places by exiftool.org/TagNames/Canon.html (CameraInfo tables, PSInfo, FilterInfo).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from extractor_service.formats.embedded.makernotes import canon_tables as tables
from extractor_service.formats.embedded.makernotes.base import Block, Notes
from extractor_service.formats.reading import binary
from extractor_service.formats.reading.reader import layout

if TYPE_CHECKING:
    from extractor_service.document import Value
    from extractor_service.formats.reading import ifd

# Of compact cameras, whose dumps differ in length alone: at which 32-bit word the temperature stands.
_TEMPERATURES: Final = {72: 71, 85: 83, 93: 91, 94: 91, 96: 92, 104: 100}
_LONG_DUMP_WORDS: Final = 400  # longer ones end with the temperature, three words from the end
_MAX_FILTERS: Final = 64  # a camera has seven


def camera_info(notes: Notes, entry: ifd.Entry) -> None:
    """By model; compact cameras by the length of the dump."""
    model = notes.walk.model
    for pattern, table in tables.CAMERA_INFO:
        if re.search(pattern, model):
            data = notes.bytes_of(entry)
            notes.block(data, Block(table, "int8u", tables.MASKS), entry.offset)
            return
    if entry.kind == 4 and entry.count in {138, 148}:
        notes.block(notes.bytes_of(entry), Block("Canon::CameraInfoPowerShot", "int32s"), entry.offset)
    elif entry.kind == 4 and entry.count in {156, 162, 167, 171, 264}:
        notes.block(notes.bytes_of(entry), Block("Canon::CameraInfoPowerShot2", "int32s"), entry.offset)
    elif entry.kind in {4, 9}:
        _temperature(notes, entry)


def _temperature(notes: Notes, entry: ifd.Entry) -> None:
    place = _TEMPERATURES.get(entry.count)
    if place is None and entry.count > _LONG_DUMP_WORDS:
        place = entry.count - 3
    if place is None:
        return
    data = notes.bytes_of(entry)
    value = binary.read(data, place * 4, "int32s", 1, big_endian=notes.reader.big_endian)
    if isinstance(value, int):
        notes.add(notes.table("Canon::CameraInfoUnknown32")[-3], value, entry.offset + place * 4, 4)


def filters(notes: Notes, entry: ifd.Entry) -> None:
    """Creative filters: each a number, a length and parameters, each of those an id, a count and 32-bit values."""
    data = notes.bytes_of(entry)
    order = ">" if notes.reader.big_endian else "<"
    tags = notes.table("Canon::FilterInfo")
    if len(data) < 8:
        return
    place = 8
    for _ in range(min(layout(order + "I").unpack_from(data, 4)[0], _MAX_FILTERS)):
        if place + 12 > len(data):
            return
        _, length, parameters = layout(order + "III").unpack_from(data, place)
        following = place + 4 + length
        place += 12
        for _ in range(min(parameters, _MAX_FILTERS)):
            if place + 8 > len(data):
                return
            key, count = layout(order + "II").unpack_from(data, place)
            place += 8
            if count > _MAX_FILTERS or place + 4 * count > len(data):
                return
            values: list[Value] = list(layout(f"{order}{count}i").unpack_from(data, place))
            tag = tags.get(key)
            if tag is not None and values:
                notes.add(tag, values[0] if count == 1 else values, entry.offset + place, 4 * count)
            place += 4 * count
        place = following
