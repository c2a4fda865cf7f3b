"""Word 97 to 2003: the file information block and the document's own dates and counts. Microsoft, MS-DOC 2.5, 2.7.2."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from extractor_service.document import Field, ProblemKind
from extractor_service.formats.containers.ole.property_set import SECTION
from extractor_service.formats.reading.reader import Reader
from extractor_service.formats.reading.table import Table

if TYPE_CHECKING:
    from extractor_service.document import Document, Value
    from extractor_service.formats.containers.ole.compound import CompoundFile, Stream

_GROUP = "MS-DOC"
_MAGIC = 0xA5EC
_MOST_NAMES = 1000  # who commented or saved
_DOP, _COMMENT_BY, _SAVED_BY, _SAVED_AT = 0xF8, 0x120, 0x238, 0x2B8  # in the list of places (2.5.6 to 2.5.10)
_FROM_1601_SECONDS = 11_644_473_600  # to 1970


_BLOCK = Table("documents/FlashPix::WordDocument", SECTION, "FlashPix", unit="int16u")
# Where the document's own counts and dates stand (2.7.2), and their names in ExifTool.
_COUNTS = ((32, "H", "RevisionNumber"), (34, "I", "TotalEditTime"), (38, "I", "Words"), (42, "I", "Characters"), (46, "H", "Pages"), (48, "I", "Paragraphs"), (56, "I", "Lines"))  # fmt: skip
_MOMENTS = ((20, "CreateDate"), (24, "ModifyDate"), (28, "LastPrinted"))


def _date(value: int) -> str:
    """A DTTM: minutes, hours, days, months, years since 1900 (2.9.70)."""
    return f"{(value >> 20 & 0x1FF) + 1900:04d}:{value >> 16 & 0xF:02d}:{value >> 11 & 0x1F:02d} {value >> 6 & 0x1F:02d}:{value & 0x3F:02d}:00"


def read(file: CompoundFile, stream: Stream, document: Document) -> None:
    """Adds what the block says, then what the table stream says."""
    reader = Reader(stream, big_endian=False)
    if reader.u16(0) != _MAGIC:
        document.problem(SECTION, ProblemKind.UNSUPPORTED, "a document of a Word before 97", stream.origin())
        return
    _BLOCK.block(document, reader.some(0, 32), stream.origin())
    flags = reader.u16(10)
    at = 32
    at += 2 + 2 * reader.u16(at)
    at += 2 + 4 * reader.u16(at)
    count = reader.u16(at)
    at += 2
    if count * 8 >= _SAVED_AT + 8:
        moment = reader.u64(at + _SAVED_AT) / 1e7 - _FROM_1601_SECONDS
        if moment > 0:
            _put(document, "ModifyDate", _of_unix(moment))
    if flags & 0x100:
        document.problem(SECTION, ProblemKind.UNSUPPORTED, "the document needs a password", stream.origin())
        return
    table = file.stream("1Table" if flags & 0x200 else "0Table")
    if table is None:
        return
    inside = Reader(table, big_endian=False)
    for place in (_DOP, _COMMENT_BY, _SAVED_BY):
        if place + 8 > count * 8:
            return
        offset, length = reader.unpack("II", at + place)
        if not length or offset + length > inside.length:
            continue
        data = inside.exact(offset, min(length, 256 * 1024))
        if place == _DOP:
            _own_properties(data, document)
        elif place == _COMMENT_BY:
            for name in _texts(data, 0):
                _put(document, "CommentBy", name)
        else:
            texts = _texts(data, 6)
            for author, path in zip(texts[::2], texts[1::2], strict=False):
                _put(document, "LastSavedBy", f"{author} ({path})")


def _own_properties(data: bytes, document: Document) -> None:
    for at, name in _MOMENTS:
        value = int.from_bytes(data[at : at + 4], "little")
        if value:
            _put(document, name, _date(value))
    for at, form, name in _COUNTS:
        if at + struct.calcsize("<" + form) <= len(data):
            count = struct.unpack_from("<" + form, data, at)[0]
            is_time = name == "TotalEditTime"
            text, unit = (f"{count} min", "min") if is_time else ("", "")
            document.add(SECTION, Field(name, count, text, unit, group=_GROUP))


def _put(document: Document, name: str, value: Value) -> None:
    document.add(SECTION, Field(name, value, group=_GROUP))


def _texts(data: bytes, at: int) -> list[str]:
    found: list[str] = []
    while at + 2 <= len(data) and len(found) < _MOST_NAMES:
        length = struct.unpack_from("<H", data, at)[0] * 2
        if at + 2 + length > len(data):
            break
        found.append(data[at + 2 : at + 2 + length].decode("utf-16-le", "replace"))
        at += 2 + length
    return found


def _of_unix(seconds: float) -> str:
    from datetime import UTC, datetime  # noqa: PLC0415 - in workers only

    return f"{datetime.fromtimestamp(int(seconds + 0.5), UTC):%Y:%m:%d %H:%M:%S}"
