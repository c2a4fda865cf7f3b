"""Aperture, shutter speed, sensitivity, light value, white balance."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from extractor_service.document import Struct
from extractor_service.formats.reading.conversions import exposure_text, f_number_text
from extractor_service.formats.reading.tagset import label, raw_table
from extractor_service.modules.composite.facts import as_number, plain

if TYPE_CHECKING:
    from extractor_service.modules.composite.facts import Facts

# Levels by name, and where red, the greens and blue stand in them; a single green of 256 where there is none.
_LEVELS: Final = (
    ("WB_RGGBLevels", 0, (1, 2), 3), ("WB_RGBGLevels", 0, (1, 3), 2), ("WB_RBGGLevels", 0, (2, 3), 1), ("WB_GRBGLevels", 1, (0, 3), 2),
    ("WB_GRGBLevels", 1, (0, 2), 3), ("WB_GBRGLevels", 2, (0, 3), 1), ("WB_RGBLevels", 0, (1, 1), 2), ("WB_GRBLevels", 1, (0, 0), 2),
    ("WB_RBLevels", 0, (), 1),
)  # fmt: skip
_FLASH_LABELS: Final = raw_table("exif", "Exif::Main")[37385][0][4]
_UNIT_GREEN: Final = 256  # of levels that name red and blue alone
_LEAST_LEVEL: Final = 4  # below it, some Nikon cameras (E5700) scale by 1


def add(facts: Facts) -> float | None:
    """Adds what is known of the exposure; returns the aperture."""
    aperture = facts.positive("FNumber") or facts.positive("ApertureValue")
    seconds = facts.positive("BulbDuration") or _shutter(facts)
    speed = _sensitivity(facts)
    if aperture is not None:
        facts.put("Aperture", aperture, f_number_text(aperture))
    if seconds is not None:
        facts.put("ShutterSpeed", seconds, exposure_text(seconds), "s")
    if aperture is not None and seconds is not None and speed is not None and min(seconds, speed) > 0:
        light = 2 * math.log2(aperture) - math.log2(seconds) - math.log2(speed / 100)
        facts.put("LightValue", light, f"{light:.1f}", "EV")
    return aperture


def _shutter(facts: Facts) -> float | None:
    stated = facts.number("ExposureTime")
    return stated if stated is not None and stated >= 0 else facts.positive("ShutterSpeedValue")


def _sensitivity(facts: Facts) -> float | None:
    """EXIF's ISO; Canon's cameras that leave it out say it in parts, which is a composite of its own."""
    field = facts.field("ISO")
    value = field.value if field is not None else None
    stated = as_number(
        value[-1] if isinstance(value, list) and value else value
    )  # Nikon has another one before
    if "Canon" not in facts.makers:
        return stated
    is_canon = facts.field("CameraISO", "makernotes", "Canon") or facts.field(
        "BaseISO", "makernotes", "Canon"
    )
    if is_canon is None:
        return stated
    camera = facts.label("CameraISO", "makernotes")
    base, automatic = facts.positive("BaseISO", "makernotes"), facts.positive("AutoISO", "makernotes")
    own = (
        float(camera)
        if camera.isdigit() and int(camera)
        else base * automatic / 100
        if base and automatic
        else None
    )
    if own is not None:
        facts.put("ISO", plain(own), f"{own:.0f}")
    return stated or own


def _rounded(balance: float) -> str:
    return f"{balance:.6f}".rstrip("0").rstrip(".")


def add_flash(facts: Facts) -> None:
    """Adds XMP's parts of the flash as EXIF's one number (XMP specification part 2, 2.2.6; EXIF 2.32, Flash)."""
    field = facts.field("Flash", "xmp")
    if field is None or not isinstance(field.value, Struct):
        return
    parts = dict(field.value.entries)
    number = sum(
        bool(parts.get(name)) * bit for name, bit in (("Fired", 1), ("Function", 32), ("RedEyeMode", 64))
    )
    for name, bit in (("Return", 2), ("Mode", 8)):
        number |= int(as_number(parts.get(name)) or 0) * bit
    facts.put("Flash", number, label(_FLASH_LABELS, number) if isinstance(_FLASH_LABELS, dict) else "")


def add_white_balance(facts: Facts) -> None:
    """Adds red and blue balance: levels relative to green."""
    if not facts.makers and facts.field("WBRedLevel") is None and facts.field("WB_GRGBLevels", "raf") is None:
        return
    for name, red, greens, blue in _LEVELS:
        if not facts.has_any(name):
            continue
        levels = next(
            filter(None, (facts.numbers(name, each) for each in ("makernotes", "composite", "raf"))), []
        )
        if len(levels) < 2 or len(levels) <= max(red, blue, *greens, 0):
            continue
        green = sum(levels[each] for each in greens) / 2 if greens else _UNIT_GREEN
        if not green:
            continue
        for shown, place in (("RedBalance", red), ("BlueBalance", blue)):
            balance = levels[place] / (1 if not greens and levels[place] < _LEAST_LEVEL else green)
            facts.put(shown, plain(balance), _rounded(balance))
        return
    base = facts.positive("WBGreenLevel")
    for shown, name in (("RedBalance", "WBRedLevel"), ("BlueBalance", "WBBlueLevel")):
        level = facts.positive(name)
        if level is not None and base is not None:
            facts.put(shown, plain(level / base), _rounded(level / base))
