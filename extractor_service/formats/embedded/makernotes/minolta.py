"""Minolta and Konica Minolta maker notes. Layout by exiftool.org/TagNames/Minolta.html."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.document import ByteRange, Field
from extractor_service.formats.embedded.makernotes.base import SECTION, Block, Notes
from extractor_service.formats.embedded.makernotes.layout import displaced, ordered
from extractor_service.formats.embedded.makernotes.tables import Vendor
from extractor_service.formats.reading import conversions as conv
from extractor_service.formats.reading.tagset import Conversion

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from extractor_service.document import Value
    from extractor_service.formats.embedded.walk import Walk
    from extractor_service.formats.reading import ifd


def _date(value: Value) -> Value:
    """Year, month and day in 16, 8 and 8 bits."""
    return f"{value >> 16:4d}:{value >> 8 & 255:02d}:{value & 255:02d}" if isinstance(value, int) else value


def _clock(value: Value) -> Value:
    return f"{value >> 16:02d}:{value >> 8 & 255:02d}:{value & 255:02d}" if isinstance(value, int) else value


def _iso(value: Value) -> Value:
    return 100 * 2 ** (value / 8 - 6) if isinstance(value, int) else value


def _time(value: Value) -> Value:
    return 2 ** ((48 - value) / 8) if isinstance(value, int) else value


def _aperture(value: Value) -> Value:
    return 2 ** (value / 16 - 0.5) if isinstance(value, int) else value


_FRACTION_3 = Conversion(
    lambda value: value / 3 - 2 if isinstance(value, int) else value, conv.fraction_text, "EV"
)
CONVERSIONS: Mapping[str, Conversion] = {
    "MakerNoteVersion": conv.TEXT,
    "CameraSettings.ISO": Conversion(_iso, conv.fixed("{:.0f}")),
    "CameraSettings.ExposureTime": Conversion(_time, conv.exposure_text, "s"),
    "CameraSettings.FNumber": Conversion(_aperture, conv.f_number_text),
    "CameraSettings.MaxAperture": Conversion(_aperture, conv.f_number_text),
    "CameraSettings.ExposureCompensation": _FRACTION_3,
    "CameraSettings.FlashExposureComp": Conversion(lambda value: value / 3 - 2 if isinstance(value, int) else value, conv.fraction_text, "EV"),
    "CameraSettings.FocalLength": Conversion(lambda value: value / 256 if isinstance(value, int) else value, conv.fixed("{:.1f} mm"), "mm"),
    "CameraSettings.FocusDistance": Conversion(lambda value: value / 1000 if isinstance(value, int) else value, lambda value: "inf" if not value else f"{value:.10g} m", "m"),
    "CameraSettings.MinoltaDate": Conversion(_date),
    "WBInfoA100.AEMeteringSegments": Conversion(lambda value: [(each - 106) / 8 for each in value if isinstance(each, int)] if isinstance(value, list) else value),
    "CameraSettings.MinoltaTime": Conversion(_clock),
    "CameraSettings.ColorBalanceRed": Conversion(lambda value: value / 256 if isinstance(value, int) else value),
    "CameraSettings.ColorBalanceGreen": Conversion(lambda value: value / 256 if isinstance(value, int) else value),
    "CameraSettings.ColorBalanceBlue": Conversion(lambda value: value / 256 if isinstance(value, int) else value),
    "CameraSettings.Saturation": Conversion(lambda value: value - 3 if isinstance(value, int) else value, lambda value: f"{value:+d}" if isinstance(value, int) and value else "Normal"),
    "CameraSettings.Contrast": Conversion(lambda value: value - 3 if isinstance(value, int) else value, lambda value: f"{value:+d}" if isinstance(value, int) and value else "Normal"),
    "CameraSettings.ColorFilter": Conversion(lambda value: value - 3 if isinstance(value, int) else value),
    "CameraSettings.Brightness": Conversion(lambda value: value / 8 - 6 if isinstance(value, int) else value),
}  # fmt: skip
VENDOR = Vendor("minolta", "Minolta", CONVERSIONS)


def parse(walk: Walk, offset: int, length: int) -> None:
    """A directory whose offsets count from the TIFF header."""
    reader = ordered(walk.directories.reader, offset)
    notes = Notes(walk, VENDOR, reader, displaced(reader, offset, length))
    notes.directory(offset, notes.table("Minolta::Main"), _INSIDE)
    notes.preview()


def settings(notes: Notes, entry: ifd.Entry) -> None:
    """Big-endian words in every camera."""
    from extractor_service.formats.embedded.makernotes import base  # noqa: PLC0415 - for callers of another vendor

    inner = base.Notes(notes.walk, VENDOR, notes.reader)
    inner.block(notes.bytes_of(entry), Block("Minolta::CameraSettings", "int32u", None, True), entry.offset)


def _stabilized(notes: Notes, entry: ifd.Entry) -> None:
    """A block that is there while stabilization is on; of the A100, values."""
    if notes.walk.model == "DSLR-A100":
        notes.found(notes.bytes_of(entry), "Minolta::ISInfoA100", entry.offset, big_endian=True)
    elif notes.table("Minolta::Main").get(entry.tag) is not None:
        origin = ByteRange(notes.reader.base + entry.offset, entry.size_bytes)
        notes.document.add(SECTION, Field("ImageStabilization", "On", group=VENDOR.group, origin=origin))


_INSIDE: Mapping[int, Block | Callable[[Notes, ifd.Entry], None]] = {
    0x18: _stabilized,
    0x01: settings,
    0x03: settings,
}
