"""How Canon's values are meant and printed, by tag name. exiftool.org/TagNames/Canon.html; CIFF 1.0r4."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.formats.embedded.makernotes.canon_tables import ev
from extractor_service.formats.reading import conversions as conv
from extractor_service.formats.reading.tagset import Conversion

if TYPE_CHECKING:
    from collections.abc import Mapping

    from extractor_service.document import Value


def _ev(value: Value) -> Value:
    return ev(value) if isinstance(value, int) else value


def _aperture(value: Value) -> Value:
    return 2.0 ** (ev(value) / 2) if isinstance(value, int) else value


def _time(value: Value) -> Value:
    return 2.0 ** -ev(value) if isinstance(value, int) else value


def _two_digits(value: Value) -> str:
    return f"f/{value:.2g}" if isinstance(value, (int, float)) else ""


def parameter_text(value: Value) -> str:
    """Contrast, saturation and the like: "Normal", "+1", "-2"."""
    if not isinstance(value, int):
        return ""
    if value == 0x7FFF:
        return "n/a"
    return f"{value:+d}" if value else "Normal"


def _self_timer(value: Value) -> str:
    if not isinstance(value, int):
        return ""
    if not value:
        return "Off"
    return f"{(value & 0xFFF) / 10:g} s" + (", Custom" if value & 0x4000 else "")


def _iso(value: Value) -> Value:
    """Named sensitivities are codes, others are given as such with a bit set."""
    if isinstance(value, int) and value != 0x7FFF and value & 0x4000:
        return value & 0x3FFF
    if not isinstance(value, int):
        return value
    found = _ISO_CODES.get(value)
    return value if found is None else found


def _distance(value: Value) -> str:
    if not isinstance(value, (int, float)):
        return ""
    return "inf" if value > 655.345 else f"{value:.10g} m"


def _bits_set(value: Value) -> str:
    """Numbers of the bits that are set in 16-bit words."""
    values = value if isinstance(value, list) else [value]
    numbers = [
        str(index * 16 + bit)
        for index, word in enumerate(values)
        if isinstance(word, int)
        for bit in range(16)
        if (word & 0xFFFF) >> bit & 1
    ]
    return ",".join(numbers) or "(none)"


def _file_number(value: Value) -> str:
    return f"{value // 10000}-{value % 10000:04d}" if isinstance(value, int) else ""


def _words_swapped(value: Value) -> Value:
    """32-bit numbers whose halves stand in the other order than their bytes."""
    if not isinstance(value, list):
        return value
    return [(each >> 16 | each << 16) & 0xFFFFFFFF if isinstance(each, int) else each for each in value]


def _model_time(value: Value) -> Value:
    """CameraInfo: exposure time as a byte in 1/8 EV."""
    return 2.0 ** (4 * (1 - (value - 24) / 32)) if isinstance(value, int) else value


def _model_aperture(value: Value) -> Value:
    return 2.0 ** ((value - 8) / 16) if isinstance(value, int) else value


def _model_iso(value: Value) -> Value:
    return 100 * 2.0 ** (value / 8 - 9) if isinstance(value, int) else value


_CELSIUS_128 = Conversion(
    lambda value: value - 128 if isinstance(value, int) else value, conv.suffixed(" C"), "C"
)
# The numbers of the picture before: the camera counts on when it has written the file.
_NEXT = Conversion(lambda value: value + 1 if isinstance(value, int) else value)
_BEFORE = Conversion(lambda value: value - 1 if isinstance(value, int) else value)
_PARAMETER = Conversion(None, parameter_text)
_CENTIMETRES = Conversion(lambda value: value / 100 if isinstance(value, int) else value, _distance, "m")
_MM_2 = Conversion(None, conv.fixed("{:.2f} mm"), "mm")

_ISO_CODES: Mapping[int, Value] = {
    0: "n/a",
    14: "Auto High",
    15: "Auto",
    16: 50,
    17: 100,
    18: 200,
    19: 400,
    20: 800,
    0x7FFF: "n/a",
}
CONVERSIONS: Mapping[str, Conversion] = {
    "CameraSettings.SelfTimer": Conversion(None, _self_timer),
    "CameraSettings.Contrast": _PARAMETER,
    "CameraSettings.Saturation": _PARAMETER,
    "CameraSettings.ColorTone": _PARAMETER,
    "CameraSettings.Sharpness": Conversion(None, lambda value: "n/a" if value == 0x7FFF else ""),
    "CameraSettings.CameraISO": Conversion(_iso),
    "CameraSettings.MaxAperture": Conversion(_aperture, _two_digits),
    "CameraSettings.MinAperture": Conversion(_aperture, _two_digits),
    "CameraSettings.FocalUnits": Conversion(None, conv.suffixed("/mm")),
    "CameraSettings.DisplayAperture": Conversion(lambda value: value / 10 if isinstance(value, int) else value),
    "MaxFocalLength": conv.MILLIMETRES,
    "MinFocalLength": conv.MILLIMETRES,
    "FocalLength.FocalLength": conv.MILLIMETRES,
    "FocalPlaneXSize": _MM_2,
    "FocalPlaneYSize": _MM_2,
    "FocalPlaneXUnknown": _MM_2,
    "ShotInfo.AutoISO": Conversion(conv.power_of_two(32, 0, 100), conv.fixed("{:.0f}")),
    "ShotInfo.BaseISO": Conversion(conv.power_of_two(32, 0, 100 / 32), conv.fixed("{:.0f}")),
    "ShotInfo.MeasuredEV": Conversion(lambda value: value / 32 + 5 if isinstance(value, int) else value, conv.fixed("{:.2f}"), "EV"),
    "ShotInfo.TargetAperture": Conversion(_aperture, _two_digits),
    "ShotInfo.TargetExposureTime": Conversion(_time, conv.exposure_text, "s"),
    "ShotInfo.ExposureCompensation": Conversion(_ev, conv.fraction_text, "EV"),
    "ShotInfo.FlashExposureComp": Conversion(_ev, conv.fraction_text, "EV"),
    "ShotInfo.AEBBracketValue": Conversion(_ev, conv.fraction_text, "EV"),
    "ShotInfo.OpticalZoomCode": Conversion(None, lambda value: "n/a" if value == 8 else ""),
    "ShotInfo.CameraTemperature": _CELSIUS_128,
    "ShotInfo.FlashGuideNumber": Conversion(lambda value: value / 32 if isinstance(value, int) else value),
    "ShotInfo.FocusDistanceUpper": _CENTIMETRES,
    "ShotInfo.FocusDistanceLower": _CENTIMETRES,
    "ShotInfo.FNumber": Conversion(_aperture, _two_digits),
    "ShotInfo.ExposureTime": Conversion(lambda value: _time(value) if isinstance(value, int) else value, conv.exposure_text, "s"),
    "ShotInfo.MeasuredEV2": Conversion(lambda value: value / 8 - 6 if isinstance(value, int) else value, None, "EV"),
    "ShotInfo.BulbDuration": Conversion(lambda value: value / 10 if isinstance(value, int) else value),
    "ShotInfo.SelfTimer2": Conversion(lambda value: value / 10 if isinstance(value, int) else value),
    "FileInfo.FocusDistanceUpper": _CENTIMETRES,
    "FileInfo.FocusDistanceLower": _CENTIMETRES,
    "FileNumber": Conversion(None, _file_number),
    "LensSerialNumber": Conversion(lambda value: value.hex() if isinstance(value, bytes) else value),
    "InternalSerialNumber2": conv.TEXT,
    "TimeZone": Conversion(None, conv.zone_text),
    "AFPointsInFocus": Conversion(None),
    "AFInfo.AFPointsInFocus": Conversion(None, _bits_set),
    "AFInfo2.AFPointsInFocus": Conversion(None, _bits_set),
    "AFInfo2.AFPointsSelected": Conversion(None, _bits_set),
    "Processing.ColorTemperature": Conversion(),
    "PictureStyleUserDef": Conversion(),
    "RawMeasuredRGGB": Conversion(_words_swapped),
    "SerialNumber": Conversion(None, lambda value: f"{value:010d}" if isinstance(value, int) else ""),
    "CanonFirmwareVersion": Conversion(),
    "FirmwareRevision": Conversion(
        None,
        lambda value: f"{value >> 24:x}.{value >> 16 & 255:02x} rev {value >> 8 & 255:x}.{value & 255:02x}" if isinstance(value, int) else "",
    ),
    **{
        f"{table}.{name}": conversion
        for table in (
            "CameraInfo1D", "CameraInfo1DmkII", "CameraInfo1DmkIIN", "CameraInfo1DmkIII", "CameraInfo1DmkIV", "CameraInfo1DX", "CameraInfo5D",
            "CameraInfo5DmkII", "CameraInfo5DmkIII", "CameraInfo6D", "CameraInfo7D", "CameraInfo40D", "CameraInfo50D", "CameraInfo60D",
            "CameraInfo70D", "CameraInfo80D", "CameraInfo450D", "CameraInfo500D", "CameraInfo550D", "CameraInfo600D", "CameraInfo650D",
            "CameraInfo750D", "CameraInfo1000D", "CameraInfoR6", "CameraInfoG5XII",
        )
        for name, conversion in {
            "FNumber": Conversion(_model_aperture, _two_digits),
            "ExposureTime": Conversion(_model_time, conv.exposure_text, "s"),
            "ISO": Conversion(_model_iso, conv.fixed("{:.0f}")),
            "CameraTemperature": _CELSIUS_128,
            "FocalLength": conv.MILLIMETRES,
            "FocusDistanceUpper": _CENTIMETRES,
            "FocusDistanceLower": _CENTIMETRES,
            "FileIndex": _NEXT, "FileIndex2": _NEXT, "DirectoryIndex": _BEFORE, "DirectoryIndex2": _BEFORE,
        }.items()
    },
}  # fmt: skip
