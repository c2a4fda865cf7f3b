"""The headers of films, field by field. ISO/IEC 14496-12 section 4.2 (full boxes), 8.2.2 (times, fixed-point numbers)."""

from __future__ import annotations

import datetime as dt
import struct
from functools import lru_cache
from typing import TYPE_CHECKING

from extractor_service.document import ByteRange, Field, ProblemKind
from extractor_service.formats.reading.conversions import duration_text
from extractor_service.formats.reading.reader import TruncatedError

if TYPE_CHECKING:
    from extractor_service.document import Document, Value
    from extractor_service.formats.reading.boxes import Box
    from extractor_service.formats.reading.reader import Reader

SECTION = "quicktime"
_EPOCH = dt.datetime(1904, 1, 1, tzinfo=dt.UTC)
_NUMBER_BYTES = 9  # of a document's size
_UNIX_SECONDS = 2_082_844_800  # from 1904 to 1970: fewer are counted from 1970 by mistake, since nobody filmed digitally before
_MATRIX = struct.Struct(">9i")
_MAX_HEADER_BYTES = 256  # the longest fixed one (mvhd version 1) has 112; the rest is for names


class Header:
    """The fields of a full box, taken one after the other; `at` is the next one, within the box."""

    def __init__(self, reader: Reader, box: Box, document: Document, group: str, zone: str) -> None:
        self._reader = reader
        self._box = box
        self._offset = box.offset
        self._data = reader.exact(box.offset, min(box.length, _MAX_HEADER_BYTES))
        self._document = document
        self._group = group
        self._zone = zone
        self.version = self._data[0] if self._data else 0
        self.at = 4

    def raw(self, count: int) -> bytes:
        """The next `count` bytes; raises TruncatedError beyond the end."""
        data = self._data[self.at : self.at + count]
        if len(data) < count:
            raise TruncatedError(self._box.offset + self.at, count, self._box.offset + len(self._data))
        self.at += count
        return data

    def rest(self) -> bytes:
        """All that follows, within reason."""
        return self._data[self.at :]

    def more(self, count: int) -> bytes:
        """Up to `count` bytes from here on, of boxes that are longer than headers."""
        return self._reader.exact(self._box.offset + self.at, min(count, self._box.length - self.at))

    def take(self, count: int) -> int:
        """The next number."""
        at = self.at
        end = self.at = at + count
        data = self._data
        if end > len(data):
            self.at = at
            self.raw(count)
        return int.from_bytes(data[at:end])

    def skip(self, count: int) -> None:
        """Passes over bytes that say nothing."""
        self.at += count

    def add(self, name: str, value: Value, at: int, size: int, text: str = "", unit: str = "") -> None:
        """Adds a field that begins at `at` in the box."""
        origin = tuple.__new__(ByteRange, (self._offset + at, size))
        group = self._group
        field = Field(name, value, text, unit, None, group, "", origin)
        if type(value) is int or type(value) is float:
            size = _NUMBER_BYTES + len(name) + len(text) + len(group)
            self._document.put(SECTION, field, size)
        else:
            self._document.add(SECTION, field)

    def number(self, name: str, size: int) -> int:
        """Adds an integer."""
        at, value = self.at, self.take(size)
        self.add(name, value, at, size)
        return value

    def fixed(self, name: str, size: int) -> None:
        """Adds a fixed-point number of which half the bits are the fraction."""
        at, value = self.at, self.take(size)
        self.add(name, _whole(value / (1 << size * 4)), at, size)

    def volume(self, name: str) -> None:
        """Adds a ratio of the full volume."""
        at, value = self.at, self.take(2) / 256
        self.add(name, _whole(value), at, 2, f"{value * 100:.2f}%")

    def matrix(self) -> list[Value]:
        """Adds the transformation, and returns it; its last column has 30 bits of fraction."""
        at = self.at
        meant: list[Value] = [*_meant(_MATRIX.unpack(self.raw(_MATRIX.size)))]
        self.add("MatrixStructure", meant, at, 36)
        return meant

    def time(self, name: str) -> None:
        """Adds seconds since 1904 as a date; 0 is no time."""
        size = 8 if self.version == 1 else 4
        at, seconds = self.at, self.take(size)
        text = "0000:00:00 00:00:00"
        if seconds and seconds < _UNIX_SECONDS:
            message = f"{name} counts from 1970, where the standard says 1904"
            self._document.problem(SECTION, ProblemKind.DAMAGED, message, self._box.offset + at)
            seconds += _UNIX_SECONDS
        if seconds:
            try:
                text = _date_text(seconds) + self._zone
            except OverflowError:
                return
        self.add(name, text, at, size)

    def duration(self, name: str, scale: int, width: int = 0) -> float:
        """Adds ticks as seconds, and returns them; 0 where they aren't known."""
        size = width or (8 if self.version == 1 else 4)
        at, ticks = self.at, self.take(size)
        if ticks == (1 << 8 * size) - 1:  # unknown (14496-12, 8.2.2.3)
            self._document.problem(SECTION, ProblemKind.DAMAGED, f"{name} is unknown", self._box.offset + at)
            return 0.0
        seconds = ticks / scale if scale else float(ticks)
        self.add(name, _whole(seconds), at, size, duration_text(seconds), "s")
        return seconds if scale else 0.0


@lru_cache(maxsize=64)
def _date_text(seconds: int) -> str:
    """A film and its tracks mostly have one date."""
    return (_EPOCH + dt.timedelta(seconds=seconds)).strftime("%Y:%m:%d %H:%M:%S")


@lru_cache(maxsize=64)
def _meant(values: tuple[int, ...]) -> tuple[int | float, ...]:
    """Nearly all matrices are the one that changes nothing."""
    return tuple(_whole(each / (1 << (30 if index % 3 == 2 else 16))) for index, each in enumerate(values))


# The part of a matrix that turns and mirrors: x' = ax + cy, y' = bx + dy.
Turn = tuple[float, float, float, float]


class Movie:
    """What the boxes of one movie have in common: where they are read, where fields go, the movie's clock."""

    def __init__(self, reader: Reader, document: Document, zone: str) -> None:
        self.reader = reader
        self.document = document
        self._zone = zone
        self.scale = 0
        """Ticks a second of the movie's own durations."""
        self.matrix: list[Value] = [1, 0, 0, 0, 1]
        """How the whole movie is transformed, beside each of its tracks."""

    def turn(self, track: list[Value]) -> Turn:
        """How a track of that matrix is shown: its own transformation, then the movie's (14496-12, 8.2.2, 8.3.2)."""
        a, b, c, d = _turn(track)
        e, f, g, h = _turn(self.matrix)
        return a * e + b * g, a * f + b * h, c * e + d * g, c * f + d * h

    def header(self, box: Box, group: str) -> Header:
        """The fields of `box`."""
        return Header(self.reader, box, self.document, group, self._zone)


def _turn(matrix: list[Value]) -> Turn:
    a, b, c, d = (
        float(each) if isinstance(each, (int, float)) else 0.0 for each in (*matrix[:2], *matrix[3:5])
    )
    return a, b, c, d


def _whole(value: float) -> int | float:
    return int(value) if value.is_integer() else value
