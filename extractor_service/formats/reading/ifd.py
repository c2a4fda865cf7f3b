"""Reads TIFF directories: tag, type, count and value. Meaning is given by who asks.

TIFF 6.0 section 2 (types, directories), BigTIFF (types 16 to 18, 8-byte counts and offsets).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from extractor_service.document import Rational
from extractor_service.formats.reading.charsets import text
from extractor_service.formats.reading.reader import Reader, TruncatedError, layout

if TYPE_CHECKING:
    from extractor_service.document import Value
    from extractor_service.sources.base import ByteSource

MAX_ENTRIES: Final = 4096  # of 65,535 that a directory may claim (BigTIFF: 2^64 - 1); the chain ends there
MAX_UNKNOWN = 10  # entries of types that don't exist: with more it is no directory, but chance
# type: (struct code, bytes per value)
_TYPES: Final = {
    1: ("B", 1), 2: ("s", 1), 3: ("H", 2), 4: ("I", 4), 5: ("II", 8), 6: ("b", 1), 7: ("s", 1), 8: ("h", 2),
    9: ("i", 4), 10: ("ii", 8), 11: ("f", 4), 12: ("d", 8), 13: ("I", 4), 16: ("Q", 8), 17: ("q", 8), 18: ("Q", 8),
    129: ("s", 1),
}  # fmt: skip
SIZES: Final = {kind: size for kind, (_, size) in _TYPES.items()}
ASCII, UNDEFINED, UTF8 = 2, 7, 129
_TEXTS: Final = frozenset({ASCII, UTF8})
# The usual single numbers and fractions, little-endian and big-endian.
SINGLES: Final = {
    kind: (layout("<" + code).unpack_from, layout(">" + code).unpack_from)
    for kind, code in ((1, "B"), (3, "H"), (4, "I"), (6, "b"), (8, "h"), (9, "i"))
}
_PAIRS: Final = {kind: (layout("<" + code), layout(">" + code)) for kind, code in ((5, "II"), (10, "ii"))}
RATIONALS: Final = frozenset({5, 10})
# TIFF; then raw files with the same structure: Olympus ("RS", "RO") and Panasonic (0x55).
_VERSIONS: Final = frozenset({42, 0x5352, 0x4F52, 0x55})


class NotTiffError(ValueError):
    """The bytes don't begin with a TIFF header."""


class Entry(NamedTuple):
    """One directory entry; `offset` is where its value begins, within the reader's window."""

    tag: int
    kind: int
    count: int  # type: ignore[assignment] # hides tuple.count, which nobody counts with
    """How many values there are."""
    offset: int
    size_bytes: int
    inline: bytes = b""
    """The value itself where it stands in the entry."""


class Directory(NamedTuple):
    """The entries of one directory, in file order."""

    entries: list[Entry]
    next_offset: int
    is_cut: bool
    """The directory promises more entries than the file has."""
    unknown: int = 0
    """How many entries have types that don't exist, zeros left aside."""


