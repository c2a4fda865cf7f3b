"""Avro: schema, codec, metadata, and how many records stand in how many blocks. avro.apache.org, "Object container files"."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from extractor_service.document import ByteRange, Field, ProblemKind, Struct
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.reading.damage import Surviving, tolerant
from extractor_service.formats.reading.reader import Reader

if TYPE_CHECKING:
    from collections.abc import Iterator

    from extractor_service.document import Document, Value
    from extractor_service.sources.base import ByteSource

SECTION = "avro"
_MOST_SCHEMA_BYTES = 4 * 1024 * 1024  # of JSON, parsed: ten times that in a worker
_MOST_ENTRIES = 10_000  # of the metadata
_MOST_BLOCKS = 20_000  # walked over, to count records: each a read
_MOST_DEPTH = 40  # bounds the recursion
_PARAMETERS = ("logicalType", "precision", "scale", "size", "symbols", "doc", "aliases", "namespace")


@tolerant(SECTION)
def parse(source: ByteSource, document: Document) -> None:
    """The header's metadata, the schema as fields, blocks counted."""
    reader = Reader(source)
    if reader.exact(0, 4) != b"Obj\x01":
        raise CorruptFileError("no header of Avro")
    document.add(SECTION, Field("FormatVersion", 1, group="File", origin=ByteRange(3, 1)))
    walk = _Walk(reader, 4)
    for key, value, origin in _metadata(walk):
        if key == "avro.schema":
            with Surviving(document, SECTION, "the schema", origin.offset_bytes):
                _schema(document, value, origin)
        elif key == "avro.codec":
            document.add(
                SECTION, Field("Codec", value.decode("utf-8", "replace"), group="File", origin=origin)
            )
        else:
            try:
                told: Value = value.decode()
            except UnicodeDecodeError:
                told = value
            document.add(SECTION, Field(key, told, group="Metadata", origin=origin))
    if document.find(SECTION, "Codec") is None:
        document.add(SECTION, Field("Codec", "null", "by default", group="File"))
    sync = reader.exact(walk.at, 16)
    document.add(SECTION, Field("SyncMarker", sync.hex(), group="File", origin=ByteRange(walk.at, 16)))
    walk.at += 16
    with Surviving(document, SECTION, "blocks", walk.at):
        _blocks(walk, document, sync)


class _Walk:
    """Numbers and bytes, one behind the other."""

    def __init__(self, reader: Reader, at: int) -> None:
        self.reader, self.at = reader, at

    def long(self) -> int:
        """A number of seven bits a byte, signs folded in."""
        data = self.reader.some(self.at, 10)
        value = shift = 0
        for used, byte in enumerate(data, 1):
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                self.at += used
                return value >> 1 ^ -(value & 1)
        raise ValueError(f"a number is cut at {self.at}")

    def bytes(self, most_bytes: int) -> bytes:
        """Bytes with their length in front."""
        size = self.long()
        if not 0 <= size <= most_bytes:
            raise ValueError(f"{size} bytes at {self.at}")
        data = self.reader.exact(self.at, size)
        self.at += size
        return data


def _metadata(walk: _Walk) -> Iterator[tuple[str, bytes, ByteRange]]:
    """A map, in blocks; one with a negative count has its size behind it."""
    given = 0
    while count := walk.long():
        if count < 0:
            walk.long()
        for _ in range(abs(count)):
            given += 1
            if given > _MOST_ENTRIES:
                raise ValueError(f"metadata of more than {_MOST_ENTRIES} entries")
            begin = walk.at
            key = walk.bytes(64 * 1024).decode("utf-8", "replace")
            value = walk.bytes(_MOST_SCHEMA_BYTES)
            yield key, value, ByteRange(begin, walk.at - begin)


def _schema(document: Document, data: bytes, origin: ByteRange) -> None:
    schema = json.loads(data)
    if isinstance(schema, dict):
        for key in ("name", "namespace", "doc"):
            if isinstance(schema.get(key), str):
                document.add(SECTION, Field(key.capitalize(), schema[key], group="File", origin=origin))
    document.add(SECTION, Field("RootType", _type(schema), group="File", origin=origin))
    count = 0
    for path, kind, entries in _fields(schema, "", 0):
        count += 1
        told: tuple[tuple[str, Value], ...] = (("type", kind), *entries)
        document.add(SECTION, Field(path, Struct(told), group="Schema", origin=origin))
    document.add(SECTION, Field("FieldCount", count, group="File", origin=origin))


def _fields(schema: object, parent: str, depth: int) -> Iterator[tuple[str, str, list[tuple[str, Value]]]]:
    if depth > _MOST_DEPTH:
        raise ValueError("a schema nested too deeply")
    if isinstance(schema, list):
        for each in schema:
            yield from _fields(each, parent, depth + 1)
    elif isinstance(schema, dict) and schema.get("type") in {"record", "error"}:
        for each in schema.get("fields", ()):
            path = f"{parent}.{each['name']}" if parent else str(each["name"])
            yield path, _type(each["type"]), [*_details(each)]
            yield from _fields(each["type"], path, depth + 1)
    elif isinstance(schema, dict):
        for key in ("items", "values", "type"):
            if isinstance(schema.get(key), (dict, list)):
                yield from _fields(schema[key], parent, depth + 1)


def _details(field: dict[str, object]) -> Iterator[tuple[str, Value]]:
    if "default" in field:
        yield "default", json.dumps(field["default"])
    if isinstance(field.get("order"), str):
        yield "order", str(field["order"])
    for source in (field, *_inner(field["type"])):
        for key in _PARAMETERS:
            value = source.get(key)
            if isinstance(value, (str, int)):
                yield key, value
            elif isinstance(value, list):
                yield key, [str(each) for each in value]


def _inner(schema: object) -> Iterator[dict[str, object]]:
    """The type itself, or, of a type that may be null or of an array, what it is of."""
    branches = [each for each in schema if each != "null"] if isinstance(schema, list) else [schema]
    for each in branches if len(branches) == 1 else []:
        if isinstance(each, dict):
            yield each
            yield from _inner(each.get("items", each.get("values")))


def _type(schema: object) -> str:
    """A type as one text: unions with bars, arrays and maps with what they hold."""
    if isinstance(schema, str):
        return schema
    if isinstance(schema, list):
        return " | ".join(_type(each) for each in schema)
    if not isinstance(schema, dict):
        raise ValueError(f"a type {schema!r:.50}")  # noqa: TRY004 - damage, as the others
    kind = schema.get("type")
    if kind in {"array", "map"}:
        return f"{kind}<{_type(schema.get('items' if kind == 'array' else 'values'))}>"
    if kind in {"record", "error", "enum", "fixed"}:
        return f"{kind} {schema.get('name', '')}".strip()
    return _type(kind)


def _blocks(walk: _Walk, document: Document, sync: bytes) -> None:
    records = blocks = 0
    while walk.at < walk.reader.length:
        begin = walk.at
        count, size = walk.long(), walk.long()
        if count < 0 or size < 0:
            raise ValueError(f"a block of {count} records")
        walk.at += size
        if walk.reader.exact(walk.at, 16) != sync:
            raise ValueError(f"the block of {count} records isn't followed by the marker")
        walk.at += 16
        records, blocks = records + count, blocks + 1
        if blocks == _MOST_BLOCKS and walk.at < walk.reader.length:
            document.problem(SECTION, ProblemKind.LIMIT, f"records of {blocks} blocks were counted", begin)
            return
    document.add(SECTION, Field("BlockCount", blocks, group="File"))
    document.add(SECTION, Field("RecordCount", records, group="File"))
