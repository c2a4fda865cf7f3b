"""FITS: every header of every HDU, without reading any data unit.

FITS standard 4.0: 3.1 (structure), 4.4.1 (sizes), 6 (random groups), 10 (compressed images). Each HDU is a group,
"HDU 0 (PRIMARY)", "HDU 1 (SCI)" …
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from extractor_service.document import ByteRange, Field, ProblemKind
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.containers.fits import cards as fits_cards
from extractor_service.formats.containers.fits import tables, wcs
from extractor_service.formats.containers.fits.cards import CARD_BYTES, BadCardError, Card
from extractor_service.formats.reading.damage import Surviving, tolerant
from extractor_service.formats.reading.strides import Stride
from extractor_service.sources.base import will_read

if TYPE_CHECKING:
    from collections.abc import Iterator

    from extractor_service.document import Document, Value
    from extractor_service.sources.base import ByteSource

SECTION = "fits"
BLOCK = 2880  # bytes; FITS 4.0 section 3.1
_MAX_HDUS = 10_000  # each costs a read at least; a file of empty ones ends here, with a Problem
_MOST_DATA_BYTES = 1 << 63  # what an offset may be
_MAX_HEADER_BLOCKS = 4000  # 144,000 cards


class _Header(NamedTuple):
    cards: list[Card]
    end: int
    """Offset of the data unit."""


@tolerant(SECTION)
def parse(source: ByteSource, document: Document) -> None:
    """One field per card: keyword, typed value, and the card's comment as the note."""
    offset, header_bytes = 0, BLOCK
    stride = Stride()
    for number in range(_MAX_HDUS):
        # Headers before their data, at a distance that often repeats: hints for those to come, with this one's length.
        will_read(source, [(each, header_bytes) for each in (offset, *stride.following(offset))])
        try:
            header = _read_header(source, offset, document)
        except _NoHeaderError as error:
            _report_end(source, document, number, offset, error)
            return
        header_bytes = header.end - offset
        values = {card.keyword: card.value for card in reversed(header.cards)}
        group = _group_name(number, values)
        for card in header.cards:
            origin = ByteRange(card.offset, CARD_BYTES)
            document.add(
                SECTION,
                Field(card.keyword or "COMMENT", card.value, group=group, note=card.comment, origin=origin),
            )
        data_bytes = _data_bytes(values, document, group)
        if data_bytes:
            origin = ByteRange(header.end, data_bytes)
            document.add(SECTION, Field("DataSize", data_bytes, unit="By", group=group, origin=origin))
        with Surviving(document, SECTION, f"the summary of {group}", offset):
            tables.summarize(values, group, document)
            wcs.summarize(values, group, document)
        if header.end + data_bytes > source.size_bytes:
            document.problem(
                SECTION,
                ProblemKind.TRUNCATED,
                f"{group} has {data_bytes} bytes of data, the file ends"
                f" {header.end + data_bytes - source.size_bytes} bytes too early",
                header.end,
            )
            return
        offset = header.end + math.ceil(data_bytes / BLOCK) * BLOCK
        if offset >= source.size_bytes:
            return
    document.problem(SECTION, ProblemKind.LIMIT, f"more than {_MAX_HDUS} HDUs", offset)


class _NoHeaderError(Exception):
    """There is no header here."""


def _report_end(
    source: ByteSource, document: Document, number: int, offset: int, error: _NoHeaderError
) -> None:
    if number == 0 and not document.sections:
        raise CorruptFileError(f"no primary header: {error}")
    if number == 0:
        document.problem(SECTION, ProblemKind.TRUNCATED, f"the primary header is cut: {error}", offset)
        return
    rest = source.read_range(offset, BLOCK)
    if rest.strip(b"\0 "):  # some writers pad with NULs or blanks
        document.problem(SECTION, ProblemKind.DAMAGED, f"after {number} HDUs: {error}", offset)


def _read_header(source: ByteSource, offset: int, document: Document) -> _Header:
    """The cards of the header at `offset`, with CONTINUE joined."""
    cards = fits_cards.Cards()
    ended = False
    position = offset
    for _ in range(_MAX_HEADER_BLOCKS):
        block = source.read_range(position, BLOCK)
        if position == offset and not block.startswith((b"SIMPLE", b"XTENSION")):
            raise _NoHeaderError("neither SIMPLE nor XTENSION begins it")
        for start in range(0, len(block), CARD_BYTES):
            text = block[start : start + CARD_BYTES].decode("latin-1")
            if text.rstrip() == "END":
                ended = True
                break
            try:
                card = fits_cards.parse(text, position + start)
            except BadCardError as error:
                document.problem(SECTION, ProblemKind.DAMAGED, str(error), position + start)
                continue
            if card is not None:
                cards.append(card)
        position += BLOCK
        if ended or len(block) < BLOCK:
            break
    if not ended:
        document.problem(SECTION, ProblemKind.TRUNCATED, "a header has no END card", offset)
    return _Header(cards.finished(), min(position, source.size_bytes) if not ended else position)


def _group_name(number: int, values: dict[str, Value]) -> str:
    name = values.get("EXTNAME") or ("PRIMARY" if number == 0 else values.get("XTENSION")) or "?"
    return f"HDU {number} ({name if isinstance(name, str) else '?'})"


def _data_bytes(values: dict[str, Value], document: Document, group: str) -> int:
    """Size of the data unit by 4.4.1.1, equation 1, and 4.4.1.2, equation 2."""
    axes = _whole(values.get("NAXIS"))
    if axes == 0:
        return 0
    lengths = list(_axes(values, axes))
    if any(length < 0 for length in lengths):
        document.problem(SECTION, ProblemKind.DAMAGED, f"{group} has a negative or missing NAXISn")
        return 0
    if lengths[0] == 0 and values.get("GROUPS") is True:
        lengths = lengths[1:]
    elements = math.prod(lengths) + _whole(values.get("PCOUNT"))
    groups = values.get("GCOUNT")
    if max(lengths) >= _MOST_DATA_BYTES or elements >= _MOST_DATA_BYTES:
        document.problem(SECTION, ProblemKind.DAMAGED, f"{group} has 2^63 elements or more")
        return 0
    size = abs(_whole(values.get("BITPIX"))) // 8 * (groups if isinstance(groups, int) else 1) * elements
    if size >= _MOST_DATA_BYTES:
        document.problem(SECTION, ProblemKind.DAMAGED, f"{group} has 2^63 bytes or more")
        return 0
    if size < 0 or _whole(values.get("PCOUNT")) < 0:
        document.problem(SECTION, ProblemKind.DAMAGED, f"{group} has a negative PCOUNT or GCOUNT")
        return 0
    return size


def _axes(values: dict[str, Value], axes: int) -> Iterator[int]:
    for number in range(1, min(axes, 999) + 1):
        length = values.get(f"NAXIS{number}")
        yield length if isinstance(length, int) else -1


def _whole(value: Value) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
