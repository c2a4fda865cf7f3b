"""Fujifilm maker notes: always little-endian, offsets from the note. exiftool.org/TagNames/FujiFilm.html."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.formats.embedded.makernotes.base import Block, Notes
from extractor_service.formats.embedded.makernotes.tables import Vendor
from extractor_service.formats.reading import conversions as conv
from extractor_service.formats.reading.tagset import Conversion

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from extractor_service.formats.embedded.walk import Walk
    from extractor_service.formats.reading import ifd

CONVERSIONS: Mapping[str, Conversion] = {
    "Version": conv.TEXT,
    "FlashExposureComp": conv.FRACTION,
    "BitDepth": Conversion(),
}
VENDOR = Vendor("fujifilm", "FujiFilm", CONVERSIONS)


def parse(walk: Walk, offset: int, length: int) -> None:
    """Notes that begin with "FUJIFILM", then where the directory begins."""
    reader = walk.directories.reader
    inner = reader.view(reader.base + offset, min(length, reader.length - offset), big_endian=False)
    notes = Notes(walk, VENDOR, inner)
    notes.directory(inner.u32(8), notes.table("FujiFilm::Main"), _INSIDE)


_INSIDE: Mapping[int, Block | Callable[[Notes, ifd.Entry], None]] = {
    0x102B: Block("FujiFilm::PrioritySettings", "int16u"),
    0x102D: Block("FujiFilm::FocusSettings", "int32u"),
    0x102E: Block("FujiFilm::AFCSettings", "int32u"),
    0x1103: Block("FujiFilm::DriveSettings", "int32u"),
    0x4282: Block("FujiFilm::FaceRecInfo", "int8u"),
}
