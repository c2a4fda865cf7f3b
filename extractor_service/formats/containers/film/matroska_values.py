"""Values of Matroska's elements: the table, and how its types are read. RFC 8794, section 7; RFC 9559."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from extractor_service.document import ByteRange
from extractor_service.formats.containers.film import ebml
from extractor_service.formats.reading import fields
from extractor_service.formats.reading.conversions import date_after, duration_text
from extractor_service.formats.reading.table import Table
from extractor_service.formats.reading.tagset import Conversion

if TYPE_CHECKING:
    from extractor_service.document import Document, Value
    from extractor_service.formats.containers.film.ebml import Element
    from extractor_service.formats.reading.reader import Reader

SECTION = "matroska"
_GROUP = "Matroska"
_MOST_TEXT_BYTES = 256 * 1024  # of a text: lyrics take less, and longer values are cut anyhow
_2001 = 2001


def _milliseconds(value: Value) -> str:
    return f"{value * 1000:.12g} ms" if isinstance(value, (int, float)) else ""


def _clock(value: Value) -> str:
    return duration_text(value) if isinstance(value, (int, float)) else ""


MAIN = Table(
    "film/Matroska::Main", SECTION, _GROUP,
    {
        "TimecodeScale": Conversion(lambda value: value / 1e9 if isinstance(value, int) else value, _milliseconds),
        "DefaultDuration": Conversion(lambda value: value / 1e9 if isinstance(value, int) else value, _milliseconds),
        "Duration": Conversion(None, _clock, "s"),
        "ChapterTimeStart": Conversion(lambda value: value / 1e9 if isinstance(value, int) else value, _clock, "s"),
        "ChapterTimeEnd": Conversion(lambda value: value / 1e9 if isinstance(value, int) else value, _clock, "s"),
    },
    big_endian=True,
)  # fmt: skip


def floating(data: bytes) -> float | None:
    """A number of four or eight bytes; None for one that isn't finite."""
    if len(data) not in {4, 8}:
        return None
    value = float(struct.unpack(">f" if len(data) == 4 else ">d", data)[0])
    return value if value - value == 0 else None


def add(
    reader: Reader, document: Document, found: Element, group: str = _GROUP, table: Table | None = None
) -> Value:
    """Adds the value of an element that the table knows; returns it, None for none."""
    tag = (table or MAIN).tags.get(found.identity)
    if tag is None:
        return None
    origin = ByteRange(reader.base + found.offset, found.length)
    if tag.binary or (tag.kind == "?" and not tag.hidden):
        if not tag.hidden:
            fields.add_binary(document, SECTION, group, tag.name, found.length, origin)
        return None
    value: Value = decoded(reader.exact(found.offset, min(found.length, _MOST_TEXT_BYTES)), tag.kind)
    if tag.name.endswith("UID"):
        value = reader.exact(found.offset, min(found.length, 16)).hex()
    if value is not None and not tag.hidden:
        fields.add(document, SECTION, group, tag, value, origin)
    return value


def decoded(data: bytes, kind: str) -> Value:
    """A value by the table's kind; None for one that is none."""
    if kind in {"utf8", "string"}:
        return data.split(b"\0", 1)[0].decode("utf-8", "replace")
    if kind == "float":
        value = floating(data)
        return int(value) if value is not None and value.is_integer() else value
    if kind == "date":
        return date_of(ebml.signed(data[:8]))
    return ebml.signed(data[:8]) if kind == "signed" else ebml.unsigned(data[:8])


def date_of(nanoseconds: int) -> Value:
    """UTC, from nanoseconds since 2001."""
    seconds, rest = divmod(nanoseconds, 10**9)
    text = date_after(_2001, seconds)
    fraction = f".{rest:09d}".rstrip("0") if rest else ""
    return f"{text}{fraction}Z" if text else None
