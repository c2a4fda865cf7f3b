"""Text as such: charset, byte order mark, line ends, lines and words; rows and columns of tables; JSON's outline.

RFC 4180 (CSV), RFC 8259 (JSON). Counts are of the whole file, or there are none.
"""

from __future__ import annotations

import codecs
import csv
import io
import json
import re
from typing import TYPE_CHECKING

from extractor_service.document import Field, ProblemKind
from extractor_service.formats.reading.damage import Surviving, tolerant
from extractor_service.formats.reading.reader import Reader
from extractor_service.formats.reading.text_charset import BOMS, charset_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from extractor_service.document import Document, Value
    from extractor_service.sources.base import ByteSource

SECTION, FILE = "text", "file"
_WINDOW_BYTES = 1024 * 1024  # decoded at once
_MOST_BYTES = 32 * 1024 * 1024  # counted: a third of a second
_MOST_LINE_CHARS = 1024 * 1024  # kept of a line
_MOST_JSON_BYTES = 2 * 1024 * 1024  # parsed: ten times that in a worker
_HEAD_BYTES = 64 * 1024  # by which the charset is told
_MOST_NAMES = 500  # columns, or keys
_CODECS = {"windows-1252": "cp1252", "windows-1251": "cp1251"}
_WORD = re.compile(r"\S+")
_HEADING = re.compile(r"^(#{1,6})[ \t]+([^\n]*)", re.MULTILINE)
_MATTER = re.compile(r"\A---\r?\n(.*?)\r?\n(?:---|\.\.\.)\r?\n", re.DOTALL)


def text_of(source: ByteSource, most_bytes: int) -> tuple[str, bool]:
    """The text of the first `most_bytes`, and whether that is all."""
    data = Reader(source).some(0, most_bytes)
    return decoded(data), len(data) == source.size_bytes


def decoded(data: bytes) -> str:
    """The text, by its mark, else UTF-8, else what it looks like."""
    codec, skip = _codec(data)
    return data[skip:].decode(codec, "replace")


def _codec(data: bytes) -> tuple[str, int]:
    for mark, name in BOMS:
        if data.startswith(mark):
            return name, len(mark)
    charset = charset_of(data[:_HEAD_BYTES], is_whole=False) or "utf-8"
    name = _CODECS.get(charset.lower(), charset)
    try:
        codecs.lookup(name)
    except LookupError:
        name = "cp1252"
    return name, 0


class Counts:
    """Lines, words and line ends, window by window."""

    def __init__(self) -> None:
        self.lines = self.words = self.characters = 0
        self.ends = {"\r\n": 0, "\n": 0, "\r": 0}
        self._tail = ""
        self.is_ascii = True

    def add(self, text: str) -> None:
        """One more piece."""
        self.characters += len(text)
        self.is_ascii = self.is_ascii and text.isascii()
        text = self._tail + text
        # A break or a word may go on in the next piece.
        cut = max(text.rfind("\n"), 0) if len(text) > 1 else 0
        if not cut and len(text) > _MOST_LINE_CHARS:  # one endless line: its words are cut here and there
            cut = len(text) - 1
        self._tail = text[cut + 1 :] if cut else text
        self._count(text[: cut + 1] if cut else "")

    def finish(self) -> None:
        """What is left."""
        rest, self._tail = self._tail, ""
        self._count(rest)
        if rest and rest[-1] not in "\r\n":
            self.lines += 1

    def _count(self, text: str) -> None:
        both = text.count("\r\n")
        newlines, returns = text.count("\n") - both, text.count("\r") - both
        self.ends["\r\n"] += both
        self.ends["\n"] += newlines
        self.ends["\r"] += returns
        self.lines += both + newlines + returns
        self.words += sum(1 for _ in _WORD.finditer(text))

    @property
    def newline(self) -> str:
        """The commonest line end; "" without any."""
        best = max(self.ends, key=lambda each: self.ends[each])
        return best if self.ends[best] else ""


def pieces(source: ByteSource) -> Iterator[str]:
    """The text of the whole file, in windows."""
    reader = Reader(source)
    codec, at = _codec(reader.some(0, _HEAD_BYTES))
    decoder = codecs.getincrementaldecoder(codec)("replace")
    while at < reader.length:
        data = reader.some(at, _WINDOW_BYTES)
        at += len(data)
        yield decoder.decode(data, at >= reader.length)


