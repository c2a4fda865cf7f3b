"""TrueType and OpenType fonts, and collections of them. ISO/IEC 14496-22; learn.microsoft.com/typography/opentype/spec.

A font is a directory of tables; those that describe it are small and are read by ranges. `woff.py` unpacks its tables first.
"""

from __future__ import annotations

import struct
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from extractor_service.document import ByteRange, Field, ProblemKind, Struct
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.containers.fonts import names
from extractor_service.formats.reading.damage import Surviving, tolerant
from extractor_service.formats.reading.reader import Reader
from extractor_service.sources.base import will_read
from extractor_service.sources.descriptor import BytesSource

if TYPE_CHECKING:
    from collections.abc import Iterator

    from extractor_service.document import Document, Value
    from extractor_service.sources.base import ByteSource

    Row = tuple[str, Value, str, str]  # name, value, printed form, unit

SECTION = "font"
_KINDS = {
    b"\0\1\0\0": "TrueType",
    b"true": "TrueType",
    b"OTTO": "OpenType (CFF)",
    b"typ1": "PostScript Type 1",
}
_MOST_TABLES = 200  # of a font: all that are known are 60
_MOST_FONTS = 50  # of a collection
_MOST_TABLE_BYTES = 1024 * 1024  # of one that is read; a name table of many languages has 100 KB
_WANTED = ("head", "name", "OS/2", "maxp", "post", "fvar", "GSUB", "GPOS", "cmap")
_EPOCH = datetime(1904, 1, 1, tzinfo=UTC)
_WEIGHTS = {100: "Thin", 200: "Extra-light", 300: "Light", 400: "Regular", 500: "Medium", 600: "Semi-bold", 700: "Bold", 800: "Extra-bold", 900: "Black"}  # fmt: skip
_WIDTHS = {1: "Ultra-condensed", 2: "Extra-condensed", 3: "Condensed", 4: "Semi-condensed", 5: "Medium", 6: "Semi-expanded", 7: "Expanded", 8: "Extra-expanded", 9: "Ultra-expanded"}  # fmt: skip
_RIGHTS = {0: "Installable", 2: "Restricted license", 4: "Preview and print", 8: "Editable"}
_COLORS = ("COLR", "SVG ", "CBDT", "sbix", "EBDT")


class Tables(Protocol):
    """The tables of one font, wherever they come from."""

    @property
    def tags(self) -> list[str]:
        """What there is."""
        ...

    def read(self, tag: str) -> bytes:
        """The table, cut at a megabyte; b"" without one."""
        ...

    def origin(self, tag: str) -> ByteRange | None:
        """Where it stands in the file, if it does as it is."""
        ...


@tolerant(SECTION)
def parse(source: ByteSource, document: Document) -> None:
    """A font, or the fonts of a collection, each in its group."""
    reader = Reader(source)
    magic = reader.some(0, 4)
    if magic != b"ttcf":
        _add(FileTables(reader, 0, document), magic, document, "Font")
        return
    count = reader.u32(8)
    document.add(SECTION, Field("NumFonts", count, group="Font", origin=ByteRange(8, 4)))
    for number in range(min(count, _MOST_FONTS)):
        at = reader.u32(12 + 4 * number)
        with Surviving(document, SECTION, f"font {number + 1}", at):
            group = "Font" if number == 0 else f"Font{number + 1}"
            _add(FileTables(reader, at, document), reader.exact(at, 4), document, group)
    if count > _MOST_FONTS:
        document.problem(SECTION, ProblemKind.LIMIT, f"{_MOST_FONTS} of {count} fonts were read", 8)


def _add(tables: Tables, magic: bytes, document: Document, group: str) -> None:
    if magic not in _KINDS:
        raise CorruptFileError(f"no font begins with {magic!r}")
    add(tables, _KINDS[magic], document, group)


