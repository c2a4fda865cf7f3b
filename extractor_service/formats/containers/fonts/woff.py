"""Web fonts: packed tables of a font. W3C, WOFF 1.0 (zlib, table by table), WOFF 2.0 (Brotli, all tables as one)."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

from extractor_service.document import ByteRange, Field, ProblemKind
from extractor_service.formats.containers.fonts import sfnt
from extractor_service.formats.embedded import plain_xml
from extractor_service.formats.reading.brotli_stream import unbrotli
from extractor_service.formats.reading.damage import tolerant
from extractor_service.formats.reading.reader import Reader, TruncatedError

if TYPE_CHECKING:
    from extractor_service.document import Document
    from extractor_service.sources.base import ByteSource

SECTION = sfnt.SECTION
_MOST_TABLE_BYTES = 1024 * 1024  # unpacked, of one table
_MOST_FONT_BYTES = 32 * 1024 * 1024  # unpacked: the largest fonts of the East
_MOST_METADATA_BYTES = 256 * 1024  # unpacked: credits and a license
# WOFF 2.0, 5.2: tags that have a number.
_KNOWN = (
    "cmap head hhea hmtx maxp name OS/2 post cvt_ fpgm glyf loca prep CFF_ VORG EBDT EBLC gasp hdmx kern LTSH PCLT VDMX vhea vmtx BASE GDEF GPOS GSUB EBSC "
    "JSTF MATH CBDT CBLC COLR CPAL SVG_ sbix acnt avar bdat bloc bsln cvar fdsc feat fmtx fvar gvar hsty just lcar mort morx opbd prop trak Zapf Silf Glat Gloc Feat Sill"
).replace("_", " ").split(" ")  # fmt: skip
_KINDS = {b"\0\1\0\0": "TrueType", b"true": "TrueType", b"OTTO": "OpenType (CFF)", b"ttcf": "Collection"}


def _known() -> list[str]:
    return [f"{each:<4}" for each in _KNOWN if each]


class _Packed:
    """Tables of WOFF 1.0, each packed by itself or not at all."""

    def __init__(self, reader: Reader, count: int) -> None:
        self._reader = reader
        self._places: dict[str, tuple[int, int, int]] = {}
        for number in range(min(count, 200)):
            tag, offset, packed, length, _ = struct.unpack(">4sIIII", reader.exact(44 + 20 * number, 20))
            self._places[tag.decode("latin-1")] = (offset, packed, length)

    @property
    def tags(self) -> list[str]:
        return list(self._places)

    def read(self, tag: str) -> bytes:
        place = self._places.get(tag)
        if place is None:
            return b""
        offset, packed, length = place
        data = self._reader.exact(offset, min(packed, _MOST_TABLE_BYTES))
        return data if packed >= length else zlib.decompressobj().decompress(data, _MOST_TABLE_BYTES)

    def origin(self, tag: str) -> ByteRange | None:
        place = self._places.get(tag)
        return ByteRange(place[0], place[1]) if place is not None else None


class _Unpacked:
    """Tables of WOFF 2.0, unpacked together."""

    def __init__(self, data: bytes, places: dict[str, tuple[int, int]]) -> None:
        self._data, self._places = data, places

    @property
    def tags(self) -> list[str]:
        return list(self._places)

    def read(self, tag: str) -> bytes:
        offset, length = self._places.get(tag, (0, 0))
        return self._data[offset : offset + min(length, _MOST_TABLE_BYTES)]

    def origin(self, tag: str) -> ByteRange | None:
        del tag
        return None


@tolerant(SECTION)
def parse(source: ByteSource, document: Document) -> None:
    """The version, the font's own tables, and what stands in the metadata."""
    reader = Reader(source)
    is_second = reader.exact(0, 4) == b"wOF2"
    flavor, length, count = struct.unpack(">4sIH", reader.exact(4, 10))
    at = 24 if is_second else 20
    major, minor = reader.unpack("HH", at)
    document.add(SECTION, Field("WOFFVersion", f"{major}.{minor}", group="Font", origin=ByteRange(at, 4)))
    if length > reader.length:
        document.problem(
            SECTION, ProblemKind.TRUNCATED, f"the font has {length} bytes, the file {reader.length}", 8
        )
    kind = _KINDS.get(flavor, flavor.decode("latin-1"))
    if is_second:
        tables = _second(reader, count, flavor, document)
        if tables is not None:
            sfnt.add(tables, kind, document, "Font")
        _metadata(reader, at + 4, document, is_second=True)
        return
    sfnt.add(_Packed(reader, count), kind, document, "Font")
    _metadata(reader, at + 4, document, is_second=False)


