"""Olympus and OM System maker notes. Layout by exiv2.org/makernote.html and exiftool.org/TagNames/Olympus.html."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from extractor_service.document import Rational
from extractor_service.formats.embedded.makernotes import minolta
from extractor_service.formats.embedded.makernotes.base import Block, Notes
from extractor_service.formats.embedded.makernotes.layout import displaced, ordered
from extractor_service.formats.embedded.makernotes.tables import Vendor
from extractor_service.formats.reading import conversions as conv
from extractor_service.formats.reading import ifd
from extractor_service.formats.reading.tagset import Conversion, plain_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from extractor_service.document import Value
    from extractor_service.formats.embedded.walk import Walk


def _lens_key(value: Value) -> Value:
    """Six bytes, of which three tell lenses apart: "0 01 10"."""
    if isinstance(value, list) and len(value) >= 4 and all(isinstance(each, int) for each in value):
        return f"{value[0]:x} {value[2]:02x} {value[3]:02x}"
    return value


def _extender_key(value: Value) -> Value:
    if isinstance(value, list) and len(value) >= 3 and all(isinstance(each, int) for each in value):
        return f"{value[0]:x} {value[2]:02x}"
    return value


def _aperture(value: Value) -> Value:
    return 2 ** (value / 512) if isinstance(value, int) else value


def _signed(value: Value) -> Value:
    if isinstance(value, list):
        return [each - 65536 if isinstance(each, int) and each > 32767 else each for each in value]
    return value


def _points(value: Value) -> Value:
    """A flag without a value, then corners in parts of the picture."""
    return value[1:] if isinstance(value, list) and len(value) == 5 else value


def _points_text(value: Value) -> str:
    found = conv.numbers(value)
    if len(found) != 4:
        return ""
    if not any(found):
        return "n/a"
    x1, y1, x2, y2 = (int(each * 100) for each in found)
    return f"({x1}%,{y1}%) ({x2}%,{y2}%)"


def _temperature(value: Value) -> Value:
    return 84 - 3 * value / 26 if isinstance(value, int) else value


def _strength_text(value: Value) -> str:
    if isinstance(value, list) and not any(
        isinstance(each, (int, float)) and not isinstance(each, tuple) for each in value
    ):
        return f"n/a (x{len(value)})" if len(value) > 3 else "n/a"
    return ""


def _manometer(value: Value) -> str:
    found = conv.numbers(value)
    return f"{found[0] / 10:g} m, {found[1] / 10:g} ft" if len(found) == 2 else ""


def _drive(value: Value) -> str:
    if isinstance(value, list) and value:
        if value[0] == 0:
            return "Single Shot"
        return f"Continuous Shooting, Shot {value[1]}" if len(value) > 1 and value[0] == 1 else ""
    return ""


def _gradation(value: Value) -> str:
    """Three words for the kind, one for who chose it."""
    if not isinstance(value, list) or len(value) < 3:
        return ""
    kinds = {(0, 0, 0): "n/a", (-1, -1, 1): "Low Key", (0, -1, 1): "Normal", (1, -1, 1): "High Key"}
    words = [each - 65536 if each > 32767 else each for each in value if isinstance(each, int)]
    if len(words) < 3:
        return ""
    text = kinds.get((words[0], words[1], words[2]), f"Unknown ({' '.join(map(str, words[:3]))})")
    if len(words) > 3:
        text += {0: "; User-Selected", 1: "; Auto-Override"}.get(words[3], "")
    return text


def _firmware(value: Value) -> str:
    """A number whose hexadecimal digits are the version: 0x1002 is "1.002"."""
    if not isinstance(value, int):
        return ""
    digits = f"{value:x}"
    return f"{digits[:-3] or '0'}.{digits[-3:]:0>3}"


def _range(value: Value) -> str:
    """A setting with the range that the camera allows: "0 (min -2, max 2)"."""
    if isinstance(value, list) and len(value) >= 3:
        return f"{plain_text(value[0])} (min {plain_text(value[1])}, max {plain_text(value[2])})"
    return ""


def _special(value: Value) -> str:
    """Mode, number in a sequence, and the direction of a panorama."""
    if not isinstance(value, list) or len(value) < 2:
        return ""
    modes = {0: "Normal", 1: "Unknown", 2: "Fast", 3: "Panorama"}
    directions = {0: "(none)", 1: "Left to Right", 2: "Right to Left", 3: "Bottom to Top", 4: "Top to Bottom"}
    mode = value[0] if isinstance(value[0], int) else -1
    text = f"{modes.get(mode, f'Unknown ({mode})')}, Sequence: {plain_text(value[1])}"
    if len(value) > 2:
        direction = value[2] if isinstance(value[2], int) else -1
        text += f", Panorama: {directions.get(direction, f'Unknown ({direction})')}"
    return text


def _stripped(value: Value) -> Value:
    return value.rstrip() if isinstance(value, str) else value


_ONE_DIGIT: Final = Conversion(_aperture, conv.fixed("{:.1f}"))
_VERSION: Final = conv.TEXT
_RANGE: Final = Conversion(None, _range)


def _balance(value: Value) -> Value:
    """In 256ths; the second number is always 64."""
    first = value[0] if isinstance(value, list) and value else value
    return first / 256 if isinstance(first, int) else value


CONVERSIONS: Final[Mapping[str, Conversion]] = {
    "Main.RedBalance": Conversion(_balance), "Main.BlueBalance": Conversion(_balance),
    "Main.MakerNoteVersion": _VERSION,
    "SpecialMode": Conversion(None, _special),
    "Main.Resolution": Conversion(),
    "DigitalZoom": Conversion(None, lambda value: f"{value:.1f}" if isinstance(value, float) and value.is_integer() else plain_text(value)),
    "FocalPlaneDiagonal": conv.MILLIMETRES,
    "Main.ApertureValue": Conversion(lambda value: 2 ** (value / 2) if isinstance(value, (int, float)) else value, conv.fixed("{:.1f}")),
    "Main.ShutterSpeedValue": Conversion(lambda value: 2 ** -value if isinstance(value, (int, float)) else value, conv.exposure_text, "s"),
    "Main.ISOValue": Conversion(lambda value: 100 * 2 ** (value - 5) if isinstance(value, (int, float)) else value, lambda value: str(int(value * 2 / 2)) if isinstance(value, (int, float)) else ""),
    "LensType": Conversion(_lens_key),
    "Extender": Conversion(_extender_key),
    "MaxAperture": _ONE_DIGIT,
    "MaxApertureAtMinFocal": _ONE_DIGIT,
    "MaxApertureAtMaxFocal": _ONE_DIGIT,
    "BodyFirmwareVersion": Conversion(None, _firmware),
    "LensFirmwareVersion": Conversion(None, _firmware),
    "ExtenderFirmwareVersion": Conversion(None, _firmware),
    "FlashFirmwareVersion": Conversion(None, _firmware),
    "ColorMatrix": Conversion(_signed),
    "AFPointSelected": Conversion(_points, _points_text),
    "Main.SensorTemperature": Conversion(None, conv.suffixed(" C"), "C"),
    "SensorTemperature": Conversion(_temperature, conv.fixed("{:.1f} C"), "C"),
    "PanoramaMode": Conversion(None, lambda value: "Off" if value in ([0, 0], 0) else ""),
    "ManometerReading": Conversion(None, _manometer),
    "FlashIntensity": Conversion(None, _strength_text),
    "ManualFlashStrength": Conversion(None, _strength_text),
    "DriveMode": Conversion(None, _drive),
    "Gradation": Conversion(None, _gradation),
    "SerialNumber": Conversion(_stripped),
    "EquipmentVersion": _VERSION,
    "CameraSettingsVersion": _VERSION,
    "RawDevVersion": Conversion(conv.text_of_bytes),
    "ImageProcessingVersion": _VERSION,
    "FocusInfoVersion": _VERSION,
    "RawInfoVersion": _VERSION,
    "CustomSaturation": _RANGE,
    "ContrastSetting": _RANGE,
    "SharpnessSetting": _RANGE,
    "PictureModeSaturation": _RANGE,
    "PictureModeContrast": _RANGE,
    "PictureModeSharpness": _RANGE,
    "FocusDistance": Conversion(None, lambda value: "inf" if value == 0 else f"{plain_text(value)} m", "m"),
    "InternalFlash": Conversion(),
    "LensProperties": Conversion(None, lambda value: f"0x{value:x}" if isinstance(value, int) else ""),
    "FocalPlaneDiagonal ": conv.MILLIMETRES,
    "ManometerPressure": Conversion(conv.scaled(0.1), conv.fixed("{:.10g} kPa"), "kPa"),
    "ExposureShift": Conversion(),
    "MinFocalLength": Conversion(),
}  # fmt: skip
VENDOR: Final = Vendor("olympus", "Olympus", CONVERSIONS)


def old(walk: Walk, offset: int, length: int) -> None:
    """Notes that begin with "OLYMP", a version, and a directory whose offsets count from the TIFF header."""
    reader = ordered(walk.directories.reader, offset + 8)
    notes = Notes(walk, VENDOR, reader, displaced(reader, offset + 8, length - 8))
    notes.directory(offset + 8, notes.table("Olympus::Main"), _INSIDE)
    notes.preview()


def new(walk: Walk, offset: int, length: int) -> None:
    """Notes that begin with "OLYMPUS", a byte order, and offsets from the beginning of the note."""
    _relative(walk, offset, length, 12, 8)


def om_system(walk: Walk, offset: int, length: int) -> None:
    """Notes that begin with "OM SYSTEM", likewise."""
    _relative(walk, offset, length, 16, 12)


def plain(walk: Walk, offset: int, length: int) -> None:
    """A directory without a name."""
    del length
    notes = Notes(walk, VENDOR, ordered(walk.directories.reader, offset))
    notes.directory(offset, notes.table("Olympus::Main"), _INSIDE)


def _relative(walk: Walk, offset: int, length: int, start: int, order_at: int) -> None:
    reader = walk.directories.reader
    del length
    order = reader.exact(offset + order_at, 2) == b"MM"
    inner = reader.view(reader.base + offset, reader.length - offset, big_endian=order)
    notes = Notes(walk, VENDOR, inner)
    notes.directory(start, notes.table("Olympus::Main"), _INSIDE)
    notes.preview()


def _inside(
    table: str, more: Mapping[int, Block | Callable[[Notes, ifd.Entry], None]] | None = None
) -> Callable[[Notes, ifd.Entry], None]:
    def read(notes: Notes, entry: ifd.Entry) -> None:
        notes.subdirectory(entry, f"Olympus::{table}", more)

    return read


def _settings(notes: Notes, entry: ifd.Entry) -> None:
    """Minolta's block, which early Olympus cameras share."""
    minolta.settings(notes, entry)


