"""IPTC-IIM records, as in Photoshop resources and TIFF tag 33723. IIM 4.2 chapters 3, 5 and 6."""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from extractor_service.document import ByteRange, Field, ProblemKind
from extractor_service.formats.reading.tagset import Conversion, Tag, build, raw_table

if TYPE_CHECKING:
    from extractor_service.document import Document, Value

SECTION: Final = "iptc"
_TABLES: Final = {
    1: "EnvelopeRecord", 2: "ApplicationRecord", 3: "NewsPhoto", 7: "PreObjectData", 8: "ObjectData", 9: "PostObjectData",
}  # fmt: skip
# Datasets that may be repeated (IIM 4.2: "repeatable"); their values are one list.
_REPEATABLE: Final = frozenset(
    {
        (1, 5),
        (1, 50),
        (2, 4),
        (2, 12),
        (2, 20),
        (2, 25),
        (2, 26),
        (2, 27),
        (2, 45),
        (2, 47),
        (2, 50),
        (2, 80),
        (2, 85),
        (2, 118),
        (2, 122),
    }
)
_UTF8_RECORD: Final = b"\x1c\x01\x5a"  # 1:90, the coded character set
_HEADS: Final = re.compile(
    rb"\x1c[\x01-\x09][\0-\xff]{3}", re.DOTALL
)  # record, dataset and length: bytes that are no text
_MAX_DATASETS: Final = 10_000  # of 5 bytes at least: bounds a block of empty ones; later ones are left out
_MAX_VALUE_BYTES: Final = 1024 * 1024  # IIM's extended length may claim 2^64; a longer dataset ends the block
_TIME: Final = re.compile(r"(\d\d)(\d\d)(\d\d)([+-])(\d\d)(\d\d)")
_DATES: Final = frozenset(
    {"DateSent", "ReleaseDate", "ExpirationDate", "ReferenceDate", "DateCreated", "DigitalCreationDate"}
)
_TIMES: Final = frozenset({"TimeSent", "ReleaseTime", "ExpirationTime", "TimeCreated", "DigitalCreationTime"})


@lru_cache(maxsize=8)
def _table(record: int) -> dict[int | str, Tag]:
    name = _TABLES.get(record)
    if name is None:
        return {}
    conversions = {"CodedCharacterSet": Conversion(None, lambda value: "UTF8" if value == "\x1b%G" else "")}
    return build(raw_table("iptc", f"IPTC::{name}"), conversions)


def is_swapped(data: bytes) -> bool:
    """Whether the bytes of each word stand the other way round."""
    return data[:1] != b"\x1c" and data[3:4] == b"\x1c"


def swapped(data: bytes) -> bytes:
    """The bytes of each word the other way round."""
    return b"".join(data[index : index + 4][::-1] for index in range(0, len(data), 4))


def parse(data: bytes, document: Document, at: int | None = None, *, is_standard: bool = False) -> None:
    """Adds the datasets in `data`, which begins at `at` in the file.

    Where the standard has them (`is_standard`), also their MD5: Photoshop keeps what it was when XMP was last made of them.
    """
    if is_swapped(data):
        document.problem(SECTION, ProblemKind.DAMAGED, "the bytes of each word stand the other way round", at)
        data = swapped(data)
    charset = _charset_of(data)
    lists: dict[tuple[int, int], list[Value]] = {}
    group = "IPTC2" if document.sections.get(SECTION) else "IPTC"
    if is_standard and group == "IPTC":
        digest = hashlib.md5(data, usedforsecurity=False).hexdigest()
        document.add(
            "file",
            Field("CurrentIPTCDigest", digest, origin=None if at is None else ByteRange(at, len(data))),
        )
    offset = 0
    for _ in range(_MAX_DATASETS):
        head = data[offset : offset + 5]
        if len(head) < 5 or head[0] != 0x1C:
            rest = data[offset:]
            if rest.strip(b"\0") and head[:1] not in {b"\0", b""}:
                document.problem(
                    SECTION, ProblemKind.DAMAGED, "a dataset doesn't begin with 1C", _at(at, offset)
                )
            return
        record, number, length = head[1], head[2], int.from_bytes(head[3:5])
        offset += 5
        if length & 0x8000:
            width = length & 0x7FFF
            if width > 8:
                document.problem(SECTION, ProblemKind.DAMAGED, f"a length of {width} bytes", _at(at, offset))
                return
            length = int.from_bytes(data[offset : offset + width])
            offset += width
        value = data[offset : offset + length]
        if len(value) < length or length > _MAX_VALUE_BYTES:
            document.problem(
                SECTION, ProblemKind.TRUNCATED, f"dataset {record}:{number} is cut", _at(at, offset)
            )
            return
        tag = _table(record).get(number)
        if tag is not None and not tag.hidden:
            place = None if at is None else ByteRange(at + offset, length)
            dataset = _Dataset(tag, (record, number), value, group, place)
            _add(document, dataset, charset, lists)
        offset += length


def _charset_of(data: bytes) -> _Charset:
    """The coded character set, wherever its record stands; without one, UTF-8 where the bytes are it, else Windows-1252."""
    if any(_UTF8_RECORD + value in data for value in (b"\0\x03\x1b%G", b"\0\x04\x1b%/I")):
        return _Charset("utf-8", "utf-8, by the coded character set")
    if _UTF8_RECORD not in data and not data.isascii():
        texts = _HEADS.sub(b" ", data)
        try:
            texts.decode()
        except UnicodeDecodeError:
            pass
        else:
            if not texts.isascii():
                return _Charset("utf-8", "utf-8, by the bytes")
    return _Charset("cp1252", "cp1252, the default")


class _Charset(NamedTuple):
    name: str
    reason: str
    """Why it is this one, for `Field.note`."""


class _Dataset(NamedTuple):
    tag: Tag
    key: tuple[int, int]
    """Record and number."""
    data: bytes
    group: str
    place: ByteRange | None


def _add(
    document: Document,
    dataset: _Dataset,
    charset: _Charset,
    lists: dict[tuple[int, int], list[Value]],
) -> None:
    tag, key, data, group, place = dataset
    note = ""
    value: Value
    if tag.kind.startswith("int"):
        value = int.from_bytes(data) if 0 < len(data) <= 8 else None
    elif tag.binary or tag.name == "ObjectPreviewData":
        document.add(
            SECTION, Field(tag.name, None, f"(Binary data {len(data)} bytes)", group=group, origin=place)
        )
        return
    elif tag.kind in {"?", "undef"} and key[0] > 2:
        value = data
    else:
        value = _meant(tag.name, data.split(b"\0", 1)[0].decode(charset.name, "replace"))
        if not data.isascii():
            note = charset.reason
    if key in _REPEATABLE:
        values = lists.get(key)
        if values is not None:
            document.append(values, value)  # the field holds this very list
            return
        lists[key] = values = [value]
        document.add(SECTION, Field(tag.name, values, tag.text(value), group=group, note=note, origin=place))
        return
    document.add(SECTION, Field(tag.name, value, tag.text(value), group=group, note=note, origin=place))


def _meant(name: str, value: str) -> Value:
    if name in _DATES and len(value) == 8 and value.isdigit():
        return f"{value[:4]}:{value[4:6]}:{value[6:]}"
    if name in _TIMES:
        found = _TIME.match(value)
        if found:
            return "{}:{}:{}{}{}:{}".format(*found.groups())
        if len(value) == 6 and value.isdigit():
            return f"{value[:2]}:{value[2:4]}:{value[4:]}"
    return value


def _at(at: int | None, offset: int) -> int | None:
    return None if at is None else at + offset
