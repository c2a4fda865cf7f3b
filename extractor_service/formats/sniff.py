"""Which reader knows the first bytes of a file.

A magic at its place beats one that may stand anywhere; then the longest wins, then the table's order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from extractor_service.formats.base import Format  # noqa: TC001 - looked at when the class is made, where it is compiled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extractor_service.formats.base import Magic

    # A place, and bytes that must stand there; whether that is all of the magic; the magic, and what it says.
    Candidate = tuple[int, bytes, bool, Magic, "Sniffed"]


class Sniffed(NamedTuple):
    """A format, and how sure its magic is."""

    format: Format
    strength: int
    """How many bytes it is told by, not counting those that a mask leaves open."""
    is_in_place: bool
    """Whether they stand where they must, not just somewhere near the beginning."""


def sniff(head: bytes, formats: Sequence[Format]) -> Sniffed | None:
    """The format of a file that begins with `head` (16 KiB suffice); None when none matches."""
    known = _INDEXES.get(id(formats))
    if known is None or known[0] is not formats:
        known = _INDEXES[id(formats)] = (formats, _index(formats))
    for at, certain, is_all, magic, sniffed in known[1][head[0] if head else 256]:
        if head.startswith(certain, at) and (is_all or magic.matches(head)):
            return sniffed
    return None


_FTYP_OFFSET: Final = 4  # a box begins with its length (ISO/IEC 14496-12, 4.2)
# By identity: hashing a hundred formats for every file would cost more than trying them.
_INDEXES: Final[dict[int, tuple[Sequence[Format], list[list[Candidate]]]]] = {}


def _index(formats: Sequence[Format]) -> list[list[Candidate]]:
    """What may begin with each byte (and with none), best first: over a hundred magics are too many to try."""
    told = [
        (magic, Sniffed(each, _weight(magic), not magic.within)) for each in formats for magic in each.magics
    ]
    told.sort(
        key=lambda each: (each[1].is_in_place, each[1].strength), reverse=True
    )  # stable: then the table's order
    lists: list[list[Candidate]] = []
    for byte in range(257):
        may_be = [each for each in told if _may_begin(each[0], byte)]
        lists.append(
            [
                (*_certain_of(magic), not (magic.mask or magic.within), magic, sniffed)
                for magic, sniffed in may_be
            ]
        )
    return lists


def _certain_of(magic: Magic) -> tuple[int, bytes]:
    if magic.within:
        return 0, b""
    return certain_part(magic.offset, magic.data, magic.mask or b"\xff" * len(magic.data))


def certain_part(offset: int, data: bytes, mask: bytes) -> tuple[int, bytes]:
    """Where the longest run of whole bytes stands that a masked magic asks for, and the run: to ask for it alone is cheap."""
    runs = [b""]
    for byte, bits in zip(data, mask, strict=True):
        if bits == 0xFF:
            runs[-1] += bytes((byte,))
        else:
            runs += [b""]
    longest = max(range(len(runs)), key=lambda each: len(runs[each]))
    return offset + sum(map(len, runs[:longest])) + longest, runs[longest]


def _weight(magic: Magic) -> int:
    """How many bytes it is told by; those that its mask leaves open don't count."""
    return sum(bits != 0 for bits in magic.mask) if magic.mask else len(magic.data)


def _may_begin(magic: Magic, byte: int) -> bool:
    if magic.offset == _FTYP_OFFSET and magic.data[:4] == b"ftyp":
        return byte == 0  # the length of the box before it, which is far below 16 MiB
    if magic.offset or magic.within:
        return True
    mask = magic.mask[0] if magic.mask else 0xFF
    return byte < 256 and byte & mask == magic.data[0] & mask
