"""Samsung maker notes. exiftool.org/TagNames/Samsung.html."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.formats.embedded.makernotes.base import Block, Notes
from extractor_service.formats.embedded.makernotes.layout import ordered
from extractor_service.formats.embedded.makernotes.tables import Vendor
from extractor_service.formats.reading import conversions as conv
from extractor_service.formats.reading import ifd
from extractor_service.formats.reading.tagset import Conversion

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from extractor_service.formats.embedded.walk import Walk

CONVERSIONS: Mapping[str, Conversion] = {
    "MakerNoteVersion": conv.TEXT,
    "ExposureTime": conv.EXPOSURE,
    "FNumber": conv.F_NUMBER,
    "FocalLengthIn35mmFormat": Conversion(lambda value: value / 10 if isinstance(value, int) else value, conv.suffixed(" mm"), "mm"),
    "ExposureCompensation": Conversion(),
    "CameraTemperature": conv.CELSIUS,
    "SerialNumber": Conversion(),
}  # fmt: skip
# Enciphered lists of numbers: the places of the key where each begins, and whether it is added. Two of them stand one behind
# the other, after the length of the first (exiftool.org/TagNames/Samsung.html).
_SALTS: Mapping[int, tuple[tuple[int, int], ...]] = {
    0xA021: ((-1, 0),), 0xA022: ((-1, 4),), 0xA023: ((-1, 8),), 0xA024: ((-1, 1),), 0xA028: ((-1, 0),), 0xA030: ((1, 0),),
    0xA031: ((1, 0),), 0xA032: ((1, 0),), 0xA033: ((1, 0),), 0xA034: ((1, 4),), 0xA035: ((-1, 0),), 0xA036: ((-1, 2),),
    0xA040: ((1, 0), (-1, 0)), 0xA041: ((1, 0), (-1, 0)), 0xA042: ((1, 0), (-1, 0)), 0xA043: ((1, 0), (-1, 0)), 0xA048: ((1, 0),), 0xA051: ((-1, 0), (-1, 7), (-1, 3)),
    0xA050: ((1, 0),), 0xA052: ((1, 0), (-1, 0)), 0xA053: ((1, 0), (-1, 0)), 0xA054: ((1, 0), (-1, 0)), 0xA055: ((1, 8),), 0xA056: ((1, 5),), 0xA057: ((1, 2),),
}  # fmt: skip


def _deciphered(notes: Notes, entry: ifd.Entry) -> None:
    """Numbers plus or minus those of the key, which stands in the same note; without a key they are nobody's."""
    key = notes.values.get("EncryptionKey")
    tag = notes.table("Samsung::Type2").get(entry.tag)
    stored = notes.directories.value(entry, 4096)
    values = stored if isinstance(stored, list) else [stored]
    numbers = [each for each in values if isinstance(each, int)]
    keys = [each for each in key if isinstance(each, int)] if isinstance(key, list) else []
    if tag is None or tag.hidden or not keys or len(numbers) != len(values):
        return
    salts = _SALTS[entry.tag]
    low, bits = (-(1 << 31), 32) if tag.kind == "int32s" else (0, 8 * ifd.SIZES[entry.kind])
    start = 1 if len(salts) > 1 else 0
    ends = [start + numbers[0], len(numbers)] if start else [len(numbers)]
    for (sign, salt), end in zip(salts, ends, strict=False):
        for place in range(start, min(end, len(numbers))):
            number = numbers[place] + sign * keys[(salt + place - start) % len(keys)]
            numbers[place] = (number - low) % (1 << bits) + low
        start = end
    notes.add(tag, numbers[0] if len(numbers) == 1 else list(numbers), entry.offset, entry.size_bytes)


VENDOR = Vendor("others", "Samsung", CONVERSIONS)
_INSIDE: Mapping[int, Block | Callable[[Notes, ifd.Entry], None]] = {
    0x0011: Block("Samsung::OrientationInfo", "rational64s"),
    0x0021: Block("Samsung::PictureWizard", "int16u"),
    **dict.fromkeys(_SALTS, _deciphered),
}


def parse(walk: Walk, offset: int, length: int) -> None:
    """A directory; offsets count from the beginning of the note."""
    reader = walk.directories.reader
    inner = ordered(reader.view(reader.base + offset, min(length, reader.length - offset)), 0)
    # Telephones and old compacts have another layout, or none; this one begins with its version.
    if inner.u16(2) != 1 or inner.u16(4) not in {7, 4} or inner.some(10, 4) != b"0100":
        return
    notes = Notes(walk, VENDOR, inner)
    notes.directory(0, notes.table("Samsung::Type2"), _INSIDE)
