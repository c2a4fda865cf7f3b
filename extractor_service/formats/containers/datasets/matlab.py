"""MATLAB's variables: names, classes, shapes, small values; level 4 and level 5 (also compressed). Level 7.3 is HDF5.

MathWorks, "MAT-File Format" (R2024a). Of compressed variables only the beginning is inflated; data is skipped.
"""

from __future__ import annotations

import math
import re
import zlib
from typing import TYPE_CHECKING, NamedTuple

from extractor_service.document import ByteRange, Field, ProblemKind, Struct
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.reading.damage import Surviving, tolerant
from extractor_service.formats.reading.reader import Reader, TruncatedError, layout

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from extractor_service.document import Document, Value
    from extractor_service.sources.base import ByteSource

SECTION = "matlab"
CLASSES = {
    1: "cell", 2: "struct", 3: "object", 4: "char", 5: "sparse", 6: "double", 7: "single", 8: "int8", 9: "uint8", 10: "int16",
    11: "uint16", 12: "int32", 13: "uint32", 14: "int64", 15: "uint64", 16: "function_handle", 17: "opaque",
}  # fmt: skip
# Type of a data element: struct code, bytes.
_TYPES = {1: ("b", 1), 2: ("B", 1), 3: ("h", 2), 4: ("H", 2), 5: ("i", 4), 6: ("I", 4), 7: ("f", 4), 9: ("d", 8), 12: ("q", 8), 13: ("Q", 8)}  # fmt: skip
_MATRIX, _COMPRESSED, _UTF8, _UTF16, _UTF32 = 14, 15, 16, 17, 18
_LOGICAL, _GLOBAL, _COMPLEX = 2, 4, 8  # flags of an array
_CELL, _STRUCT, _OBJECT, _CHAR, _SPARSE, _DOUBLE, _SINGLE, _OPAQUE = 1, 2, 3, 4, 5, 6, 7, 17
_MOST_VARIABLES = 10_000  # each costs a read
_MOST_HEAD_BYTES = 64 * 1024  # inflated of a variable: 2,000 names of fields, or a text
_MOST_VALUES = 64  # of a variable, shown: a setting, not data
_MOST_TEXT_CHARS = 4096  # a text, not data
_MOST_RANK = 64  # dimensions; MATLAB makes no more
# Level 4: a number MOPT of the header's first word. O is always 0.
_ORDERS = {0: "<", 1: ">"}
_OLD_TYPES = {0: ("double", "d", 8), 1: ("single", "f", 4), 2: ("int32", "i", 4), 3: ("int16", "h", 2), 4: ("uint16", "H", 2), 5: ("uint8", "B", 1)}  # fmt: skip
_OLD_KINDS = {0: "", 1: "char", 2: "sparse"}
_DATE = re.compile(r"Created on: (\w{3} \w{3} +\d+ \d\d:\d\d:\d\d \d{4})")
_PLATFORM = re.compile(r"Platform: ([^,]+?),")


@tolerant(SECTION)
def parse(source: ByteSource, document: Document) -> None:
    """The header, and one field a variable."""
    reader = Reader(source)
    head = reader.exact(0, 128)
    mark = head[126:128]
    if mark not in {b"IM", b"MI"}:
        raise CorruptFileError("no header of level 5")
    order = "<" if mark == b"IM" else ">"
    text = head[:116].decode("latin-1").rstrip("\0 ")
    _add(document, "HeaderText", text, "File", 0, 116)
    _add(
        document,
        "Version",
        int.from_bytes(head[124:126], "little" if order == "<" else "big"),
        "File",
        124,
        2,
    )
    _add(document, "ByteOrder", "little" if order == "<" else "big", "File", 126, 2)
    for name, pattern in (("Platform", _PLATFORM), ("CreatedOn", _DATE)):
        found = pattern.search(text)
        if found is not None:
            _add(document, name, found[1].strip(), "File", 0, 116)
    at, hidden = 128, int.from_bytes(head[116:124], "little" if order == "<" else "big")
    for _ in range(_MOST_VARIABLES):
        if at + 8 > reader.length:
            return
        kind, size = layout(f"{order}II").unpack(reader.exact(at, 8))
        if kind == 0 and size == 0:
            return
        end = at + 8 + size + (0 if kind == _COMPRESSED else -size % 8)
        with Surviving(document, SECTION, "a variable", at):
            if at != hidden:  # else the subsystem's own data, which isn't a variable
                _variable(document, reader, at, kind, size, order)
        if at + 8 + size > reader.length:
            document.problem(SECTION, ProblemKind.TRUNCATED, f"a variable of {size} bytes is cut", at)
            return
        at = end
    document.problem(SECTION, ProblemKind.LIMIT, f"more than {_MOST_VARIABLES} variables", at)


