"""Fujifilm RAF: a header, an embedded JPEG that says nearly everything, and directories of the raw picture.

By the public description of libopenraw (https://libopenraw.freedesktop.org/formats/raf/) and exiftool.org/TagNames/FujiFilm.html.
"""

from __future__ import annotations

import math
import struct
from functools import lru_cache
from typing import TYPE_CHECKING

from extractor_service.document import ByteRange, Field, ProblemKind
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.containers.photo import jpeg
from extractor_service.formats.reading import binary, fields, ifd
from extractor_service.formats.reading import conversions as conv
from extractor_service.formats.reading.damage import Surviving
from extractor_service.formats.reading.reader import Reader, TruncatedError
from extractor_service.formats.reading.tagset import Conversion, Tag, build, raw_table

if TYPE_CHECKING:
    from extractor_service.document import Document, Value
    from extractor_service.sources.base import ByteSource

_SECTION = "raf"
_MAX_ENTRIES = 255  # the 32-bit count isn't believed
_MAX_VALUE_BYTES = 4096  # longer ones are tables of the sensor
_HEADER_BYTES, _JPEG, _COMPRESSION = 0x70, 0x54, 0x6C
# Where the header keeps place and size of (the directory in Fujifilm's layout, the one in TIFF's), for each picture.
_PICTURES = ((0x5C, 0x64), (0x78, 0x80))
_COMPRESSIONS = {0: "Uncompressed", 2: "Lossless", 3: "Lossy"}
_LAYOUT, _SIZE, _DATA, _INNER, _STRIPS = 0x130, 0x121, 0xC000, 0xF000, 0xF007
_MAX_WIDTH = 10_000  # the first number below is the width; some cameras write others before


def _reversed(value: Value) -> Value:
    """Stored as height and width."""
    return value[::-1] if isinstance(value, list) else value


def _logarithm(value: Value) -> Value:
    number = conv.numbers(value)
    return math.log2(number[0]) if number and number[0] > 0 else None


def _signed(value: Value) -> str:
    return f"{value:+.1f}" if isinstance(value, (int, float)) and value else "0"


def _colours(value: Value) -> str:
    """Six rows of the letters of the colours."""
    letters = "".join("RGB"[each] if isinstance(each, int) and each < 3 else str(each) for each in value) if isinstance(value, list) else ""  # fmt: skip
    return " ".join(letters[at : at + 6] for at in range(0, len(letters), 6))


_SIZES = Conversion(_reversed, conv.joined("x"))
_CONVERSIONS = {
    **dict.fromkeys(("RawImageFullSize", "RawImageSize", "RawImageCroppedSize", "RawZoomTopLeft", "RawZoomSize"), _SIZES),
    "RawImageAspectRatio": Conversion(_reversed, conv.joined(":")),
    "RelativeExposure": Conversion(_logarithm, _signed, "EV"),
    "RawExposureBias": Conversion(None, _signed, "EV"),
    "XTransLayout": Conversion(None, _colours),
}  # fmt: skip


@lru_cache(maxsize=4)
def _tags(name: str) -> dict[int | str, Tag]:
    return build(raw_table("raw", f"FujiFilm::{name}"), _CONVERSIONS)


def parse(source: ByteSource, document: Document) -> None:
    """The version, the embedded JPEG's metadata, and the directories of each raw picture."""
    reader = Reader(source)
    try:
        head = reader.exact(0, _HEADER_BYTES)
    except TruncatedError as error:
        raise CorruptFileError("the header is cut") from error
    version = head[60:64].rstrip(b"\0").decode("latin-1")
    document.add(_SECTION, Field("FirmwareVersion", version, group="RAF", origin=ByteRange(60, 4)))
    picture, length = struct.unpack_from(">II", head, _JPEG)
    compression = int.from_bytes(head[_COMPRESSION : _COMPRESSION + 4])
    if compression < 256:  # older cameras begin the JPEG there
        text = _COMPRESSIONS.get(compression, f"Unknown ({compression})")
        document.add(_SECTION, Field("RAFCompression", compression, text, group="RAF", origin=ByteRange(_COMPRESSION, 4)))  # fmt: skip
    if picture and length:
        try:
            jpeg.at(source, document, picture, length)
        except CorruptFileError as error:
            document.problem("file", ProblemKind.DAMAGED, f"the preview: {error}", picture)
        fields.add_binary(document, "file", "", "PreviewImage", length, ByteRange(picture, length))
    for number, (own, tiff) in enumerate(_PICTURES, 1):
        name = "" if number == 1 else str(number)
        for at in (own, tiff):
            if picture and at >= picture:
                return
            with Surviving(document, _SECTION, "a raw directory", at):
                start, size = reader.unpack("II", at)
                if start:
                    if at == own:
                        _directory(reader, document, (start, size), f"RAF{name}")
                    else:
                        _tiff(source, document, (start, size), f"FujiIFD{name}")


