"""Apple maker notes: a big-endian directory with property lists inside. exiftool.org/TagNames/Apple.html."""

from __future__ import annotations

import plistlib
from typing import TYPE_CHECKING

from extractor_service.document import ByteRange, ProblemKind
from extractor_service.formats.embedded.makernotes.base import SECTION, Notes
from extractor_service.formats.embedded.makernotes.tables import Vendor
from extractor_service.formats.reading import fields
from extractor_service.formats.reading.tagset import Conversion

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from extractor_service.document import Value
    from extractor_service.formats.embedded.walk import Walk
    from extractor_service.formats.reading import ifd


def _range(value: Value) -> str:
    if isinstance(value, list) and len(value) == 2 and all(isinstance(each, (int, float)) for each in value):
        near, far = sorted(float(each) for each in value if isinstance(each, (int, float)))
        return f"{near:.2f} - {far:.2f} m"
    return ""


def _performance(value: Value) -> str:
    """Three numbers, two of which share a word."""
    if isinstance(value, list) and len(value) == 2 and isinstance(value[1], int):
        return f"{value[0]} {value[1] >> 28} {value[1] & 0xFFFFFFF}"
    return ""


CONVERSIONS: Mapping[str, Conversion] = {
    "FocusDistanceRange": Conversion(None, _range, "m"),
    "AFPerformance": Conversion(None, _performance),
}
VENDOR = Vendor("others", "Apple", CONVERSIONS)
_RUN_TIME = {
    "flags": "RunTimeFlags",
    "value": "RunTimeValue",
    "timescale": "RunTimeScale",
    "epoch": "RunTimeEpoch",
}


def parse(walk: Walk, offset: int, length: int) -> None:
    """A directory after 14 bytes; offsets count from the beginning of the note."""
    reader = walk.directories.reader
    big = reader.exact(offset + 12, 2) != b"II"
    inner = reader.view(reader.base + offset, min(length, reader.length - offset), big_endian=big)
    notes = Notes(walk, VENDOR, inner)
    notes.directory(14, notes.table("Apple::Main"), _INSIDE)


def _run_time(notes: Notes, entry: ifd.Entry) -> None:
    found = _plist(notes, entry)
    if not isinstance(found, dict):
        return
    tags = {tag.name: tag for tag in notes.table("Apple::RunTime").values()}
    for key in ("flags", "value", "timescale", "epoch"):
        stored = found.get(key)
        tag = tags.get(_RUN_TIME[key])
        if isinstance(stored, int) and tag is not None:
            notes.add(tag, stored, entry.offset, entry.size_bytes)


def _plist(notes: Notes, entry: ifd.Entry) -> object:
    try:
        found: object = plistlib.loads(notes.bytes_of(entry))
    except Exception as error:  # noqa: BLE001 - the parser raises what it likes on damaged lists
        notes.problem(ProblemKind.DAMAGED, f"tag {entry.tag} is no property list: {error}", entry.offset)
        return None
    return found


def _list_of(number: int) -> Callable[[Notes, ifd.Entry], None]:
    """A property list with one number, or one that is only described."""

    def read(notes: Notes, entry: ifd.Entry) -> None:
        tag = notes.table("Apple::Main").get(number)
        if tag is None or tag.hidden:
            return
        found = _plist(notes, entry)
        if isinstance(found, (int, float, str)) or (
            isinstance(found, list) and all(isinstance(each, (int, float)) for each in found)
        ):
            notes.add(tag, found, entry.offset, entry.size_bytes)
        elif found is not None:
            origin = ByteRange(notes.reader.base + entry.offset, entry.size_bytes)
            fields.add_binary(notes.document, SECTION, "Apple", tag.name, entry.size_bytes, origin)

    return read


_INSIDE: Mapping[int, Callable[[Notes, ifd.Entry], None]] = {
    0x02: _list_of(0x02),
    0x03: _run_time,
    0x4E: _list_of(0x4E),
    0x4F: _list_of(0x4F),
}
