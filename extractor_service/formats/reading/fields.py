"""From a stored value and its tag to a field of the document."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from extractor_service.document import Field, ProblemKind, Rational, size_of
from extractor_service.formats.reading.charsets import LegacyText
from extractor_service.formats.reading.damage import NONSENSE

if TYPE_CHECKING:
    from extractor_service.document import ByteRange, Document, Value
    from extractor_service.formats.reading.tagset import Tag

_NUMBER_BYTES: Final = 9  # what a document counts for a number
_SHORT: Final = 4096  # characters; longer texts may have to be cut


def add(
    document: Document,
    section: str,
    group: str,
    tag: Tag,
    stored: Value,
    origin: ByteRange | None,
    note: str = "",
) -> None:
    """Adds `stored` as `tag` means it; fractions as numbers beside the exact fraction; binary by its length."""
    if tag.nones is not None and tag.is_none(stored):
        return
    value, raw = stored, None
    kind = type(stored)
    if kind is int and tag.convert is None and not tag.binary:  # two of five values: the shortest way
        labels = tag.labels
        text = labels.get(stored, "") if type(labels) is dict and not tag.bits and tag.printer is None else ""
        if not text and (labels is not None or tag.printer is not None):
            text = _printed(tag, stored)
        name, group = tag.name, tag.group or group
        size = _NUMBER_BYTES + len(text) + len(name) + len(group)
        document.put(section, Field(name, stored, text, tag.unit, None, group, note, origin), size)
        return
    if (
        kind is str
        and tag.convert is None
        and not tag.binary
        and len(stored) < _SHORT  # type: ignore[arg-type]
        and stored.isascii()  # type: ignore[union-attr]
    ):
        text = "" if tag.labels is None and tag.printer is None else _printed(tag, stored)
        name, group = tag.name, tag.group or group
        size = len(stored) + len(text) + len(name) + len(group)  # type: ignore[arg-type]
        document.put(section, Field(name, stored, text, tag.unit, None, group, note, origin), size)
        return
    if kind is Rational:
        value, raw = stored.real(), stored  # type: ignore[union-attr,operator]
    elif kind is list:
        if not stored:
            return
        if type(stored[0]) is Rational:  # type: ignore[index]
            value, raw = _reals(stored), stored  # type: ignore[arg-type]
    elif kind is LegacyText:
        value, raw = str(stored), stored.data  # type: ignore[union-attr]
        note = note or f"{stored.charset}, since the bytes aren't UTF-8"  # type: ignore[union-attr]
    elif kind is str and not note and not stored.isascii():  # type: ignore[union-attr]
        note = "utf-8"
    if tag.binary:
        add_binary(document, section, group, tag.name, printed_length(stored), origin)
        return
    convert = tag.convert
    if convert is not None:
        before = value
        try:
            value = convert(value)
        except NONSENSE:
            document.problem(section, ProblemKind.DAMAGED, f"{tag.name}: {str(stored)[:60]} makes no sense")
        if raw is None and before is not value and kind in {int, float, list}:
            raw = before
    if kind is float and not math.isfinite(stored):  # type: ignore[arg-type]
        text = "undef" if math.isnan(stored) else "inf"  # type: ignore[arg-type]
    elif value is None and kind is Rational:
        text = "inf" if stored.numerator else "undef"  # type: ignore[union-attr]
    elif tag.printer is None and tag.labels is None:
        text = ""
    else:
        text = _printed(tag, value)
    if isinstance(value, str):
        size = len(value) if len(value) < _SHORT and value.isascii() else 0
    else:
        size = _NUMBER_BYTES if isinstance(value, (int, float)) else 0
    if size:
        size += len(text) + len(tag.name) + len(group)
        if raw is not None:
            size += 8 if type(raw) is Rational else size_of(raw)
        document.put(
            section, Field(tag.name, value, text, tag.unit, raw, tag.group or group, note, origin), size
        )
    else:
        document.add(section, Field(tag.name, value, text, tag.unit, raw, tag.group or group, note, origin))


def _printed(tag: Tag, value: Value) -> str:
    try:
        return tag.text(value)
    except NONSENSE:
        return ""


def add_binary(
    document: Document, section: str, group: str, name: str, length_bytes: int, origin: ByteRange | None
) -> None:
    """Adds bytes by their length and place, without their content."""
    text = f"(Binary data {length_bytes} bytes)"
    document.add(section, Field(name, None, text, "", None, group, "", origin))


def _reals(stored: list[Value]) -> list[Value]:
    """Quotients; a fraction without one stays."""
    return [
        (each.numerator / each.denominator if each.denominator else each)
        if isinstance(each, Rational)
        else each
        for each in stored
    ]


def printed_length(stored: Value) -> int:
    """How long a value is when written as text; bytes as they are."""
    if isinstance(stored, bytes):
        return len(stored)
    if isinstance(stored, list):
        return sum(map(printed_length, stored)) + len(stored) - 1
    return len(f"{stored:.10g}" if isinstance(stored, float) else str(stored))
