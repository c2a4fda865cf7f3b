"""Arrow: schema, batches, metadata of files, streams and Feather; no batch's data is read.

arrow.apache.org/docs/format/Columnar.html (IPC), format/{Schema,Message,File}.fbs; Feather V1: cpp/src/arrow/ipc/feather.fbs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.document import ByteRange, Field, ProblemKind, Struct
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.containers.datasets import arrow_types
from extractor_service.formats.reading.damage import NONSENSE, Surviving, tolerant
from extractor_service.formats.reading.flatbuffer import Table
from extractor_service.formats.reading.reader import Reader, TruncatedError
from extractor_service.sources.base import will_read

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extractor_service.document import Document, Value
    from extractor_service.sources.base import ByteSource

SECTION = "arrow"
_MAGIC = b"ARROW1"
_CONTINUED = 0xFFFFFFFF
_SCHEMA, _DICTIONARY, _BATCH, _TENSOR, _SPARSE_TENSOR = 1, 2, 3, 4, 5
_CODECS = {0: "LZ4_FRAME", 1: "ZSTD"}
_MOST_MESSAGE_BYTES = 24 * 1024 * 1024  # of metadata: a schema of 100,000 columns
_MOST_BATCHES = 5000  # whose headers are read, to count rows
_HINT_BYTES = 1024  # of a batch's header
_TAIL_BYTES = 64 * 1024  # holds most footers
_FEATHER_TYPES = (
    "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float", "double", "string", "binary",
    "category", "timestamp", "date32", "time", "large_string", "large_binary",
)  # fmt: skip


def _put(document: Document, name: str, value: Value, at: int, size: int) -> None:
    document.add(SECTION, Field(name, value, group="File", origin=ByteRange(at, size)))


@tolerant(SECTION)
def parse(source: ByteSource, document: Document) -> None:
    """A file: the footer has the schema, and where each batch stands."""
    reader = Reader(source, big_endian=False)
    _put(document, "Format", "Arrow file", 0, 6)
    tail = reader.some(max(0, reader.length - _TAIL_BYTES), _TAIL_BYTES)
    if tail[-6:] != _MAGIC:
        document.problem(
            SECTION, ProblemKind.TRUNCATED, "the footer is missing: read as a stream", reader.length
        )
        _stream(reader, document, 8)
        return
    size = int.from_bytes(tail[-10:-6], "little")
    at = reader.length - 10 - size
    if at < 8 or size > _MOST_MESSAGE_BYTES:
        raise CorruptFileError(f"a footer of {size} bytes")
    footer = Table.root(reader.exact(at, size))
    origin = ByteRange(at, size)
    _put(document, "MetadataVersion", f"V{footer.number(0, 'h') + 1}", at, size)
    with Surviving(document, SECTION, "the schema", at):
        schema = footer.table(1)
        if schema is not None:
            _schema(document, schema, origin)
    for key, value in arrow_types.pairs(footer, 4):
        document.add(SECTION, Field(key, value, group="FooterMetadata", origin=origin))
    with Surviving(document, SECTION, "dictionaries", at):
        _put(document, "DictionaryCount", footer.count(2), at, size)
    with Surviving(document, SECTION, "batches", at):
        blocks = [(offset, length) for offset, length, _ in footer.structs(3, "qi4xq")]
        _put(document, "RecordBatchCount", len(blocks), at, size)
        _batches(reader, document, blocks)


@tolerant(SECTION)
def parse_stream(source: ByteSource, document: Document) -> None:
    """A stream: messages one behind the other, the schema first."""
    reader = Reader(source, big_endian=False)
    _put(document, "Format", "Arrow stream", 0, 4)
    _stream(reader, document, 0)


@tolerant(SECTION)
def parse_feather(source: ByteSource, document: Document) -> None:
    """Feather's first version, which is no Arrow file."""
    reader = Reader(source, big_endian=False)
    if reader.exact(0, 4) != b"FEA1":
        raise CorruptFileError("no header of Feather")
    _put(document, "Format", "Feather V1", 0, 4)
    if reader.exact(reader.length - 4, 4) != b"FEA1":
        document.problem(SECTION, ProblemKind.TRUNCATED, "the footer is missing", reader.length)
        return
    size = reader.u32(reader.length - 8)
    at = reader.length - 8 - size
    if at < 4 or size > _MOST_MESSAGE_BYTES:
        raise ValueError(f"a footer of {size} bytes")
    table, origin = Table.root(reader.exact(at, size)), ByteRange(at, size)
    _put(document, "RowCount", table.number(1, "q"), at, size)
    _put(document, "Version", table.number(3, "i"), at, size)
    for name, text in (("Description", table.text(0)), ("Metadata", table.text(4))):
        if text:
            _put(document, name, text, at, size)
    for column in table.tables(2):
        values = column.table(1)
        if values is None:
            continue
        kind = values.number(0, "b")
        entries: list[tuple[str, Value]] = [
            ("type", _FEATHER_TYPES[kind] if 0 <= kind < len(_FEATHER_TYPES) else f"Unknown ({kind})"),
            ("length", values.number(3, "q")),
            ("nulls", values.number(4, "q")),
            ("size_bytes", values.number(5, "q")),
        ]
        if column.text(4):
            entries.append(("metadata", column.text(4)))
        document.add(SECTION, Field(column.text(0), Struct(tuple(entries)), group="Schema", origin=origin))


