"""Fujifilm RAF: a header, an embedded JPEG that says nearly everything, and a directory of the raw picture.

By the public description of libopenraw (https://libopenraw.freedesktop.org/formats/raf/).
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from extractor_service.document import ByteRange, Field, ProblemKind
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.containers.photo import jpeg
from extractor_service.formats.reading import binary, fields
from extractor_service.formats.reading import conversions as conv
from extractor_service.formats.reading.damage import Surviving
from extractor_service.formats.reading.reader import Reader, TruncatedError
from extractor_service.formats.reading.tagset import Conversion, Tag, build, raw_table

if TYPE_CHECKING:
    from extractor_service.document import Document
    from extractor_service.sources.base import ByteSource

_SECTION = "raf"
_MAX_ENTRIES = 1000  # the 32-bit count isn't believed; the table's own end usually comes sooner


@lru_cache(maxsize=1)
def _tags() -> dict[int | str, Tag]:
    size = Conversion(None, conv.joined("x"))
    names = ("RawImageFullSize", "RawImageSize", "RawImageCroppedSize")
    return build(raw_table("raw", "FujiFilm::RAF"), dict.fromkeys(names, size))


def parse(source: ByteSource, document: Document) -> None:
    """The version, the embedded JPEG's metadata, and the raw directory."""
    reader = Reader(source)
    try:
        head = reader.exact(0, 120)
    except TruncatedError as error:
        raise CorruptFileError("the header is cut") from error
    document.add(
        _SECTION,
        Field(
            "FirmwareVersion",
            head[60:64].rstrip(b"\0").decode("latin-1"),
            group="RAF",
            origin=ByteRange(60, 4),
        ),
    )
    picture, length, table, table_length = (
        int.from_bytes(head[start : start + 4]) for start in (84, 88, 92, 96)
    )
    if picture and length:
        try:
            jpeg.at(source, document, picture, length)
        except CorruptFileError as error:
            document.problem("file", ProblemKind.DAMAGED, f"the preview: {error}", picture)
        fields.add_binary(document, _SECTION, "RAF", "PreviewImage", length, ByteRange(picture, length))
    with Surviving(document, _SECTION, "the raw directory", table):
        _directory(reader, document, table, table_length)


def _directory(reader: Reader, document: Document, offset: int, length: int) -> None:
    end = offset + length
    count = reader.u32(offset)
    place = offset + 4
    for _ in range(min(count, _MAX_ENTRIES)):
        if place + 4 > end:
            return
        number, size = reader.u16(place), reader.u16(place + 2)
        tag = _tags().get(number)
        if tag is not None and not tag.hidden and size <= 4096:
            data = reader.exact(place + 4, size)
            kind = (
                tag.kind
                if tag.kind in binary.CODES
                else {1: "int8u", 2: "int16u", 4: "int32u"}.get(size, "int16u")
            )
            count_values = max(1, size // binary.CODES[kind][1])
            value = binary.read(data, 0, kind, count_values, big_endian=True)
            if tag.name in {"RawImageFullSize", "RawImageSize", "RawImageCroppedSize"} and isinstance(
                value, list
            ):
                value = value[::-1]  # stored as height and width
            fields.add(document, _SECTION, "RAF", tag, value, ByteRange(place + 4, size))
        place += 4 + size
