"""How Sony's values are meant and printed, by tag name. exiftool.org/TagNames/Sony.html."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from extractor_service.formats.reading import conversions as conv
from extractor_service.formats.reading.tagset import Conversion, plain_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from extractor_service.document import Value


_DECIMAL = re.compile(r"\d+")
_NO_ISO = 254  # of several exposures for less noise


def _iso(value: Value) -> Value:
    return 100 * 2 ** (16 - value / 256) if isinstance(value, int) else value


def _time(value: Value) -> Value:
    return 2 ** (16 - value / 256) if isinstance(value, int) and value else value


def _f_number(value: Value) -> Value:
    return 2 ** ((value / 256 - 16) / 2) if isinstance(value, int) else value


def _old_aperture(value: Value) -> Value:
    return 2 ** ((value / 8 - 1) / 2) if isinstance(value, int) else value


def _lens_spec(value: Value) -> Value:
    """Eight bytes of decimal digits: flags, focal lengths, apertures, flags."""
    if isinstance(value, list) and all(isinstance(each, int) for each in value):
        value = bytes(value)  # type: ignore[arg-type]
    if not isinstance(value, bytes) or len(value) < 8:
        return value
    digits = value.hex()
    wide, narrow = (_tenths(digits[start : start + 2]) for start in (10, 12))
    return (
        f"{digits[:2]} {_leading(digits[2:6])} {_leading(digits[6:10])} {wide:g} {narrow:g} {digits[14:16]}"
    )


def _leading(digits: str) -> int:
    """The number that decimal digits begin with."""
    found = _DECIMAL.match(digits)
    return int(found[0]) if found else 0


def _tenths(digits: str) -> float:
    """Two digits, of which the first may be above nine: "b0" is 11."""
    return int("".join(str(int(each, 16)) for each in digits)) / 10


def _swapped_lens_spec(value: Value) -> Value:
    """The same in words of the other byte order (A700, A850, A900)."""
    if isinstance(value, bytes) and len(value) == 8:
        value = b"".join(value[place : place + 2][::-1] for place in (0, 2, 4, 6))
    return _lens_spec(value)


def _lens_spec_text(value: Value) -> str:
    if not isinstance(value, str):
        return ""
    parts = value.split()
    if len(parts) != 6 or not any(int(each) if each.isdigit() else 1 for each in parts[1:3]):
        return (
            f"Unknown ({value})"
            if any(each not in {"00", "0"} for each in parts)
            else "Unknown (00 0 0 0 0 00)"
        )
    short, long, wide, narrow = parts[1:5]
    text = (
        short
        + (f"-{long}" if long not in {"0", short} else "")
        + f"mm F{wide}"
        + (f"-{narrow}" if narrow not in {"0", wide} else "")
    )
    before, after = int(parts[0], 16), int(parts[5], 16)
    prefix = {0x01: "DT", 0x02: "FE", 0x03: "E", 0x04: "", 0x40: "PZ"}
    marks = [prefix[bit] for bit in (0x40,) if before & bit]
    kind = prefix.get(before & 0x0F, "")
    head = " ".join(each for each in (kind, *marks) if each)
    tail = []
    if after & 0x08:
        tail.append("ZA")
    if after & 0x04:
        tail.append("G")
    if after & 0x20:
        tail.append("STF")
    if after & 0x60 == 0x40:
        tail.append("Reflex")
    if after & 0x10:
        tail.append("Macro")
    if after & 0x01:
        tail.append("SSM")
    if after & 0x02:
        tail.append("SAM")
    if before & 0x80:
        tail.append("OSS")
    return " ".join(each for each in (head, text, *tail) if each)


def _ten(value: Value) -> Value:
    return value - 10 if isinstance(value, int) else value


def _signed_text(value: Value) -> str:
    return f"{value:+d}" if isinstance(value, int) and value else "0"


def _hex_version(value: Value) -> str:
    return f"{value >> 8:x}.{value & 255:02x}".rstrip("0").rstrip(".") if isinstance(value, int) else ""


def _hexadecimal(value: Value) -> str:
    found = [each for each in value if isinstance(each, int)] if isinstance(value, list) else []
    return "".join(f"{each:02x}" for each in found)


def _halves(value: Value) -> Value:
    """Two words in one number."""
    return [value & 0xFFFF, value >> 16] if isinstance(value, int) else value


_TEN = Conversion(_ten, _signed_text)
_OLD_ISO = Conversion(
    lambda value: 100 * 2 ** (value / 8 - 6) if isinstance(value, int) and value else value,
    lambda value: f"{value:.0f}" if value and isinstance(value, (int, float)) else "Auto",
)
_ISO = Conversion(_iso, conv.fixed("{:.0f}"))
_TIME = Conversion(_time, lambda value: conv.exposure_text(value) if value else "n/a", "s")
_HALF = Conversion(_f_number, conv.f_number_text)

CONVERSIONS: Mapping[str, Conversion] = {
    "LensSpec": Conversion(_lens_spec, _lens_spec_text),
    "CameraInfo.LensSpec": Conversion(_swapped_lens_spec, _lens_spec_text),
    "SonyDateTime": Conversion(conv.date_of_bytes),
    "SonyISO": _ISO,
    "BaseISO": _ISO,
    "StopsAboveBaseISO": Conversion(lambda value: 16 - value / 256 if isinstance(value, int) else value, conv.fixed("{:.1f}")),
    "BrightnessValue": Conversion(lambda value: value / 256 - 56.6 if isinstance(value, int) else value),
    "SonyExposureTime2": _TIME,
    "SonyExposureTime": _TIME,
    "SonyFNumber": _HALF,
    "SonyFNumber2": _HALF,
    "SonyMaxApertureValue": _HALF,
    "SonyMinAperture": Conversion(_f_number, conv.f_number_text),
    "SonyMaxAperture": Conversion(_f_number, conv.f_number_text),
    "SonyTimeMinutes": Conversion(),
    "Contrast": Conversion(None, _signed_text),
    "Saturation": Conversion(None, _signed_text),
    "Sharpness": Conversion(None, _signed_text),
    "FlashExposureComp": Conversion(None, conv.fraction_text, "EV"),
    "ColorTemperature": Conversion(None, lambda value: "Auto" if value == 0 else "n/a" if value == 0xFFFFFFFF else ""),
    "ColorCompensationFilter": Conversion(),
    "FullImageSize": Conversion(lambda value: value[::-1] if isinstance(value, list) else value, conv.joined("x")),
    "PreviewImageSize": Conversion(lambda value: value[::-1] if isinstance(value, list) else value, conv.joined("x")),
    "Main.WB_RGBLevels": Conversion(),
    "FileFormat": Conversion(lambda value: " ".join(map(str, value)) if isinstance(value, (bytes, list)) else value),
    "AFMicroAdjValue": Conversion(),
    "FocalLength": Conversion(lambda value: value / 10 if isinstance(value, int) else value, conv.fixed("{:.1f} mm"), "mm"),
    "MinFocalLength": Conversion(lambda value: value / 10 if isinstance(value, int) else value, conv.fixed("{:.1f} mm"), "mm"),
    "MaxFocalLength": Conversion(lambda value: value / 10 if isinstance(value, int) else value, conv.fixed("{:.1f} mm"), "mm"),
    **{
        f"CameraSettings{number}.{name}": conversion
        for number in ("", "2", "3")
        for name, conversion in {
            "ExposureTime": Conversion(lambda value: 2 ** (6 - value / 8) if isinstance(value, int) else value, conv.exposure_text, "s"),
            "FNumber": Conversion(_old_aperture, conv.f_number_text), "ISO": _OLD_ISO, "ISOSetting": _OLD_ISO,
            "Sharpness": _TEN, "Contrast": _TEN, "Saturation": _TEN, "Brightness": _TEN, "ZoneMatchingValue": Conversion(),
        }.items()
    },
    "CameraSettings.ZoneMatchingValue": _TEN,
    "CameraSettings3.ISOSetting": Conversion(
        lambda value: 100 * 2 ** (value / 8 - 6) if isinstance(value, int) and 0 < value < _NO_ISO else value,
        lambda value: "Auto" if not value else "n/a" if value == _NO_ISO else f"{value:.0f}" if isinstance(value, (int, float)) else "",
    ),
    **{
        f"{table}.{name}": conv.COUNTED
        for table in ("Tag9400a", "Tag9400b", "Tag9400c")
        for name in ("SequenceImageNumber", "SequenceFileNumber")
    },
    "Tag9402.FocusMode": Conversion(lambda value: value & 0x7F if isinstance(value, int) else value),
    "LensFirmwareVersion": Conversion(None, lambda value: f"Ver.{value >> 8:02x}.{value & 255:03d}" if isinstance(value, int) else ""),
    "CameraE-mountVersion": Conversion(None, _hex_version),
    "LensE-mountVersion": Conversion(None, _hex_version),
    "BatteryLevel": Conversion(None, lambda value: f"{value}%" if isinstance(value, int) else ""),
    "LensSpecFeatures": Conversion(lambda value: value.hex(" ") if isinstance(value, bytes) else value),
    "HDR": Conversion(_halves),
    "SR2SubIFDKey": Conversion(None, lambda value: f"0x{value:08x}"),
    "InternalSerialNumber": Conversion(None, _hexadecimal),
    "BatteryTemperature": Conversion(lambda value: (value - 32) / 1.8 if isinstance(value, int) else value, conv.fixed("{:.1f} C"), "C"),
    "AmbientTemperature": conv.CELSIUS,
    "CameraTemperature": conv.CELSIUS,
    "SonyImageHeight": Conversion(),
    "LensZoomPosition": Conversion(None, lambda value: f"{value / 1024 * 100:.0f}%" if isinstance(value, int) else ""),
    "ImageNumber": Conversion(None, lambda value: f"{value:04d}" if isinstance(value, int) else plain_text(value)),
}  # fmt: skip
