"""35 mm equivalents, angle of view, depth of field; formulas as exiftool.org/TagNames/Composite.html has them.

The sensor's size decides all of them, and cameras state it in six ways, some of them wrong: each way is checked before it
is believed, and a size that no sensor has is no size.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from extractor_service.document import Rational

if TYPE_CHECKING:
    from extractor_service.modules.composite.facts import Facts

_DIAGONAL_35_MM: Final = math.hypot(24, 36)
_MILLIMETRES: Final = {
    2: 25.4,
    3: 10.0,
    4: 1.0,
    5: 0.001,
}  # by FocalPlaneResolutionUnit; inches where it is unknown
_RATIOS: Final = (
    4 / 3,
    3 / 2,
)  # of sensors whose size is stated in FocalPlaneXSize and YSize: others are wrong
_FAR_METERS: Final = 1e10  # a focus distance of 0 is infinity


def add(facts: Facts, aperture: float | None) -> None:
    """Adds what follows from the focal length and the sensor's size."""
    focal = facts.number("FocalLength")
    scale = _scale(facts, facts.positive("FocalLength"))
    if scale is not None:
        facts.put("ScaleFactor35efl", scale, f"{scale:.1f}")
        confusion = _DIAGONAL_35_MM / (scale * 1440)
        facts.put("CircleOfConfusion", confusion, f"{confusion:.3f} mm", "mm")
    if focal is None:
        return
    equivalent = focal * (scale or 1)
    shown = f"{focal:.1f} mm" + (f" (35 mm equivalent: {equivalent:.1f} mm)" if scale else "")
    facts.put("FocalLength35efl", equivalent, shown, "mm")
    if scale is None or not focal:
        return
    _field_of_view(facts, focal, scale)
    if aperture is not None:
        hyperfocal = focal * focal / (aperture * confusion * 1000)
        facts.put("HyperfocalDistance", hyperfocal, f"{hyperfocal:.2f} m", "m")
        _depth_of_field(facts, focal, aperture, confusion)


def _field_of_view(facts: Facts, focal: float, scale: float) -> None:
    distance = _focus_distance(facts)
    correction = 1.0
    if distance and distance * 1000 > focal:
        correction += focal / (distance * 1000 - focal)
    half = math.atan2(36, 2 * focal * scale * correction)
    # ExifTool's pi has six digits; the difference is below what two decimals show.
    angle = math.degrees(2 * half)
    if distance and 0 < distance < 10_000:
        width = 2 * distance * math.tan(half)
        facts.put("FOV", f"{half * 360 / 3.14159:.15g} {width:.15g}", f"{angle:.1f} deg ({width:.2f} m)")
    else:
        facts.put("FOV", angle, f"{angle:.1f} deg", "deg")


def _depth_of_field(facts: Facts, focal: float, aperture: float, confusion: float) -> None:
    distance = _focus_distance(facts)
    if distance is not None:
        distance = distance or _FAR_METERS
    else:
        names = ("SubjectDistance", "ObjectDistance", "ApproximateFocusDistance")
        distance = next((found for name in names if (found := facts.positive(name)) is not None), None)
        if distance is None:
            lower, upper = facts.number("FocusDistanceLower"), facts.number("FocusDistanceUpper")
            if lower is None or upper is None:
                return
            distance = (lower + upper) / 2
    spread = aperture * confusion * (distance * 1000 - focal) / (focal * focal)
    if spread == -1:
        return
    near = distance / (1 + spread)
    far = max(0.0, distance / (1 - spread)) if spread != 1 else 0.0
    digits = 3 if 0 < far - near < 0.02 else 2
    text = (
        f"{far - near:.{digits}f} m ({near:.{digits}f} - {far:.{digits}f} m)"
        if far
        else f"inf ({near:.2f} m - inf)"
    )
    facts.put("DOF", f"{near:.15g} {far:.15g}", text)


def _focus_distance(facts: Facts) -> float | None:
    """Metres; 0 is infinity; None when it isn't stated."""
    field = facts.field("FocusDistance", "makernotes") or facts.field("FocusDistance", "xmp")
    if field is None:
        return None
    value = facts.number("FocusDistance")
    return 0.0 if value is None else value


def _scale(facts: Facts, focal: float | None) -> float | None:
    """The factor by which a lens would be longer on a 35 mm film. The camera says it, else its sensor's size does."""
    stated = facts.positive("FocalLengthIn35mmFormat")
    if stated is not None and focal is not None:
        return stated / focal
    diagonal = _diagonal(facts)
    zoom = facts.positive("DigitalZoom", "composite") or 1.0
    return _DIAGONAL_35_MM * zoom / diagonal if diagonal else None


def _diagonal(facts: Facts) -> float | None:
    """Millimetres across the sensor."""
    if facts.text("Make", "exif") == "Canon" and (diagonal := _canon_diagonal(facts)):
        return diagonal
    diagonal = facts.positive("FocalPlaneDiagonal", "makernotes")
    if diagonal is not None:
        return diagonal
    across, down = (
        facts.positive("FocalPlaneXSize", "makernotes"),
        facts.positive("FocalPlaneYSize", "makernotes"),
    )
    if across and down and any(abs(across / down - ratio) < 0.1 for ratio in _RATIOS):
        return math.hypot(across, down)
    return _by_resolution(facts)


def _canon_diagonal(facts: Facts) -> float | None:
    """Canon's fractions: pixels x 1000 over thousandths of an inch of the sensor, where they are not reduced."""
    fractions = []
    for name in ("FocalPlaneXResolution", "FocalPlaneYResolution"):
        field = facts.field(name, "exif")
        fraction = None if field is None else field.raw if isinstance(field.raw, Rational) else field.value
        if not isinstance(fraction, Rational):
            return None
        fractions.append(fraction)
    (wide, inches_wide), (high, inches_high) = fractions
    if wide % 1000 or high % 1000 or not (640_000 <= wide < 10_000_000 and 480_000 <= high < 10_000_000):
        return None
    if not (61 <= inches_wide < 1500 and 61 <= inches_high < 1000) or inches_wide == inches_high:
        return None
    return math.hypot(inches_wide, inches_high) * 0.0254


def _by_resolution(facts: Facts) -> float | None:
    """The picture's size over the sensor's resolution."""
    across = facts.positive("FocalPlaneXResolution", "exif")
    if across is None:
        return None
    down = facts.positive("FocalPlaneYResolution", "exif") or across
    unit = facts.number("FocalPlaneResolutionUnit", "exif")
    millimetres = _MILLIMETRES.get(int(unit) if unit is not None else 2, 25.4)
    for prefix in ("Exif", "Canon", ""):
        width, height = (
            facts.positive(f"{prefix}Image{side}") or facts.positive(f"{prefix}Image{side}", "file")
            for side in ("Width", "Height")
        )
        if width and height and 0.5 < width / height < 2:
            diagonal = math.hypot(width * millimetres / across, height * millimetres / down)
            return diagonal if 1 < diagonal < 100 else None
    return None