def _schema(document: Document, schema: Table, origin: ByteRange) -> None:
    order = "big" if schema.number(0, "h") else "little"
    document.add(SECTION, Field("ByteOrder", order, group="File", origin=origin))
    for key, value in arrow_types.pairs(schema, 2):
        document.add(SECTION, Field(key, value, group="Metadata", origin=origin))
    for path, entries in arrow_types.columns(schema):
        document.add(SECTION, Field(path, Struct(tuple(entries)), group="Schema", origin=origin))
    document.add(SECTION, Field("ColumnCount", schema.count(1), group="File", origin=origin))


def _batches(reader: Reader, document: Document, blocks: Sequence[tuple[int, int]]) -> None:
    """Rows and codec, by the batches' headers."""
    will_read(
        reader.source,
        [(offset, min(max(length, 0), _HINT_BYTES)) for offset, length in blocks[:_MOST_BATCHES]],
    )
    rows, codecs = 0, set()
    for number, (offset, _) in enumerate(blocks[:_MOST_BATCHES]):
        try:
            message, _ = _message(reader, offset)
        except (TruncatedError, *NONSENSE) as error:
            document.problem(
                SECTION, ProblemKind.DAMAGED, f"batch {number} of {len(blocks)}: {error}", offset
            )
            return
        batch = message.table(2) if message is not None else None
        if batch is not None:
            rows += batch.number(0, "q")
            codecs.add(_codec(batch))
    if len(blocks) > _MOST_BATCHES:
        document.problem(
            SECTION, ProblemKind.LIMIT, f"rows of {_MOST_BATCHES} of {len(blocks)} batches were counted"
        )
    else:
        document.add(SECTION, Field("RowCount", rows, group="File"))
    if codecs - {""}:
        document.add(SECTION, Field("Compression", ", ".join(sorted(codecs - {""})), group="File"))


def _codec(batch: Table) -> str:
    compression = batch.table(3)
    return _CODECS.get(compression.number(0, "b"), "Unknown") if compression is not None else ""


def _message(reader: Reader, at: int) -> tuple[Table | None, int]:
    """The message's header, and where its body begins; None at the end of the stream (IPC, "Encapsulated message format")."""
    size, begin = reader.u32(at), at + 4
    if size == _CONTINUED:
        size, begin = reader.u32(at + 4), at + 8
    if not size:
        return None, begin
    if size > _MOST_MESSAGE_BYTES:
        raise ValueError(f"a message of {size} bytes at {at}")
    return Table.root(reader.exact(begin, size)), begin + size


def _stream(reader: Reader, document: Document, at: int) -> None:
    rows = batches = dictionaries = 0
    codecs: set[str] = set()
    is_whole = False
    while at + 4 <= reader.length:
        begin = at
        try:
            message, at = _message(reader, at)
            if message is None:
                is_whole = True
                break
            kind, header, body = message.number(1, "B"), message.table(2), message.number(3, "q")
            if header is None or body < 0:
                raise ValueError("a message without a header")
            if kind == _SCHEMA and begin < 16:
                _put(document, "MetadataVersion", f"V{message.number(0, 'h') + 1}", begin, at - begin)
                _schema(document, header, ByteRange(begin, at - begin))
            elif kind in {_TENSOR, _SPARSE_TENSOR}:
                _tensor(document, header, ByteRange(begin, at - begin), is_sparse=kind == _SPARSE_TENSOR)
            batches += kind == _BATCH
            dictionaries += kind == _DICTIONARY
            if kind == _BATCH:
                rows += header.number(0, "q")
                codecs.add(_codec(header))
            at += body
        except (TruncatedError, *NONSENSE) as error:
            if begin == 0:
                raise
            document.problem(
                SECTION, ProblemKind.DAMAGED, f"message behind {batches} batches: {error}", begin
            )
            break
        if at > reader.length:
            document.problem(SECTION, ProblemKind.TRUNCATED, f"a message's body ends at {at}", begin)
            break
        if batches + dictionaries >= _MOST_BATCHES:
            document.problem(SECTION, ProblemKind.LIMIT, f"messages behind {batches} batches aren't read", at)
            break
    else:
        is_whole = True  # writers may end without the mark
    for name, value in (("RecordBatchCount", batches), ("DictionaryCount", dictionaries), ("RowCount", rows)):
        if is_whole or value:
            document.add(SECTION, Field(name, value, "" if is_whole else "at least", group="File"))
    if codecs - {""}:
        document.add(SECTION, Field("Compression", ", ".join(sorted(codecs - {""})), group="File"))


def _tensor(document: Document, header: Table, origin: ByteRange, *, is_sparse: bool) -> None:
    kind = arrow_types.type_name(header.number(0, "B"), header.table(1))
    shape: list[Value] = [each.number(0, "q") for each in header.tables(2)]
    entries: tuple[tuple[str, Value], ...] = (("type", kind), ("shape", shape), ("sparse", is_sparse))
    document.add(SECTION, Field("Tensor", Struct(entries), group="File", origin=origin))