@tolerant(SECTION)
def parse(source: ByteSource, document: Document) -> None:
    """What any text has."""
    _common(source, document)


@tolerant(SECTION)
def parse_table(source: ByteSource, document: Document) -> None:
    """The same, and delimiter, quotes, columns with their names, rows."""
    _common(source, document)
    head, _ = text_of(source, _HEAD_BYTES)
    first = head.splitlines()[0] if head.strip() else ""
    delimiter = max(",;\t|", key=first.count) if first else ","
    if not first.count(delimiter):
        delimiter = ","
    quote = '"' if re.search(rf'(^|{re.escape(delimiter)})"', head, re.MULTILINE) else ""

    def add(name: str, value: Value, text: str = "") -> None:
        document.add(SECTION, Field(name, value, text, group="Table"))

    add("Delimiter", delimiter, {",": "Comma", ";": "Semicolon", "\t": "Tab", "|": "Bar"}[delimiter])
    add("Quoting", quote, {"": "None", '"': "Double quotes"}[quote])
    with Surviving(document, SECTION, "the table"):
        columns = _first_row(head, delimiter)
        add("ColumnCount", len(columns))
        if _is_header(columns):
            names: list[Value] = [each[:200] for each in columns[:_MOST_NAMES]]
            add("ColumnNames", names)
        if source.size_bytes <= _MOST_BYTES:
            try:
                add("RowCount", _rows(source, delimiter))
            except csv.Error as error:
                document.problem(SECTION, ProblemKind.DAMAGED, f"rows aren't counted: {error}")


def _first_row(head: str, delimiter: str) -> list[str]:
    csv.field_size_limit(_MOST_BYTES)
    try:
        return next(csv.reader(io.StringIO(head, newline=""), delimiter=delimiter), [])
    except csv.Error as error:
        raise ValueError(str(error)) from error


def _is_header(columns: list[str]) -> bool:
    """Whether the first row names the columns: none is empty, a number, or there twice."""
    return bool(columns) and len(set(columns)) == len(columns) and all(each.strip() and not re.fullmatch(r"[-+.,\d\s%]*", each) for each in columns)  # fmt: skip


def _rows(source: ByteSource, delimiter: str) -> int:
    def all_lines() -> Iterator[str]:
        tail = ""
        for piece in pieces(source):
            if len(tail) > _MOST_LINE_CHARS:
                raise csv.Error("a line is too long")
            *whole, tail = (tail + piece).split("\n")
            yield from (each + "\n" for each in whole)
        if tail:
            yield tail

    csv.field_size_limit(_MOST_LINE_CHARS)
    return sum(1 for row in csv.reader(all_lines(), delimiter=delimiter) if row)


@tolerant(SECTION)
def parse_json(source: ByteSource, document: Document) -> None:
    """The same, and what the outermost value is: its kind, keys or length."""
    _common(source, document)
    if source.size_bytes > _MOST_JSON_BYTES:
        document.problem(SECTION, ProblemKind.LIMIT, f"JSON of {source.size_bytes} bytes isn't parsed")
        return
    text, _ = text_of(source, _MOST_JSON_BYTES)

    def add(name: str, value: Value) -> None:
        document.add(SECTION, Field(name, value, group="JSON"))

    try:
        told = json.loads(text)
    except (ValueError, RecursionError) as error:
        rows = [each for each in text.splitlines() if each.strip()]
        if len(rows) > 1 and _is_json(rows[0]) and _is_json(rows[-1]):
            add("RootType", "lines")
            add("RecordCount", len(rows))
            _keys(json.loads(rows[0]), document)
            return
        document.problem(SECTION, ProblemKind.DAMAGED, f"no JSON: {error}"[:200])
        return
    add("RootType", {dict: "object", list: "array", str: "string", bool: "boolean", type(None): "null"}.get(type(told), "number"))  # fmt: skip
    if isinstance(told, list):
        add("RecordCount", len(told))
        if told and isinstance(told[0], dict):
            _keys(told[0], document)
    elif isinstance(told, dict):
        _keys(told, document)
        if told.get("type") in {"FeatureCollection", "Feature", "GeometryCollection", "Point", "LineString", "Polygon", "MultiPoint", "MultiLineString", "MultiPolygon"}:  # fmt: skip
            from extractor_service.formats.containers.text import geojson  # noqa: PLC0415 - rare

            with Surviving(document, geojson.SECTION, "GeoJSON"):
                geojson.add(told, document)
        elif "zarr_format" in told or "zarr_consolidated_format" in told:
            from extractor_service.formats.embedded import zarr  # noqa: PLC0415 - rare

            with Surviving(document, zarr.SECTION, "Zarr"):
                zarr.describe(told, document)


