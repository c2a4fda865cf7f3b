"""Which lens it was: cameras state a number that several lenses share; focal length and aperture tell them apart.

What stays open is said with all its names ("A or B"), as ExifTool does.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from extractor_service.document import Rational
from extractor_service.formats.reading.tagset import raw_table

if TYPE_CHECKING:
    from extractor_service.document import Field
    from extractor_service.formats.reading.tagset import Labels
    from extractor_service.modules.composite.facts import Facts

# Family-1 group of the maker → where the names of its lenses are
_NAMES: Final = {
    "Canon": ("canon", "Canon::CameraSettings", 22), "Sony": ("sony", "Sony::Main", 45095), "Minolta": ("minolta", "Minolta::Main", 268),
    "Olympus": ("olympus", "Olympus::Equipment", 513), "Pentax": ("pentax", "Pentax::LensRec", 0), "Sigma": ("others", "Sigma::Main", 39),
}  # fmt: skip
_LENS_NAME: Final = re.compile(r"mm|\d/F")
_NO_LENS: Final = frozenset({-1, 65535})  # unknown to the camera
_SHAPE: Final = re.compile(
    r"(\d+(?:\.\d+)?)(?:-(\d+(?:\.\d+)?))?mm.*?[fF]/?(\d+(?:\.\d+)?)(?:-(\d+(?:\.\d+)?))?"
)
_FOCAL_TOLERANCE, _APERTURE_TOLERANCE = 0.9, 0.18  # cameras round
_NIKON: Final = (
    "LensIDNumber", "LensFStops", "MinFocalLength", "MaxFocalLength", "MaxApertureAtMinFocal", "MaxApertureAtMaxFocal", "MCUVersion", "LensType",
)  # fmt: skip


def add(facts: Facts) -> None:
    """Adds LensID: the maker's number of the lens, else the name that says the focal length."""
    if (facts.makers and (_nikon(facts) or _by_number(facts))) or _by_sigma(facts) or _by_mount(facts):
        return
    if facts.field("LensID", "xmp") is not None and facts.field("Make") is not None:
        return
    name = next(
        (each for each in (facts.text("LensModel"), facts.text("Lens")) if _LENS_NAME.search(each)), ""
    )
    if name:
        facts.put("LensID", name, re.sub(r"(\d) mm", r"\1mm", re.sub(r"(\d)/F", r"\1mm F", name)).replace("mmF", "mm F").replace(" - ", "-"))  # fmt: skip


def _by_number(facts: Facts) -> bool:
    field = facts.field("LensType", "makernotes")
    where = _NAMES.get(field.group) if field is not None else None
    if field is None or where is None or field.value is None:
        return False
    facts.put("LensID", field.value, _name(facts, field, where))
    return True


def _by_mount(facts: Facts) -> bool:
    """Panasonic's two numbers are one of Olympus, who share the mount."""
    make, model = facts.field("LensTypeMake"), facts.field("LensTypeModel")
    if make is None or model is None:
        return False
    value = f"{make.value} {model.value}"
    labels = _labels(*_NAMES["Olympus"])
    name = labels.get(value) if isinstance(labels, dict) else None
    for each in ("LensType", "LensID"):
        facts.put(each, value, name or f"Unknown ({value})")
    return True


def _by_sigma(facts: Facts) -> bool:
    """A raw file's own word."""
    field = facts.field("LensType", "sigmaraw")
    if field is None or not isinstance(field.value, int):
        return False
    facts.put("LensID", field.value, _name(facts, field, _NAMES["Sigma"]))
    return True


def _nikon(facts: Facts) -> bool:
    """Nikon's number is of eight stored bytes."""
    if "Nikon" not in facts.makers:
        return False
    stored = [
        next((each for each in map(_stored, facts.all(name, "makernotes")) if each is not None), None)
        for name in _NIKON
    ]
    if len(stored) < len(_NIKON) or None in stored:
        return False
    facts.put("LensID", " ".join(f"{each:02X}" for each in stored))
    return True


def _stored(field: Field) -> int | None:
    value = field.raw if field.raw is not None else field.value
    return value if isinstance(value, int) and not isinstance(value, Rational) and 0 <= value < 256 else None


def _name(facts: Facts, field: Field, where: tuple[str, str, int]) -> str:
    module, table, tag = where
    labels = _labels(module, table, tag)
    model = facts.text("LensModel")
    if (isinstance(field.value, int) and field.value in _NO_LENS) or not isinstance(labels, dict):
        short, long = (
            facts.positive("MinFocalLength", "makernotes"),
            facts.positive("MaxFocalLength", "makernotes"),
        )
        span = (
            ""
            if short is None or long is None
            else f" {short:.0f}mm"
            if short == long
            else f" {int(short)}-{int(long)}mm"
        )
        return model or f"Unknown{span}"
    names = _candidates(labels, field.value)
    if len(names) < 2:
        return names[0] if names else model or field.text
    short, long = (
        facts.positive("MinFocalLength", "makernotes"),
        facts.positive("MaxFocalLength", "makernotes"),
    )
    focal = facts.positive("FocalLength")
    aperture = facts.positive("MaxAperture", "makernotes") or facts.positive("MaxApertureValue")
    fitting = [name for name in names if _fits(name, short, long, focal, aperture)]
    return " or ".join(fitting or [re.sub(r" or .*", "", names[0])])


@lru_cache(maxsize=16)
def _labels(module: str, table: str, tag: int) -> Labels | tuple[Labels | None, ...] | None:
    labels: Labels | tuple[Labels | None, ...] | None = raw_table(module, table)[tag][0][4]
    return labels


def _candidates(labels: dict[int | str, str], value: object) -> list[str]:
    """All lenses of one number: those that came later have it with a decimal."""
    first = labels.get(value) if isinstance(value, (int, str)) else None
    if first is None:
        return []
    names = [first]
    for number in range(1, 30):
        more = labels.get(f"{value}.{number}")
        if more is None:
            break
        names.append(more)
    return [re.sub(r" or .*", "", first), *names[1:]] if len(names) > 1 else names


def _fits(
    name: str, short: float | None, long: float | None, focal: float | None, aperture: float | None
) -> bool:
    shape = _SHAPE.search(name)
    if shape is None:
        return False
    least, widest = float(shape[1]), float(shape[3])
    most, slowest = float(shape[2] or shape[1]), float(shape[4] or shape[3])
    if short is not None and long is not None:
        if abs(short - least) > _FOCAL_TOLERANCE or abs(long - most) > _FOCAL_TOLERANCE:
            return False
    elif focal is not None and not least - 0.5 <= focal <= most + 0.5:
        return False
    return aperture is None or widest - _APERTURE_TOLERANCE <= aperture <= slowest + _APERTURE_TOLERANCE
