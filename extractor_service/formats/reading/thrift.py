"""Thrift's compact protocol, read into plain values by field number. github.com/apache/thrift, doc/specs/thrift-compact-protocol.md."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_STOP, _TRUE, _FALSE, _BYTE, _I16, _I32, _I64, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT = range(13)
_MOST_MADE: Final = 300_000  # elements of lists and maps built up at once: each takes a hundred bytes
_MOST_FIELD: Final = 32_767  # a field's number has 16 bits
_LONG_LIST: Final = 0xF0  # from here on the count stands behind the head
_MOST_DEPTH: Final = 40  # bounds the recursion; a footer has six


class Compact:
    """Reads structs as dictionaries of field number to value: int, float, bool, bytes, list, dict."""

    def __init__(self, data: bytes, at: int = 0) -> None:
        self._data = data
        self.at = at
        self._made = 0

    def struct(self, depth: int = 0) -> dict[int, object]:
        """The struct here. Numbers and bytes are read in place: a footer has thousands of them.

        Raises:
            ValueError: it isn't one.
            IndexError: the data is cut.
        """
        if depth > _MOST_DEPTH:
            raise ValueError("structs nested too deeply")
        data, at = self._data, self.at
        found: dict[int, object] = {}
        number = 0
        while True:
            head = data[at]
            at += 1
            if head == _STOP:
                self.at = at
                return found
            kind = head & 15
            if head >> 4:
                number += head >> 4
            else:
                self.at = at
                number = self._zigzag()
                at = self.at
            if number > _MOST_FIELD:
                raise ValueError(f"a field {number}")
            if _I16 <= kind <= _I64 or kind == _BINARY:
                value = data[at]
                at += 1
                if value > 0x7F:
                    value, at = _longer(data, at, value)
                if kind == _BINARY:
                    end = at + value
                    if end > len(data):
                        raise ValueError(f"{value} bytes at {at} are cut")
                    found[number] = data[at:end]
                    at = end
                else:
                    found[number] = value >> 1 ^ -(value & 1)
            elif kind == _LIST and data[at] < _LONG_LIST and data[at] & 15 in {_I16, _I32, _I64, _BINARY}:
                found[number], at = self._short_list(at)
            elif kind in {_TRUE, _FALSE}:
                found[number] = kind == _TRUE
            else:
                self.at = at
                found[number] = self.value(kind, depth)
                at = self.at

    def fields(self) -> Iterator[tuple[int, int]]:
        """Number and kind of each field of the struct here; whoever asks reads its value, or passes over it, in between."""
        number = 0
        while True:
            head = self._data[self.at]
            self.at += 1
            if head == _STOP:
                return
            number = number + (head >> 4) if head >> 4 else self._zigzag()
            self._made = 0
            yield number, head & 15

    def items(self) -> Iterator[int]:
        """Kind of each element of the list here, to be read as `fields` are."""
        kind, count = self._list_head()
        for _ in range(count):
            self._made = 0
            yield kind

    def varint(self) -> int:
        """An unsigned number of seven bits a byte."""
        value = self._data[self.at]
        self.at += 1
        if value > 0x7F:
            value, self.at = _longer(self._data, self.at, value)
        return value

    def _zigzag(self) -> int:
        value = self.varint()
        return value >> 1 ^ -(value & 1)

    def value(self, kind: int, depth: int = 0) -> object:
        """The value of that kind here."""
        if kind in {_I16, _I32, _I64}:
            return self._zigzag()
        if kind == _BINARY:
            size = self.varint()
            begin = self.at
            if begin + size > len(self._data):
                raise ValueError(f"{size} bytes at {begin} are cut")
            self.at = begin + size
            return self._data[begin : self.at]
        if kind == _STRUCT:
            return self.struct(depth=depth + 1)
        if kind in {_LIST, _SET}:
            return self._list(depth)
        if kind == _DOUBLE:
            self.at += 8
            return struct.unpack("<d", self._data[self.at - 8 : self.at])[0]
        if kind == _BYTE:
            self.at += 1
            return self._data[self.at - 1]
        if kind in {_TRUE, _FALSE}:  # inside a list it is a byte of its own
            self.at += 1
            return self._data[self.at - 1] == _TRUE
        if kind == _MAP:
            return self._map(depth)
        raise ValueError(f"a field of kind {kind}")

    def _list(self, depth: int) -> list[object]:
        kind, count = self._list_head()
        self._make(count)
        if kind == _STRUCT:
            return [self.struct(depth + 1) for _ in range(count)]
        return [self.value(kind, depth) for _ in range(count)]

    def _short_list(self, at: int) -> tuple[list[object], int]:
        """A list of up to 14 numbers or texts, and where it ends: every column has some."""
        data = self._data
        kind, count = data[at] & 15, data[at] >> 4
        at += 1
        self._make(count)
        values: list[object] = []
        for _ in range(count):
            value = data[at]
            at += 1
            if value > 0x7F:
                value, at = _longer(data, at, value)
            if kind == _BINARY:
                end = at + value
                if end > len(data):
                    raise ValueError(f"{value} bytes at {at} are cut")
                values.append(data[at:end])
                at = end
            else:
                values.append(value >> 1 ^ -(value & 1))
        return values, at

    def _make(self, count: int) -> None:
        self._made += count
        if self._made > _MOST_MADE:
            raise ValueError(f"more than {_MOST_MADE} values in one")

    def _list_head(self) -> tuple[int, int]:
        head = self._data[self.at]
        self.at += 1
        count = head >> 4
        if count == 15:
            count = self.varint()
        if count > len(self._data) - self.at:  # each takes a byte at least
            raise ValueError(f"a list of {count}")
        return head & 15, count

    def _map(self, depth: int) -> list[object]:
        count = self.varint()
        if not count:
            return []
        if count > len(self._data) - self.at:
            raise ValueError(f"a map of {count}")
        self._make(2 * count)
        kinds = self._data[self.at]
        self.at += 1
        return [(self.value(kinds >> 4, depth), self.value(kinds & 15, depth)) for _ in range(count)]


def _longer(data: bytes, at: int, value: int) -> tuple[int, int]:
    """A number whose first byte says that more follow, and where it ends."""
    value &= 0x7F
    shift = 7
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
        if shift > 63:
            raise ValueError("a number of more than 64 bits")
