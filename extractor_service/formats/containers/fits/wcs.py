"""Where an image lies in the sky: centre, scale, rotation, frame, projection; by its header alone.

FITS 4.0, 8; Greisen & Calabretta (2002), A&A 395, 1061 (linear part); Calabretta & Greisen (2002), A&A 395, 1077 (projections:
equations 2 for the rotation, 14, 54, 58, 61, 67, 69, 83). Distortions (SIP, TPV) are named, and not applied.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from extractor_service.document import Field

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
_LATITUDES = {"RA": "DEC", "GLON": "GLAT", "ELON": "ELAT", "SLON": "SLAT", "HLON": "HLAT"}
_ZENITHAL = frozenset({"TAN", "SIN", "ARC", "STG", "ZEA"})
_CYLINDRICAL = frozenset({"CAR"})
_MOST_AXES = 9  # of which two are looked for
_DEGREES = {"deg": 1.0, "arcmin": 1 / 60, "arcsec": 1 / 3600, "mas": 1 / 3_600_000, "rad": 180 / math.pi}


class _Axis(NamedTuple):
    number: int
    kind: str
    projection: str
    reference: float
    pixel: float
    to_degrees: float


def summarize(values: Mapping[str, Value], group: str, document: Document) -> None:
    """Adds the section of an HDU with celestial axes; nothing for others, or where the numbers make no plane."""
    prefix = "Z" if values.get("ZIMAGE") is True else ""
    axes = _axes(values)
    if axes is None:
        return
    longitude, latitude = axes
    matrix = _matrix(values, longitude.number, latitude.number)
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
    put("ReferencePixel", [longitude.pixel, latitude.pixel])
    scale = [math.hypot(matrix[0], matrix[2]) * 3600, math.hypot(matrix[1], matrix[3]) * 3600]
    put("PixelScale", [*scale], "arcsec")
    size = [values.get(f"{prefix}NAXIS{each.number}") for each in (longitude, latitude)]
    if all(isinstance(each, int) and each > 0 for each in size):
        put(
            "FieldOfView",
            [one * step / 3600 for one, step in zip(size, scale, strict=True) if isinstance(one, int)],
            "deg",
        )
        centre = _centre(
            values, longitude, latitude, matrix, [int(one) for one in size if isinstance(one, int)]
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
            number, name, projection, _number(values, f"CRVAL{number}", 0.0) * factor, _number(values, f"CRPIX{number}", 0.0), factor
        )  # fmt: skip
    for name, other in _LATITUDES.items():
        if name in found and other in found and found[name].to_degrees and found[other].to_degrees:
            return found[name], found[other]
    return None


def _matrix(values: Mapping[str, Value], i: int, j: int) -> tuple[float, float, float, float]:
    """Degrees a pixel: of CD, else of PC and CDELT, else of CROTA and CDELT."""
    pairs = ((i, i), (i, j), (j, i), (j, j))
    if any(f"CD{a}_{b}" in values for a, b in pairs):
        first, second, third, fourth = (_number(values, f"CD{a}_{b}", 0.0) for a, b in pairs)
        return first, second, third, fourth
    x, y = _number(values, f"CDELT{i}", 1.0), _number(values, f"CDELT{j}", 1.0)
    if not any(f"PC{a}_{b}" in values for a, b in pairs) and f"CROTA{j}" in values and x:
        turn = math.radians(_number(values, f"CROTA{j}", 0.0))
        cosine, sine = math.cos(turn), math.sin(turn)
        return x * cosine, -y * sine, x * sine, y * cosine
    first, second, third, fourth = (_number(values, f"PC{a}_{b}", float(a == b)) for a, b in pairs)
    return x * first, x * second, y * third, y * fourth


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
    values: Mapping[str, Value], longitude: _Axis, latitude: _Axis, matrix: tuple[float, float, float, float], size: list[int]
) -> tuple[float, float] | None:  # fmt: skip
    """The middle of the image in the frame's degrees; None for projections that aren't undone here."""
    dx, dy = (size[0] + 1) / 2 - longitude.pixel, (size[1] + 1) / 2 - latitude.pixel
    x, y = matrix[0] * dx + matrix[1] * dy, matrix[2] * dx + matrix[3] * dy
    x, y = x * longitude.to_degrees, y * latitude.to_degrees
    projection = longitude.projection
    if projection == "TPV":
        projection = "TAN"
    if _number(values, f"PV{latitude.number}_1", 0.0) or _number(values, f"PV{latitude.number}_2", 0.0):
        return None  # slant or moved
    if projection in _ZENITHAL:
        native = _zenithal(projection, x, y)
        pole = _number(values, "LONPOLE", 180.0 if latitude.reference < 90 else 0.0)
        return None if native is None else _rotated(*native, longitude.reference, latitude.reference, pole)
    if projection in _CYLINDRICAL:
        return _plate(values, x, y, longitude.reference, latitude.reference)
    return None


def _plate(
    values: Mapping[str, Value], phi: float, theta: float, alpha: float, delta: float
) -> tuple[float, float] | None:
    """Of plate carrée, whose reference point is where native latitude and longitude are 0 (section 2.4, equations 8 to 10)."""
    usual = 0.0 if delta >= 0 else 180.0
    if _number(values, "LONPOLE", usual) != usual:
        return None
    if not delta:
        return (alpha + phi) % 360, theta
    pole = 90 - abs(delta)
    if delta > 0 and _number(values, "LATPOLE", 90.0) < 0:
        pole = -pole
    return _rotated(phi, theta, alpha - 180 if delta > 0 else alpha, pole, usual)


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
