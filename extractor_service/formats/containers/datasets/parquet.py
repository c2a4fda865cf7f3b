"""Parquet: schema, row groups, columns with codecs and statistics, key-value metadata; out of the footer alone.

github.com/apache/parquet-format: README.md (layout), parquet.thrift (the footer), LogicalTypes.md, Encryption.md. The
footer is walked, not built up: 20,000 columns of many row groups cost no more memory than one of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from extractor_service.document import ByteRange, Field, LimitExceededError, ProblemKind, Struct
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.containers.datasets import parquet_types as types
from extractor_service.formats.reading.damage import Surviving, tolerant
from extractor_service.formats.reading.reader import Reader
from extractor_service.formats.reading.thrift import Compact
from extractor_service.sources.base import will_read

if TYPE_CHECKING:
    from extractor_service.document import Document, Value
    from extractor_service.sources.base import ByteSource

SECTION: Final = "parquet"
_PLAIN, _ENCRYPTED = b"PAR1", b"PARE"
_TAIL_BYTES: Final = 64 * 1024  # holds most footers
_MOST_FOOTER_BYTES: Final = 24 * 1024 * 1024  # read; 20,000 columns of ten row groups
_MOST_CHUNKS: Final = 2000  # listed one by one, of all row groups; sums are of all
_MOST_GROUPS: Final = 1000  # listed
_MOST_STATISTIC_BYTES: Final = 256  # of a minimum or maximum
_MOST_NUMBER: Final = 30  # of a codec or encoding: there are ten; all above are one
_MOST_COLUMNS: Final = 20_000  # with sums of their own


class _Leaf(NamedTuple):
    path: str
    type: types.ColumnType


class _Sums:
    """Of a column over all row groups. Codecs and encodings are bits by their numbers: sets took half of a wide table's memory."""

    __slots__ = ("codecs", "compressed", "encodings", "has_bloom_filter", "nulls", "uncompressed", "values")

    def __init__(self) -> None:
        self.codecs = self.encodings = 0
        self.compressed = self.uncompressed = self.values = 0
        self.nulls: int | None = 0
        self.has_bloom_filter = False


@tolerant(SECTION)
def parse(source: ByteSource, document: Document) -> None:
    """All that the footer says."""
    reader = Reader(source, big_endian=False)
    begin = max(0, reader.length - _TAIL_BYTES)
    tail = reader.some(begin, _TAIL_BYTES)
    mark = tail[-4:]
    if mark not in {_PLAIN, _ENCRYPTED} or len(tail) < 12:
        document.add(SECTION, Field("Format", "Parquet", group="File", origin=ByteRange(0, 4)))
        document.problem(SECTION, ProblemKind.TRUNCATED, "the footer is missing: the schema stands at the file's end", reader.length)  # fmt: skip
        return
    size = int.from_bytes(tail[-8:-4], "little")
    at = reader.length - 8 - size
    if at < 4:
        raise CorruptFileError(f"a footer of {size} bytes")
    will_read(source, [(at, size)])
    footer = tail[at - begin : -8] if at >= begin else reader.exact(at, min(size, _MOST_FOOTER_BYTES))
    document.add(
        SECTION, Field("FooterSize", size, unit="By", group="File", origin=ByteRange(reader.length - 8, 4))
    )
    if mark == _ENCRYPTED:
        document.add(SECTION, Field("EncryptedFooter", True, group="File"))
        document.problem(SECTION, ProblemKind.UNSUPPORTED, "the footer is encrypted", at)
        return
    if size > _MOST_FOOTER_BYTES:
        document.problem(
            SECTION, ProblemKind.LIMIT, f"{_MOST_FOOTER_BYTES} of {size} bytes of the footer are read"
        )
    _Footer(footer, at, document).read()


