"""Values calculated from others: size, exposure, angle of view. Only arithmetic; what is read is in other sections.

Formulas as ExifTool documents them (exiftool.org/TagNames/Composite.html): the circle of confusion is the diagonal of
the sensor / 1440, the light value is 2 log2(N) - log2(t) - log2(ISO / 100).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from extractor_service.document import Field
from extractor_service.formats.reading.conversions import degrees_text, exposure_text, f_number_text
from extractor_service.modules.common import image_size

if TYPE_CHECKING:
    from extractor_service.document import Document, Value
    from extractor_service.formats.base import Format
    from extractor_service.modules.base import ModuleContext, Part
    from extractor_service.sources.base import ByteSource

_SECTION = "composite"
_DIAGONAL_35_MM = math.hypot(24, 36)
_INCHES = {2: 25.4, 3: 10.0, 4: 1.0, 5: 0.001}  # FocalPlaneResolutionUnit in millimetres


class CompositeModule:
    """Calculated values of images."""

    name = "composite"
    version = "1"
    description = (
        "Values calculated from the file's own: megapixels, 35 mm equivalents, light value, field of view."
    )
    default_enabled = True
    writes: Part | tuple[str, ...] = (_SECTION,)
    needs_whole_file = False
    reads: tuple[str, ...] = ("metadata",)

    def applies(self, context: ModuleContext) -> bool:
        """Only to images."""
        return context.format is not None and context.format.mime_type.startswith("image/")

    def options(self, context: ModuleContext) -> str:
        """None."""
        del context
        return ""

    def run(self, source: ByteSource, document: Document, context: ModuleContext) -> None:
        """Adds the section "composite"; reads nothing."""
        del source
        _size(document, context.format)
        exposure = _exposure(document)
        _optics(document, exposure)
        _position(document)
        _times(document)


def _put(document: Document, name: str, value: Value, text: str = "", unit: str = "") -> None:
    document.add(_SECTION, Field(name, value, text, unit, group="Composite"))


def _number(document: Document, *places: tuple[str, str]) -> float | None:
    """The first of several fields that is a positive number."""
    for section, name in places:
        field = document.find(section, name)
        value = field.value if field is not None else None
        if isinstance(value, list) and value:
            value = value[-1]
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < math.inf:
            return float(value)
    return None


def _size(document: Document, file_format: Format | None) -> None:
    width, height = image_size(document, file_format)
    if width is None or height is None:
        return
    _put(document, "ImageSize", f"{width} {height}", f"{width}x{height}")
    megapixels = width * height / 1e6
    digits = 1 if megapixels >= 1 else 3 if megapixels >= 0.001 else 6
    _put(document, "Megapixels", megapixels, f"{megapixels:.{digits}f}", "Mpx")
    divisor = math.gcd(width, height)
    _put(document, "AspectRatio", width / height, f"{width // divisor}:{height // divisor}")


def _exposure(document: Document) -> float | None:
    """Adds aperture, shutter speed and light value; returns the aperture."""
    aperture = _number(document, ("exif", "FNumber"), ("exif", "ApertureValue"), ("makernotes", "FNumber"))
    seconds = _number(
        document, ("exif", "ExposureTime"), ("exif", "ShutterSpeedValue"), ("makernotes", "ExposureTime")
    )
    speed = _number(document, ("exif", "ISO"), ("makernotes", "ISO"))
    if aperture is not None:
        _put(document, "Aperture", aperture, f_number_text(aperture))
    if seconds is not None:
        _put(document, "ShutterSpeed", seconds, exposure_text(seconds), "s")
    if aperture is not None and seconds is not None and speed is not None:
        light = 2 * math.log2(aperture) - math.log2(seconds) - math.log2(speed / 100)
        _put(document, "LightValue", light, f"{light:.1f}", "EV")
    return aperture


def _optics(document: Document, aperture: float | None) -> None:
    focal = _number(document, ("exif", "FocalLength"), ("makernotes", "FocalLength"))
    scale = _scale(document, focal)
    if focal is None:
        return
    if scale is None:
        _put(document, "FocalLength35efl", focal, f"{focal:.1f} mm", "mm")
        return
    _put(document, "ScaleFactor35efl", scale, f"{scale:.1f}")
    equivalent = focal * scale
    _put(
        document,
        "FocalLength35efl",
        equivalent,
        f"{focal:.1f} mm (35 mm equivalent: {equivalent:.1f} mm)",
        "mm",
    )
    confusion = _DIAGONAL_35_MM / (scale * 1440)
    _put(document, "CircleOfConfusion", confusion, f"{confusion:.3f} mm", "mm")
    angle = math.degrees(2 * math.atan2(36, 2 * equivalent))
    _put(document, "FOV", angle, f"{angle:.1f} deg", "deg")
    if aperture is not None:
        hyperfocal = focal * focal / (aperture * confusion * 1000)
        _put(document, "HyperfocalDistance", hyperfocal, f"{hyperfocal:.2f} m", "m")


def _scale(document: Document, focal: float | None) -> float | None:
    """The factor by which a lens would be longer on a 35 mm film. The camera says it, else its sensor's size does."""
    stated = _number(document, ("exif", "FocalLengthIn35mmFormat"))
    if stated is not None and focal is not None:
        return stated / focal
    diagonal = _number(document, ("makernotes", "FocalPlaneDiagonal"))
    if diagonal is not None:
        return _DIAGONAL_35_MM / diagonal
    sensor = [_number(document, ("makernotes", f"FocalPlane{axis}Size")) for axis in "XY"]
    if sensor[0] is not None and sensor[1] is not None and math.hypot(sensor[0], sensor[1]) > 1:
        return _DIAGONAL_35_MM / math.hypot(sensor[0], sensor[1])
    across = _number(document, ("exif", "FocalPlaneXResolution"))
    down = _number(document, ("exif", "FocalPlaneYResolution"))
    unit = document.find("exif", "FocalPlaneResolutionUnit")
    width, height = (
        _number(document, ("exif", "ExifImageWidth")),
        _number(document, ("exif", "ExifImageHeight")),
    )
    if across is None or down is None or width is None or height is None:
        return None
    millimetres = _INCHES.get(unit.value if unit is not None and isinstance(unit.value, int) else 2)
    if millimetres is None:
        return None
    diagonal = math.hypot(width * millimetres / across, height * millimetres / down)
    return _DIAGONAL_35_MM / diagonal if 1 < diagonal < 100 else None