def _variable(document: Document, reader: Reader, at: int, kind: int, size: int, order: str) -> None:
    data = reader.some(at + 8, min(size, _MOST_HEAD_BYTES))
    document.spend(len(data))
    if kind == _COMPRESSED:
        data = zlib.decompressobj().decompress(data, _MOST_HEAD_BYTES)
        document.spend(len(data))
        kind = layout(f"{order}I").unpack_from(data)[0]
        data = data[8:]
    if kind != _MATRIX:
        raise ValueError(f"an element of type {kind} where a matrix is expected")
    told = _matrix(_Elements(data, order))
    if told is None:
        return
    name, entries = told
    _add(document, name, Struct(tuple(entries)), "Variables", at, 8 + size)


class _Element(NamedTuple):
    kind: int
    data: bytes
    size: int


class _Elements:
    """Data elements one behind the other, small ones packed (1-9)."""

    def __init__(self, data: bytes, order: str) -> None:
        self._data, self.order, self._at = data, order, 0

    def next(self) -> _Element:
        """The next one, as much of it as there is."""
        if self._at + 8 > len(self._data):
            raise TruncatedError(self._at, 8, len(self._data))
        first, second = layout(f"{self.order}II").unpack_from(self._data, self._at)
        if first >> 16:
            size, begin = first >> 16, self._at + 4
            self._at += 8
            return _Element(first & 0xFFFF, self._data[begin : begin + min(size, 4)], min(size, 4))
        begin = self._at + 8
        self._at = begin + second + -second % 8
        return _Element(first, self._data[begin : begin + second], second)

    def values(self, element: _Element) -> list[Value]:
        """Its numbers, those that are there."""
        code, width = _TYPES[element.kind]
        count = min(len(element.data) // width, _MOST_VALUES + 1)
        return list(layout(f"{self.order}{count}{code}").unpack_from(element.data))

    def name(self) -> str:
        """The next one as a name."""
        return self.next().data.decode("utf-8", "replace").rstrip("\0")


def _matrix(elements: _Elements) -> tuple[str, list[tuple[str, Value]]] | None:
    """Name and facts of an array; None for one that is no variable."""
    flags = elements.values(elements.next())
    if not flags or not isinstance(flags[0], int):
        raise ValueError("no flags of an array")
    kind = flags[0] & 0xFF
    bits = flags[0] >> 8
    if kind == _OPAQUE:
        names = [elements.name(), elements.name(), elements.name()]
        return names[0], [("class", names[2] or "opaque"), ("system", names[1])]
    if kind not in CLASSES:
        raise ValueError(f"an array of class {kind}")
    shape = [each for each in elements.values(elements.next()) if isinstance(each, int)]
    if not 1 < len(shape) <= _MOST_RANK or min(shape) < 0:
        raise ValueError(f"an array of shape {shape[:8]}")
    name = elements.name()
    entries: list[tuple[str, Value]] = [
        ("class", "logical" if bits & _LOGICAL else CLASSES[kind]),
        ("shape", [*shape]),
    ]
    if kind == _SPARSE and len(flags) > 1:
        entries += [("sparse", True), ("allocated", flags[1])]
    for label, bit in (("complex", _COMPLEX), ("global", _GLOBAL)):
        if bits & bit:
            entries.append((label, True))
    if not name:
        return None  # of the subsystem
    if kind == _OBJECT:
        entries.append(("object_class", elements.name()))
    if kind in {_STRUCT, _OBJECT}:
        entries.append(("fields", _names(elements)))
    elif kind not in {_CELL, _SPARSE} and not bits & _COMPLEX:
        entries += _value(elements, kind, shape, is_logical=bool(bits & _LOGICAL))
    return name, entries


def _names(elements: _Elements) -> list[Value]:
    """Names of a struct's fields: each as long as the longest may be."""
    width = elements.values(elements.next())[0]
    data = elements.next().data
    if not isinstance(width, int) or width < 1:
        raise ValueError(f"names of {width} bytes")
    return [
        data[at : at + width].split(b"\0", 1)[0].decode("utf-8", "replace")
        for at in range(0, len(data), width)
    ]


def _value(
    elements: _Elements, kind: int, shape: list[int], *, is_logical: bool
) -> Iterator[tuple[str, Value]]:
    """Texts of one line, and few numbers."""
    count = math.prod(shape)
    if not count:
        return
    if kind == _CHAR:
        if shape[0] != 1 or count > _MOST_TEXT_CHARS:
            return
        element = elements.next()
        if len(element.data) < element.size:
            return
        codec = {
            _UTF8: "utf-8",
            _UTF16: "utf-16",
            _UTF32: "utf-32",
            4: "utf-16",
            2: "latin-1",
            1: "latin-1",
        }.get(element.kind)
        if codec is not None:
            codec += ("-le" if elements.order == "<" else "-be") if codec in {"utf-16", "utf-32"} else ""
            yield "value", element.data.decode(codec, "replace")
    elif count <= _MOST_VALUES:
        values = elements.values(elements.next())
        if is_logical:
            values = [bool(each) for each in values]
        elif kind in {_DOUBLE, _SINGLE}:  # whole numbers are stored in fewer bytes
            values = [float(each) for each in values if isinstance(each, (int, float))]
        if len(values) == count:
            yield "value", _arranged(values, shape)


def _arranged(values: list[Value], shape: Sequence[int]) -> Value:
    """A number, a list of a row or column, or lists as they are indexed; the file has the first index run fastest."""
    shape = [each for each in shape if each > 1]
    if len(shape) < 2:
        return values[0] if len(values) == 1 else values
    return [_arranged(values[row :: shape[0]], shape[1:]) for row in range(shape[0])]


@tolerant(SECTION)
def parse_level_4(source: ByteSource, document: Document) -> None:
    """One field a variable: there is no header of the file."""
    reader = Reader(source)
    at = 0
    for number in range(_MOST_VARIABLES):
        if at + 20 > reader.length:
            return
        order, (kind, code, width), form = _old_type(reader, at)
        rows, columns, imaginary, length = layout(f"{order}4I").unpack(reader.exact(at + 4, 16))
        if not 0 < length < 1024 or imaginary > 1:
            raise ValueError(f"variable {number + 1} has a name of {length} bytes")
        name = reader.exact(at + 20, length).split(b"\0", 1)[0].decode("latin-1")
        count = rows * columns
        size = 20 + length + count * width * (1 + imaginary)
        if form == 2:
            entries: list[tuple[str, Value]] = [
                ("class", "sparse"),
                ("shape", _sparse_shape(reader, at + 20 + length, rows, f"{order}{code}", width)),
            ]
        else:
            entries = [("class", _OLD_KINDS[form] or kind), ("shape", [rows, columns])]
        if imaginary or (form == 2 and columns == 4):
            entries.append(("complex", True))
        begin = at + 20 + length
        if form == 1 and rows == 1 and count <= _MOST_TEXT_CHARS:
            values = layout(f"{order}{count}{code}").unpack(reader.exact(begin, count * width))
            entries.append(("value", "".join(chr(int(each) & 0xFFFF) for each in values)))
        elif form == 0 and not imaginary and 0 < count <= _MOST_VALUES:
            numbers = list(layout(f"{order}{count}{code}").unpack(reader.exact(begin, count * width)))
            entries.append(("value", _arranged(numbers, [rows, columns])))
        _add(document, name, Struct(tuple(entries)), "Variables", at, size)
        at += size
        if at > reader.length:
            document.problem(SECTION, ProblemKind.TRUNCATED, f"{name} is cut", at - size)
            return
    document.problem(SECTION, ProblemKind.LIMIT, f"more than {_MOST_VARIABLES} variables", at)


def _sparse_shape(reader: Reader, begin: int, rows: int, form: str, width: int) -> list[Value]:
    """The last row has the shape where the others have an element's place; columns come one behind the other."""
    if not rows:
        raise ValueError("a sparse matrix without a row")
    places = (begin + (rows - 1) * width, begin + (2 * rows - 1) * width)
    return [int(layout(form).unpack(reader.exact(place, width))[0]) for place in places]


def _old_type(reader: Reader, at: int) -> tuple[str, tuple[str, str, int], int]:
    raw = reader.exact(at, 4)
    for number, order in _ORDERS.items():
        word = layout(f"{order}I").unpack(raw)[0]
        if word < 5000 and word // 1000 == number and word // 100 % 10 == 0 and word // 10 % 10 in _OLD_TYPES and word % 10 in _OLD_KINDS:  # fmt: skip
            return order, _OLD_TYPES[word // 10 % 10], word % 10
    raise CorruptFileError("no header of level 4") if not at else ValueError(f"no variable at {at}")


def _add(document: Document, name: str, value: Value, group: str, at: int, size: int) -> None:
    document.add(SECTION, Field(name, value, group=group, origin=ByteRange(at, size)))