def _is_json(line: str) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def _keys(told: object, document: Document) -> None:
    if isinstance(told, dict) and told:
        names: list[Value] = [str(each)[:200] for each in list(told)[:_MOST_NAMES]]
        document.add(SECTION, Field("Keys", names, group="JSON"))
        for key in ("$schema", "name", "version", "title", "description"):
            value = told.get(key)
            if isinstance(value, str):
                shown = key.strip("$")
                document.add(SECTION, Field(shown[:1].upper() + shown[1:], value[:4000], group="JSON"))


@tolerant(SECTION)
def parse_markdown(source: ByteSource, document: Document) -> None:
    """The same, and title, headings and what stands before the text (Jekyll's front matter, flat keys alone)."""
    _common(source, document)
    text, is_whole = text_of(source, _MOST_JSON_BYTES)
    matter = _MATTER.match(text)
    if matter is not None:
        for line in matter[1].splitlines()[:100]:
            key, colon, value = line.partition(":")
            if colon and re.fullmatch(r"[A-Za-z][\w-]*", key) and value.strip():
                document.add(SECTION, Field(key[:1].upper() + key[1:], value.strip().strip("\"'"), group="FrontMatter"))  # fmt: skip
        text = text[matter.end() :]
    headings = _HEADING.findall(re.sub(r"```.*?(```|\Z)", "", text, flags=re.DOTALL))
    title = next((each.strip().rstrip("#").strip() for marks, each in headings if marks == "#"), "")
    under = re.match(r"\s*(\S[^\n]*)\n=+\s*\n", text)
    if title or under:
        document.add(SECTION, Field("Title", title or (under[1].strip() if under else ""), group="Markdown"))
    if is_whole:
        document.add(SECTION, Field("Headings", len(headings), group="Markdown"))
        document.add(SECTION, Field("Links", len(re.findall(r"\]\(([^)\s]+)", text)), group="Markdown"))


def _common(source: ByteSource, document: Document) -> None:
    head = Reader(source).some(0, _HEAD_BYTES)
    codec, mark = _codec(head)
    counts = Counts()
    is_counted = source.size_bytes <= _MOST_BYTES
    for piece in pieces(source) if is_counted else [decoded(head)]:
        counts.add(piece)
    counts.finish()
    name = "us-ascii" if codec in {"utf-8", "ascii", "us-ascii"} and counts.is_ascii and not mark else codec
    name = {"cp1252": "windows-1252", "latin-1": "iso-8859-1"}.get(name.lower(), name.lower())
    document.add(FILE, Field("MIMEEncoding", name, group="File"))
    if mark or (codec.startswith("utf") and not counts.is_ascii):
        document.add(FILE, Field("ByteOrderMark", int(mark > 0), "Yes" if mark else "No", group="File"))
    ends = {"\r\n": "Windows CRLF", "\n": "Unix LF", "\r": "Macintosh CR", "": "(none)"}
    document.add(FILE, Field("Newlines", counts.newline, ends[counts.newline], group="File"))
    if sum(each > 0 for each in counts.ends.values()) > 1:
        document.add(SECTION, Field("MixedNewlines", value=True, group="Text"))
    if not is_counted:
        document.problem(SECTION, ProblemKind.LIMIT, f"lines of {source.size_bytes} bytes aren't counted")
        return
    document.add(FILE, Field("LineCount", counts.lines, group="File"))
    document.add(FILE, Field("WordCount", counts.words, group="File"))
    document.add(SECTION, Field("CharacterCount", counts.characters, group="Text"))
