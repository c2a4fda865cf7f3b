"""How Nikon's values are meant and printed, by tag name. exiftool.org/TagNames/Nikon.html, exiv2.org/tags-nikon.html."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from extractor_service.formats.reading import conversions as conv
from extractor_service.formats.reading.tagset import Conversion, plain_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from extractor_service.document import Value

_LENS_TYPE_BITS = ("MF", "D", "G", "VR", "1", "FT-1", "E", "AF-P")


def words_text(value: Value) -> str:
    """Words in capitals as words: "AUTO" is "Auto"; names with digits and hyphens stay."""
    if not isinstance(value, str):
        return ""
    words = []
    for word in value.strip().split(" "):
        keep = len(word) < 2 or "-" in word or not word[:1].isalpha()
        words.append(word if keep or (not word.isupper() and "_" not in word) else _capital(word))
    return " ".join(words)


def _capital(word: str) -> str:
    if word in {"RAW", "NEF", "JPEG", "TIFF", "VR", "AF", "MF", "FPNR", "TTL"} or not any(
        each in "AEIOUY" for each in word
    ):
        return word
    first, _, rest = word.partition("_")
    if rest:
        return f"{first[:1]}{first[1:].lower()}_{rest}"
    return word[:1] + word[1:].lower()


def _version(value: Value) -> str:
    if isinstance(value, str) and len(value) == 4 and value.isdigit():
        return f"{int(value[:2])}.{value[2:].rstrip('0') or '0'}"
    return ""


def _digits(value: Value) -> Value:
    """Four digits as characters or as numbers."""
    if isinstance(value, bytes) and all(each < 10 for each in value):
        return "".join(map(str, value))
    return conv.text_of_bytes(value)


def _last(value: Value) -> str:
    """Two words, the second of which is meant."""
    return plain_text(value[-1]) if isinstance(value, list) and value else ""


def _fraction(value: Value) -> Value:
    """Four signed bytes: a, b, c make a * b / c."""
    if isinstance(value, bytes) and len(value) >= 3:
        first, second, third = (each - 256 if each > 127 else each for each in value[:3])
        return first * second / third if third else 0
    return value


def _lens_type(value: Value) -> str:
    """Bits: manual focus, D, G, VR and so on; a G lens is a D lens as well."""
    if not isinstance(value, int):
        return ""
    names = [name for bit, name in enumerate(_LENS_TYPE_BITS) if value >> bit & 1]
    if "G" in names and "D" in names:
        names.remove("D")
    if "E" in names and "G" in names:
        names.remove("G")
    return " ".join(names) or "AF"


def _pixel_size(value: Value) -> str:
    return " x ".join(map(plain_text, value)) + " um" if isinstance(value, list) else ""


def _focal(value: Value) -> Value:
    return 5 * 2 ** (value / 24) if isinstance(value, int) else value


def _aperture(value: Value) -> Value:
    return 2 ** (value / 24) if isinstance(value, int) else value


def _twelfths(value: Value) -> Value:
    return value / 12 if isinstance(value, int) else value


def _iso(value: Value) -> Value:
    return 100 * 2 ** (value / 12 - 5) if isinstance(value, int) else value


def _distance(value: Value) -> Value:
    return 0.01 * 10 ** (value / 40) if isinstance(value, int) else value


def _distance_text(value: Value) -> str:
    return f"{value:.2f} m" if isinstance(value, (int, float)) and value else "inf"


def picture_parameter(value: Value) -> Value:
    """A byte around 128."""
    return value - 0x80 if isinstance(value, int) else value


def _parameter_text(normal: str) -> Conversion:
    def printer(value: Value) -> str:
        if not isinstance(value, int):
            return ""
        if value == 0:
            return normal
        return {127: "n/a", -128: "Auto", -127: "User"}.get(value, f"{value:+d}")

    return Conversion(picture_parameter, printer)


def _crop(value: Value) -> str:
    if not isinstance(value, list) or len(value) != 7:
        return ""
    kind, width, height, cropped_width, cropped_height, left, top = (plain_text(each) for each in value)
    labels = {"0": "Off", "1": "1.3x Crop", "2": "DX Crop", "3": "5:4 Crop", "4": "3:2 Crop", "6": "16:9 Crop", "8": "2.7x Crop",
              "9": "DX Movie Crop", "10": "1.3x Movie Crop", "11": "FX Uncropped", "12": "DX Uncropped", "17": "1:1 Crop"}  # fmt: skip
    label = labels.get(kind, f"Unknown ({kind})")
    return f"{label} ({width}x{height} cropped to {cropped_width}x{cropped_height} at pixel {left},{top})"


def _shooting_mode(value: Value) -> str:
    """Bits; without any of the first ones it is a single frame."""
    if not isinstance(value, int):
        return ""
    names = ("Continuous", "Delay", "PC Control", "Self-timer", "Exposure Bracketing", "Auto ISO", "White-Balance Bracketing", "IR Control",
             "D-Lighting Bracketing")  # fmt: skip
    found = [name for bit, name in enumerate(names) if value >> bit & 1]
    if not value & 0x87:
        found.insert(0, "Single-Frame")
    return ", ".join(found)


_APERTURE_384 = Conversion(
    lambda value: 2 ** (value / 384 - 1) if isinstance(value, int) else value, conv.fixed("{:.1f}")
)
_WORDS = Conversion(None, words_text)
_EV = Conversion(_fraction, conv.fraction_text, "EV")
_FOCAL = Conversion(_focal, conv.fixed("{:.1f} mm"), "mm")
_APERTURE = Conversion(_aperture, conv.fixed("{:.1f}"))
_TWELFTHS = Conversion(_twelfths, conv.fixed("{:.2f}"))


def _coolpix_levels(value: Value) -> Value:
    """Red and blue are stored halved."""
    if not isinstance(value, list) or len(value) != 4:
        return value
    red, green, green_2, blue = conv.numbers(value)
    return [int(2 * red), int(green), int(green_2), int(2 * blue)]


_COOLPIX_LEVELS = (
    "", "Daylight", "Cloudy", "Shade", "Tungsten", "FluorescentW", "FluorescentN", "FluorescentD", "HTMercury", "Flash", "Custom", "Auto",
)  # fmt: skip


def _stops_of_24(value: Value) -> Value:
    """Stops in 24ths; full ones count from another place."""
    if not isinstance(value, int):
        return value
    return value / 24 if (value - 16) % 24 else 2 + (value - 16) / 24


CONVERSIONS: Mapping[str, Conversion] = {
    "MaxContinuousRelease": Conversion(lambda value: "No Limit" if value == -1 else value),
    **{f"Settings{camera}.FlashShutterSpeed": Conversion(_stops_of_24) for camera in ("Z9", "Z9v4", "Z8", "Z6III")},
    **{f"{table}.WB_RGGBLevels{light}": Conversion(_coolpix_levels) for table in ("ColorBalanceB", "ColorBalanceC") for light in _COOLPIX_LEVELS},
    "LocationInfo.Location": conv.TEXT, "LocationInfo.CountryCode": conv.TEXT,
    "FirmwareVersion51": Conversion(lambda value: ".".join(re.findall("..", value)) if isinstance(value, str) else value),
    "FirmwareVersion56": Conversion(lambda value: re.sub(r"(\d{2})", r"\1.", value, count=1) if isinstance(value, str) else value),
    "Main.MakerNoteVersion": Conversion(_digits, _version),
    "Main.ISO": Conversion(None, _last),
    "ISOSetting": Conversion(None, _last),
    **dict.fromkeys(
        ("Main.ColorMode", "Main.Quality", "Main.WhiteBalance", "Main.Sharpness", "Main.FocusMode", "Main.FlashSetting", "Main.FlashType",
         "Main.ISOSelection", "Main.ImageAdjustment", "Main.ToneComp", "Main.AuxiliaryLens", "Main.ColorHue", "Main.SceneMode",
         "Main.LightSource", "Main.NoiseReduction", "Main.ImageProcessing", "Main.Saturation", "Main.VariProgram", "Main.ImageStabilization",
         "Main.AFResponse", "Main.ImageOptimization", "Main.SceneAssist"),
        _WORDS,
    ),
    "ProgramShift": _EV,
    "ExposureDifference": Conversion(_fraction, lambda value: f"{value:+.1f}" if isinstance(value, (int, float)) and value else plain_text(value), "EV"),
    "FlashExposureComp": _EV,
    "ExternalFlashExposureComp": _EV,
    "FlashExposureBracketValue": Conversion(_fraction, conv.fixed("{:.1f}"), "EV"),
    "ExposureBracketValue": conv.FRACTION,
    "ExposureTuning": Conversion(_fraction),
    "LensType": Conversion(None, _lens_type),
    "Lens": conv.LENS,
    "Main.LensFStops": Conversion(_fraction, conv.fixed("{:.2f}")),
    "SensorPixelSize": Conversion(None, _pixel_size),
    "CropHiSpeed": Conversion(None, _crop),
    "ManualFocusDistance": Conversion(),
    "PowerUpTime": Conversion(conv.date_of_bytes),
    "TimeZone": Conversion(None, conv.zone_text),
    "RetouchHistory": Conversion(None, lambda value: "; ".join({0: "None"}.get(each, plain_text(each)) for each in (value if isinstance(value, list) else [value]) if isinstance(each, int) and (each or value is each)) or "None"),
    "ISOInfo.ISO": Conversion(_iso, conv.fixed("{:.0f}")),
    "ISOInfo.ISO2": Conversion(_iso, conv.fixed("{:.0f}")),
    **{
        f"{table}.{name}": conversion
        for table in ("LensData00", "LensData01", "LensData0204", "LensData0400", "LensData0402", "LensData0403", "LensData0800")
        for name, conversion in {
            "LensDataVersion": conv.TEXT, "LensFStops": _TWELFTHS, "MinFocalLength": _FOCAL, "MaxFocalLength": _FOCAL,
            "MaxApertureAtMinFocal": _APERTURE, "MaxApertureAtMaxFocal": _APERTURE, "ExitPupilPosition": Conversion(
                lambda value: 2048 / value if isinstance(value, int) and value else value, conv.fixed("{:.1f} mm"), "mm"),
            "AFAperture": _APERTURE, "FocusPosition": Conversion(None, lambda value: f"0x{value:02x}" if isinstance(value, int) else ""),
            "FocusDistance": Conversion(_distance, _distance_text, "m"), "FocalLength": _FOCAL, "EffectiveMaxAperture": _APERTURE,
        }.items()
    },
    **{
        f"{table}.{name}": conversion
        for table in ("PictureControl", "PictureControl2", "PictureControl3")
        for name, conversion in {
            "PictureControlVersion": conv.TEXT, "PictureControlName": _WORDS, "PictureControlBase": _WORDS,
            "Contrast": _parameter_text("Normal"), "Brightness": _parameter_text("Normal"),
            "Saturation": _parameter_text("Normal"), "HueAdjustment": _parameter_text("None"), "PictureControlQuickAdjust": _parameter_text("Normal"),
            "Sharpness": _parameter_text("0"), "ToningSaturation": _parameter_text("0"), "MidRangeSharpness": _parameter_text("0"),
            "Clarity": _parameter_text("0"), "Hue": _parameter_text("None"),
        }.items()
    },
    **dict.fromkeys(
        ("VRInfoVersion", "FaceDetectVersion", "WorldTimeVersion", "HDRInfoVersion", "FlashInfoVersion", "AFInfo2Version", "ShotInfoVersion",
         "ColorBalanceVersion", "FileInfoVersion", "DistortionVersion", "MultiExposureVersion", "RetouchInfoVersion", "LocationInfoVersion",
         "VignetteInfoVersion", "BarometerInfoVersion", "HDRInfo2Version"),
        conv.TEXT,
    ),
    "ShootingMode": Conversion(None, _shooting_mode),
    "LensData0800.MaxAperture": _APERTURE_384,
    "LensData0800.FNumber": _APERTURE_384,
    "LensData0800.FocalLength": conv.MILLIMETRES,
    "LensData0800.FocusDistance": Conversion(lambda value: 2 ** ((value / 256 - 80) / 12) if isinstance(value, int) else value, _distance_text, "m"),
    "MultiExposureShots": Conversion(),
}  # fmt: skip
