"""Sigma and Foveon maker notes. exiftool.org/TagNames/Sigma.html."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.formats.embedded.makernotes.base import Notes
from extractor_service.formats.embedded.makernotes.layout import ordered
from extractor_service.formats.embedded.makernotes.tables import Vendor
from extractor_service.formats.reading import conversions as conv
from extractor_service.formats.reading.tagset import Conversion

if TYPE_CHECKING:
    from collections.abc import Mapping

    from extractor_service.document import Value
    from extractor_service.formats.embedded.walk import Walk


def _after_colon(value: Value) -> Value:
    """The number in texts such as "Expo:+0.3"."""
    if isinstance(value, str) and ":" in value:
        text = value.rpartition(":")[2].strip()
        try:
            return float(text) if "." in text else int(text)
        except ValueError:
            return text
    return value


_COLON = Conversion(_after_colon)
CONVERSIONS: Mapping[str, Conversion] = {
    **dict.fromkeys(
        ("ExposureCompensation", "Contrast", "Shadow", "Highlight", "Saturation", "Sharpness", "X3FillLight", "ColorAdjustment", "AdjustmentMode", "ExposureAdjust"),
        _COLON,
    ),
    "LensFocalRange": Conversion(),
    "FNumber": conv.F_NUMBER,
}  # fmt: skip
VENDOR = Vendor("others", "Sigma", CONVERSIONS)


def parse(walk: Walk, offset: int, length: int) -> None:
    """Notes that begin with "SIGMA" or "FOVEON" and two bytes, then a directory; offsets count from the TIFF header."""
    del length
    notes = Notes(walk, VENDOR, ordered(walk.directories.reader, offset + 10))
    notes.values["MakerNoteSigmaVer"] = walk.directories.reader.u8(offset + 9)
    notes.directory(offset + 10, notes.table("Sigma::Main"), {})
