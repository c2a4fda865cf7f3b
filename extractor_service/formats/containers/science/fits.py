"""FITS: every header of every HDU, without reading any data unit.

FITS standard 4.0: 3.1 (structure), 4.1 and 4.2 (cards), 4.2.1.2 (CONTINUE), 4.4.1 (sizes), 6 (random groups);
the HIERARCH convention by ESO. Each HDU is a group, "HDU 0 (PRIMARY)", "HDU 1 (SCI)" …
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, NamedTuple

from extractor_service.document import ByteRange, Field, ProblemKind, Struct
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.reading.strides import Stride
from extractor_service.sources.base import will_read

if TYPE_CHECKING:
    from collections.abc import Iterator

    from extractor_service.document import Document, Value
    from extractor_service.sources.base import ByteSource

SECTION = "fits"
BLOCK = 2880  # bytes; FITS 4.0 section 3.1
_CARD = 80  # bytes of a keyword record; FITS 4.0 section 4.1
_MAX_HDUS = 10_000  # each costs a read at least; a file of empty ones ends here, with a Problem
_MAX_HEADER_BLOCKS = 4000  # 144,000 cards
_STRING = re.compile(r"\s*'((?:[^']|'')*)'\s*(?:/(.*))?$", re.DOTALL)
_OTHER = re.compile(r"\s*([^/]*?)\s*(?:/(.*))?$", re.DOTALL)
_INTEGER = re.compile(r"[+-]?\d+$")
_REAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([EeDd][+-]?\d+)?$")
_COMMENTARY = frozenset({"COMMENT", "HISTORY", ""})


class _Card(NamedTuple):
    keyword: str
    value: Value
    comment: str
    offset: int


class _Header(NamedTuple):
    cards: list[_Card]
    end: int
    """Offset of the data unit."""


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
            document.add(
                SECTION,
                Field(
                    card.keyword or "COMMENT",
                    card.value,
                    group=group,
                    note=card.comment,
                    origin=ByteRange(card.offset, _CARD),
                ),
            )
        data_bytes = _data_bytes(values, document, group)
        if data_bytes:
            document.add(
                SECTION,
                Field(
                    "DataSize",
                    data_bytes,
                    unit="By",
                    group=group,
                    origin=ByteRange(header.end, data_bytes),
                ),
            )
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
    cards: list[_Card] = []
    ended = False
    position = offset
    for _ in range(_MAX_HEADER_BLOCKS):
        block = source.read_range(position, BLOCK)
        if position == offset and not block.startswith((b"SIMPLE", b"XTENSION")):
            raise _NoHeaderError("neither SIMPLE nor XTENSION begins it")
        for start in range(0, len(block), _CARD):
            text = block[start : start + _CARD].decode("latin-1")
            if text.rstrip() == "END":
                ended = True
                break
            card = _parse_card(text, position + start)
            if card is not None:
                _append(cards, card)
        position += BLOCK
        if ended or len(block) < BLOCK:
            break
    if not ended:
        document.problem(SECTION, ProblemKind.TRUNCATED, "a header has no END card", offset)
    return _Header(cards, min(position, source.size_bytes) if not ended else position)


def _append(cards: list[_Card], card: _Card) -> None:
    """Adds `card`; a CONTINUE is joined to the string before it."""
    if card.keyword == "CONTINUE" and cards and isinstance(card.value, str):
        last = cards[-1]
        if isinstance(last.value, str) and last.value.endswith("&"):
            comment = " ".join(part for part in (last.comment, card.comment) if part)
            cards[-1] = last._replace(value=last.value[:-1] + card.value, comment=comment)
            return
    cards.append(card)


def _parse_card(text: str, offset: int) -> _Card | None:
    keyword = text[:8].rstrip()
    if keyword == "HIERARCH" and "=" in text:
        name, _, rest = text[8:].partition("=")
        return _Card(f"HIERARCH {' '.join(name.split())}", *_parse_value(rest), offset)
    if keyword == "CONTINUE":
        return _Card(keyword, *_parse_value(text[8:]), offset)
    if text[8:10] == "= " and keyword not in _COMMENTARY:
        return _Card(keyword, *_parse_value(text[10:]), offset)
    remark = text[8:].rstrip()
    if not keyword and not remark:
        return None
    return _Card(keyword, remark, "", offset)


def _parse_value(text: str) -> tuple[Value, str]:
    """The typed value and the comment of a card's value field; None for an undefined value."""
    string = _STRING.match(text)
    if string is not None:
        # Trailing blanks aren't significant, leading ones are (4.2.1.1).
        return string[1].replace("''", "'").rstrip(), (string[2] or "").strip()
    other = _OTHER.match(text)
    token, comment = (other[1], (other[2] or "").strip()) if other else (text.strip(), "")
    return _parse_token(token), comment


def _parse_token(token: str) -> Value:
    if token == "":
        return None
    if token in {"T", "F"}:
        return token == "T"  # noqa: S105 - no password
    if _INTEGER.match(token):
        value = int(token)
        return value if -(2**63) <= value < 2**64 else token
    if _REAL.match(token):
        return float(token.replace("D", "E").replace("d", "e"))
    if token.startswith("(") and token.endswith(")"):
        real, _, imaginary = token[1:-1].partition(",")
        return Struct((("real", _parse_token(real.strip())), ("imaginary", _parse_token(imaginary.strip()))))
    return token


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
    size = abs(_whole(values.get("BITPIX"))) // 8 * (groups if isinstance(groups, int) else 1) * elements
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
