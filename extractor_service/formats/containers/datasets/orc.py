"""ORC: types, stripes, statistics of columns, user metadata; out of the tail. orc.apache.org/specification/ORCv1, orc_proto.proto."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final

from extractor_service.document import ByteRange, Field, ProblemKind, Struct
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.containers.archives.streams import unzstd
from extractor_service.formats.reading import protobuf_wire as wire
from extractor_service.formats.reading import unpack
from extractor_service.formats.reading.damage import Surviving, tolerant
from extractor_service.formats.reading.epochs import day_of, instant_of
from extractor_service.formats.reading.reader import Reader
from extractor_service.sources.base import will_read

if TYPE_CHECKING:
    from collections.abc import Iterator

    from extractor_service.document import Document, Value
    from extractor_service.sources.base import ByteSource

    Message = dict[int, list[int | bytes]]

SECTION: Final = "orc"
_TAIL_BYTES: Final = 16 * 1024  # holds most footers
_MOST_FOOTER_BYTES: Final = 8 * 1024 * 1024  # inflated
_MOST_PATH_CHARS: Final = 4096  # sixteen long names in each other
_MOST_TYPES: Final = 100_000  # twice as many fields as a document has
_MOST_STRIPES: Final = 1000  # listed
_CODECS: Final = {0: "NONE", 1: "ZLIB", 2: "SNAPPY", 3: "LZO", 4: "LZ4", 5: "ZSTD", 6: "BROTLI"}
_KINDS: Final = (
    "boolean", "tinyint", "smallint", "int", "bigint", "float", "double", "string", "binary", "timestamp", "array", "map",
    "struct", "uniontype", "decimal", "date", "varchar", "char", "timestamp with local time zone", "geometry", "geography",
)  # fmt: skip
_ARRAY, _MAP, _STRUCT, _UNION, _DECIMAL, _VARCHAR, _CHAR, _INSTANT = 10, 11, 12, 13, 14, 16, 17, 18
_WRITERS: Final = {0: "Java", 1: "C++", 2: "Presto", 3: "Go", 4: "Trino", 5: "CUDF"}


@tolerant(SECTION)
def parse(source: ByteSource, document: Document) -> None:
    """PostScript, footer, and what they say of stripes and columns."""
    reader = Reader(source, big_endian=False)
    if reader.exact(0, 3) != b"ORC":
        raise CorruptFileError("no header of ORC")
    document.add(SECTION, Field("Format", "ORC", group="File", origin=ByteRange(0, 3)))
    begin = max(0, reader.length - _TAIL_BYTES)
    tail = reader.some(begin, _TAIL_BYTES)
    size = tail[-1]
    told = _postscript(tail[-1 - size : -1])
    if told is None:
        document.problem(SECTION, ProblemKind.TRUNCATED, "the PostScript is missing: the schema stands at the file's end", reader.length)  # fmt: skip
        return
    at = reader.length - 1 - size

    def put(name: str, value: Value, text: str = "") -> None:
        document.add(SECTION, Field(name, value, text, group="File", origin=ByteRange(at, size)))

    codec, length = wire.number(told, 2), wire.number(told, 1)
    put("Compression", _CODECS.get(codec, f"Unknown ({codec})"))
    if codec:
        put("CompressionBlockSize", wire.number(told, 3))
    put("FileVersion", ".".join(map(str, wire.packed(told.get(4, [])))))
    put("WriterVersion", wire.number(told, 6))
    place = at - length
    if place < 3 or length > _MOST_FOOTER_BYTES:
        raise ValueError(f"a footer of {length} bytes")
    will_read(source, [(place, length)])
    packed = tail[place - begin : at - begin] if place >= begin else reader.exact(place, length)
    footer = wire.fields(_unpacked(packed, codec))
    _Footer(footer, ByteRange(place, length), document).read()


def _postscript(data: bytes) -> Message | None:
    try:
        told = wire.fields(data)
    except ValueError:
        return None
    return told if told.get(8000, [b""])[-1] == b"ORC" else None


def _unpacked(data: bytes, codec: int) -> bytes:
    """The chunks of a section, each with its own header ("Compression")."""
    if not codec:
        return data
    out, at = bytearray(), 0
    while at + 3 <= len(data):
        head = int.from_bytes(data[at : at + 3], "little")
        chunk = data[at + 3 : at + 3 + (head >> 1)]
        at += 3 + (head >> 1)
        left = _MOST_FOOTER_BYTES - len(out)
        if left <= 0:
            raise ValueError(f"a footer of more than {_MOST_FOOTER_BYTES} bytes")
        out += chunk if head & 1 else _inflated(chunk, codec, left)
    return bytes(out)


def _inflated(chunk: bytes, codec: int, most_bytes: int) -> bytes:
    if codec == 1:
        return zlib.decompressobj(-15).decompress(chunk, most_bytes)
    if codec == 2:
        return unpack.snappy(chunk, most_bytes)
    if codec == 4:
        return unpack.lz4_block(chunk, most_bytes)
    if codec == 5:
        return unzstd(chunk, most_bytes)
    raise ValueError(f"compression {_CODECS.get(codec, codec)} isn't read")


class _Footer:
    def __init__(self, told: Message, origin: ByteRange, document: Document) -> None:
        self._told, self._origin, self._document = told, origin, document
        self._types = told.get(4, [])
        self._paths: dict[int, str] = {}
        self._kinds: dict[int, int] = {}

    def _put(self, name: str, value: Value, group: str) -> None:
        self._document.add(SECTION, Field(name, value, group=group, origin=self._origin))

    def read(self) -> None:
        told = self._told
        self._put("RowCount", wire.number(told, 6), "File")
        self._put("StripeCount", len(told.get(3, [])), "File")
        self._put("RowIndexStride", wire.number(told, 8), "File")
        self._put("ContentLength", wire.number(told, 2), "File")
        if 9 in told:
            writer = wire.number(told, 9)
            self._put("Writer", _WRITERS.get(writer, f"Unknown ({writer})"), "File")
        if 12 in told:
            self._put("SoftwareVersion", wire.text(told, 12), "File")
        if 10 in told:
            self._put("Encrypted", True, "File")
        with Surviving(self._document, SECTION, "types"):
            for path, entries in self._columns():
                self._put(path, Struct(tuple(entries)), "Schema")
        with Surviving(self._document, SECTION, "user metadata"):
            for each in wire.messages(told, 5):
                self._put(wire.text(each, 1), wire.text(each, 2), "Metadata")
        with Surviving(self._document, SECTION, "stripes"):
            self._stripes()
        with Surviving(self._document, SECTION, "statistics"):
            for number, each in enumerate(wire.messages(told, 7)):
                if number in self._paths:
                    entries = _facts(each, self._kinds[number])
                    self._put(self._paths[number], Struct(tuple(entries)), "Statistics")

    def _columns(self) -> Iterator[tuple[str, list[tuple[str, Value]]]]:
        """Types are numbered depth first; the root is a struct without a name."""
        if len(self._types) > _MOST_TYPES:
            raise ValueError(f"{len(self._types)} types")
        waiting = [(0, "", "", 0)]
        while waiting:
            number, parent, own, depth = waiting.pop()
            if number in self._paths or number >= len(self._types) or depth > 64:
                raise ValueError(f"type {number} stands in no tree")
            path = f"{parent}.{own}" if parent else own
            if len(path) > _MOST_PATH_CHARS:
                raise ValueError(f"a path of {len(path)} characters")
            raw = self._types[number]
            each = wire.fields(raw if isinstance(raw, bytes) else b"")
            self._paths[number] = path or "(rows)"
            kind = self._kinds[number] = wire.number(each, 1)
            entries: list[tuple[str, Value]] = [("type", self._type(kind, each)), ("id", number)]
            if 7 in each:
                entries += [
                    (f"attribute:{wire.text(one, 1)}", wire.text(one, 2)) for one in wire.messages(each, 7)
                ]
            if path:
                yield path, entries
            names = [name.decode("utf-8", "replace") for name in each.get(3, []) if isinstance(name, bytes)]
            inner = wire.packed(each.get(2, []))
            if kind == _MAP:
                names = ["key", "value"]
            elif kind == _ARRAY:
                names = ["element"]
            elif kind == _UNION:
                names = [f"{index}" for index in range(len(inner))]
            waiting += [(one, path, name, depth + 1) for one, name in zip(inner, names, strict=False)][::-1]

    @staticmethod
    def _type(kind: int, each: Message) -> str:
        name = _KINDS[kind] if 0 <= kind < len(_KINDS) else f"Unknown ({kind})"
        if kind == _DECIMAL:
            return f"decimal({wire.number(each, 5)},{wire.number(each, 6)})"
        return f"{name}({wire.number(each, 4)})" if kind in {_VARCHAR, _CHAR} else name

    def _stripes(self) -> None:
        for number, each in enumerate(wire.messages(self._told, 3)):
            if number == _MOST_STRIPES:
                self._document.problem(SECTION, ProblemKind.LIMIT, f"{_MOST_STRIPES} of {len(self._told[3])} stripes are listed")  # fmt: skip
                return
            names = ("offset", "index_bytes", "data_bytes", "footer_bytes", "rows")
            entries = tuple((name, wire.number(each, field)) for field, name in enumerate(names, 1))
            self._put(f"Stripe{number}", Struct(entries), "Stripes")


def _facts(each: Message, kind: int) -> list[tuple[str, Value]]:
    entries: list[tuple[str, Value]] = []
    if 1 in each:
        entries.append(("values", wire.number(each, 1)))
    if 10 in each:
        entries.append(("has_null", bool(wire.number(each, 10))))
    if 11 in each:
        entries.append(("disk_bytes", wire.number(each, 11)))
    for field, names, turn in _STATISTICS:
        if field not in each:  # all but one of them
            continue
        for inner in wire.messages(each, field):
            for place, name in names.items():
                if place in inner:
                    value = inner[place][-1]
                    told = turn(value) if isinstance(value, int) else value.decode("utf-8", "replace")
                    entries.append((name, told))
    if 9 in each:
        for inner in wire.messages(each, 9):
            entries += _instants(inner, is_utc=kind == _INSTANT)
    if 5 in each:  # a bucket: how many are true
        for inner in wire.messages(each, 5):
            entries += [("true_count", value) for value in wire.packed(inner.get(1, []))[:1]]
    return entries


def _date(value: int) -> Value:
    return day_of(wire.zigzag(value))


def _instants(told: Message, *, is_utc: bool) -> Iterator[tuple[str, Value]]:
    """Least and greatest: milliseconds, and the digits below them (counted from 1, 0 for none)."""
    for field, digits, name in ((3, 5, "min"), (4, 6, "max")):
        if field in told:
            below = max(wire.number(told, digits) - 1, 0) if digits in told else 0
            yield (
                name,
                instant_of(
                    wire.zigzag(wire.number(told, field)) * 1_000_000 + below, 1_000_000_000, is_utc=is_utc
                ),
            )


_MINIMUM: Final = {1: "min", 2: "max"}
_STATISTICS: Final = (
    (2, {**_MINIMUM, 3: "sum"}, wire.zigzag), (3, {**_MINIMUM, 3: "sum"}, wire.double), (4, {**_MINIMUM, 3: "total_length"}, wire.zigzag),
    (6, {**_MINIMUM, 3: "sum"}, int), (7, _MINIMUM, _date), (8, {1: "total_length"}, wire.zigzag),
)  # fmt: skip
