"""Classic netCDF: dimensions, variables with their places, attributes; CDF-1, CDF-2 and CDF-5.

"NetCDF Classic Format Specification" (docs.unidata.ucar.edu/netcdf-c, file_format_specifications) and "CDF-5 File Format
Specification" (cucis.ece.northwestern.edu/projects/PnetCDF). The header stands at the beginning; no data is read.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from extractor_service.document import ByteRange, Field, ProblemKind, Struct
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.containers.science import cf
from extractor_service.formats.reading import charsets
from extractor_service.formats.reading.damage import Surviving, tolerant
from extractor_service.formats.reading.reader import Reader, layout

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extractor_service.document import Document, Value
    from extractor_service.sources.base import ByteSource

SECTION = "netcdf"
_FORMATS = {1: "Classic (CDF-1)", 2: "64-bit offset (CDF-2)", 5: "64-bit data (CDF-5)"}
# Number of the type: name as ncdump has it, struct code, bytes.
_TYPES = {
    1: ("byte", "b", 1), 2: ("char", "s", 1), 3: ("short", "h", 2), 4: ("int", "i", 4), 5: ("float", "f", 4), 6: ("double", "d", 8),
    7: ("ubyte", "B", 1), 8: ("ushort", "H", 2), 9: ("uint", "I", 4), 10: ("int64", "q", 8), 11: ("uint64", "Q", 8),
}  # fmt: skip
_DIMENSIONS, _VARIABLES, _ATTRIBUTES = 10, 11, 12
_STREAMING_32, _STREAMING_64 = (1 << 32) - 1, (1 << 64) - 1  # the writer didn't know how many records come
_MOST_ENTRIES = 50_000  # of a list: as many fields as a document has
_MOST_VALUES = 4096  # of an attribute, kept; the others are a Problem
_MOST_HEAD_BYTES = 64 * 1024 * 1024  # a thousand times what headers have
_MOST_NAME_BYTES = 4096  # sixteen times NC_MAX_NAME


class _Variable(NamedTuple):
    name: str
    dimensions: list[int]
    attributes: list[tuple[str, Value]]
    type: int
    size_bytes: int
    begin: int


class _Header:
    """Reads the header from its beginning on: numbers are as wide as the version has them."""

    def __init__(self, reader: Reader, document: Document, version: int) -> None:
        self._reader, self._document = reader, document
        self._is_wide = version == 5
        self._has_wide_offsets = version != 1
        self.at = 4

    def count(self) -> int:
        """A length or number: 64 bits wide in CDF-5."""
        wide = self._is_wide
        value = self._reader.u64(self.at) if wide else self._reader.u32(self.at)
        self.at += 8 if wide else 4
        return value

    def offset(self) -> int:
        """A place in the file."""
        wide = self._has_wide_offsets
        value = self._reader.u64(self.at) if wide else self._reader.u32(self.at)
        self.at += 8 if wide else 4
        return value

    def word(self) -> int:
        """A tag or type: always 32 bits."""
        value = self._reader.u32(self.at)
        self.at += 4
        return value

    def entries(self, tag: int) -> int:
        """How many entries the list has that comes now."""
        found, count = self.word(), self.count()
        if found not in {0, tag} or (not found and count):
            raise ValueError(f"list {found} where {tag} is expected, at {self.at}")
        if count > self._reader.length // 8:
            raise ValueError(f"a list of {count} entries at {self.at}")
        if count > _MOST_ENTRIES:
            self._document.problem(SECTION, ProblemKind.LIMIT, f"a list of {count} entries: {_MOST_ENTRIES} are read", self.at)  # fmt: skip
        return count

    def name(self) -> str:
        """A name, padded to words."""
        length = self.count()
        if length > _MOST_NAME_BYTES:
            raise ValueError(f"a name of {length} bytes at {self.at}")
        text = self._reader.exact(self.at, length)
        self.at += length + -length % 4
        return charsets.text(text)

    def attributes(self) -> list[tuple[str, Value]]:
        """Names and values."""
        found: list[tuple[str, Value]] = []
        for _ in range(self.entries(_ATTRIBUTES)):
            name, kind, length = self.name(), self.word(), self.count()
            if self.at > _MOST_HEAD_BYTES:
                raise ValueError(f"a header of more than {_MOST_HEAD_BYTES} bytes")
            if kind not in _TYPES:
                raise ValueError(f"type {kind} at {self.at}")
            _, code, width = _TYPES[kind]
            size = length * width
            if self.at + size > self._reader.length:
                self._reader.exact(self.at, size)  # says so
            if len(found) < _MOST_ENTRIES:
                found.append((name, self._value(name, code, length, width)))
            self.at += size + -size % 4
        return found

    def _value(self, name: str, code: str, length: int, width: int) -> Value:
        if code == "s":
            text = self._reader.exact(self.at, min(length, self._document.limits.max_value_bytes + 4))
            return charsets.text(text.rstrip(b"\0"))
        kept = min(length, _MOST_VALUES)
        self._document.spend(8 * kept)
        if kept < length:
            self._document.problem(SECTION, ProblemKind.LIMIT, f"{name}: {length} values are cut to {kept}", self.at)  # fmt: skip
        values = layout(f">{kept}{code}").unpack(self._reader.exact(self.at, kept * width))
        return values[0] if length == 1 else list(values)


@tolerant(SECTION)
def parse(source: ByteSource, document: Document) -> None:
    """The whole header: one field a dimension, variable and attribute."""
    reader = Reader(source)
    version = reader.u8(3)
    if reader.exact(0, 3) != b"CDF" or version not in _FORMATS:
        raise CorruptFileError("no netCDF header")
    _add(document, "Format", _FORMATS[version], "File", 0, 4)
    header = _Header(reader, document, version)
    at = header.at
    records = header.count()
    if records in {_STREAMING_32, _STREAMING_64} and records == (
        _STREAMING_64 if version == 5 else _STREAMING_32
    ):
        _add(document, "RecordCount", None, "File", at, header.at - at, "unknown: written as a stream")
        records = 0
    else:
        _add(document, "RecordCount", records, "File", at, header.at - at)
    dimensions: list[tuple[str, int]] = []
    for _ in range(min(header.entries(_DIMENSIONS), _MOST_ENTRIES)):
        at = header.at
        name, length = header.name(), header.count()
        dimensions.append((name, length))
        _add(
            document, name, length or records, "Dimensions", at, header.at - at, "" if length else "unlimited"
        )
    at = header.at
    outer = header.attributes()
    for name, value in outer:
        _add(document, name, value, "/", at, header.at - at)
    variables: list[_Variable] = []
    with Surviving(document, SECTION, "the list of variables", header.at):
        for _ in range(min(header.entries(_VARIABLES), _MOST_ENTRIES)):
            at = header.at
            variable = _variable(header, len(dimensions))
            variables.append(variable)
            _describe(document, variable, dimensions, records, ByteRange(at, header.at - at))
    _check_end(document, reader, variables, dimensions, records)
    cf.summarize(
        document,
        dict(outer),
        [cf.Variable(each.name, [dimensions[one][0] for one in each.dimensions], dict(each.attributes)) for each in variables],
    )  # fmt: skip


def _variable(header: _Header, known: int) -> _Variable:
    name, rank = header.name(), header.count()
    if rank > 1024:  # NC_MAX_VAR_DIMS of the library
        raise ValueError(f"{name} has {rank} dimensions")
    numbers = [header.count() for _ in range(rank)]
    attributes = header.attributes()
    kind, size, begin = header.word(), header.count(), header.offset()
    if kind not in _TYPES or any(each >= known for each in numbers):
        raise ValueError(f"{name} is of type {kind} over dimensions {numbers[:8]}")
    return _Variable(name, numbers, attributes, kind, size, begin)


def _describe(
    document: Document, variable: _Variable, dimensions: Sequence[tuple[str, int]], records: int, origin: ByteRange
) -> None:  # fmt: skip
    shape = _shape(variable, dimensions, records)
    entries: tuple[tuple[str, Value], ...] = (
        ("type", _TYPES[variable.type][0]),
        ("dimensions", [dimensions[each][0] for each in variable.dimensions]),
        ("shape", [*shape]),
        ("size_bytes", math.prod(shape) * _TYPES[variable.type][2]),
        ("offset", variable.begin),
    )
    document.add(SECTION, Field(variable.name, Struct(entries), group="Variables", origin=origin))
    for name, value in variable.attributes:
        document.add(SECTION, Field(name, value, group=variable.name, origin=origin))


def _shape(variable: _Variable, dimensions: Sequence[tuple[str, int]], records: int) -> list[int]:
    return [dimensions[each][1] or records for each in variable.dimensions]


def _check_end(
    document: Document, reader: Reader, variables: Sequence[_Variable], dimensions: Sequence[tuple[str, int]], records: int
) -> None:  # fmt: skip
    """Whether the data that is stated is there. Records are interleaved; a lone variable's are not padded."""
    end, record_bytes = 0, 0
    extents: list[tuple[int, int]] = []
    for each in variables:
        is_varying = bool(each.dimensions) and not dimensions[each.dimensions[0]][1]
        size = math.prod(_shape(each, dimensions, 1 if is_varying else records)) * _TYPES[each.type][2]
        if is_varying:
            extents.append((each.begin, size))
            record_bytes += size + -size % 4
        else:
            end = max(end, each.begin + size)
    if len(extents) == 1:
        record_bytes = extents[0][1]
    if records:
        end = max([end, *(begin + size + record_bytes * (records - 1) for begin, size in extents)])
    if end > reader.length:
        document.problem(SECTION, ProblemKind.TRUNCATED, f"{end} bytes are stated, {reader.length} are there", reader.length)  # fmt: skip


def _add(document: Document, name: str, value: Value, group: str, at: int, size: int, text: str = "") -> None:
    document.add(SECTION, Field(name, value, text, group=group, origin=ByteRange(at, size)))
