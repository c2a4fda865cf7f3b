"""How often a document was saved onto: its cross-reference sections, from the last one back. ISO 32000-2, 7.5.4 to 7.5.8.

qpdf doesn't tell; the chain costs a few hundred bytes a section.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from extractor_service.formats.reading.reader import Reader

_TAIL_BYTES = 2048  # "startxref" stands in the last 1,024 (Annex H.3, note 18)
_MOST_SECTIONS = 1000  # followed: a form that was saved each day for three years
_DICTIONARY_BYTES = 2048  # where a trailer names the section before it
_START = re.compile(rb"startxref\s+(\d+)")
_PREVIOUS = re.compile(rb"/Prev\s+(\d+)")
_SUBSECTION = re.compile(rb"\s*(\d+)\s+(\d+)[ \t]*(?:\r\n|\r|\n)")
_ENTRY_BYTES = 20  # of a table (ISO 32000-2, 7.5.4)


def count(reader: Reader, base: int) -> int | None:
    """The number of sections; None where the chain can't be followed. `base` is where the header stands."""
    tail_at = max(0, reader.length - _TAIL_BYTES)
    starts = _START.findall(reader.some(tail_at, _TAIL_BYTES))
    if not starts:
        return None
    place: int | None = int(starts[-1]) + base
    seen: set[int] = set()
    while place is not None and place not in seen and len(seen) < _MOST_SECTIONS:
        seen.add(place)
        dictionary = _dictionary(reader, place)
        if dictionary is None:
            return None
        previous = _PREVIOUS.search(dictionary)
        place = int(previous[1]) + base if previous is not None else None
    return len(seen)


def _dictionary(reader: Reader, at: int) -> bytes | None:
    """The trailer of the section at `at`, or the dictionary of its stream."""
    head = reader.some(at, _DICTIONARY_BYTES)
    skipped = head.lstrip(b" \r\n\t\0")
    if not skipped.startswith(b"xref"):
        found = re.match(rb"\d+\s+\d+\s+obj\s*<<", skipped)
        return skipped if found else None
    at += len(head) - len(skipped) + 4
    for _ in range(_MOST_SECTIONS):
        window = reader.some(at, 64)
        found = _SUBSECTION.match(window)
        if found is None:
            rest = reader.some(at, _DICTIONARY_BYTES)
            return rest[rest.find(b"trailer") :] if b"trailer" in rest[:64] else None
        at += found.end() + int(found[2]) * _ENTRY_BYTES
    return None
