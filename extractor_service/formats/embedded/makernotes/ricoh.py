"""Ricoh maker notes: directories, or text. exiftool.org/TagNames/Ricoh.html."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.document import ByteRange, Field
from extractor_service.formats.embedded.makernotes import pentax
from extractor_service.formats.embedded.makernotes.base import SECTION, Block, Notes
from extractor_service.formats.embedded.makernotes.layout import ordered
from extractor_service.formats.embedded.makernotes.tables import Vendor
from extractor_service.formats.reading import conversions as conv
from extractor_service.formats.reading import fields
from extractor_service.formats.reading.reader import layout
from extractor_service.formats.reading.tagset import Conversion

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from extractor_service.formats.embedded.walk import Walk
    from extractor_service.formats.reading import ifd

CONVERSIONS: Mapping[str, Conversion] = {
    "InternalSerialNumber": Conversion(lambda value: value.hex() if isinstance(value, bytes) else value),
    "MakerNoteType": conv.TEXT,
    "ImageInfo.RicohDate": Conversion(
        lambda value: "{:02x}{:02x}:{:02x}:{:02x} {:02x}:{:02x}:{:02x}".format(*value[:7]) if isinstance(value, (list, bytes)) and len(value) >= 7 else value
    ),
}  # fmt: skip
VENDOR = Vendor("others", "Ricoh", CONVERSIONS)
_SHORT = 3  # TIFF's type: then it is a plain value
_PREVIEW_AT = 28  # in the block, two bytes each: where the preview begins, and its length


def _image_info(notes: Notes, entry: ifd.Entry) -> None:
    """A block of fixed places; of the preview's place it has 16 bits, which are believed where a picture begins there."""
    if entry.kind == _SHORT:
        tag = notes.table("Ricoh::Main").get(entry.tag)
        if tag is not None:
            notes.add(tag, notes.directories.value(entry, 64), entry.offset, entry.size_bytes)
        return
    data, reader = notes.bytes_of(entry), notes.reader
    notes.found(data, "Ricoh::ImageInfo", entry.offset, big_endian=reader.big_endian)
    if len(data) < _PREVIEW_AT + 4:
        return
    start, size = layout(">HH" if reader.big_endian else "<HH").unpack_from(data, _PREVIEW_AT)
    if size and reader.some(start, 3) == b"\xff\xd8\xff":
        at = reader.base + start
        origin = ByteRange(reader.base + entry.offset + _PREVIEW_AT, 2)
        notes.document.add(SECTION, Field("PreviewImageStart", at, group="MakerNotes", origin=origin))
        fields.add_binary(notes.document, SECTION, "MakerNotes", "PreviewImage", size, ByteRange(at, size))


_INSIDE: Mapping[int, Block | Callable[[Notes, ifd.Entry], None]] = {0x1001: _image_info}


def parse(walk: Walk, offset: int, length: int) -> None:
    """Notes that begin with "Ricoh" and a directory, or lines of text such as "Rev0113;"."""
    reader = walk.directories.reader
    head = reader.some(offset, 16)
    if head[:3] in {b"Rev", b"Rv\0"} or head[:2] == b"Rv":
        _text(walk, offset, length)
        return
    if head[:5].upper() == b"RICOH":
        start = offset + 8
        notes = Notes(walk, VENDOR, ordered(reader, start))
        notes.directory(start, notes.table("Ricoh::Main"), _INSIDE)


def pentax_layout(walk: Walk, offset: int, length: int) -> None:
    """Pentax's layout under Ricoh's name (GR III and later)."""
    pentax.new(walk, offset, length)


def _text(walk: Walk, offset: int, length: int) -> None:
    notes = Notes(walk, VENDOR, walk.directories.reader)
    text = notes.reader.some(offset, min(length, 1024)).decode("latin-1")
    for part in text.split(";"):
        for key, tag in notes.table("Ricoh::Text").items():
            if part.startswith(str(key)):
                notes.add(tag, part.removeprefix(str(key)), offset, length)
                break
