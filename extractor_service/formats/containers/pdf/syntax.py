"""PDF's syntax: names, strings, numbers, arrays, dictionaries, references; out of bytes. ISO 32000-2, 7.2, 7.3, annex D.3."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

_MOST_DEPTH = 60  # of arrays and dictionaries in each other
# Possessive: what can be cut into pieces in many ways would be tried in all of them.
_BLANK = rb"(?:[\0\t\n\f\r ]++|%[^\r\n]*+)*+"
_END = rb"(?![^\0\t\n\f\r ()<>\[\]{}/%])"  # a blank, a delimiter, or the end of the bytes
_SPACE = re.compile(_BLANK)
# One match a token: a name, a reference, an integer, a real number, a bracket, any other word.
_TOKEN = re.compile(
    _BLANK
    + rb"(?:(/[^\0\t\n\f\r ()<>\[\]{}/%]*)|(\d{1,10})[\0\t\n\f\r ]+(\d{1,5})[\0\t\n\f\r ]+R"
    + _END
    + rb"|([+-]?\d{1,19})"
    + _END
    + rb"|([+-]*(?:\d+\.\d*|\.\d+)[-\d.]*)"
    + _END
    + rb"|(<<|>>|[\[\](<])|([^\0\t\n\f\r ()<>\[\]{}/%]+))"
)
_NAME, _REFERENCE, _INTEGER, _REAL, _BRACKET = 1, 3, 4, 5, 6
_FIRST_REAL = re.compile(rb"[+-]*(\d+\.?\d*|\.\d+)")
_ESCAPES = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}
_IN_STRING = re.compile(rb"[()\\]")
_HEXADECIMAL = re.compile(rb"#([0-9A-Fa-f]{2})")
# Where PDFDocEncoding differs from Latin-1 (table D.2).
_DOC_ENCODING = {
    0x18: "\u02d8", 0x19: "\u02c7", 0x1A: "\u02c6", 0x1B: "\u02d9", 0x1C: "\u02dd", 0x1D: "\u02db", 0x1E: "\u02da", 0x1F: "\u02dc",
    0x80: "\u2022", 0x81: "\u2020", 0x82: "\u2021", 0x83: "\u2026", 0x84: "\u2014", 0x85: "\u2013", 0x86: "\u0192", 0x87: "\u2044",
    0x88: "\u2039", 0x89: "\u203a", 0x8A: "\u2212", 0x8B: "\u2030", 0x8C: "\u201e", 0x8D: "\u201c", 0x8E: "\u201d", 0x8F: "\u2018",
    0x90: "\u2019", 0x91: "\u201a", 0x92: "\u2122", 0x93: "\ufb01", 0x94: "\ufb02", 0x95: "\u0141", 0x96: "\u0152", 0x97: "\u0160",
    0x98: "\u0178", 0x99: "\u017d", 0x9A: "\u0131", 0x9B: "\u0142", 0x9C: "\u0153", 0x9D: "\u0161", 0x9E: "\u017e", 0xA0: "\u20ac",
    0x7F: "\ufffd", 0x9F: "\ufffd", 0xAD: "\ufffd",
}  # fmt: skip


class CutError(ValueError):
    """The bytes end within an object: with more of them it may be whole."""


class Name(str):
    """A name, with its slash."""

    __slots__ = ()


class Text(bytes):
    """A string, as it is stored."""

    __slots__ = ()

    def shown(self) -> str:
        """As text (7.9.2.2)."""
        if self.startswith(b"\xfe\xff"):
            return self[2:].decode("utf-16-be", "replace")
        if self.startswith(b"\xff\xfe"):
            return self[2:].decode("utf-16-le", "replace")
        if self.startswith(b"\xef\xbb\xbf"):
            return self[3:].decode("utf-8", "replace")
        text = self.decode("latin-1")
        return text if text.isascii() and text.isprintable() else text.translate(_DOC_ENCODING)


class Reference(NamedTuple):
    """An object elsewhere."""

    number: int
    generation: int


class Keyword(bytes):
    """What is no object: `endobj`, `stream`."""

    __slots__ = ()


_Container = dict[str, object] | list[object]


def skip(data: bytes, at: int) -> int:
    """Behind blanks and comments."""
    found = _SPACE.match(data, at)
    return found.end() if found else at


def parse(data: bytes, at: int) -> tuple[object, int]:
    """The object at a place, and where it ends: dict, list, Name, Text, Reference, numbers, booleans, None, or a Keyword.

    Raises:
        CutError: the bytes end within it.
        ValueError: it is none.
    """
    match, end = _TOKEN.match, len(data)
    outer: list[tuple[_Container, Name | None]] = []
    current: _Container | None = None
    key: Name | None = None
    value: object
    while True:
        found = match(data, at)
        if found is None:
            if skip(data, at) >= end - 1:
                raise CutError("the bytes end")
            raise ValueError(f"no object at {at}")
        at, kind = found.end(), found.lastindex
        if at == end and kind != _BRACKET:
            raise CutError("the bytes end")
        if kind == _NAME:
            value = _name(found[1])
        elif kind == _REFERENCE:
            value = Reference(int(found[2]), int(found[3]))
        elif kind == _INTEGER:
            value = int(found[4])
        elif kind == _REAL:
            value = _real(found[5])
        elif kind == _BRACKET:
            bracket = found[6]
            if bracket in {b"<<", b"["}:
                if len(outer) > _MOST_DEPTH:
                    raise ValueError("nested too deeply")
                if current is not None:
                    outer.append((current, key))
                current, key = ({}, None) if bracket == b"<<" else ([], None)
                continue
            if bracket in {b">>", b"]"}:
                if type(current) is not (dict if bracket == b">>" else list) or key is not None:
                    raise ValueError(f"{bracket!r} at {at}")
                value = current
                current, key = outer.pop() if outer else (None, None)
            else:
                value, at = _literal(data, at) if bracket == b"(" else _hexadecimal(data, at)
        else:
            value = _word(found[7])
        if current is None:
            return value, at
        if isinstance(value, Keyword):
            raise ValueError(f"{value[:20]!r} inside of an object")  # noqa: TRY004 - damage, as the others
        if type(current) is list:
            current.append(value)
        elif key is None:
            if not isinstance(value, Name):
                raise ValueError(f"a key that is no name, at {at}")
            key = value
        else:
            if value is not None:
                current[key] = value  # type: ignore[call-overload]
            key = None


def _word(word: bytes) -> object:
    if word in {b"true", b"false"}:
        return word == b"true"
    return None if word == b"null" else Keyword(word)


def _real(text: bytes) -> float:
    found = _FIRST_REAL.match(text)
    number = float(found[1]) if found is not None else 0.0
    return -number if b"-" in text[:2] else number


@lru_cache(maxsize=2048)
def _name(raw: bytes) -> Name:
    if b"#" in raw:
        raw = _HEXADECIMAL.sub(lambda part: bytes((int(part[1], 16),)), raw)
    return Name(raw.decode("utf-8", "replace"))


def _hexadecimal(data: bytes, at: int) -> tuple[Text, int]:
    end = data.find(b">", at)
    if end < 0:
        raise CutError("the bytes end")
    digits = re.sub(rb"[\0\t\n\f\r ]", b"", data[at:end])
    return Text(bytes.fromhex((digits + b"0" * (len(digits) % 2)).decode("ascii"))), end + 1


def _literal(data: bytes, at: int) -> tuple[Text, int]:
    """A string in parentheses, which may have others inside, and escapes (7.3.4.2)."""
    parts: list[bytes] = []
    depth, begin = 1, at
    while True:
        found = _IN_STRING.search(data, at)
        if found is None:
            raise CutError("the bytes end")
        at = found.end()
        mark = found[0]
        if mark == b"(":
            depth += 1
        elif mark == b")":
            depth -= 1
            if not depth:
                parts.append(data[begin : at - 1])
                joined = b"".join(parts)
                return Text(
                    joined.replace(b"\r\n", b"\n") if b"\r\n" in joined and len(parts) == 1 else joined
                ), at
        else:
            parts.append(data[begin : at - 1])
            piece, at = _escaped(data, at)
            parts.append(piece)
            begin = at


def _escaped(data: bytes, at: int) -> tuple[bytes, int]:
    letter = data[at : at + 1]
    if not letter:
        raise CutError("the bytes end")
    if letter in _ESCAPES:
        return _ESCAPES[letter], at + 1
    if letter in b"01234567":
        found = re.compile(rb"[0-7]{1,3}").match(data, at)
        digits = found[0] if found else letter
        return bytes((int(digits, 8) & 0xFF,)), at + len(digits)
    if letter in b"\r\n":  # a line that goes on
        return b"", at + (2 if data.startswith(b"\r\n", at) else 1)
    return letter, at + 1
