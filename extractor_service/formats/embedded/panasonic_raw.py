"""Panasonic and Leica raw files (RW2, RWL, RAW): the first directory has tags of its own. exiftool.org/TagNames/PanasonicRaw.html.

One of them holds a JPEG with all of EXIF and the maker notes, another one a TIFF structure about the camera.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import TYPE_CHECKING

from extractor_service.document import ByteRange, ProblemKind
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.embedded.exif import EMBEDDED
from extractor_service.formats.embedded.walk import EXIF_TAGS, SECTION, Embedded, Walk
from extractor_service.formats.reading import binary, fields, ifd, meanings
from extractor_service.formats.reading import conversions as conv
from extractor_service.formats.reading.damage import Surviving
from extractor_service.formats.reading.tagset import Conversion

if TYPE_CHECKING:
    from collections.abc import Callable

    from extractor_service.document import Document, Value
    from extractor_service.sources.base import ByteSource

    JpegReader = Callable[[ByteSource, Document, int, int], None]

_OWN = "panasonicraw"
_GROUP = "PanasonicRaw"
_MAX_BLOCK_BYTES = 4096  # real ones have 32 to 60
_WHITE_BALANCES, _WHITE_BALANCES_2, _DISTORTION, _CAMERA, _JPEG, _NOISE = 0x13, 0x27, 0x119, 0x120, 0x2E, 0x1B
_DISTORTION_BYTES, _DISTORTION_MASKS = 32, {"7.1": 15}


def _gamma(value: Value) -> Value:
    """Models have three scales."""
    if not isinstance(value, int):
        return value
    return value / (1024 if value >= 1024 else 256 if value >= 256 else 100)


def _time(value: Value) -> Value:
    return 2 ** (-value / 256) if isinstance(value, (int, float)) and abs(value) < 25600 else 0


def _pair(value: Value) -> Value:
    """Two bytes in hexadecimal, the lower one first: the form in which lens types are known."""
    return f"{value & 255:02x} {value >> 8:02x}" if isinstance(value, int) else value


_TAGS = meanings.tags("raw", "PanasonicRaw::Main", {"Gamma": Conversion(_gamma)})
_CAMERA_TAGS = meanings.tags(
    "raw",
    "PanasonicRaw::CameraIFD",
    {
        "ShutterSpeedValue": Conversion(_time, conv.exposure_text, "s"),
        "LensTypeModel": Conversion(_pair),
        "FocalLengthIn35mmFormat": Conversion(None, conv.suffixed(" mm"), "mm"),
    },
)
for _each in _TAGS.values():
    _each.group = ""  # a field's group is the directory that it was found in


def _block(table: str, unit: str) -> Callable[[Walk, ifd.Entry, str], bool]:
    tags = meanings.tags("raw", f"PanasonicRaw::{table}", {})

    def read(walk: Walk, entry: ifd.Entry, group: str) -> bool:
        if group != "IFD0":
            return False
        with Surviving(walk.document, _OWN, table, walk.base + entry.offset):
            data = walk.directories.reader.exact(entry.offset, min(entry.size_bytes, _MAX_BLOCK_BYTES))
            if table == "DistortionInfo" and not _is_whole(data):
                walk.document.problem(_OWN, ProblemKind.DAMAGED, f"{table}: wrong checksums", walk.base + entry.offset)  # fmt: skip
                return True
            layout = binary.Layout(unit, big_endian=walk.directories.reader.big_endian)
            place = binary.Place(walk.document, _OWN, _GROUP)
            binary.parse(data, layout, tags, place, origin=walk.base + entry.offset, masks=_DISTORTION_MASKS)
        return True

    return read


def _is_whole(data: bytes) -> bool:
    """Four sums of other bytes each (the remainder of 73 * sum + byte by 65,519), kept at both ends."""
    if len(data) != _DISTORTION_BYTES:
        return False
    words = struct.unpack("<16H", data)
    sums = (_sum(data[4:16]), _sum(data[16:28]), _sum(data[2:30:2]), _sum(data[3:31:2]))
    kept = (words[1], words[14], words[0], words[15])
    return sums == kept


def _sum(data: bytes) -> int:
    total = 0
    for byte in data:
        total = (73 * total + byte) % 0xFFEF
    return total


def _camera(walk: Walk, entry: ifd.Entry, group: str) -> bool:
    """A TIFF structure: of the newer models, plain; of others something else, which says nothing."""
    if group != "IFD0":
        return False
    start = walk.base + entry.offset
    with Surviving(walk.document, _OWN, "CameraIFD", start):
        try:
            directories = ifd.Directories.at(walk.directories.reader.source, start, entry.size_bytes)
        except ifd.NotTiffError:
            return True
        for each in directories.read(directories.first).entries:
            tag = _CAMERA_TAGS.get(each.tag)
            if tag is None or tag.hidden or each.kind not in ifd.SIZES or each.size_bytes > _MAX_BLOCK_BYTES:
                continue
            stored = directories.value(each, _MAX_BLOCK_BYTES)
            if tag.kind == "int16s" and isinstance(stored, int) and each.kind == 3:
                stored = conv.signed(stored, 16)
            origin = ByteRange(start + each.offset, each.size_bytes)
            fields.add(walk.document, _OWN, "CameraIFD", tag, stored, origin)
    return True


def _jpeg(read: JpegReader) -> Callable[[Walk, ifd.Entry, str], bool]:
    def inner(walk: Walk, entry: ifd.Entry, group: str) -> bool:
        if group != "IFD0":
            return False
        at, size = walk.base + entry.offset, entry.size_bytes
        try:
            with Surviving(walk.document, SECTION, "the JPEG inside", at):
                read(walk.directories.reader.source, walk.document, at, size)
        except CorruptFileError as error:
            walk.document.problem("file", ProblemKind.DAMAGED, f"the JPEG inside: {error}", at)
        fields.add_binary(walk.document, SECTION, group, "JpgFromRaw", size, ByteRange(at, size))
        return True

    return inner


def _noise(walk: Walk, entry: ifd.Entry, group: str) -> bool:
    """16-bit numbers in undefined bytes."""
    if group != "IFD0":
        return False
    with Surviving(walk.document, SECTION, "NoiseReductionParams", walk.base + entry.offset):
        data = walk.directories.reader.exact(entry.offset, min(entry.size_bytes, _MAX_BLOCK_BYTES))
        value = binary.read(data, 0, "int16u", len(data) // 2, big_endian=walk.directories.reader.big_endian)
        origin = ByteRange(walk.base + entry.offset, entry.size_bytes)
        fields.add(walk.document, SECTION, group, _TAGS[_NOISE], value, origin)
    return True


@lru_cache(maxsize=1)
def embedded(read_jpeg: JpegReader) -> Embedded:
    """What Panasonic's TIFF structure contains, beside EXIF's; `read_jpeg` reads the JPEG at a place and of a length."""
    return Embedded(
        {
            **EMBEDDED.by_tag,
            _WHITE_BALANCES: _block("WBInfo", "int16u"),
            _WHITE_BALANCES_2: _block("WBInfo2", "int16u"),
            _DISTORTION: _block("DistortionInfo", "int16s"),
            _CAMERA: _camera,
            _JPEG: _jpeg(read_jpeg),
            _NOISE: _noise,
        },
        EMBEDDED.maker_note,
        EMBEDDED.geo_keys,
        {"IFD0": {**EXIF_TAGS, **_TAGS}},
    )