def _position(document: Document) -> None:
    """Signed degrees from the angles and their references."""
    signed: list[float] = []
    texts: list[str] = []
    for name, negative in (("GPSLatitude", "S"), ("GPSLongitude", "W")):
        field, reference = document.find("exif", name, "GPS"), document.find("exif", f"{name}Ref", "GPS")
        if field is None or not isinstance(field.value, float):
            return
        side = reference.value if reference is not None and isinstance(reference.value, str) else ""
        value = -field.value if side.upper().startswith(negative) else field.value
        text = f"{degrees_text()(field.value)} {side[:1].upper()}".rstrip()
        _put(document, name, value, text, "deg")
        signed.append(value)
        texts.append(text)
    _put(document, "GPSPosition", f"{signed[0]:.15g} {signed[1]:.15g}", ", ".join(texts))
    altitude, below = (
        document.find("exif", "GPSAltitude", "GPS"),
        document.find("exif", "GPSAltitudeRef", "GPS"),
    )
    if altitude is not None and isinstance(altitude.value, float):
        under = below is not None and below.value == 1
        metres = -altitude.value if under else altitude.value
        _put(
            document,
            "GPSAltitude",
            metres,
            f"{altitude.value:.1f} m {'Below' if under else 'Above'} Sea Level",
            "m",
        )


def _times(document: Document) -> None:
    """Times with their fractions and offsets."""
    for name, fraction, offset, shown in (
        ("DateTimeOriginal", "SubSecTimeOriginal", "OffsetTimeOriginal", "SubSecDateTimeOriginal"),
        ("CreateDate", "SubSecTimeDigitized", "OffsetTimeDigitized", "SubSecCreateDate"),
        ("ModifyDate", "SubSecTime", "OffsetTime", "SubSecModifyDate"),
    ):
        field = document.find("exif", name)
        parts = [document.find("exif", each) for each in (fraction, offset)]
        if field is None or not isinstance(field.value, str) or not any(parts):
            continue
        digits, zone = (
            each.value.strip() if each is not None and isinstance(each.value, str) else "" for each in parts
        )
        _put(document, shown, field.value + (f".{digits}" if digits.isdigit() else "") + zone)