class Directories:
    """The directories of one TIFF structure: where it begins, its byte order, and the first directory."""

    def __init__(self, reader: Reader, *, is_big: bool = False, first: int = 0, shift: int = 0) -> None:
        """`shift` is added to the offsets of values: what moved them didn't mend them."""
        self.reader = reader
        self.shift = shift
        self.is_big = is_big
        self.first = first

    @classmethod
    def at(cls, source: ByteSource, base: int, length: int | None, *, lenient: bool = False) -> Directories:
        """Reads the header; `lenient` takes any version, for EXIF in segments that say what they hold.

        Raises:
            NotTiffError: there is none.
            TruncatedError: it is cut.
        """
        reader = Reader(source, base=base, length=length)
        head = reader.exact(0, 8)
        if head[:2] not in {b"II", b"MM"}:
            raise NotTiffError(f"byte order mark {head[:2]!r}")
        reader = reader.view(base, length, big_endian=head[:2] == b"MM")
        version = reader.u16(2)
        if version == 43:
            return cls(reader, is_big=True, first=reader.u64(8))
        if version in _VERSIONS or lenient:
            return cls(reader, first=reader.u32(4))
        raise NotTiffError(f"version {version}")

    def read(self, offset: int, gap_bytes: int = 0, most_unknown: int = MAX_ENTRIES) -> Directory:
        """The directory at `offset`, its entries `gap_bytes` behind its count; raises TruncatedError when that isn't there.

        It ends, and has no next one, with the first entry beyond `most_unknown` of types that don't exist.
        """
        reader = self.reader
        order = ">" if reader.big_endian else "<"
        if self.is_big:
            count, start, form, inline, word = reader.u64(offset), offset + 8, "HHQ8s", 8, "Q"
        else:
            count, start, form, inline, word = reader.u16(offset), offset + 2 + gap_bytes, "HHI4s", 4, "I"
        packed = layout(order + form)
        size = packed.size
        kept = min(count, MAX_ENTRIES)
        data = reader.some(start, kept * size)
        is_cut = len(data) < kept * size
        if is_cut:
            data = data[: len(data) // size * size]
        pointer = layout(order + word).unpack
        entries: list[Entry] = []
        unknown = 0
        position = start + size - inline
        sizes, make = SIZES.get, tuple.__new__  # a named tuple's own constructor takes twice as long
        for tag, kind, values, stored in packed.iter_unpack(data):
            size_bytes = values * sizes(kind, 0)
            if not size_bytes and kind not in SIZES and (kind or tag):  # zeros are padding
                unknown += 1
                if unknown > most_unknown:
                    return Directory(entries, 0, is_cut, unknown)
            if size_bytes <= inline:
                entries.append(make(Entry, (tag, kind, values, position, size_bytes, stored)))
            else:
                entries.append(
                    make(Entry, (tag, kind, values, pointer(stored)[0] + self.shift, size_bytes, b""))
                )
            position += size
        following = 0
        if not is_cut and kept == count:
            try:
                following = (
                    reader.u64(start + kept * size) if self.is_big else reader.u32(start + kept * size)
                )
            except TruncatedError:
                following = 0
        return Directory(entries, following, is_cut, unknown)

    def value(self, entry: Entry, max_bytes: int) -> Value:
        """The value of `entry`: text, bytes, one number or a list; at most `max_bytes` of it.

        Raises:
            TruncatedError: the value lies beyond the end.
        """
        _, kind, count, offset, size, inline = entry
        big_endian = self.reader.big_endian
        if inline:
            if count == 1 and kind in SINGLES:
                single: int = SINGLES[kind][big_endian](inline)[0]
                return single
            return decode(kind, inline[:size], big_endian=big_endian)
        if size > max_bytes:
            width = SIZES[kind]
            size = max_bytes // width * width
        return decode(kind, self.reader.exact(offset, size), big_endian=big_endian)

    def bytes_of(self, entry: Entry, max_bytes: int = 64 * 1024) -> bytes:
        """What is stored for `entry`, at most `max_bytes`; raises TruncatedError."""
        if entry.inline:
            return entry.inline[: entry.size_bytes]
        return self.reader.exact(entry.offset, min(entry.size_bytes, max_bytes))


def decode(kind: int, data: bytes, *, big_endian: bool) -> Value:
    """The value of `data` as TIFF type `kind`; an empty list where there is none."""
    if kind in _TEXTS:
        end = data.find(b"\0")
        return text(data if end < 0 else data[:end])
    code, width = _TYPES[kind]
    if code == "s":
        return data
    order = ">" if big_endian else "<"
    count = len(data) // width
    if count == 1 and len(code) == 2:
        pair = _PAIRS[kind][big_endian].unpack(data[:8])
        return tuple.__new__(Rational, pair)
    if kind in RATIONALS:
        numbers = layout(f"{order}{count * 2}{code[0]}").unpack(data)
        if count == 1:
            return Rational(numbers[0], numbers[1])
        return [Rational(numbers[index], numbers[index + 1]) for index in range(0, len(numbers), 2)]
    values = layout(f"{order}{count}{code}").unpack(data)
    if count == 1:
        single: int | float = values[0]
        return single
    return list(values)
