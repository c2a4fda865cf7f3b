"""What ASF files say in words: descriptions, attributes of all types, pictures, codecs. ASF specification, 3.10, 3.11, 3.13, 4.7, 4.8."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, NamedTuple

from extractor_service.document import ByteRange, ProblemKind
from extractor_service.formats.reading import fields, names
from extractor_service.formats.reading.conversions import duration_text
from extractor_service.formats.reading.table import Table
from extractor_service.formats.reading.tagset import Conversion

if TYPE_CHECKING:
    from collections.abc import Iterator

    from extractor_service.document import Document, Value
    from extractor_service.formats.reading.reader import Reader

SECTION = "asf"
_GROUP = "ASF"
_DESCRIPTION, _ATTRIBUTES = "75B22633-668E-11CF-A6D9-00AA0062CE6C", "D2D0A440-E307-11D2-97F0-00A0C95EA850"
_METADATA, _LIBRARY = "C5F8CBEA-5BAF-4877-8467-AA8C44FA4CCA", "44231C94-9498-49D1-A141-1D134E457054"
_BRANDING = "2211B3FA-BD23-11D2-B4B7-00A0C955FC6E"
_TEXT, _BYTES, _BOOLEAN, _IDENTITY = 0, 1, 2, 6
_MOST_NUMBER_BYTES = 8  # a QWORD, the longest kind (3.10)
_MOST_VALUE_BYTES = 64 * 1024  # of an attribute: longer ones are told by their length


def _guid(value: Value) -> Value:
    if isinstance(value, bytes) and len(value) == 16:
        return str(uuid.UUID(bytes_le=value)).upper()
    return value


def _date(value: Value) -> Value:
    return value.replace("-", ":").replace("T", " ") if isinstance(value, str) else value


_DATES = ("MediaOriginalBroadcastDateTime", "OriginalReleaseTime")
_WORDS = Table("film/ASF::ContentDescr", SECTION, _GROUP)
_NAMED = Table(
    "film/ASF::ExtendedDescr", SECTION, _GROUP,
    {
        "MediaClassPrimaryID": Conversion(_guid), "MediaClassSecondaryID": Conversion(_guid),
        "Duration": Conversion(None, lambda value: duration_text(value) if isinstance(value, int) else "", ""),
        **{name: Conversion(_date) for name in _DATES},
    },
)  # fmt: skip
_PICTURE = Table("film/ASF::Picture", SECTION, _GROUP)
_BANNER = Table("film/ASF::ContentBranding", SECTION, _GROUP)
_CODEC = Table("film/ASF::CodecList", SECTION, _GROUP)


class _Attribute(NamedTuple):
    """A name, a type, and where the value lies."""

    name: str
    kind: int
    offset: int
    length: int


def parse(reader: Reader, document: Document, name: str, at: int, length: int) -> None:
    """Adds what an object says, if it is one of words."""
    if name == _DESCRIPTION:
        _words(document, reader.exact(at, length), at)
    elif name == _ATTRIBUTES:
        for each in _attributes(reader, at, at + length, is_long=False):
            _attribute(reader, document, each)
    elif name in {_METADATA, _LIBRARY}:
        for each in _attributes(reader, at, at + length, is_long=True):
            _attribute(reader, document, each)
    elif name == _BRANDING:
        _branding(document, reader.exact(at, min(length, 1 << 20)), at)


def _utf16(data: bytes) -> str:
    return data[: len(data) // 2 * 2].decode("utf-16-le", "replace").split("\0", 1)[0]


def _words(document: Document, data: bytes, at: int) -> None:
    """Title, author, copyright, description, rating: five lengths, then the texts."""
    place = 10
    for key in range(5):
        size = int.from_bytes(data[key * 2 : key * 2 + 2], "little")
        if size:
            _WORDS.put(document, key, _utf16(data[place : place + size]), ByteRange(at + place, size))
        place += size


def _attributes(reader: Reader, at: int, end: int, *, is_long: bool) -> Iterator[_Attribute]:
    """Of the extended description, or with stream and language as the library has them."""
    count = reader.u16(at)
    at += 2
    for _ in range(count):
        if at + 6 > end:
            return
        if is_long:
            size, kind = reader.unpack("HH", at + 4)
            length, name_at = reader.u32(at + 8), at + 12
            value_at = name_at + size
        else:
            size, name_at = reader.u16(at), at + 2
            kind, length = reader.unpack("HH", name_at + size)
            value_at = name_at + size + 4
        if value_at + length > end:
            reader.exact(value_at, end - value_at + 1 + length)
        yield _Attribute(_utf16(reader.exact(name_at, size)), kind, value_at, length)
        at = value_at + length


def _attribute(reader: Reader, document: Document, each: _Attribute) -> None:
    key = each.name.removeprefix("WM/")
    origin = ByteRange(reader.base + each.offset, each.length)
    if key == "Picture":
        _picture(reader, document, each)
        return
    if each.length > _MOST_VALUE_BYTES or (each.kind == _BYTES and key not in _NAMED.tags):
        fields.add_binary(document, SECTION, _GROUP, names.kept(key), each.length, origin)
        return
    value = _value(reader.exact(each.offset, each.length), each.kind)
    if value is None:
        message = f"{key}: a number of {each.length} bytes"
        document.problem(SECTION, ProblemKind.DAMAGED, message, origin.offset_bytes)
        return
    tag = _NAMED.tags.get(key)
    if tag is not None and (tag.binary or (isinstance(value, bytes) and tag.convert is None)):
        fields.add_binary(document, SECTION, _GROUP, tag.name, each.length, origin)
        return
    _NAMED.put(document, key, value, origin, name=lambda: names.kept(key.replace("/", "_")))


def _value(data: bytes, kind: int) -> Value:
    if kind == _TEXT:
        return _utf16(data)
    if kind == _BYTES:
        return data
    if kind == _IDENTITY:
        return _guid(data)
    if len(data) > _MOST_NUMBER_BYTES:
        return None
    number = int.from_bytes(data, "little")
    return ("True" if number else "False") if kind == _BOOLEAN else number


def _picture(reader: Reader, document: Document, each: _Attribute) -> None:
    """Its kind, its size, MIME type and description, then its bytes (id3.org's APIC, in UTF-16)."""
    head = reader.some(each.offset, min(each.length, 1024))
    if len(head) < 9:
        return
    size = int.from_bytes(head[1:5], "little")
    start = each.length - size
    texts = _utf16_pair(head[5 : max(5, min(start, len(head)))])
    at = reader.base + each.offset
    _PICTURE.put(document, 0, head[0], ByteRange(at, 1))
    _PICTURE.put(document, 1, texts[0], ByteRange(at + 5, max(0, start - 5)))
    if texts[1]:
        _PICTURE.put(document, 2, texts[1], ByteRange(at + 5, max(0, start - 5)))
    if start >= 0:
        fields.add_binary(document, SECTION, _GROUP, "Picture", size, ByteRange(at + start, size))


def _utf16_pair(data: bytes) -> tuple[str, str]:
    text = data[: len(data) // 2 * 2].decode("utf-16-le", "replace")
    first, _, second = text.partition("\0")
    return first, second.split("\0")[0]


def _branding(document: Document, data: bytes, at: int) -> None:
    _BANNER.put(document, 0, int.from_bytes(data[:4], "little"), ByteRange(at, 4))
    place = 4
    for key in (1, 2, 3):
        size = int.from_bytes(data[place : place + 4], "little")
        place += 4
        origin = ByteRange(at + place, size)
        if size and key == 1:
            fields.add_binary(document, SECTION, _GROUP, _BANNER.tags[1].name, size, origin)
        elif size:
            _BANNER.put(document, key, data[place : place + size].rstrip(b"\0").decode("latin-1"), origin)
        place += size


def codec_list(document: Document, data: bytes, at: int) -> None:
    """Name and description of each codec; lengths are in characters (3.5)."""
    place = 20
    for _ in range(int.from_bytes(data[16:20], "little")):
        if place + 8 > len(data):
            break
        kind = {1: "Video", 2: "Audio"}.get(int.from_bytes(data[place : place + 2], "little"), "Other")
        place += 2
        for what in ("Name", "Description"):
            size = int.from_bytes(data[place : place + 2], "little") * 2
            _CODEC.put(
                document,
                f"{kind}Codec{what}",
                _utf16(data[place + 2 : place + 2 + size]),
                ByteRange(at + place + 2, size),
            )
            place += 2 + size
        place += 2 + int.from_bytes(data[place : place + 2], "little")
