"""Cards of a FITS header: keyword, typed value, comment; long strings joined. FITS 4.0, 4.1, 4.2, 4.2.1.2; the HIERARCH convention by ESO."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from extractor_service.document import Struct

if TYPE_CHECKING:
    from extractor_service.document import Value

CARD_BYTES = 80  # FITS 4.0 section 4.1
_STRING = re.compile(r"\s*'((?:[^']|'')*)'\s*(?:/(.*))?$", re.DOTALL)
_OTHER = re.compile(r"\s*([^/]*?)\s*(?:/(.*))?$", re.DOTALL)
_INTEGER = re.compile(r"[+-]?\d+$")
_REAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([EeDd][+-]?\d+)?$")
_COMMENTARY = frozenset({"COMMENT", "HISTORY", ""})


class BadCardError(ValueError):
    """No keyword can be told."""


class Card(NamedTuple):
    """One keyword record, or several that continue each other."""

    keyword: str
    value: Value
    comment: str
    offset: int


class Cards:
    """The cards of one header. A string that CONTINUE goes on with is joined once, at its end: a header may have 100,000 of them."""

    def __init__(self) -> None:
        self._cards: list[Card] = []
        self._parts: list[str] = []
        self._comments: list[str] = []

    def append(self, card: Card) -> None:
        """Adds `card`; a CONTINUE goes on with the string before it, where that promises more."""
        if card.keyword == "CONTINUE" and isinstance(card.value, str) and self._is_open():
            self._parts.append(card.value)
            self._comments.append(card.comment)
            return
        self._close()
        self._cards.append(card)
        if isinstance(card.value, str):
            self._parts, self._comments = [card.value], [card.comment]

    def finished(self) -> list[Card]:
        """All of a header that ends here: a chain that promises more than comes loses the mark of that (4.2.1.2)."""
        self._close()
        return self._cards

    def _is_open(self) -> bool:
        return bool(self._parts) and self._parts[-1].endswith("&")

    def _close(self) -> None:
        parts, self._parts = self._parts, []
        if len(parts) > 1:
            last = parts[-1][:-1].rstrip() if parts[-1].endswith("&") else parts[-1]
            joined = "".join(each[:-1] for each in parts[:-1]) + last
            comment = " ".join(filter(None, self._comments))
            self._cards[-1] = self._cards[-1]._replace(value=joined, comment=comment)


def parse(text: str, offset: int) -> Card | None:
    """The card; None for a blank one.

    Raises:
        BadCardError: it has a value, and no keyword by 4.1.2.1.
    """
    keyword = text[:8].rstrip()
    if keyword == "HIERARCH" and "=" in text:
        name, _, rest = text[8:].partition("=")
        return Card(f"HIERARCH {' '.join(name.split())}", *_parse_value(rest), offset)
    if keyword == "CONTINUE":
        return Card(keyword, *_parse_value(text[8:]), offset)
    if text[8:10] == "= " and keyword not in _COMMENTARY:
        return Card(keyword, *_parse_value(text[10:]), offset)
    if text[8:9] == "=" and keyword and keyword not in _COMMENTARY and " " not in keyword:
        return Card(keyword, *_parse_value(text[9:]), offset)  # writers forget the blank
    if "=" in keyword and keyword.rstrip("=") not in _COMMENTARY:
        raise BadCardError(f"no keyword: {text.rstrip()[:80]!r}")
    remark = text[8:].rstrip()
    if not keyword and not remark:
        return None
    return Card(keyword, remark, "", offset)


def _parse_value(text: str) -> tuple[Value, str]:
    """The typed value and the comment of a card's value field; None for an undefined value."""
    string = _STRING.match(text)
    if string is not None:
        # Trailing blanks aren't significant, leading ones are (4.2.1.1).
        return string[1].replace("''", "'").rstrip(), (string[2] or "").strip()
    if text.lstrip().startswith("'"):
        raise BadCardError(f"a text without its end: {text.strip()[:80]}")
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
