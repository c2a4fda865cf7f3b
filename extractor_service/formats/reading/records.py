"""Headers of fixed layout: one row a field, in the order of the bytes, unpacked at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from extractor_service.document import ByteRange, Field
from extractor_service.formats.reading import charsets
from extractor_service.formats.reading.reader import layout

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from extractor_service.document import Document, Value

_ONE = frozenset("bBhHiIqQfds")


class Entry(NamedTuple):
    """A field of a header."""

    name: str
    """"" for bytes that say nothing."""
    code: str
    """A struct code, with a count in front for arrays; "s" is text, padded with NULs or blanks; "x" is padding."""
    labels: Mapping[int, str] | None = None
    unit: str = ""


class Place(NamedTuple):
    """Where the fields go."""

    document: Document
    section: str
    group: str


def size_of(entries: Sequence[Entry], order: str) -> int:
    """Bytes of the header."""
    return layout(order + "".join(each.code for each in entries)).size


def read(data: bytes, at: int, entries: Sequence[Entry], order: str) -> dict[str, Value]:
    """The values by name; raises struct.error where `data` is too short."""
    found: dict[str, Value] = {}
    for each, value, _ in _unpacked(data, at, entries, order):
        if each.name:
            found[each.name] = value
    return found


def add(
    data: bytes, entries: Sequence[Entry], order: str, place: Place, *, origin: int = 0, leave: frozenset[str] = frozenset()
) -> dict[str, Value]:  # fmt: skip
    """Adds one field an entry, but those in `leave`; returns all values by name. `origin` is where `data` begins in the file."""
    found: dict[str, Value] = {}
    document, section, group = place
    for each, value, at in _unpacked(data, 0, entries, order):
        if not each.name:
            continue
        found[each.name] = value
        if each.name in leave:
            continue
        text = ""
        if each.labels is not None and isinstance(value, int):
            text = each.labels.get(value, f"Unknown ({value})")
        size = layout(order + each.code).size
        document.add(
            section,
            Field(each.name, value, text, each.unit, group=group, origin=ByteRange(origin + at, size)),
        )
    return found


def _unpacked(data: bytes, at: int, entries: Sequence[Entry], order: str) -> list[tuple[Entry, Value, int]]:
    whole = layout(order + "".join(each.code for each in entries))
    values = iter(whole.unpack_from(data, at))
    rows: list[tuple[Entry, Value, int]] = []
    for each in entries:
        code = each.code
        size = layout(order + code).size
        if code.endswith("x"):
            at += size
            continue
        if code.endswith("s"):
            value: Value = charsets.text(next(values).split(b"\0", 1)[0].rstrip())
        elif code in _ONE:
            value = next(values)
        else:
            value = [next(values) for _ in range(int(code[:-1]))]
        rows.append((each, value, at))
        at += size
    return rows