_CAMERA: Final[Mapping[int, Block | Callable[[Notes, ifd.Entry], None]]] = {
    0x030A: Block("Olympus::AFTargetInfo", "int16u"),
    0x030B: Block("Olympus::SubjectDetectInfo", "int16u"),
}


def _focus_distance(notes: Notes, entry: ifd.Entry) -> None:
    """A fraction in millimetres whose denominator means nothing."""
    stored = notes.directories.value(entry, 8)
    if isinstance(stored, Rational):
        value: Value = 0 if stored.numerator == 0xFFFFFFFF else stored.numerator / 1000
        notes.add(notes.table("Olympus::FocusInfo")[0x305], value, entry.offset, 8)


_INSIDE: Final[Mapping[int, Block | Callable[[Notes, ifd.Entry], None]]] = {
    0x01: _settings,
    0x03: _settings,
    0x2010: _inside("Equipment"),
    0x2020: _inside("CameraSettings", _CAMERA),
    0x2030: _inside("RawDevelopment"),
    0x2031: _inside("RawDevelopment2"),
    0x2040: _inside("ImageProcessing"),
    0x2050: _inside("FocusInfo", {0x305: _focus_distance}),
    0x2100: _inside("FETags"),
    0x2200: _inside("FETags"),
    0x3000: _inside("RawInfo"),
}