class FileTables:
    """Tables by the directory of a file (sfnt)."""

    def __init__(self, reader: Reader, at: int, document: Document) -> None:
        self._reader = reader
        count = reader.u16(at + 4)
        self._places: dict[str, tuple[int, int]] = {}
        for number in range(min(count, _MOST_TABLES)):
            tag, _, offset, length = struct.unpack(">4sIII", reader.exact(at + 12 + 16 * number, 16))
            self._places[tag.decode("latin-1")] = (offset, length)
            if offset + length > reader.length:
                document.problem(
                    SECTION,
                    ProblemKind.TRUNCATED,
                    f"table {tag!r} lies beyond the file",
                    at + 12 + 16 * number,
                )
        will_read(reader.source, [self._places[tag] for tag in _WANTED if tag in self._places])

    @property
    def tags(self) -> list[str]:
        """In the file's order."""
        return list(self._places)

    def read(self, tag: str) -> bytes:
        """See `Tables`; raises TruncatedError where it is cut."""
        offset, length = self._places.get(tag, (0, 0))
        return self._reader.exact(offset, min(length, _MOST_TABLE_BYTES)) if length else b""

    def origin(self, tag: str) -> ByteRange | None:
        """See `Tables`."""
        place = self._places.get(tag)
        return ByteRange(*place) if place is not None else None


def add(tables: Tables, kind: str, document: Document, group: str) -> None:
    """Adds what the tables say."""

    def put(name: str, value: Value, text: str = "", unit: str = "", tag: str = "") -> None:
        document.add(SECTION, Field(name, value, text, unit, group=group, origin=tables.origin(tag) if tag else None))  # fmt: skip

    tags = tables.tags
    put("FontType", "TrueType (CFF2)" if "CFF2" in tags else kind)
    known: dict[int, str] = {}
    with Surviving(document, SECTION, "table name"):
        known = names.add(tables.read("name"), document, group, tables.origin("name"))
    for tag, read in (("head", _head), ("maxp", _profile), ("OS/2", _metrics), ("post", _post)):
        with Surviving(document, SECTION, f"table {tag}"):
            data = tables.read(tag)
            if data:
                for name, value, text, unit in read(data):
                    put(name, value, text, unit, tag)
    with Surviving(document, SECTION, "table fvar"):
        for name, value in _axes(tables.read("fvar"), known):
            put(name, value, tag="fvar")
    with Surviving(document, SECTION, "table C2PA"):
        _credentials(tables.read("C2PA"), document)
    scripts: set[str] = set()
    features: set[str] = set()
    for tag in ("GSUB", "GPOS"):
        with Surviving(document, SECTION, f"table {tag}"):
            data = tables.read(tag)
            if data:
                scripts |= _listed(data, 4)
                features |= _listed(data, 6)
    if scripts:
        put("Scripts", [*sorted(scripts)])
        put("Features", [*sorted(features)])
    with Surviving(document, SECTION, "table cmap"):
        data = tables.read("cmap")
        count = _characters(data) if data else None
        if count is not None:
            put("CharacterCount", count, tag="cmap")
    colors: list[Value] = [tag.strip() for tag in _COLORS if tag in tags]
    if colors:
        put("ColorTables", colors)
    put("Signed", "DSIG" in tags)
    put("TableCount", len(tags))


def _credentials(data: bytes, document: Document) -> None:
    """The table of content credentials: a version, the place of a link, then of the store. C2PA specification 2.4, A.3.6."""
    if len(data) < 20:
        return
    from extractor_service.formats.embedded import jumbf_fields  # noqa: PLC0415 - rare

    offset, length = struct.unpack_from(">II", data, 12)
    if offset + length > len(data) == _MOST_TABLE_BYTES:
        document.problem(SECTION, ProblemKind.LIMIT, f"content credentials of {length} bytes")
        return
    jumbf_fields.parse(Reader(BytesSource(data[offset : offset + length])), document, is_located=False)


def _head(data: bytes) -> Iterator[Row]:
    revision = struct.unpack_from(">i", data, 4)[0] / 65536
    units = struct.unpack_from(">H", data, 18)[0]
    yield "FontRevision", round(revision, 3), "", ""
    yield "UnitsPerEm", units, "", ""
    for name, at in (("CreateDate", 20), ("ModifyDate", 28)):
        seconds = struct.unpack_from(">q", data, at)[0]
        if 0 < seconds < 1 << 34:
            yield name, f"{_EPOCH + timedelta(seconds=seconds):%Y:%m:%d %H:%M:%SZ}", "", ""
    style = struct.unpack_from(">H", data, 44)[0]
    yield "Bold", bool(style & 1), "", ""
    yield "Italic", bool(style & 2), "", ""


def _profile(data: bytes) -> Iterator[Row]:
    yield "GlyphCount", struct.unpack_from(">H", data, 4)[0], "", ""


