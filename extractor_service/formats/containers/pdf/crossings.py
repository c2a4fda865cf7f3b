"""Where the objects of a PDF stand: its cross-reference tables and streams, from the last one back. ISO 32000-2, 7.5.4, 7.5.8.

Tables aren't kept: an entry has a place of its own, and is read when it is asked for. Streams are kept as they are inflated: 5 to 8
bytes an object, where qpdf takes 700.
"""

from __future__ import annotations

import re
import zlib
from typing import TYPE_CHECKING, NamedTuple

from extractor_service.document import HardLimitError
from extractor_service.formats.containers.pdf.syntax import Keyword, parse, skip

if TYPE_CHECKING:
    from collections.abc import Callable

    from extractor_service.formats.reading.reader import Reader

    Read = Callable[[int], tuple[dict[str, object], int]]

_START = re.compile(rb"startxref\s+(\d+)")
_SUBSECTION = re.compile(rb"[\0\t\n\f\r ]*(\d{1,10})[ \t]+(\d{1,10})[ \t]*(?:\r\n|\r|\n)")
_ENTRY_BYTES = 20  # of a table
_ENTRY = re.compile(rb"\s?(\d{10}) (\d{5}) ([nf])")
_FREE, _DIRECT, _PACKED = 0, 1, 2


class Limits:
    """Of `Crossings`."""

    tail_bytes = 2048  # "startxref" stands in the last 1,024 (annex H.3, note 18)
    max_sections = 1000  # followed: a form that was saved each day for three years
    max_trailer_bytes = 64 * 1024  # of a dictionary
    max_stream_bytes = 16 * 1024 * 1024  # inflated, of all sections: two million objects
    max_parts = 20_000  # subsections of all tables


class Place(NamedTuple):
    """Where an object stands: in the file, or as which one in an object stream."""

    offset: int
    stream: int = 0
    member: int = -1


class Table:
    """Entries of twenty bytes each, by subsections."""

    def __init__(self, reader: Reader, parts: list[tuple[int, int, int]]) -> None:
        self._reader, self._parts = reader, parts

    def find(self, number: int) -> Place | bool | None:
        """The place; None for a free object, False for one that it doesn't list."""
        for first, count, at in self._parts:
            if first <= number < first + count:
                entry = _ENTRY.match(self._reader.some(at + _ENTRY_BYTES * (number - first), _ENTRY_BYTES))
                if entry is None:
                    raise ValueError(f"no entry of object {number}")
                return Place(int(entry[1])) if entry[3] == b"n" and int(entry[1]) else None
        return False


class Stream:
    """Entries of a few bytes each, in one stream."""

    def __init__(self, data: bytes, widths: list[int], index: list[int]) -> None:
        self._data, self._widths = data, widths
        self._size = sum(widths)
        self._parts: list[tuple[int, int, int]] = []
        at = 0
        for first, count in zip(index[: 2 * Limits.max_parts : 2], index[1::2], strict=False):
            self._parts.append((first, count, at))
            at += count * self._size

    def find(self, number: int) -> Place | bool | None:
        """See `Table.find`."""
        for first, count, begin in self._parts:
            if first <= number < first + count:
                at = begin + self._size * (number - first)
                entry = self._data[at : at + self._size]
                if len(entry) < self._size:
                    raise ValueError(f"no entry of object {number}")
                one, two, _ = self._widths
                kind = int.from_bytes(entry[:one]) if one else _DIRECT
                middle, last = int.from_bytes(entry[one : one + two]), int.from_bytes(entry[one + two :])
                if kind == _DIRECT:
                    return Place(middle) if middle else None
                return Place(0, middle, last) if kind == _PACKED else None
        return False