class _Footer:
    def __init__(self, data: bytes, origin: int, document: Document) -> None:
        self._walk = Compact(data)
        self._origin, self._document = origin, document
        self._leaves: list[_Leaf] = []
        self._sums: list[_Sums] = []
        self._groups = self._chunks = 0

    def read(self) -> None:
        walk = self._walk
        try:
            for number, kind in walk.fields():
                begin = walk.at
                if number == 2:
                    self._schema()
                elif number == 4:
                    is_read = False
                    with Surviving(self._document, SECTION, "row groups", self._origin + begin):
                        self._row_groups()
                        is_read = True
                    if not is_read:
                        return  # where the next field begins isn't known
                elif number == 5:
                    self._metadata()
                elif number in {1, 3, 6}:
                    value = walk.value(kind)
                    if number == 3 and types.is_negative(value):
                        self._document.problem(
                            SECTION, ProblemKind.DAMAGED, f"{value} rows", self._origin + begin
                        )
                        continue
                    name = {1: "Version", 3: "RowCount", 6: "CreatedBy"}[number]
                    self._put(
                        name,
                        value.decode("utf-8", "replace") if isinstance(value, bytes) else types.plain(value),
                        begin,
                    )
                elif number == 8:
                    walk.value(kind)
                    self._put("EncryptedColumns", True, begin)
                elif kind in {1, 2}:
                    continue
                else:
                    walk.value(kind)
        finally:
            self._finish()

    def _put(self, name: str, value: Value, begin: int) -> None:
        origin = ByteRange(self._origin + begin, max(1, self._walk.at - begin))
        self._document.add(SECTION, Field(name, value, group="File", origin=origin))

    def _schema(self) -> None:
        """The tree, flattened depth first: a field an element, by its path (parquet.thrift, SchemaElement)."""
        parents: list[list[object]] = []  # path, children left
        for kind in self._walk.items():
            begin = self._walk.at
            element = self._walk.value(kind)
            if not isinstance(element, dict):
                raise ValueError("no element of a schema")  # noqa: TRY004 - damage, as the others
            name = types.text(element.get(4, b""))
            while parents and parents[-1][1] == 0:
                parents.pop()
            children = element.get(5) or 0
            children = children if isinstance(children, int) and children > 0 else 0
            is_root = not parents
            path = name if is_root or not parents[-1][0] else f"{parents[-1][0]}.{name}"
            if parents:
                parents[-1][1] -= 1  # type: ignore[operator]
            column = types.column_type(element)
            origin = ByteRange(self._origin + begin, self._walk.at - begin)
            entries = tuple(types.facts(element, column, children))
            self._document.add(
                SECTION, Field(path, Struct(entries), group="Root" if is_root else "Schema", origin=origin)
            )
            if children:
                parents.append(["" if is_root else path, children])
            elif not is_root:
                self._leaves.append(_Leaf(path, column))
                if len(self._sums) < _MOST_COLUMNS:
                    self._sums.append(_Sums())

    def _metadata(self) -> None:
        for kind in self._walk.items():
            begin = self._walk.at
            pair = self._walk.value(kind)
            if isinstance(pair, dict):
                key, value = types.text(pair.get(1, b"")), pair.get(2)
                origin = ByteRange(self._origin + begin, self._walk.at - begin)
                told = types.text(value) if isinstance(value, bytes) else None
                if (
                    key == "ARROW:schema" and told is not None
                ):  # a message of Arrow's in base64: the schema again
                    field = Field(key, None, f"({len(told)} characters)", group="Metadata", origin=origin)
                else:
                    field = Field(key, told, group="Metadata", origin=origin)
                self._document.add(SECTION, field)

    def _row_groups(self) -> None:
        for _ in self._walk.items():
            begin, number = self._walk.at, self._groups
            self._groups += 1
            entries: list[tuple[str, Value]] = []
            for field, kind in self._walk.fields():
                if field == 1:
                    for column, _ in enumerate(self._walk.items()):
                        self._chunk(number, column)
                    continue
                value = kind == 1 if kind in {1, 2} else self._walk.value(kind)
                if field == 4 and isinstance(value, list):
                    entries.append(("sorted_by", [self._order(each) for each in value]))
                elif field in types.GROUP_FIELDS and not self._is_wrong(value, begin):
                    entries.append((types.GROUP_FIELDS[field], types.plain(value)))
            if number < _MOST_GROUPS:
                origin = ByteRange(self._origin + begin, self._walk.at - begin)
                self._document.add(
                    SECTION,
                    Field(f"RowGroup{number}", Struct(tuple(entries)), group="RowGroups", origin=origin),
                )

    def _is_wrong(self, value: object, begin: int) -> bool:
        """Whether it is a count that none can be; that is a Problem then."""
        if not types.is_negative(value):
            return False
        self._document.problem(SECTION, ProblemKind.DAMAGED, f"a count of {value}", self._origin + begin)
        return True

    def _order(self, each: object) -> Value:
        if (
            not isinstance(each, dict)
            or not isinstance(each.get(1), int)
            or not 0 <= each[1] < len(self._leaves)
        ):
            return "?"
        return f"{self._leaves[each[1]].path} {'descending' if each.get(2) else 'ascending'}"

    def _chunk(self, group: int, number: int) -> None:
        begin = self._walk.at
        chunk = self._walk.struct()
        told = chunk.get(3)
        self._chunks += 1
        leaf = self._leaves[number] if number < len(self._leaves) else None
        if isinstance(told, dict) and (
            self._is_wrong(told.get(5), begin)
            or self._is_wrong(told.get(6), begin)
            or self._is_wrong(told.get(7), begin)
        ):
            return
        if not isinstance(told, dict) or leaf is None:
            if leaf is not None and 8 in chunk:
                self._listed(begin, leaf.path, [("encrypted", True)], group)
            return
        if number < len(self._sums):
            _count(self._sums[number], told)
        if self._chunks <= _MOST_CHUNKS:
            entries = types.chunk_facts(chunk, told, leaf.type, _MOST_STATISTIC_BYTES)
            self._listed(begin, leaf.path, entries, group)

    def _listed(self, begin: int, name: str, entries: list[tuple[str, Value]], group: int) -> None:
        place = ByteRange(self._origin + begin, self._walk.at - begin)
        field = Field(name, Struct(tuple(entries)), "", "", None, f"RowGroup{group}", "", place)
        self._document.add(SECTION, field)

    def _finish(self) -> None:
        """Sums, also of a footer that ends early."""
        document = self._document
        if self._chunks > _MOST_CHUNKS:
            document.problem(SECTION, ProblemKind.LIMIT, f"{self._chunks} column chunks: {_MOST_CHUNKS} are listed, all are summed up")  # fmt: skip
        for name, value in (("RowGroupCount", self._groups), ("ColumnCount", len(self._leaves))):
            document.add(SECTION, Field(name, value, group="File"))
        try:
            for leaf, sums in zip(self._leaves, self._sums, strict=False):
                if sums.codecs:
                    document.add(SECTION, Field(leaf.path, Struct(_summed(sums)), group="Columns"))
        except LimitExceededError as error:
            document.problem(SECTION, ProblemKind.LIMIT, str(error))


