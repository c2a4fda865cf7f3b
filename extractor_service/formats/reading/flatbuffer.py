"""Flatbuffers: tables with fields by number, vectors, strings. flatbuffers.dev, "FlatBuffer Internals"."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_MOST_ITEMS = 1_000_000  # of a vector; one that says more isn't one


class Table:
    """A table at a place of a buffer; a field that isn't there has its default. Damage raises struct.error or ValueError."""

    __slots__ = ("_at", "_data", "_fields", "_size")

    def __init__(self, data: bytes, at: int) -> None:
        self._data, self._at = data, at
        self._fields = at - struct.unpack_from("<i", data, at)[0]
        if self._fields < 0:
            raise ValueError(f"a table without fields at {at}")
        self._size = struct.unpack_from("<H", data, self._fields)[0]

    @staticmethod
    def root(data: bytes, at: int = 0) -> Table:
        """The table that a buffer begins with."""
        return Table(data, at + struct.unpack_from("<I", data, at)[0])

    def number(self, field: int, code: str, default: int = 0) -> int:
        """A number of a struct code."""
        place = self._place(field)
        if not place:
            return default
        value: int = struct.unpack_from(f"<{code}", self._data, place)[0]
        return value

    def text(self, field: int) -> str:
        """A string; "" for none."""
        place = self._target(field)
        return _string(self._data, place).decode("utf-8", "replace") if place else ""

    def table(self, field: int) -> Table | None:
        """A table inside."""
        place = self._target(field)
        return Table(self._data, place) if place else None

    def tables(self, field: int) -> Iterator[Table]:
        """A vector of tables."""
        count, begin = self._vector(field)
        for index in range(count):
            at = begin + 4 * index
            yield Table(self._data, at + struct.unpack_from("<I", self._data, at)[0])

    def numbers(self, field: int, code: str) -> list[int]:
        """A vector of numbers."""
        count, begin = self._vector(field)
        return list(struct.unpack_from(f"<{count}{code}", self._data, begin))

    def structs(self, field: int, code: str) -> Iterator[tuple[int, ...]]:
        """A vector of structs of a layout."""
        count, begin = self._vector(field)
        size = struct.calcsize(f"<{code}")
        for index in range(count):
            yield struct.unpack_from(f"<{code}", self._data, begin + index * size)

    def count(self, field: int) -> int:
        """How many a vector has."""
        return self._vector(field)[0]

    def _vector(self, field: int) -> tuple[int, int]:
        place = self._target(field)
        if not place:
            return 0, 0
        count = struct.unpack_from("<I", self._data, place)[0]
        if count > min(_MOST_ITEMS, len(self._data)):
            raise ValueError(f"a vector of {count}")
        return count, place + 4

    def _place(self, field: int) -> int:
        at = 4 + 2 * field
        if at + 2 > self._size:
            return 0
        offset = struct.unpack_from("<H", self._data, self._fields + at)[0]
        return self._at + offset if offset else 0

    def _target(self, field: int) -> int:
        place = self._place(field)
        return place + struct.unpack_from("<I", self._data, place)[0] if place else 0


def _string(data: bytes, at: int) -> bytes:
    size = struct.unpack_from("<I", data, at)[0]
    if at + 4 + size > len(data):
        raise ValueError(f"a string of {size} bytes")
    return data[at + 4 : at + 4 + size]
