"""Values at places counted in bits, of tables whose ids are "Bit080-099": bit 0 is the highest of the first byte."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from extractor_service.document import ByteRange

if TYPE_CHECKING:
    from extractor_service.document import Document, Value
    from extractor_service.formats.reading.table import Table
    from extractor_service.formats.reading.tagset import Tag

_PLACE = re.compile(r"Bit(\d+)(?:-(\d+))?$")


@cache  # tables are made once, as modules are loaded
def _places(table: Table) -> list[tuple[int | str, Tag, int, int]]:
    """The tags of a table that stand at places counted in bits: the first bit and the last."""
    told = [(key, tag, _PLACE.match(str(key))) for key, tag in table.tags.items()]
    return [(key, tag, int(place[1]), int(place[2] or place[1])) for key, tag, place in told if place]


def parse(
    document: Document, table: Table, data: bytes, at: int, *, without: frozenset[str] = frozenset()
) -> dict[str, int]:
    """Adds the values of a block at `at` in the file, but for those of names in `without`; returns all, by name."""
    found: dict[str, int] = {}
    length = len(data) * 8
    number = int.from_bytes(data)
    for key, tag, first, last in _places(table):
        if last >= length:
            continue
        value = number >> (length - 1 - last) & (1 << last - first + 1) - 1
        found[tag.name] = value
        if tag.name not in without:
            stored: Value = value.to_bytes((last - first + 1) // 8) if tag.kind == "undef" else value
            table.put(document, key, stored, ByteRange(at + first // 8, last // 8 - first // 8 + 1))
    return found
