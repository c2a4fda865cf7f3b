"""Values of EXIF tags: from what is stored to what is meant, and to what people write.

Stored rationals become real numbers (the fraction stays as `raw`), GPS triples become degrees, text with a
charset prefix becomes text. EXIF 2.32 sections 4.6.5 and 4.6.6.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.document import Rational

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from extractor_service.document import Value

    Printer = Callable[[Value], tuple[str, str]]

_TRIPLES = frozenset({"GPSLatitude", "GPSLongitude", "GPSDestLatitude", "GPSDestLongitude"})
_APEX_TIMES = frozenset({"ShutterSpeedValue"})
_APEX_APERTURES = frozenset({"ApertureValue", "MaxApertureValue"})
_CHARSET_TEXTS = frozenset({"UserComment", "GPSProcessingMethod", "GPSAreaInformation"})
_PLAIN_TEXTS = frozenset({"ExifVersion", "FlashpixVersion", "InteropVersion"})
_UTF16_TEXTS = frozenset({"XPTitle", "XPComment", "XPAuthor", "XPKeywords", "XPSubject"})


def convert(group: str, name: str, raw: Value, *, big_endian: bool) -> Value:
    """What the stored value `raw` of tag `name` means."""
    if isinstance(raw, Rational):
        return _real(name, raw)
    if isinstance(raw, list) and raw and all(isinstance(item, Rational) for item in raw):
        return _reals(group, name, [item for item in raw if isinstance(item, Rational)])
    if isinstance(raw, list) and name in _UTF16_TEXTS:
        raw = bytes(item for item in raw if isinstance(item, int) and 0 <= item < 256)
    if isinstance(raw, bytes):
        return _bytes(name, raw, big_endian=big_endian)
    return raw


def _real(name: str, raw: Rational) -> Value:
    real = raw.real()
    if real is None:
        return None
    if name in _APEX_TIMES and -60 < real < 60:
        return float(2.0**-real)
    if name in _APEX_APERTURES and -60 < real < 60:
        return float(2.0 ** (real / 2))
    return real


def _reals(group: str, name: str, raw: list[Rational]) -> Value:
    reals = [item.real() for item in raw]
    if group == "GPS" and len(reals) == 3:
        if None in reals[:2]:  # 0/0: the camera had no fix; seconds of 0/0 only mean decimal minutes
            return None
        degrees, minutes, seconds = (real or 0.0 for real in reals)
        if name in _TRIPLES:
            return degrees + minutes / 60 + seconds / 3600
        if name == "GPSTimeStamp":
            return f"{int(degrees):02d}:{int(minutes):02d}:{seconds:09.6f}".rstrip("0").rstrip(".")
    return [*reals]


def _bytes(name: str, raw: bytes, *, big_endian: bool) -> Value:
    if name in _UTF16_TEXTS:
        return raw.decode("utf-16-le", "replace").rstrip("\0")
    if name in _PLAIN_TEXTS:
        return raw.rstrip(b"\0").decode("latin-1")
    if name in _CHARSET_TEXTS:
        charset, text = raw[:8], raw[8:]
        if charset == b"UNICODE\0":
            return text.decode("utf-16-be" if big_endian else "utf-16-le", "replace").rstrip("\0 ")
        if charset in {b"ASCII\0\0\0", b"\0" * 8}:
            return text.rstrip(b"\0 ").decode("utf-8", "replace")
    if name == "ComponentsConfiguration":
        return [*raw]
    if len(raw) == 1:
        return raw[0]
    return raw


def _exposure(value: Value) -> tuple[str, str]:
    if not isinstance(value, float) or value <= 0:
        return "", "s"
    return (f"1/{round(1 / value)} s" if value < 0.25001 else f"{value:g} s"), "s"


def _aperture(value: Value) -> tuple[str, str]:
    return (f"f/{value:.1f}", "") if isinstance(value, float) else ("", "")


def _millimetres(value: Value) -> tuple[str, str]:
    return (f"{value:g} mm", "mm") if isinstance(value, int | float) else ("", "mm")


def _metres(value: Value) -> tuple[str, str]:
    return (f"{value:g} m", "m") if isinstance(value, int | float) else ("", "m")


def _degrees(value: Value) -> tuple[str, str]:
    if not isinstance(value, float):
        return "", "deg"
    minutes = (value % 1) * 60
    return f"{int(value)}° {int(minutes)}' {(minutes % 1) * 60:.2f}\"", "deg"


def _label(labels: Mapping[Value, str]) -> Printer:
    def label(value: Value) -> tuple[str, str]:
        return (labels.get(value, ""), "") if isinstance(value, str | int) else ("", "")

    return label


PRINTERS: Mapping[str, Printer] = {
    "ExposureTime": _exposure,
    "ShutterSpeedValue": _exposure,
    "FNumber": _aperture,
    "ApertureValue": _aperture,
    "MaxApertureValue": _aperture,
    "FocalLength": _millimetres,
    "FocalLengthIn35mmFormat": _millimetres,
    "SubjectDistance": _metres,
    "GPSAltitude": _metres,
    "GPSLatitude": _degrees,
    "GPSLongitude": _degrees,
    "GPSLatitudeRef": _label({"N": "North", "S": "South"}),
    "GPSLongitudeRef": _label({"E": "East", "W": "West"}),
    "GPSAltitudeRef": _label({0: "Above Sea Level", 1: "Below Sea Level"}),
    "Orientation": _label(
        {
            1: "Horizontal (normal)", 2: "Mirror horizontal", 3: "Rotate 180", 4: "Mirror vertical",
            5: "Mirror horizontal and rotate 270 CW", 6: "Rotate 90 CW",
            7: "Mirror horizontal and rotate 90 CW", 8: "Rotate 270 CW",
        }
    ),
    "ResolutionUnit": _label({1: "None", 2: "inches", 3: "cm"}),
    "ColorSpace": _label({1: "sRGB", 2: "Adobe RGB", 0xFFFF: "Uncalibrated"}),
    "ExposureProgram": _label(
        {
            0: "Not Defined", 1: "Manual", 2: "Program AE", 3: "Aperture-priority AE", 4: "Shutter speed priority AE",
            5: "Creative (Slow speed)", 6: "Action (High speed)", 7: "Portrait", 8: "Landscape", 9: "Bulb",
        }
    ),
    "MeteringMode": _label(
        {
            0: "Unknown", 1: "Average", 2: "Center-weighted average", 3: "Spot", 4: "Multi-spot",
            5: "Multi-segment", 6: "Partial", 255: "Other",
        }
    ),
    "WhiteBalance": _label({0: "Auto", 1: "Manual"}),
    "ExposureMode": _label({0: "Auto", 1: "Manual", 2: "Auto bracket"}),
    "SceneCaptureType": _label({0: "Standard", 1: "Landscape", 2: "Portrait", 3: "Night"}),
    "Compression": _label(
        {
            1: "Uncompressed", 5: "LZW", 6: "JPEG (old-style)", 7: "JPEG", 8: "Adobe Deflate", 32773: "PackBits",
        }
    ),
    "PhotometricInterpretation": _label(
        {0: "WhiteIsZero", 1: "BlackIsZero", 2: "RGB", 3: "RGB Palette", 5: "CMYK", 6: "YCbCr", 8: "CIELab"}
    ),
    "Flash": _label({0x0: "No Flash", 0x1: "Fired", 0x10: "Off, Did not fire", 0x18: "Auto, Did not fire", 0x19: "Auto, Fired"}),
}  # fmt: skip
