"""SQLite files and GeoPackages: the header, and tables, views and indexes by name. sqlite.org/fileformat2.html; OGC 12-128 (GeoPackage).

The schema is a table of its own on page 1; its pages are read by ranges, and no other page but those of GeoPackage's contents.
"""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING

from extractor_service.document import ByteRange, Field, ProblemKind, Struct
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.reading.damage import Surviving, tolerant
from extractor_service.formats.reading.reader import Reader, TruncatedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from extractor_service.document import Document, Value
    from extractor_service.sources.base import ByteSource

SECTION = "sqlite"
_MAGIC = b"SQLite format 3\0"
_ENCODINGS = {1: "UTF-8", 2: "UTF-16le", 3: "UTF-16be"}
_CODECS = {1: "utf-8", 2: "utf-16-le", 3: "utf-16-be"}
_APPLICATIONS = {0x47504B47: "GeoPackage", 0x47503130: "GeoPackage 1.0", 0x47503131: "GeoPackage 1.1", 0x0F055112: "Fossil", 0x4D504258: "MBTiles", 0x42654462: "Bentley BeSQLite", 0x45737269: "Esri Spatially-Enabled Database"}  # fmt: skip
_MOST_PAGES, _MOST_DEPTH, _MOST_ROWS = 2000, 20, 5000
_MOST_VALUE_BYTES = 64 * 1024  # of a row: statements that create tables
_MOST_COLUMNS = 20  # of the two tables that are read: five and ten
_MOST_LISTED = 1000  # tables and views: 200 KB of a document
_COLUMNS = re.compile(r"\((.*)\)", re.DOTALL)


@tolerant(SECTION)
def parse(source: ByteSource, document: Document) -> None:
    """The header, the schema, and what a GeoPackage says of its layers."""
    reader = Reader(source)
    head = reader.exact(0, 100)
    if head[:16] != _MAGIC:
        raise CorruptFileError("no SQLite header")
    put = _Putter(document)
    size = struct.unpack_from(">H", head, 16)[0]
    size = 65_536 if size == 1 else size
    if size < 512 or size & (size - 1):
        raise CorruptFileError(f"pages of {size} bytes")
    pages, encoding, user_version, application, version = (struct.unpack_from(">I", head, at)[0] for at in (28, 56, 60, 68, 96))  # fmt: skip
    put("PageSize", size, "", ByteRange(16, 2))
    put("PageCount", pages, "", ByteRange(28, 4))
    put("TextEncoding", encoding, _ENCODINGS.get(encoding, f"Unknown ({encoding})"), ByteRange(56, 4))
    put("UserVersion", user_version, "", ByteRange(60, 4))
    put(
        "ApplicationID", application, _APPLICATIONS.get(application, f"0x{application:08x}"), ByteRange(68, 4)
    )
    put(
        "SQLiteVersion",
        f"{version // 1_000_000}.{version // 1000 % 1000}.{version % 1000}",
        "",
        ByteRange(96, 4),
    )
    put("SchemaVersion", struct.unpack_from(">I", head, 40)[0], "", ByteRange(40, 4))
    put("FreePages", struct.unpack_from(">I", head, 36)[0], "", ByteRange(36, 4))
    put("WriteAheadLog", head[18] == 2, "", ByteRange(18, 1))
    put("AutoVacuum", bool(struct.unpack_from(">I", head, 52)[0]), "", ByteRange(52, 4))
    if pages * size > reader.length:
        document.problem(SECTION, ProblemKind.TRUNCATED, f"{pages} pages of {size} bytes are stated, {reader.length} bytes are there", 28)  # fmt: skip
    database = _Database(reader, document, size, size - head[20], _CODECS.get(encoding, "utf-8"))
    roots: dict[str, int] = {}
    with Surviving(document, SECTION, "the schema"):
        roots = _schema(database, put, document)
    if "gpkg_contents" in roots:
        with Surviving(document, SECTION, "the GeoPackage's contents"):
            _contents(database, roots["gpkg_contents"], document)


class _Putter:
    def __init__(self, document: Document) -> None:
        self._document = document

    def __call__(self, name: str, value: Value, text: str = "", origin: ByteRange | None = None) -> None:
        self._document.add(SECTION, Field(name, value, text, group="SQLite", origin=origin))


def _schema(database: _Database, put: _Putter, document: Document) -> dict[str, int]:
    counts: dict[str, int] = {}
    roots: dict[str, int] = {}
    for row in database.rows(1):
        kind, name, _, root, sql = (*row, None, None, None, None, None)[:5]
        if not isinstance(kind, str) or not isinstance(name, str):
            continue
        counts[kind] = counts.get(kind, 0) + 1
        if kind == "table" and isinstance(root, int):
            roots[name] = root
        if kind in {"table", "view"} and counts[kind] <= _MOST_LISTED:
            entries: list[tuple[str, Value]] = [("Name", name)]
            columns = _columns(sql) if kind == "table" and isinstance(sql, str) else []
            if columns:
                entries.append(("Columns", columns))
            if isinstance(sql, str) and re.match(r"\s*CREATE\s+VIRTUAL", sql, re.IGNORECASE):
                module = re.search(r"USING\s+(\w+)", sql, re.IGNORECASE)
                entries.append(("VirtualBy", module[1] if module else ""))
            document.add(SECTION, Field("Table" if kind == "table" else "View", Struct(tuple(entries)), group="Schema"))  # fmt: skip
    for kind, name in (
        ("table", "TableCount"),
        ("view", "ViewCount"),
        ("index", "IndexCount"),
        ("trigger", "TriggerCount"),
    ):
        put(name, counts.get(kind, 0))
    return roots