def _second(reader: Reader, count: int, flavor: bytes, document: Document) -> _Unpacked | None:
    packed = reader.u32(20)
    at, begin = 48, 0
    places: dict[str, tuple[int, int]] = {}
    known = _known()
    for _ in range(min(count, 200)):
        flags = reader.u8(at)
        at += 1
        if flags & 63 == 63:
            tag = reader.exact(at, 4).decode("latin-1")
            at += 4
        else:
            tag = known[flags & 63]
        length, at = _number(reader, at)
        version = flags >> 6
        # 5.2: these two are transformed unless their version is 3, all others unless it is 0.
        if (version != 3) if tag in {"glyf", "loca"} else version != 0:
            length, at = _number(reader, at)
        places[tag] = (begin, length)
        begin += length
    if flavor == b"ttcf":
        document.problem(SECTION, ProblemKind.UNSUPPORTED, "fonts of a packed collection aren't read", 4)
        return None
    if begin > _MOST_FONT_BYTES or packed > _MOST_FONT_BYTES:
        document.problem(SECTION, ProblemKind.LIMIT, f"tables of {begin} bytes aren't unpacked", 20)
        return None
    document.spend(begin // 2)
    try:
        data = unbrotli(reader.exact(at, packed), begin)
    except ValueError as error:
        document.problem(SECTION, ProblemKind.DAMAGED, f"the tables can't be unpacked: {error}", at)
        return None
    return _Unpacked(data[: _MOST_FONT_BYTES + 1], places)


def _number(reader: Reader, at: int) -> tuple[int, int]:
    """A number of seven bits a byte (WOFF 2.0, 4.1)."""
    value = 0
    for _ in range(5):
        byte = reader.u8(at)
        at += 1
        value = value << 7 | byte & 0x7F
        if not byte & 0x80:
            return value, at
    raise ValueError("a length of more than five bytes")


def _metadata(reader: Reader, at: int, document: Document, *, is_second: bool) -> None:
    """XML about the font (7): vendor, credits, license."""
    offset, packed, length = reader.unpack("III", at)
    if not packed or length > _MOST_METADATA_BYTES or packed > _MOST_METADATA_BYTES:
        return
    try:
        data = reader.exact(offset, packed)
        if is_second:
            text = unbrotli(data, _MOST_METADATA_BYTES)
        else:
            text = zlib.decompressobj().decompress(data, _MOST_METADATA_BYTES)
        root = plain_xml.root(text)
    except (TruncatedError, ValueError, zlib.error) as error:
        document.problem(SECTION, ProblemKind.DAMAGED, f"metadata: {error}", offset)
        return
    for element in root:
        name = element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""
        words = " ".join("".join(element.itertext()).split())
        if words and name in {"description", "license", "copyright", "trademark"}:
            document.add(
                SECTION,
                Field(name.capitalize(), words[:4000], group="WOFF", origin=ByteRange(offset, packed)),
            )
        for key, value in element.attrib.items():
            local = key.rpartition("}")[2]
            shown = f"{name[:1].upper()}{name[1:]}{'URL' if local == 'url' else local.capitalize()}"
            document.add(SECTION, Field(shown[:80], value, group="WOFF", origin=ByteRange(offset, packed)))
