"""What cameras keep in the chunks of AVI films: Nikon's, Pentax', Olympus', Casio's and Ricoh's. exiftool.org/TagNames (RIFF, JUNK)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.document import ByteRange
from extractor_service.formats.containers.riff import chunks
from extractor_service.formats.embedded import exif
from extractor_service.formats.embedded.makernotes import registry as makernotes
from extractor_service.formats.embedded.makernotes.nikon import VENDOR as NIKON
from extractor_service.formats.embedded.makernotes.tables import Vendor, Wanted, tags_of
from extractor_service.formats.embedded.walk import Walk
from extractor_service.formats.reading import binary, charsets, fields, ifd
from extractor_service.formats.reading.damage import Surviving
from extractor_service.formats.reading.reader import Reader
from extractor_service.formats.reading.tagset import Tag

if TYPE_CHECKING:
    from extractor_service.document import Document, Value
    from extractor_service.formats.containers.riff.chunks import Chunk

_SECTION = "makernotes"
_MOST_BYTES = 256 * 1024  # of a maker's chunk: thumbnails are not read
# How a JUNK chunk begins: the maker, its module, its table.
_JUNK = ((b"OLYMDigital Camera", "Olympus", "olympus", "Olympus::AVI"), (b"IIII\x01\0", "Pentax", "pentax", "Pentax::Junk"), (b"PENTDigital Camera", "Pentax", "pentax", "Pentax::Junk2"))  # fmt: skip
_CASIO, _RICOH = b"QVMI", b"ucmt"
_COMMENT = Tag(("Comment", "string", 1, "", None, ""))
_NIKON_IMAGES = {"ncth": "ThumbnailImage", "ncvw": "PreviewImage"}
_VERSION = 2


def parse(reader: Reader, document: Document, chunk: Chunk) -> bool:
    """Adds what a chunk says; whether it is a camera's."""
    if chunk.kind == "LIST_ncdt":
        for inner in chunks.walk(reader, document, chunk.offset, chunk.offset + chunk.length):
            with Surviving(document, _SECTION, "chunk", reader.base + inner.offset, inner.kind):
                _nikon(reader, document, inner)
        return True
    if chunk.kind in {"LIST_hydt", "LIST_pntx"}:
        for inner in chunks.walk(reader, document, chunk.offset, chunk.offset + chunk.length):
            if inner.kind in {"hymn", "mknt"}:
                with Surviving(document, _SECTION, "Pentax' notes", reader.base + inner.offset):
                    _pentax(reader, document, inner)
        return True
    return chunk.kind == "JUNK" and _junk(reader, document, chunk)


def _junk(reader: Reader, document: Document, chunk: Chunk) -> bool:
    head, at = reader.some(chunk.offset, min(chunk.length, 32)), reader.base + chunk.offset
    for magic, maker, module, table in _JUNK:
        if head.startswith(magic):
            tags = tags_of(Vendor(module, maker, {}), Wanted(table, (), "", "", is_found=True))
            data = reader.exact(chunk.offset, min(chunk.length, _MOST_BYTES))
            place = binary.Place(document, _SECTION, maker)
            binary.parse(data, binary.Layout("int8u", big_endian=False), tags, place, origin=at)
            return True
    if head.startswith(_CASIO):
        directories = ifd.Directories(Reader(reader.source, base=at, length=chunk.length), first=10)
        Walk(directories, document, exif.EMBEDDED, "avi").follow(10, "IFD0")
        return True
    if head.startswith(_RICOH):
        for inner in chunks.walk(reader, document, chunk.offset, chunk.offset + chunk.length):
            if inner.kind == "ucmt":
                text = str(
                    charsets.text(
                        reader.exact(inner.offset, min(inner.length, 4096)).lstrip(b"\0").rstrip(b"\0 ")
                    )
                )
                if text:
                    fields.add(
                        document,
                        _SECTION,
                        "Ricoh",
                        _COMMENT,
                        text,
                        ByteRange(reader.base + inner.offset, inner.length),
                    )
        return True
    return False


def _nikon(reader: Reader, document: Document, chunk: Chunk) -> None:
    """Pictures, or entries of a number, a length and a value, little-endian."""
    at = reader.base + chunk.offset
    if chunk.kind in _NIKON_IMAGES:
        if chunk.length:
            fields.add_binary(
                document,
                _SECTION,
                "Nikon",
                _NIKON_IMAGES[chunk.kind],
                chunk.length,
                ByteRange(at, chunk.length),
            )
        return
    table = {"nctg": "Nikon::AVITags", "ncvr": "Nikon::AVIVers"}.get(chunk.kind)
    if table is None:
        return
    tags = tags_of(NIKON, Wanted(table, (), "NIKON", "", is_found=False))
    data, place = reader.exact(chunk.offset, min(chunk.length, _MOST_BYTES)), 0
    while place + 4 <= len(data):
        key, size = (int.from_bytes(data[place + start : place + start + 2], "little") for start in (0, 2))
        part = data[place + 4 : place + 4 + size]
        tag = tags.get(key)
        if tag is not None and not tag.hidden and len(part) == size:
            value = _value(part, tag)
            if chunk.kind == "ncvr" and key == _VERSION:
                value = ".".join(str(byte) for byte in reversed(part))
            if value is not None:
                fields.add(document, _SECTION, "Nikon", tag, value, ByteRange(at + place + 4, size))
        place += 4 + size


def _value(data: bytes, tag: Tag) -> Value:
    kind = tag.form or tag.kind
    if kind not in binary.CODES or kind in {"string", "undef"}:
        return str(charsets.text(data.replace(b"\0", b"")))
    width = binary.CODES[kind][1]
    return binary.read(data, 0, kind, max(1, len(data) // width), big_endian=False)


def _pentax(reader: Reader, document: Document, chunk: Chunk) -> None:
    """Maker notes as photographs have them, behind "PENTAX " and the byte order, which offsets count from."""
    head = reader.exact(chunk.offset, 10)
    order = head[8:10] == b"MM"
    base = reader.base + chunk.offset
    directories = ifd.Directories(
        Reader(reader.source, big_endian=order, base=base, length=chunk.length), first=0
    )
    walk = Walk(directories, document, exif.EMBEDDED, "avi")
    walk.make, walk.model = "PENTAX", ""
    makernotes.parse(walk, 0, chunk.length)
