"""The generated magics, looked up by what stands at each place: a file costs some dozens of look-ups, not 1,700 tests.

Of several that match, the higher priority wins, then the one that begins earlier, then the longer: what stands first in
a file says what it is, what comes later only what is in it.
"""

from __future__ import annotations

from functools import cache
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from extractor_service.formats.identification.own_magics import OWN_MAGICS
from extractor_service.formats.identification.types import by_name, in_table
from extractor_service.formats.sniff import certain_part
from extractor_service.formats.tags import file_types

if TYPE_CHECKING:
    from collections.abc import Iterable

    from extractor_service.formats.identification.types import FileType

    Clause = tuple[int, int, bytes, bytes | None]

_OWN_PRIORITY = 70  # above the 50 of most of Tika's


class Match(NamedTuple):
    """A magic that a file has."""

    type: FileType
    strength: int
    """How many bytes it is told by, not counting those that a mask leaves open."""


class _Rule(NamedTuple):
    order: tuple[int, int, int]
    place: int | str
    """Of the generated table; a name of our own."""
    strength: int
    rest: tuple[Clause, ...]


class _Index(NamedTuple):
    exact: list[tuple[int, dict[int, list[tuple[int, dict[bytes, list[_Rule]]]]]]]
    """(first byte; by what stands there: the byte behind the last, and rules by what stands between)"""
    masked: list[tuple[int, bytes, Clause, _Rule]]
    """(a place, and what must stand there whatever the mask leaves open; the clause, and its rule)"""


def match(head: bytes) -> Match | None:
    """The best of the magics that a file has that begins with `head`; None for none."""
    index = _index()
    best: _Rule | None = None
    size = len(head)
    for first, by_byte in index.exact:
        if first >= size:
            break
        for end, rules in by_byte.get(head[first], ()):
            for rule in rules.get(head[first:end], ()):
                if (best is None or rule.order < best.order) and all(
                    _holds(head, each) for each in rule.rest
                ):
                    best = rule
    for at, certain, clause, rule in index.masked:
        if (
            head.startswith(certain, at)
            and (best is None or rule.order < best.order)
            and _holds(head, clause)
            and all(_holds(head, each) for each in rule.rest)
        ):
            best = rule
    if best is None:
        return None
    return Match(
        by_name()[best.place] if isinstance(best.place, str) else in_table(best.place), best.strength
    )


@cache
def _index() -> _Index:
    exact: dict[tuple[int, int], dict[bytes, list[_Rule]]] = {}
    masked = []
    own: Iterable[tuple[int, int | str, tuple[Clause, ...]]] = (
        (_OWN_PRIORITY, name, tuple((offset, offset, data, mask) for offset, data, mask in clauses))
        for name, clauses in OWN_MAGICS
    )
    generated: Iterable[tuple[int, int | str, tuple[Clause, ...]]] = file_types.MAGICS
    for priority, place, clauses in chain(generated, own):
        strength = sum(sum(bits != 0 for bits in mask) if mask else len(data) for _, _, data, mask in clauses)
        first, _, data, mask = clauses[0]
        rule = _Rule((-priority, first, -strength), place, strength, clauses[1:])
        if mask is None:
            exact.setdefault((first, first + len(data)), {}).setdefault(data, []).append(rule)
        else:
            at, certain = certain_part(first, data, mask)
            masked.append((at, certain, clauses[0], rule))
    by_first: dict[int, dict[int, list[tuple[int, dict[bytes, list[_Rule]]]]]] = {}
    for (first, end), rules in sorted(exact.items()):
        for byte in {data[0] for data in rules}:
            among = {data: found for data, found in rules.items() if data[0] == byte}
            by_first.setdefault(first, {}).setdefault(byte, []).append((end, among))
    return _Index(list(by_first.items()), masked)


def _holds(head: bytes, clause: Clause) -> bool:
    first, last, data, mask = clause
    if mask is not None:
        found = int.from_bytes(head[first : first + len(data)], "big")
        return found & int.from_bytes(mask, "big") == int.from_bytes(data, "big") and len(
            head
        ) >= first + len(data)
    if first == last:
        return head.startswith(data, first)
    return head.find(data, first, last + len(data)) >= 0
