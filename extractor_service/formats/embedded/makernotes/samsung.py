"""Samsung maker notes. exiftool.org/TagNames/Samsung.html."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.formats.embedded.makernotes.base import Block, Notes, Vendor, ordered
from extractor_service.formats.reading import conversions as conv
from extractor_service.formats.reading.tagset import Conversion

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from extractor_service.formats.embedded.walk import Walk
    from extractor_service.formats.reading import ifd

CONVERSIONS: Mapping[str, Conversion] = {
    "MakerNoteVersion": conv.TEXT,
    "ExposureTime": conv.EXPOSURE,
    "FNumber": conv.F_NUMBER,
    "FocalLengthIn35mmFormat": Conversion(lambda value: value / 10 if isinstance(value, int) else value, conv.suffixed(" mm"), "mm"),
    "ExposureCompensation": Conversion(),
    "CameraTemperature": conv.CELSIUS,
    "SerialNumber": Conversion(),
}  # fmt: skip
VENDOR = Vendor("others", "Samsung", CONVERSIONS)
_INSIDE: Mapping[int, Block | Callable[[Notes, ifd.Entry], None]] = {
    0x0011: Block("Samsung::OrientationInfo", "rational64s"),
    0x0021: Block("Samsung::PictureWizard", "int16u"),
}


def parse(walk: Walk, offset: int, length: int) -> None:
    """A directory; offsets count from the beginning of the note."""
    reader = walk.directories.reader
    inner = ordered(reader.view(reader.base + offset, min(length, reader.length - offset)), 0)
    count = inner.u16(0)
    if not 0 < count < 200:
        return
    notes = Notes(walk, VENDOR, inner)
    notes.directory(0, notes.table("Samsung::Type2"), _INSIDE)
