"""Where an image lies in the sky: centre, scale, rotation, frame, projection; by its header alone.

FITS 4.0, 8; Greisen & Calabretta (2002), A&A 395, 1061 (linear part); Calabretta & Greisen (2002), A&A 395, 1077 (projections:
equations 2 for the rotation, 14, 54, 58, 61, 67, 69, 83). Distortions (SIP, TPV) are named, and not applied.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from extractor_service.document import Field, ProblemKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from extractor_service.document import Document, Value

SECTION = "wcs"
_FRAMES = {
    "RA": "equatorial",
    "GLON": "galactic",
    "ELON": "ecliptic",
    "SLON": "supergalactic",
    "HLON": "helioecliptic",
}
_LATITUDES = {"RA": "DEC", "GLON": "GLAT", "ELON": "ELAT", "SLON": "SLAT", "HLON": "HLAT", "HPLN": "HPLT"}
_ZENITHAL = frozenset({"TAN", "SIN", "ARC", "STG", "ZEA"})
_CYLINDRICAL = frozenset({"CAR"})
_POLE = 90 + 1e-9  # degrees; rounded ones count
_MOST_AXES = 9  # of which two are looked for
_DEGREES = {
    "deg": 1.0,
    "degree": 1.0,
    "degrees": 1.0,
    "arcmin": 1 / 60,
    "arcsec": 1 / 3600,
    "mas": 1 / 3_600_000,
    "rad": 180 / math.pi,
}


class _Axis(NamedTuple):
    number: int
    kind: str
    projection: str
    reference: float
    to_degrees: float


def summarize(values: Mapping[str, Value], group: str, document: Document) -> None:
    """Adds the section of an HDU with celestial axes; nothing for others, or where the numbers make no plane."""
    prefix = "Z" if values.get("ZIMAGE") is True else ""
    axes = _axes(values)
    if axes is None:
        return
    longitude, latitude = axes
    if not math.isfinite(longitude.reference) or not abs(latitude.reference) <= _POLE:
        document.problem(SECTION, ProblemKind.DAMAGED, f"{group}: a reference point of {longitude.reference:g}, {latitude.reference:g} degrees")  # fmt: skip
        return
    pixels = sorted((longitude.number, latitude.number))
    matrix = _matrix(values, longitude, latitude, pixels)
    determinant = matrix[0] * matrix[3] - matrix[1] * matrix[2]
    if not determinant or not all(map(math.isfinite, matrix)):
        return

    def put(name: str, value: Value, unit: str = "") -> None:
        document.add(SECTION, Field(name, value, unit=unit, group=group))

    put("Frame", _frame(values, longitude.kind))
    put("Projection", longitude.projection)
    equinox = values.get("EQUINOX", values.get("EPOCH"))
    if isinstance(equinox, (int, float)) and not isinstance(equinox, bool):
        put("Equinox", float(equinox))
    put("ReferencePoint", [longitude.reference, latitude.reference], "deg")
    reference = [_number(values, f"CRPIX{each}", 0.0) for each in pixels]
    put("ReferencePixel", [*reference])
    scale = [math.hypot(matrix[0], matrix[2]) * 3600, math.hypot(matrix[1], matrix[3]) * 3600]
    put("PixelScale", [*scale], "arcsec")
    size = [
        each
        for number in pixels
        if isinstance(each := values.get(f"{prefix}NAXIS{number}"), int) and each > 0
    ]
    if len(size) == 2:
        put("FieldOfView", [one * step / 3600 for one, step in zip(size, scale, strict=True)], "deg")
        dx, dy = ((length + 1) / 2 - place for length, place in zip(size, reference, strict=True))
        centre = _centre(
            values, longitude, latitude, matrix[0] * dx + matrix[1] * dy, matrix[2] * dx + matrix[3] * dy
        )
        if centre is not None:
            put("Center", [*centre], "deg")
    put("Rotation", math.degrees(math.atan2(matrix[1], matrix[3])), "deg")
    put("IsMirrored", determinant > 0)
    distortion = _distortion(values, longitude)
    if distortion:
        put("Distortion", distortion)


def _number(values: Mapping[str, Value], keyword: str, default: float) -> float:
    value = values.get(keyword)
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else default


def _axes(values: Mapping[str, Value]) -> tuple[_Axis, _Axis] | None:
    found: dict[str, _Axis] = {}
    for number in range(1, _MOST_AXES + 1):
        kind = values.get(f"CTYPE{number}")
        if not isinstance(kind, str) or len(kind) < 7 or "-" not in kind:
            continue
        name, projection = kind[:4].rstrip("-"), kind[5:8]
        unit = values.get(f"CUNIT{number}")
        factor = _DEGREES.get(unit.strip().lower(), 0.0) if isinstance(unit, str) and unit.strip() else 1.0
        found[name] = _Axis(
            number, name, projection, _number(values, f"CRVAL{number}", 0.0) * factor, factor
        )  # fmt: skip
    for name, other in _LATITUDES.items():
        if name in found and other in found and found[name].to_degrees and found[other].to_degrees:
            return found[name], found[other]
    return None


def _matrix(
    values: Mapping[str, Value], longitude: _Axis, latitude: _Axis, pixels: list[int]
) -> tuple[float, float, float, float]:  # fmt: skip
    """Degrees a pixel, in the order of the picture's axes: of CD, else of PC and CDELT, else of CROTA and CDELT."""
    pairs = [(axis.number, pixel) for axis in (longitude, latitude) for pixel in pixels]
    i, j = longitude.number, latitude.number
    if any(f"CD{a}_{b}" in values for a, b in pairs):
        told = [_number(values, f"CD{a}_{b}", 0.0) for a, b in pairs]
    else:
        steps = {each: _number(values, f"CDELT{each}", 1.0) for each in (i, j)}
        if (
            not any(f"PC{a}_{b}" in values or f"PC{a:03d}{b:03d}" in values for a, b in pairs)
            and f"CROTA{j}" in values
        ):
            turn = math.radians(_number(values, f"CROTA{j}", 0.0))
            cosine, sine = math.cos(turn), math.sin(turn)
            by_pair = {
                (i, i): steps[i] * cosine,
                (i, j): -steps[j] * sine,
                (j, i): steps[i] * sine,
                (j, j): steps[j] * cosine,
            }
            told = [by_pair[pair] for pair in pairs]
        else:
            told = [
                steps[a] * _number(values, f"PC{a}_{b}", _number(values, f"PC{a:03d}{b:03d}", float(a == b)))
                for a, b in pairs
            ]
    x, y = longitude.to_degrees, latitude.to_degrees
    return told[0] * x, told[1] * x, told[2] * y, told[3] * y