def _columns(sql: str) -> list[Value]:
    """Names and types out of the statement; constraints are left out."""
    inside = _COLUMNS.search(re.sub(r"--[^\n]*|/\*.*?\*/", " ", sql, flags=re.DOTALL))
    if inside is None:
        return []
    found: list[Value] = []
    depth, begin = 0, 0
    text = inside[1] + ","
    for at, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if letter == "," and not depth:
            part = " ".join(text[begin:at].split())
            begin = at + 1
            if part and not re.match(r"(CONSTRAINT|PRIMARY|UNIQUE|CHECK|FOREIGN)\b", part, re.IGNORECASE):
                name = re.match(r'("[^"]+"|`[^`]+`|\[[^\]]+\]|\S+)\s*([A-Za-z][\w ]*(?:\([^)]*\))?)?', part)
                if name is not None:
                    kind = re.split(
                        r"(?:^|\s+)(?:NOT|PRIMARY|UNIQUE|DEFAULT|CHECK|REFERENCES|COLLATE|GENERATED|CONSTRAINT|NULL)\b",
                        name[2] or "",
                        flags=re.IGNORECASE,
                    )[0]
                    found.append(f"{name[1].strip(chr(34) + '`[]')} {kind}".strip())
    return found[:200]


def _contents(database: _Database, root: int, document: Document) -> None:
    """Layers: name, kind, bounds, reference system (1.1.3)."""
    names = (
        "Table",
        "DataType",
        "Identifier",
        "Description",
        "LastChange",
        "MinX",
        "MinY",
        "MaxX",
        "MaxY",
        "SRS",
    )
    for row in database.rows(root):
        entries: list[tuple[str, Value]] = [
            (name, value)
            for name, value in zip(names, row, strict=False)
            if value is not None and value != ""
        ]
        document.add(SECTION, Field("Layer", Struct(tuple(entries)), group="GeoPackage"))


class _Database:
    """B-trees of tables (1.6)."""

    def __init__(self, reader: Reader, document: Document, page_bytes: int, usable_bytes: int, codec: str) -> None:  # fmt: skip
        self._reader, self._document = reader, document
        self._size, self._usable, self._codec = page_bytes, usable_bytes, codec
        self._pages = 0

    def rows(self, root: int) -> Iterator[list[Value]]:
        """The rows of a table, in order, bounded."""
        waiting, given = [(root, 0)], 0
        seen: set[int] = set()
        while waiting:
            number, depth = waiting.pop()
            if number in seen or depth > _MOST_DEPTH or not number:
                continue
            seen.add(number)
            self._pages += 1
            if self._pages > _MOST_PAGES or given > _MOST_ROWS:
                self._document.problem(SECTION, ProblemKind.LIMIT, f"{given} rows of a table were read")
                return
            page = self._reader.exact((number - 1) * self._size, self._size)
            at = 100 if number == 1 else 0
            kind, cells = page[at], struct.unpack_from(">H", page, at + 3)[0]
            if kind == 5:
                children = [
                    struct.unpack_from(">I", page, struct.unpack_from(">H", page, at + 12 + 2 * each)[0])[0] for each in range(cells)
                ]  # fmt: skip
                children.append(struct.unpack_from(">I", page, at + 8)[0])
                waiting += [(each, depth + 1) for each in reversed(children)]
            elif kind == 13:
                for place in sorted(
                    {struct.unpack_from(">H", page, at + 8 + 2 * each)[0] for each in range(cells)},
                    reverse=True,
                ):
                    given += 1
                    with Surviving(self._document, SECTION, f"a row of page {number}"):
                        yield self._row(page, place)
            else:
                raise ValueError(f"page {number} is of kind {kind}")

    def _row(self, page: bytes, at: int) -> list[Value]:
        length, at = _number(page, at)
        _, at = _number(page, at)
        data = self._payload(page, at, length)
        self._document.spend(len(data))
        header, place = _number(data, 0)
        kinds: list[int] = []
        while place < header and len(kinds) < _MOST_COLUMNS:
            kind, place = _number(data, place)
            kinds.append(kind)
        values: list[Value] = []
        for kind in kinds:
            size = (0, 1, 2, 3, 4, 6, 8, 8, 0, 0, 0, 0)[kind] if kind < 12 else (kind - 12) // 2
            raw = data[place : place + size]
            place += size
            if kind in {0, 10, 11}:
                values.append(None)
            elif kind in {8, 9}:
                values.append(kind - 8)
            elif kind == 7:
                values.append(struct.unpack(">d", raw)[0])
            elif kind < 7:
                values.append(int.from_bytes(raw, "big", signed=True))
            else:
                values.append(raw.decode(self._codec, "replace") if kind & 1 else None)
        return values

    def _payload(self, page: bytes, at: int, length: int) -> bytes:
        """What a cell holds, with the pages that it flows over to (1.6)."""
        usable = self._usable
        most = usable - 35
        if length <= most:
            return page[at : at + length]
        least = (usable - 12) * 32 // 255 - 23
        local = least + (length - least) % (usable - 4)
        local = local if local <= most else least
        data = page[at : at + local]
        following = struct.unpack_from(">I", page, at + local)[0]
        wanted = min(length, _MOST_VALUE_BYTES)
        try:
            while following and len(data) < wanted:
                more = self._reader.exact((following - 1) * self._size, self._size)
                following = struct.unpack_from(">I", more)[0]
                data += more[4:usable]
        except TruncatedError:
            pass  # what was there stays
        return data[:length]


def _number(data: bytes, at: int) -> tuple[int, int]:
    """A number of seven bits a byte, the ninth byte whole (1.6)."""
    value = 0
    for index in range(9):
        byte = data[at + index]
        if index == 8:
            return value << 8 | byte, at + 9
        value = value << 7 | byte & 0x7F
        if not byte & 0x80:
            return value, at + index + 1
    return value, at + 9
