"""ICC profiles: header, texts, colours, and the length of curves and tables. ICC.1:2022 sections 7.2, 7.3 and 10."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from extractor_service.document import ByteRange, Field, ProblemKind
from extractor_service.formats.reading import binary, fields
from extractor_service.formats.reading.conversions import date_text
from extractor_service.formats.reading.reader import layout
from extractor_service.formats.reading.tagset import Conversion, Tag, build, raw_table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from extractor_service.document import Document, Value

SECTION: Final = "icc_profile"
_MAX_TAGS: Final = 200  # ICC.1:2022 section 9 defines far fewer; a larger count is reported as damage
_MAX_RECORDS: Final = 100  # languages of one text (multiLocalizedUnicodeType); further ones are left out
_MAX_NUMBERS: Final = 1024  # of 4 bytes; longer tags are curves and tables, which nobody reads as numbers
# type signature of a tag: (table of its fields, their group)
_STRUCTURES: Final = {
    b"meas": ("Measurement", "ICC-meas"),
    b"view": ("ViewingConditions", "ICC-view"),
    b"chrm": ("Chromaticity", "ICC-chrm"),
    b"cicp": ("ColorRep", "ICC-cicp"),
    b"clrt": ("ColorantTable", "ICC-clrt"),
}


def _version(value: Value) -> str:
    return f"{value >> 8}.{value >> 4 & 15}.{value & 15}" if isinstance(value, int) else ""


def _date(value: Value) -> Value:
    if not isinstance(value, list):
        return value
    year, month, day, hour, minute, second = (each if isinstance(each, int) else 0 for each in value)
    return date_text(year, month, day, hour, minute, second)


def _flags(value: Value) -> str:
    if not isinstance(value, int):
        return ""
    return (
        f"{'Embedded' if value & 1 else 'Not Embedded'}, {'Not Independent' if value & 2 else 'Independent'}"
    )


def _attributes(value: Value) -> str:
    if not isinstance(value, list) or not isinstance(value[1], int):
        return ""
    bits = value[1]
    pairs = (("Reflective", "Transparency"), ("Glossy", "Matte"), ("Positive", "Negative"), ("Color", "B&W"))
    return ", ".join(pair[bits >> index & 1] for index, pair in enumerate(pairs))


_CONVERSIONS: Final[Mapping[str, Conversion]] = {
    "ProfileVersion": Conversion(None, _version),
    "ProfileDateTime": Conversion(_date),
    "CMMFlags": Conversion(None, _flags),
    "DeviceAttributes": Conversion(None, _attributes),
    "ProfileID": Conversion(None, lambda value: "".join(f"{each:02x}" for each in value) if isinstance(value, list) and any(value) else "0"),
    "MeasurementFlare": Conversion(None, lambda value: f"{value * 100:g}%" if isinstance(value, (int, float)) else ""),
}  # fmt: skip


@lru_cache(maxsize=16)
def _table(name: str) -> dict[int | str, Tag]:
    return build(raw_table("icc", f"ICC_Profile::{name}"), _CONVERSIONS)


def parse(data: bytes, document: Document, at: int | None = None) -> None:
    """Adds the fields of the profile `data`, which begins at `at` in the file; trouble becomes Problems."""
    if len(data) < 132:
        document.problem(SECTION, ProblemKind.TRUNCATED, f"the profile has {len(data)} bytes", at)
        return
    binary.parse(
        data[:128],
        binary.Layout("int8u", big_endian=True),
        _table("Header"),
        binary.Place(document, SECTION, "ICC-header"),
        origin=at,
    )
    count = int.from_bytes(data[128:132])
    if count > _MAX_TAGS:
        document.problem(SECTION, ProblemKind.DAMAGED, f"the profile claims {count} tags", at)
    tags = _table("Main")
    for index in range(min(count, _MAX_TAGS)):
        row = data[132 + index * 12 : 144 + index * 12]
        if len(row) < 12:
            document.problem(SECTION, ProblemKind.TRUNCATED, "the tag table is cut", at)
            return
        signature, offset, length = row[:4], int.from_bytes(row[4:8]), int.from_bytes(row[8:])
        if offset + length > len(data) or length < 8:
            document.problem(SECTION, ProblemKind.TRUNCATED, f"tag {signature!r} is cut", at)
            continue
        tag = tags.get(signature.decode("latin-1"))
        content = data[offset : offset + length]
        document.spend(length)
        place = None if at is None else ByteRange(at + offset, length)
        structure = _STRUCTURES.get(content[:4])
        if structure is not None:
            table, group = structure
            start = None if at is None else at + offset
            binary.parse(
                content,
                binary.Layout("int8u", big_endian=True),
                _table(table),
                binary.Place(document, SECTION, group),
                origin=start,
            )
        elif tag is not None and not tag.hidden:
            _add(document, tag, content, place)


def _add(document: Document, tag: Tag, content: bytes, place: ByteRange | None) -> None:
    kind = content[:4]
    group = "ICC_Profile"
    if kind == b"mluc":
        for language, text in _languages(content):
            name = tag.name if language in {"en-US", "en", ""} else f"{tag.name}-{language}"
            document.add(SECTION, Field(name, text, group=group, origin=place))
        return
    value = None if tag.binary else _value(kind, content)
    if value is None or tag.binary:
        fields.add_binary(document, SECTION, group, tag.name, len(content), place)
    else:
        document.add(SECTION, Field(tag.name, value, tag.text(value), group=group, origin=place))


def _value(kind: bytes, content: bytes) -> Value:
    """What a tag of type `kind` holds; None for curves, tables and what else is only measured."""
    if kind == b"text":
        return content[8:].split(b"\0")[0].decode("latin-1")
    if kind == b"desc":  # version 2: a count, then ASCII
        count = int.from_bytes(content[8:12])
        return content[12 : 12 + count].split(b"\0")[0].decode("latin-1")
    if kind == b"sig ":
        return content[8:12].rstrip(b"\0").decode("latin-1")
    if kind == b"dtim" and len(content) >= 20:
        return _date(list(layout(">6H").unpack_from(content, 8)))
    if len(content) > _MAX_NUMBERS * 4:
        return None
    if kind in {b"XYZ ", b"sf32"}:
        numbers = layout(f">{(len(content) - 8) // 4}i").unpack_from(content, 8)
        values: list[Value] = [round(each / 65536, 5) for each in numbers]
        return values[0] if len(values) == 1 else values
    if kind == b"ui32":
        return list(layout(f">{(len(content) - 8) // 4}I").unpack_from(content, 8))
    return None


def _languages(content: bytes) -> list[tuple[str, str]]:
    """Version 4 texts: records of language, country, length and offset."""
    count, size = int.from_bytes(content[8:12]), int.from_bytes(content[12:16])
    texts = []
    for index in range(min(count, _MAX_RECORDS)):
        record = content[16 + index * size : 28 + index * size]
        if len(record) < 12 or size < 12:
            break
        length, offset = int.from_bytes(record[4:8]), int.from_bytes(record[8:12])
        language = record[:2].decode("latin-1").strip("\0")
        country = record[2:4].decode("latin-1").strip("\0")
        text = content[offset : offset + length].decode("utf-16-be", "replace").rstrip("\0")
        texts.append((f"{language}-{country}".strip("-"), text))
    return texts