def _metrics(data: bytes) -> Iterator[Row]:
    weight, width, rights = struct.unpack_from(">HHH", data, 4)
    yield "Weight", weight, _WEIGHTS.get(weight, ""), ""
    yield "Width", width, _WIDTHS.get(width, f"Unknown ({width})"), ""
    allowed = next(
        (label for bit, label in sorted(_RIGHTS.items(), reverse=True) if bit and rights & bit), _RIGHTS[0]
    )
    extra = [text for bit, text in ((0x100, "no subsetting"), (0x200, "bitmaps only")) if rights & bit]
    yield "EmbeddingRights", rights, ", ".join([allowed, *extra]), ""
    yield "Panose", " ".join(map(str, data[32:42])), "", ""
    yield "VendorID", data[58:62].decode("latin-1").strip("\0 "), "", ""
    if len(data) >= 68:
        yield "FirstCharacter", struct.unpack_from(">H", data, 64)[0], "", ""


def _post(data: bytes) -> Iterator[Row]:
    angle = struct.unpack_from(">i", data, 4)[0] / 65536
    yield "ItalicAngle", round(angle, 3), "", "°"
    yield "Monospaced", bool(struct.unpack_from(">I", data, 12)[0]), "", ""


def _axes(data: bytes, known: dict[int, str]) -> Iterator[tuple[str, Value]]:
    if not data:
        return
    at, _, count, size, instances = struct.unpack_from(">HHHHH", data, 4)
    for number in range(min(count, 64)):
        tag, low, normal, high, _, name = struct.unpack_from(">4siiiHH", data, at + number * size)
        entries: list[tuple[str, Value]] = [
            ("Tag", tag.decode("latin-1").strip()), ("Minimum", low / 65536), ("Default", normal / 65536), ("Maximum", high / 65536),
        ]  # fmt: skip
        if name in known:
            entries.append(("Name", known[name]))
        yield "Axis", Struct(tuple(entries))
    yield "InstanceCount", instances


def _listed(data: bytes, at: int) -> set[str]:
    """Tags of a script or feature list (chapter 2, "script list")."""
    begin = struct.unpack_from(">H", data, at)[0]
    count = struct.unpack_from(">H", data, begin)[0] if begin else 0
    return {
        data[place : place + 4].decode("latin-1").strip()
        for place in range(begin + 2, min(begin + 2 + 6 * count, len(data) - 5), 6)
    }


def _characters(data: bytes) -> int | None:
    """How many characters the font has, by its best Unicode table (formats 4 and 12)."""
    best: dict[int, int] = {}
    for number in range(struct.unpack_from(">H", data, 2)[0]):
        platform, encoding, offset = struct.unpack_from(">HHI", data, 4 + 8 * number)
        if platform == 0 or (platform == 3 and encoding in {1, 10}):
            best[struct.unpack_from(">H", data, offset)[0]] = offset
    if 12 in best:
        at = best[12]
        groups = struct.unpack_from(">I", data, at + 12)[0]
        total = 0
        for number in range(min(groups, (len(data) - at - 16) // 12)):
            first, last = struct.unpack_from(">II", data, at + 16 + 12 * number)
            total += max(0, last - first + 1)
        return total if total <= 0x110000 else None
    return _segments(data, best[4]) if 4 in best else None


def _segments(data: bytes, at: int) -> int:
    """Characters of format 4 that have a glyph; the last segment is a mark."""
    doubled = struct.unpack_from(">H", data, at + 6)[0]
    total, before = 0, -1
    for place in range(at + 14, at + 14 + doubled, 2):
        end, start = (struct.unpack_from(">H", data, each)[0] for each in (place, place + doubled + 2))
        delta, offset = (struct.unpack_from(">H", data, place + 2 + times * doubled)[0] for times in (2, 3))
        if end < start or start == 0xFFFF:
            continue
        if start <= before:
            raise ValueError("segments of the character map overlap")
        before = end
        for character in range(start, min(end, 0xFFFE) + 1):
            glyph = character
            if offset:
                where = place + 2 + 3 * doubled + offset + 2 * (character - start)
                glyph = struct.unpack_from(">H", data, where)[0] if where + 2 <= len(data) else 0
                if not glyph:
                    continue
            total += (glyph + delta) & 0xFFFF != 0
    return total
