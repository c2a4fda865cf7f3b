"""Sony maker notes, with the blocks that a simple substitution hides.

Layout by exiftool.org/TagNames/Sony.html and exiv2.org/makernote.html; the substitution is the cube modulo 249, public
since 2011 (exiftool.org/TagNames/Sony.html, "enciphered").
"""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING

from extractor_service.document import ByteRange
from extractor_service.formats.embedded.makernotes.base import SECTION, Block, Notes
from extractor_service.formats.embedded.makernotes.layout import displaced, ordered
from extractor_service.formats.embedded.makernotes.sony_values import CONVERSIONS
from extractor_service.formats.embedded.makernotes.tables import Vendor
from extractor_service.formats.reading import fields

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from extractor_service.formats.embedded.walk import Walk
    from extractor_service.formats.reading import ifd

VENDOR = Vendor("sony", "Sony", CONVERSIONS)
_PLAIN = bytes(pow(each, 3, 249) if each < 249 else each for each in range(256))
_DECIPHER = bytes(_PLAIN.index(each) if each in _PLAIN else each for each in range(256))
_TWICE, _ENCIPHERED_TWICE = "DoubleCipher", frozenset({b"\x5e", b"\xe7", b"\x04"})
# Bytes that only conditions ask for: whether a temperature, a second battery or a mount counts.
_ASKED: Mapping[str, Mapping[str, int]] = {
    "Tag9402": {"TempTest1": 2},
    "Tag9403": {"TempTest2": 4},
    "Tag940c": {"LensMount": 8},
    "Tag9406b": {"Battery2": 1, "BatteryStatus1": 4, "BatteryStatus2": 6},
}
_MOST_BLOCKS, _METERING = 50, 0x107  # of MoreInfo: cameras have six; the pixels of the light meter
_LATE = r"ILCE-(7M3|7RM3|9\b|7RM4|7SM3|7C|6100|6400|6600|9M2|1\b)|ZV-|DSC-(RX0M2|RX100M5A|RX100M6|RX100M7|RX10M4|HX95|HX99)"
_MIDDLE = r"ILCE-(6300|6500|7RM2|7SM2|7M2|5100|QX1)|ILCA-(68|99M2)|DSC-(RX100M4|RX100M5\b|RX10M2|RX10M3|RX1RM2|HX80|HX90|WX500)"
# (model, table) of tag 0x2010
_2010 = (
    (r"NEX-5N", "Tag2010a"), (r"SLT-A(65|77)V?|NEX-7\b|NEX-VG20", "Tag2010b"), (r"SLT-A(37|57)|NEX-F3", "Tag2010c"),
    (r"DSC-(HX10V|HX20V|HX30V|HX200V|TX66|TX200V|TX300V|WX50|WX100|WX150)", "Tag2010d"),
    (r"SLT-A(58|99)|HV\b|ILCE-3|NEX-(3N|5R|5T|6)|NEX-VG|DSC-RX1(00)?\b|DSC-RX1R\b|Stellar", "Tag2010e"),
    (r"DSC-(RX100M2|QX10\b|QX100)", "Tag2010f"), (r"ILCE-(7|7R|7S|5000|6000)\b|ILCA-77M2|DSC-(RX100M3|RX10\b|QX30|HX400|HX60|WX350|WX220)", "Tag2010g"),
    (_MIDDLE, "Tag2010h"), (_LATE, "Tag2010i"),
)  # fmt: skip


def parse(walk: Walk, offset: int, length: int) -> None:
    """Notes that begin with "SONY DSC", then a directory whose offsets count from the TIFF header."""
    _directory(walk, offset + 12, length - 12)


def plain(walk: Walk, offset: int, length: int) -> None:
    """A directory without a name (raw files, mobile phones)."""
    _directory(walk, offset, length)


def pic(walk: Walk, offset: int, length: int) -> None:
    """Fixed places (DSC-H200 and others)."""
    notes = Notes(walk, VENDOR, walk.directories.reader)
    notes.block(
        notes.reader.some(offset, min(length, 4096)), Block("Sony::PIC", "int8u", None, False), offset
    )


def _directory(walk: Walk, offset: int, length: int) -> None:
    reader = ordered(walk.directories.reader, offset)
    notes = Notes(walk, VENDOR, reader, displaced(reader, offset, length))
    notes.directory(offset, notes.table("Sony::Main"), _INSIDE)


