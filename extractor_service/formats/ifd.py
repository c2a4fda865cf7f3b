"""Walks TIFF directories: tag, type, count and where the value is. Meaning is given by `exif.py`.

TIFF 6.0 section 2 (types, directories), BigTIFF (types 16 to 18, 8-byte counts and offsets).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

from extractor_service.document import Rational
from extractor_service.formats.reader import Reader, TruncatedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from extractor_service.document import Value
    from extractor_service.sources.base import ByteSource

MAX_ENTRIES = 4096
# type: (struct code, bytes per value)
_TYPES = {
    1: ("B", 1), 2: ("s", 1), 3: ("H", 2), 4: ("I", 4), 5: ("II", 8), 6: ("b", 1), 7: ("s", 1), 8: ("h", 2),
    9: ("i", 4), 10: ("ii", 8), 11: ("f", 4), 12: ("d", 8), 13: ("I", 4), 16: ("Q", 8), 17: ("q", 8), 18: ("Q", 8),
}  # fmt: skip
ASCII, UNDEFINED = 2, 7
_RATIONALS = frozenset({5, 10})


class NotTiffError(Exception):
    """The bytes don't begin with a TIFF header."""


class Entry(NamedTuple):
    """One directory entry; `offset` is where its value begins, within the reader's window."""

    tag: int
    kind: int
    values: int
    """How many values there are."""
    offset: int
    size_bytes: int


class Directories:
    """The directories of one TIFF structure."""

    def __init__(self, source: ByteSource, base: int, length: int) -> None:
        """Reads the header.

        Raises:
            NotTiffError: there is none.
            TruncatedError: it is cut.
        """
        probe = Reader(source, base=base, length=length)
        order = probe.exact(0, 2)
        if order not in {b"II", b"MM"}:
            raise NotTiffError(f"byte order mark {order!r}")
        self.reader = Reader(source, big_endian=order == b"MM", base=base, length=length)
        version = self.reader.u16(2)
        self.is_big = version == 43
        # 42 is TIFF; "RS", "RO" and 0x55 are raw files of Olympus and Panasonic with the same structure.
        if self.is_big:
            self.first = self.reader.u64(8)
        elif version in {42, 0x5352, 0x4F52, 0x55}:
            self.first = self.reader.u32(4)
        else:
            raise NotTiffError(f"version {version}")

    def entries(self, offset: int) -> Iterator[Entry]:
        """The entries of the directory at `offset`; stops with TruncatedError where the file ends."""
        reader = self.reader
        if self.is_big:
            count, start, size, layout, inline = reader.u64(offset), offset + 8, 20, "HHQ", 8
        else:
            count, start, size, layout, inline = reader.u16(offset), offset + 2, 12, "HHI", 4
        head = struct.Struct((">" if reader.big_endian else "<") + layout)
        for index in range(min(count, MAX_ENTRIES)):
            position = start + index * size
            tag, kind, values = head.unpack(reader.exact(position, head.size))
            if kind not in _TYPES:
                yield Entry(tag, kind, values, position, 0)
                continue
            size_bytes = values * _TYPES[kind][1]
            value_at = position + size - inline
            if size_bytes > inline:
                value_at = reader.u64(value_at) if self.is_big else reader.u32(value_at)
            yield Entry(tag, kind, values, value_at, size_bytes)

    def next_directory(self, offset: int) -> int:
        """The offset of the directory that follows the one at `offset`; 0 at the end of the chain."""
        reader = self.reader
        try:
            if self.is_big:
                return reader.u64(offset + 8 + reader.u64(offset) * 20)
            return reader.u32(offset + 2 + reader.u16(offset) * 12)
        except TruncatedError:
            return 0

    def value(self, entry: Entry, max_bytes: int) -> Value:
        """The value of `entry`: text, bytes, one number or a list; at most `max_bytes` of it.

        Raises:
            TruncatedError: the value lies beyond the end.
        """
        code, width = _TYPES[entry.kind]
        count = min(entry.values, max_bytes // width)
        data = self.reader.exact(entry.offset, count * width)
        if entry.kind == ASCII:
            return _text(data)
        if code == "s":
            return data
        order = ">" if self.reader.big_endian else "<"
        if entry.kind in _RATIONALS:
            numbers = struct.unpack(f"{order}{count * 2}{code[0]}", data)
            fractions: list[Value] = [
                Rational(numbers[index], numbers[index + 1]) for index in range(0, len(numbers), 2)
            ]
            return fractions[0] if len(fractions) == 1 else fractions
        values: list[Value] = list(struct.unpack(f"{order}{count}{code}", data))
        return values[0] if len(values) == 1 else values


def _text(data: bytes) -> str:
    """ASCII by the specification, UTF-8 in practice, Latin-1 when it isn't that; trailing NULs dropped."""
    data = data.rstrip(b"\0")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def is_known_type(kind: int) -> bool:
    """Whether values of that type can be read."""
    return kind in _TYPES