def _count(sums: _Sums, told: dict[int, object]) -> None:
    codec, encodings, statistics = told.get(4), told.get(2), told.get(12)
    if isinstance(codec, int):
        sums.codecs |= _bit(codec)
    if isinstance(encodings, list):
        for each in encodings:
            sums.encodings |= _bit(each) if isinstance(each, int) else 0
    sums.values += types.number(told.get(5))
    sums.uncompressed += types.number(told.get(6))
    sums.compressed += types.number(told.get(7))
    nulls = statistics.get(3) if isinstance(statistics, dict) else None
    sums.nulls = sums.nulls + nulls if isinstance(nulls, int) and sums.nulls is not None else None
    sums.has_bloom_filter = sums.has_bloom_filter or 14 in told


def _bit(number: int) -> int:
    return 1 << number if 0 <= number < _MOST_NUMBER else 1 << _MOST_NUMBER


def _numbers(bits: int) -> list[int]:
    return [number for number in range(_MOST_NUMBER + 1) if bits >> number & 1]


def _summed(sums: _Sums) -> tuple[tuple[str, Value], ...]:
    entries: list[tuple[str, Value]] = [
        ("codec", ", ".join(types.label(types.CODECS, each) for each in _numbers(sums.codecs))),
        ("encodings", [types.label(types.ENCODINGS, each) for each in _numbers(sums.encodings)]),
        ("values", sums.values),
        ("compressed_bytes", sums.compressed),
        ("uncompressed_bytes", sums.uncompressed),
    ]
    if sums.nulls is not None:
        entries.append(("nulls", sums.nulls))
    if sums.has_bloom_filter:
        entries.append(("bloom_filter", True))
    return tuple(entries)