def _hidden(notes: Notes, entry: ifd.Entry, table: str) -> None:
    data = _opened(notes, entry)
    for name, at in _ASKED.get(table, {}).items():
        notes.values[name] = data[at] if at < len(data) else 0
    notes.found(data, f"Sony::{table}", entry.offset, big_endian=False)


def _opened(notes: Notes, entry: ifd.Entry) -> bytes:
    """The block deciphered; twice where software that rewrote it enciphered it twice, which tag 0x9400 tells first."""
    data = notes.bytes_of(entry).translate(_DECIPHER)
    return data.translate(_DECIPHER) if notes.values.get(_TWICE) else data


def _by_model(choices: tuple[tuple[str, str], ...]) -> Callable[[Notes, ifd.Entry], None]:
    def read(notes: Notes, entry: ifd.Entry) -> None:
        table = next((name for pattern, name in choices if re.search(pattern, notes.walk.model)), "")
        if table:
            _hidden(notes, entry, table)

    return read


def _by_first_byte(choices: Mapping[int, str]) -> Callable[[Notes, ifd.Entry], None]:
    """The first byte, as it stands in the file, is the version of the block."""

    def read(notes: Notes, entry: ifd.Entry) -> None:
        first = notes.bytes_of(entry)[:1]
        table = choices.get(first[0] if first else -1, "")
        if table:
            _hidden(notes, entry, table)

    return read


def _camera_info(notes: Notes, entry: ifd.Entry) -> None:
    tables = {
        368: "CameraInfo",
        5478: "CameraInfo",
        5506: "CameraInfo2",
        6118: "CameraInfo2",
        15360: "CameraInfo3",
    }
    table = tables.get(entry.size_bytes)
    if table:
        order = None if table == "CameraInfo3" else table == "CameraInfo"
        notes.block(notes.bytes_of(entry), Block(f"Sony::{table}", "int8u", None, order), entry.offset)


def _camera_settings(notes: Notes, entry: ifd.Entry) -> None:
    tables = {280: ("CameraSettings", "int16u", True), 364: ("CameraSettings", "int16u", True), 332: ("CameraSettings2", "int16u", True),
              1536: ("CameraSettings3", "int8u", False), 2048: ("CameraSettings3", "int8u", False)}  # fmt: skip
    found = tables.get(entry.size_bytes)
    if found:
        table, unit, order = found
        notes.block(notes.bytes_of(entry), Block(f"Sony::{table}", unit, None, order), entry.offset)


def _focus_info(notes: Notes, entry: ifd.Entry) -> None:
    if entry.size_bytes in {19154, 19148}:
        notes.block(notes.bytes_of(entry), Block("Sony::FocusInfo", "int8u", None, False), entry.offset)
    else:
        _more_info(notes, entry)


def _more_info(notes: Notes, entry: ifd.Entry) -> None:
    """A list of blocks by number and place, of bodies between 2009 and 2011."""
    data = notes.bytes_of(entry)
    count = int.from_bytes(data[:2], "little")
    if not 0 < count <= _MOST_BLOCKS or len(data) < 4 + 4 * count:
        return
    places = [struct.unpack_from("<HH", data, 4 + 4 * index) for index in range(count)]
    ends = sorted({at for _, at in places} | {len(data)})
    is_old = re.match(r"DSLR-(A450|A500|A550)$", notes.walk.model) is not None
    tables = {
        1: "MoreSettings",
        2: "FaceInfoA" if is_old else "FaceInfo",
        0x201: "MoreInfo0201",
        0x401: "MoreInfo0401",
    }
    for number, at in places:
        table = tables.get(number, "")
        end = next((each for each in ends if each > at), at)
        if table and at < end:
            unit = "int16u" if table.startswith("Face") else "int8u"
            notes.found(data[at:end], f"Sony::{table}", entry.offset + at, big_endian=False, unit=unit)
        elif number == _METERING and at < end:
            place = ByteRange(notes.reader.base + entry.offset + at, end - at)
            fields.add_binary(notes.document, SECTION, "Sony", "TiffMeteringImage", end - at, place)


def _iso(notes: Notes, entry: ifd.Entry) -> None:
    """Sensitivities, at a place that the block's version says."""
    data = _opened(notes, entry)
    notes.values["Ver9401"] = data[0] if data else 0
    notes.found(data, "Sony::Tag9401", entry.offset, big_endian=False)