def _directory(reader: Reader, document: Document, place: tuple[int, int], group: str) -> None:
    start, length = place
    at, end = start + 4, start + length
    count = reader.u32(start)
    if count > _MAX_ENTRIES:
        document.problem(_SECTION, ProblemKind.DAMAGED, f"a raw directory of {count} entries", start)
        return
    is_wide = False  # pictures of rows that are twice as long and half as many
    for _ in range(count):
        if at + 4 > end:
            return
        number, size = reader.u16(at), reader.u16(at + 2)
        tag = _tags("RAF").get(number)
        origin = ByteRange(at + 4, size)
        if number == _DATA:
            _sizes(reader.exact(at + 4, min(size, 16)), document, group, origin, is_wide=is_wide)
        elif tag is not None and not tag.hidden and size <= _MAX_VALUE_BYTES:
            data = reader.exact(at + 4, size)
            kind = tag.kind if tag.kind in binary.CODES else "int32u" if size == 4 else ""
            width = binary.CODES[kind][1] if kind else 1
            known = min(tag.count if tag.count > 1 else size // width, size // width)
            if number == _LAYOUT:
                is_wide = bool(data) and data[0] & 0x80 != 0
            if kind and known:
                value = binary.read(data, 0, kind, known, big_endian=True)
                if number == _SIZE and is_wide:
                    stored = conv.numbers(value)
                    value = [int(stored[0] * 2), int(stored[1] / 2)] if len(stored) == 2 else value
                fields.add(document, _SECTION, group, tag, value, origin)
        at += 4 + size


def _sizes(data: bytes, document: Document, group: str, origin: ByteRange, *, is_wide: bool) -> None:
    """The first small number is the width, the next one the height."""
    numbers = struct.unpack(f"<{len(data) // 4}I", data[: len(data) // 4 * 4])
    place = next((place for place, number in enumerate(numbers[:3]) if number < _MAX_WIDTH), None)
    if place is None or place + 1 >= len(numbers):
        return
    width, height = numbers[place], numbers[place + 1]
    if is_wide:
        width, height = width // 2, height * 2
    document.add("makernotes", Field("RawImageWidth", width, unit="px", group=group, origin=origin))
    document.add("makernotes", Field("RawImageHeight", height, unit="px", group=group, origin=origin))


def _tiff(source: ByteSource, document: Document, place: tuple[int, int], group: str) -> None:
    """A TIFF structure on its own; other cameras have the raw picture itself there."""
    start, length = place
    try:
        directories = ifd.Directories.at(source, start, length)
    except ifd.NotTiffError:
        return
    waiting = [directories.first]
    for _ in range(2):  # one directory, which leads to the one that matters
        if not waiting:
            return
        for entry in directories.read(waiting.pop()).entries:
            if entry.kind not in ifd.SIZES:
                continue
            value = directories.value(entry, _MAX_VALUE_BYTES) if entry.size_bytes <= _MAX_VALUE_BYTES else None  # fmt: skip
            tag = _tags("IFD").get(entry.tag)
            if entry.tag == _INNER and isinstance(value, int):
                waiting.append(value)
            elif tag is not None and not tag.hidden and value is not None:
                if entry.tag == _STRIPS and isinstance(value, int):
                    value += start
                origin = ByteRange(start + entry.offset, entry.size_bytes)
                fields.add(document, _SECTION, group, tag, value, origin)