def _frame(values: Mapping[str, Value], kind: str) -> str:
    """The celestial frame: of equatorial ones by RADESYS, else by the equinox (8.3)."""
    if kind != "RA":
        return _FRAMES.get(kind, kind)
    told = values.get("RADESYS", values.get("RADECSYS"))
    if isinstance(told, str) and told.strip():
        return told.strip()
    equinox = values.get("EQUINOX", values.get("EPOCH"))
    if isinstance(equinox, (int, float)):
        return "FK4" if equinox < 1984 else "FK5"
    return "ICRS"


def _distortion(values: Mapping[str, Value], axis: _Axis) -> str:
    kind = values.get(f"CTYPE{axis.number}")
    if isinstance(kind, str) and kind.rstrip().endswith("-SIP"):
        return "SIP"
    if axis.projection in {"TPV", "TNX", "ZPX"}:
        return axis.projection
    return "lookup table" if any(f"CPDIS{number}" in values for number in (1, 2)) else ""


def _centre(
    values: Mapping[str, Value], longitude: _Axis, latitude: _Axis, x: float, y: float
) -> tuple[float, float] | None:  # fmt: skip
    """The middle of the image in the frame's degrees, `x` and `y` degrees from the reference; None where that isn't undone here."""
    projection = "TAN" if longitude.projection == "TPV" else longitude.projection
    moved = [
        f"PV{latitude.number}_1",
        f"PV{latitude.number}_2",
        *(f"PV{longitude.number}_{each}" for each in range(3)),
    ]
    if longitude.projection != "TPV" and any(_number(values, each, 0.0) for each in moved):
        return None  # slant, or with another reference
    pole = _number(values, f"PV{longitude.number}_3", math.nan)
    if math.isnan(pole):
        pole = _number(values, "LONPOLE", math.nan)
    if projection in _ZENITHAL:
        native = _zenithal(projection, x, y)
        turn = pole if not math.isnan(pole) else 180.0 if latitude.reference < 90 else 0.0
        return None if native is None else _rotated(*native, longitude.reference, latitude.reference, turn)
    if projection in _CYLINDRICAL:
        return _plate(values, x, y, longitude.reference, latitude.reference, pole)
    return None


def _plate(
    values: Mapping[str, Value], phi: float, theta: float, alpha: float, delta: float, turn: float
) -> tuple[float, float] | None:  # fmt: skip
    """Of plate carrée, whose reference point is where native latitude and longitude are 0 (section 2.4, equations 8 to 10)."""
    usual = 0.0 if delta >= 0 else 180.0
    if not math.isnan(turn) and turn != usual:
        return None
    if not delta:
        return (alpha + phi) % 360, theta
    if delta > 0 and _number(values, "LATPOLE", 90.0) < 0:
        return _rotated(phi, theta, alpha, delta - 90, usual)
    return _rotated(phi, theta, alpha - 180 if delta > 0 else alpha, 90 - abs(delta), usual)


def _zenithal(projection: str, x: float, y: float) -> tuple[float, float] | None:
    """Native longitude and latitude."""
    radius = math.hypot(x, y)
    phi = math.degrees(math.atan2(x, -y)) if radius else 0.0
    unit = math.radians(radius)
    if projection == "TAN":
        return phi, math.degrees(math.atan2(1.0, unit))
    if projection == "SIN":
        return (phi, math.degrees(math.acos(unit))) if unit <= 1 else None
    if projection == "ARC":
        return phi, 90 - radius
    if projection == "STG":
        return phi, 90 - 2 * math.degrees(math.atan(unit / 2))
    return (phi, 90 - 2 * math.degrees(math.asin(unit / 2))) if unit <= 2 else None


def _rotated(phi: float, theta: float, alpha: float, delta: float, pole: float) -> tuple[float, float]:
    """From native to celestial coordinates (equation 2), the reference point being the native pole."""
    turn, height, tilt = math.radians(phi - pole), math.radians(theta), math.radians(delta)
    sine = math.sin(height) * math.sin(tilt) + math.cos(height) * math.cos(tilt) * math.cos(turn)
    x = math.sin(height) * math.cos(tilt) - math.cos(height) * math.sin(tilt) * math.cos(turn)
    y = -math.cos(height) * math.sin(turn)
    return (alpha + math.degrees(math.atan2(y, x))) % 360, math.degrees(math.asin(max(-1.0, min(1.0, sine))))