def _shutter(notes: Notes, entry: ifd.Entry) -> None:
    """Tag 0x9400, whose first byte also tells what was enciphered twice."""
    first = notes.bytes_of(entry)[:1]
    notes.values[_TWICE] = first in _ENCIPHERED_TWICE
    table = _9400.get(first[0] if first else -1, "")
    if table:
        _hidden(notes, entry, table)


def _by_head(choices: tuple[tuple[bytes, str], ...]) -> Callable[[Notes, ifd.Entry], None]:
    """By the first bytes as they stand in the file."""
    patterns = tuple((re.compile(pattern, re.DOTALL), table) for pattern, table in choices)

    def read(notes: Notes, entry: ifd.Entry) -> None:
        head = notes.bytes_of(entry)[:8]
        table = next((name for pattern, name in patterns if pattern.match(head)), "")
        if table:
            _hidden(notes, entry, table)

    return read


def _preview(notes: Notes, entry: ifd.Entry) -> None:
    """An embedded picture after 32 bytes of header."""
    if entry.size_bytes > 2048:
        origin = ByteRange(notes.reader.base + entry.offset, entry.size_bytes)
        fields.add_binary(notes.document, SECTION, "Sony", "PreviewImage", entry.size_bytes, origin)


_9400 = (
    dict.fromkeys((0x07, 0x09, 0x0A, 0x5E, 0xE7, 0x04), "Tag9400a")
    | {0x0C: "Tag9400b"}
    | dict.fromkeys((0x23, 0x24, 0x26, 0x28, 0x31, 0x32, 0x33, 0x41, 0x43), "Tag9400c")
)

_INSIDE: Mapping[int, Block | Callable[[Notes, ifd.Entry], None]] = {
    0x0010: _camera_info,
    0x0020: _focus_info,
    0x0114: _camera_settings,
    0x1003: Block("Sony::Panorama", "int32u"),
    0x2010: _by_model(_2010),
    0x202A: Block("Sony::Tag202a", "int8u", None, False),
    0x2001: _preview,
    0x3000: Block("Sony::ShotInfo", "int8u"),
    0x9050: _by_model(
        (
            (r"SLT-|HV\b|ILCA-|NEX-|ILCE-(3000|3500|5000|6000|7|7R|7S|QX1)\b|Lunar|Stellar", "Tag9050a"),
            (
                r"ILCE-(5100|6300|6500|7M2|7RM2|7SM2|7M3|7RM3|9\b|6100|6400|6600|9M2|7RM4)|ZV-E10|ILCE-7C\b",
                "Tag9050b",
            ),
            (r"ILCE-(1\b|7SM3|7M4)|ILME-FX3", "Tag9050c"),
            (r"ILCE-(6700|7CM2|7CR)|ZV-E1\b|ILME-FX30", "Tag9050d"),
        )
    ),
    0x900B: _by_head(((rb"\xae", "Tag900b"),)),
    0x9400: _shutter,
    0x9401: _iso,
    0x9404: _by_head(
        (
            (rb"[\x40\x7d]..\x01", "Tag9404a"),
            (rb"[\xe7\xea\xcd\x8a\x70]..\x08", "Tag9404b"),
            (rb"\xb6..\x01", "Tag9404c"),
        )
    ),
    0x9402: lambda notes, entry: _hidden(notes, entry, "Tag9402"),
    0x940E: _by_model(((r"ILCE|NEX|ZV-E|Lunar", "Tag940e"), (r"SLT|ILCA|HV", "AFInfo"))),
    0x9403: _by_first_byte({0x04: "", **dict.fromkeys(range(5, 256), "Tag9403")}),
    0x9405: _by_first_byte(
        {
            **dict.fromkeys((0x1B, 0x40, 0x7D), "Tag9405a"),
            **dict.fromkeys((0x3A, 0xB3, 0x7E, 0x9A, 0x25, 0xE1, 0x76, 0x8B), "Tag9405b"),
        }
    ),
    0x9406: _by_head(((rb"[\x01\x08\x1b].[\x08\x1b]", "Tag9406"), (rb"\x40", "Tag9406b"))),
    0x940A: lambda notes, entry: (
        _hidden(notes, entry, "Tag940a") if re.match("SLT-|HV", notes.walk.model) else None
    ),
    0x940C: _by_model(((r"ILCE|NEX|ZV-E|Lunar", "Tag940c"),)),
    0x9416: lambda notes, entry: _hidden(notes, entry, "Tag9416"),
}
