"""GoPro's metadata: keys of four letters, types, values, one inside the other. github.com/gopro/gpmf-parser, "GPMF"."""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING

from extractor_service.document import ByteRange, ProblemKind
from extractor_service.formats.reading import fields
from extractor_service.formats.reading.table import Table
from extractor_service.formats.reading.tagset import Conversion

if TYPE_CHECKING:
    from extractor_service.document import Document, Value

_MOST_DEPTH, _MOST_ENTRIES, _MOST_VALUES = 6, 5000, 64
_CODES = {"b": "b", "B": "B", "s": "h", "S": "H", "l": "i", "L": "I", "f": "f", "d": "d", "j": "q", "J": "Q"}
_FIXED = {"q": ("i", 65536.0), "Q": ("q", 4294967296.0)}
_KEY = re.compile(rb"[-_a-zA-Z0-9 ]{4}$")


def _date(value: Value) -> Value:
    """Sixteen characters: "yymmddhhmmss.sss"."""
    if not isinstance(value, str) or len(value) < 12:
        return value
    return f"20{value[:2]}:{value[2:4]}:{value[4:6]} {value[6:8]}:{value[8:10]}:{value[10:]}"


def _kilometres(value: Value) -> Value:
    return value * 3.6 if isinstance(value, (int, float)) else value


_SPEEDS = {
    "GPSSpeed": Conversion(_kilometres, None, "km/h"),
    "GPSSpeed3D": Conversion(_kilometres, None, "km/h"),
}
_CONVERSIONS = {
    "GPSDateTime": Conversion(_date), "GPSHPositioningError": Conversion(lambda value: value / 100 if isinstance(value, (int, float)) else value),
    "TimeStamp": Conversion(lambda value: value / 1e6 if isinstance(value, (int, float)) else value, None, "s"),
}  # fmt: skip
_PLACES = {b"GPS5": ("GPS5", 5), b"GPS9": ("GPS9", 9)}


class _Reader:
    """Where the values go."""

    def __init__(self, document: Document, section: str, group: str, at: int) -> None:
        self._document = document
        self._section, self._group, self._at = section, group, at
        self._main = Table("film/GoPro::GPMF", section, group, _CONVERSIONS)
        self._count = 0

    def read(self, data: bytes, start: int, depth: int) -> None:
        """The entries of one level; a scale holds for the last of them."""
        place, scale, kinds = 0, [1.0], ""
        while place + 8 <= len(data):
            key, kind, size, count = (
                data[place : place + 4],
                chr(data[place + 4]),
                data[place + 5],
                int.from_bytes(data[place + 6 : place + 8]),
            )
            length = size * count
            content = data[place + 8 : place + 8 + length]
            self._count += 1
            if not _KEY.match(key) or self._count > _MOST_ENTRIES:
                return
            if len(content) < length:
                self._document.problem(
                    self._section, ProblemKind.TRUNCATED, f"GoPro's {key!r} is cut", self._at + start + place
                )
                return
            if kind == "\0":
                if depth < _MOST_DEPTH:
                    self.read(content, start + place + 8, depth + 1)
            elif key == b"SCAL":
                scale = [each for each in _numbers(content, kind) if each] or [1.0]
            elif key == b"TYPE":
                kinds = content.decode("latin-1")
            elif length:
                self._value(
                    key, kind, content, size, ByteRange(self._at + start + place + 8, length), scale, kinds
                )
            place += 8 + (length + 3) // 4 * 4

    def _value(
        self,
        key: bytes,
        kind: str,
        content: bytes,
        size: int,
        origin: ByteRange,
        scale: list[float],
        kinds: str,
    ) -> None:
        if key in _PLACES:
            self._place(
                key,
                _complex(content[:size], kinds) if kind == "?" else _numbers(content, kind),
                scale,
                origin,
            )
            return
        identity = key.decode("ascii")
        tag = self._main.tags.get(identity)
        if tag is None or tag.hidden:
            return
        if tag.binary:
            fields.add_binary(
                self._document, self._section, self._group, tag.name, origin.length_bytes, origin
            )
            return
        value: Value
        if kind in {"c", "U", "F"}:
            value = content.rstrip(b"\0 ").decode("latin-1") if kind != "F" else content.decode("latin-1")
        elif kind in _CODES or kind in _FIXED:
            numbers = _numbers(content[: size * _MOST_VALUES], kind)
            shown: list[Value] = [
                _plain(each / scale[index % len(scale)]) if scale != [1.0] else _plain(each)
                for index, each in enumerate(numbers[:_MOST_VALUES])
            ]
            value = shown if len(shown) != 1 else shown[0]
        else:
            return
        self._main.put(self._document, identity, value, origin)

    def _place(self, key: bytes, numbers: list[float], scale: list[float], origin: ByteRange) -> None:
        """The first of the places that the entry has."""
        name, width = _PLACES[key]
        table = Table(f"film/GoPro::{name}", self._section, self._group, _SPEEDS)
        for index, number in enumerate(numbers[:width]):
            if index in table.tags and table.tags[index].name not in {"GPSDateTime", "GPSDays"}:
                table.put(self._document, index, _plain(number / scale[index % len(scale)]), origin)


def parse(data: bytes, document: Document, at: int, section: str = "quicktime", group: str = "GoPro") -> None:
    """Adds what the entries say; of series of measurements the first, or how many bytes they take."""
    _Reader(document, section, group, at).read(data, 0, 0)


def _numbers(data: bytes, kind: str) -> list[float]:
    code, divisor = _FIXED.get(kind, (_CODES.get(kind, ""), 1.0))
    if not code:
        return []
    width = struct.calcsize(f">{code}")
    values = struct.unpack(f">{len(data) // width}{code}", data[: len(data) // width * width])
    return [each / divisor if divisor != 1.0 else each for each in values]


def _complex(data: bytes, kinds: str) -> list[float]:
    """One structure of values of several types."""
    codes = "".join(_CODES.get(each, "x") for each in kinds)
    form = f">{codes}"
    return (
        [float(each) for each in struct.unpack(form, data[: struct.calcsize(form)])]
        if struct.calcsize(form) <= len(data)
        else []
    )


def _plain(value: float) -> int | float:
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 1e15 else value
