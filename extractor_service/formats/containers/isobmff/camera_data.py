"""What cameras keep in a film's user data: blocks of values, directories, thumbnails. exiftool.org/TagNames/QuickTime.html (UserData)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from extractor_service.document import ByteRange
from extractor_service.formats.embedded import exif
from extractor_service.formats.embedded.makernotes.tables import Vendor, Wanted, tags_of
from extractor_service.formats.embedded.walk import Walk
from extractor_service.formats.reading import binary, fields, ifd
from extractor_service.formats.reading.reader import Reader
from extractor_service.formats.reading.tagset import module_of

if TYPE_CHECKING:
    from extractor_service.document import Document
    from extractor_service.formats.reading.boxes import Box

_HEAD_BYTES, _MOST_BYTES = 64, 64 * 1024


class _Block(NamedTuple):
    """Values at fixed places."""

    kind: bytes
    head: re.Pattern[bytes]
    """With which the box begins."""
    table: str
    big_endian: bool = False
    start: int = 0
    unit: str = "int8u"


def _block(kind: bytes, head: bytes, table: str, **facts: bool | int | str) -> _Block:
    return _Block(kind, re.compile(head, re.DOTALL), table, **facts)  # type: ignore[arg-type]


_BLOCKS = (
    _block(b"TAGS", rb"EASTMAN KODAK COMPANY", "Kodak::MOV"),
    _block(b"TAGS", rb"FUJIFILM DIGITAL CAMERA\0", "FujiFilm::MOV"),
    _block(b"TAGS", rb"KONICA MINOLTA DIGITAL CAMERA", "Minolta::MOV1"),
    _block(b"TAGS", rb"MINOLTA DIGITAL CAMERA", "Minolta::MOV2"),
    _block(b"TAGS", rb"NIKON DIGITAL CAMERA\0", "Nikon::MOV"),
    _block(b"TAGS", rb"OLYMPUS DIGITAL CAMERA\0.{9}\x01\0", "Olympus::MOV1"),
    _block(b"TAGS", rb"OLYMPUS DIGITAL CAMERA(?!\0.{21}\x0a\0{3})", "Olympus::MOV2"),
    _block(b"TAGS", rb"OLYMPUS DIGITAL CAMERA\0", "Olympus::MP4"),
    _block(b"TAGS", rb".{16}OLYM\0", "Olympus::MOV3", start=12),
    _block(b"TAGS", rb"PENTAX DIGITAL CAMERA\0", "Pentax::MOV"),
    _block(b"TAGS", rb"SAMSUNG DIGITAL CAMERA\0", "Samsung::MP4"),
    _block(b"TAGS", rb"SANYO DIGITAL CAMERA\0", "Sanyo::MOV"),
    _block(b"PANA", rb"", "Panasonic::PANA"),
    _block(b"LEIC", rb"", "Panasonic::PANA"),
    _block(b"MMA0", rb"", "Minolta::MMA"),
    _block(b"MMA1", rb"", "Minolta::MMA"),
    _block(b"PENT", rb"", "Pentax::PENT"),
)


def parse(reader: Reader, document: Document, box: Box) -> bool:
    """Adds what a camera's box says; whether it is one of a known form."""
    head = reader.some(box.offset, min(box.length, _HEAD_BYTES))
    at = reader.base + box.offset
    for block in _BLOCKS:
        if block.kind == box.kind and block.head.match(head):
            return _values(reader, document, box, block)
    if box.kind == b"MVTG" and box.length > 16:  # Fujifilm: a directory behind sixteen bytes
        directories = ifd.Directories(
            Reader(reader.source, big_endian=False, base=at, length=box.length), first=16
        )
        Walk(directories, document, exif.EMBEDDED, "mov").follow(16, "IFD0")
        return True
    if box.kind == b"GPMF":
        from extractor_service.formats.embedded import gopro  # noqa: PLC0415 - of one maker's films

        gopro.parse(reader.exact(box.offset, min(box.length, _MOST_BYTES)), document, at)
        return True
    if box.kind in {b"thmb", b"scrn"} and len(head) > 12:
        size = int.from_bytes(head[:4], "little")
        for start in (8, 4):
            if head[start : start + 2] == b"\xff\xd8" or head[start : start + 4] == b"\x89PNG":
                name = (
                    "ThumbnailPNG"
                    if head[start] == 0x89
                    else "ThumbnailImage"
                    if box.kind == b"thmb"
                    else "PreviewImage"
                )
                length = box.length - start if start == 8 else min(size, box.length - 4)
                fields.add_binary(
                    document, "quicktime", "UserData", name, length, ByteRange(at + start, length)
                )
                return True
    return False


def _values(reader: Reader, document: Document, box: Box, block: _Block) -> bool:
    module = module_of(block.table)
    maker = block.table.partition("::")[0]
    tags = tags_of(Vendor(module, maker, {}), Wanted(block.table, (), "", "", is_found=True))
    data = reader.exact(box.offset + block.start, min(box.length - block.start, _MOST_BYTES))
    binary.parse(
        data, binary.Layout(block.unit, block.big_endian), tags, binary.Place(document, "makernotes", maker),
        origin=reader.base + box.offset + block.start,
    )  # fmt: skip
    return True