class Crossings:
    """All sections of a file, the newest first."""

    def __init__(self, reader: Reader, base: int) -> None:
        """Follows the chain; `base` is where the header stands.

        Raises:
            ValueError: it breaks.
        """
        self._reader, self._base = reader, base
        self._sections: list[Table | Stream] = []
        self._left_bytes, self._left_parts = Limits.max_stream_bytes, Limits.max_parts
        self.trailer: dict[str, object] = {}
        starts = _START.findall(reader.some(max(0, reader.length - Limits.tail_bytes), Limits.tail_bytes))
        if not starts:
            raise ValueError("no startxref")
        place: object = int(starts[-1])
        seen: set[int] = set()
        while isinstance(place, int) and place not in seen:
            seen.add(place)
            if len(seen) > Limits.max_sections:
                raise ValueError("too many sections")
            trailer = self._section(place + base)
            if not self.trailer:
                self.trailer = trailer
            hidden = trailer.get("/XRefStm")
            if isinstance(hidden, int):
                self._section(hidden + base)
            place = trailer.get("/Prev")

    def find(self, number: int) -> Place | None:
        """The place of an object, in the newest section that knows it; None where there is none."""
        for section in self._sections:
            place = section.find(number)
            if isinstance(place, Place):
                return place
            if place is None and isinstance(section, Stream):
                return None  # free; a table's free entries may be filled by a hidden stream (7.5.8.4)
        return None

    def _section(self, at: int) -> dict[str, object]:
        head = self._reader.some(at, 64)
        begin = skip(head, 0)
        if head.startswith(b"xref", begin):
            return self._table(at + begin + 4)
        return self._stream(at)

    def _table(self, at: int) -> dict[str, object]:
        parts: list[tuple[int, int, int]] = []
        for _ in range(Limits.max_sections):
            window = self._reader.some(at, 64)
            found = _SUBSECTION.match(window)
            if found is None:
                break
            first, count = int(found[1]), int(found[2])
            at += found.end()
            if count and _ENTRY.match(self._reader.some(at, _ENTRY_BYTES)) is None:
                raise ValueError(f"no entries at {at}")
            if at + count * _ENTRY_BYTES > self._reader.length:
                raise ValueError(f"{count} entries at {at}")
            parts.append((first, count, at))
            at += count * _ENTRY_BYTES
            self._left_parts -= 1
            if self._left_parts < 0:
                raise ValueError("too many subsections")
        window = self._reader.some(at, 1024)
        begin = window.find(b"trailer")
        if begin < 0 or begin > 64:
            raise ValueError(f"no trailer at {at}")
        # A table that calls its first object 1 is a common mistake (qpdf corrects it too).
        if (
            len(parts) == 1
            and parts[0][0] == 1
            and self._reader.some(parts[0][2], 18).startswith(b"0000000000 65535")
        ):
            parts = [(0, parts[0][1], parts[0][2])]
        self._sections.append(Table(self._reader, parts))
        return self._dictionary(at + begin + 7)[0]

    def _dictionary(self, at: int) -> tuple[dict[str, object], int]:
        size = 1024
        while True:
            data = self._reader.some(at, size)
            try:
                value, end = parse(data, 0)
            except ValueError:
                if size >= Limits.max_trailer_bytes or len(data) < size:
                    raise
                size *= 8
                continue
            if not isinstance(value, dict):
                raise ValueError(f"no dictionary at {at}")  # noqa: TRY004 - damage, as the others
            return value, at + end

    def _stream(self, at: int) -> dict[str, object]:
        head = self._reader.some(at, 64)
        found = re.match(rb"\s*\d+\s+\d+\s+obj", head)
        if found is None:
            raise ValueError(f"no section at {at}")
        told, end = self._dictionary(at + found.end())
        if told.get("/Type") != "/XRef":
            raise ValueError(f"no cross-reference stream at {at}")
        widths, size, length = told.get("/W"), told.get("/Size"), told.get("/Length")
        index = told.get("/Index", [0, size])
        if (
            not isinstance(widths, list)
            or len(widths) != 3
            or not all(isinstance(each, int) and 0 <= each <= 8 for each in widths)
        ):
            raise ValueError(f"widths {widths!r:.50}")
        if (
            not isinstance(index, list)
            or not all(isinstance(each, int) and each >= 0 for each in index)
            or not isinstance(length, int)
        ):
            raise ValueError("no index")
        # qpdf would unpack it whole, which a kilobyte can make 60 MB.
        if sum(index[1::2]) * sum(widths) > self._left_bytes:
            raise HardLimitError("the cross-reference table is too large")
        raw = self._reader.exact(data_begin(self._reader, end), length)
        try:
            data = unpacked(raw, told, self._left_bytes)
        except TooLongError as error:
            raise HardLimitError("the cross-reference table is too large") from error
        self._left_bytes -= len(data)
        self._sections.append(
            Stream(
                data,
                [each for each in widths if isinstance(each, int)],
                [each for each in index if isinstance(each, int)],
            )
        )
        return told


class TooLongError(ValueError):
    """A stream unpacks to more than may be."""


def data_begin(reader: Reader, at: int) -> int:
    """Where a stream's data begins, whose dictionary ends at `at` (7.3.8.1)."""
    window = reader.some(at, 64)
    word, end = parse(window + b" ", 0)
    if not isinstance(word, Keyword) or word != b"stream":
        raise ValueError(f"no stream at {at}")
    if window.startswith(b"\r\n", end):
        return at + end + 2
    return at + end + (1 if window[end : end + 1] in {b"\n", b"\r"} else 0)


def unpacked(raw: bytes, told: dict[str, object], most_bytes: int) -> bytes:
    """Deflate, and a predictor (7.4.4); raises ValueError on anything else."""
    packing, parameters = told.get("/Filter"), told.get("/DecodeParms")
    if isinstance(packing, list):
        packing = packing[0] if len(packing) == 1 else packing or None
        parameters = parameters[0] if isinstance(parameters, list) and len(parameters) == 1 else parameters
    if packing is None:
        return raw[:most_bytes]
    if packing != "/FlateDecode":
        raise ValueError(f"a stream packed by {packing!r:.50}")
    inflater = zlib.decompressobj()
    try:
        data = inflater.decompress(raw, most_bytes)
    except zlib.error as error:
        raise ValueError(str(error)) from error
    if inflater.unconsumed_tail:
        raise TooLongError(f"a stream of more than {most_bytes} bytes")
    if not isinstance(parameters, dict) or parameters.get("/Predictor", 1) == 1:
        return data
    columns = parameters.get("/Columns", 1)
    if parameters.get("/Predictor", 1) not in range(10, 16) or parameters.get("/Colors", 1) != 1 or parameters.get("/BitsPerComponent", 8) != 8 or not isinstance(columns, int) or not 0 < columns < 1 << 16:  # fmt: skip
        raise ValueError(f"a predictor {parameters!r:.80}")
    return _unpredicted(data, columns)


def _unpredicted(data: bytes, columns: int) -> bytes:
    """PNG's filters, a byte a sample (RFC 2083, 6)."""
    out = bytearray()
    before = bytes(columns)
    for at in range(0, len(data), columns + 1):
        kind, row = data[at], bytearray(data[at + 1 : at + 1 + columns])
        if kind == 2:
            for place, value in enumerate(row):
                row[place] = (value + before[place]) & 0xFF
        elif kind == 1:
            for place in range(1, len(row)):
                row[place] = (row[place] + row[place - 1]) & 0xFF
        elif kind:
            raise ValueError(f"a predictor's row of kind {kind}")
        before = bytes(row) + bytes(columns - len(row))
        out += row
    return bytes(out)
