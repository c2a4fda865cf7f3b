"""Composites of single makers, as their cameras need them: lens names, drive and flash modes, file numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from extractor_service.modules.composite.facts import plain

if TYPE_CHECKING:
    from extractor_service.modules.composite.facts import Facts

_OFF_ON: Final = ("Off", "On")
_EXTERNAL_FLASH: Final = 1 << 14  # of Canon's FlashBits
# Canon's WhiteBalance → the levels that belong to it
_CANON_LEVELS: Final = {
    0: "Auto", 1: "Daylight", 2: "Cloudy", 3: "Tungsten", 4: "Fluorescent", 5: "Flash", 6: "Custom", 8: "Shade", 9: "Kelvin",
}  # fmt: skip


def add_before(facts: Facts) -> None:
    """Adds what others are calculated from."""
    if "Canon" not in facts.makers:
        return
    source, target = (
        facts.positive("ZoomSourceWidth", "makernotes"),
        facts.positive("ZoomTargetWidth", "makernotes"),
    )
    if facts.number("DigitalZoom", "makernotes", "Canon") == 3 and source and target:
        facts.put("DigitalZoom", target / source, f"{target / source:.2f}x")
    if facts.field("WhiteBalance", "makernotes", "Canon") is not None:
        chosen = _CANON_LEVELS.get(int(facts.number("WhiteBalance", "makernotes", "Canon") or 0), "")
        for name in ("AsShot", chosen):
            levels = facts.numbers(f"WB_RGGBLevels{name}", "makernotes") if name else []
            if levels:
                facts.put("WB_RGGBLevels", [plain(each) for each in levels])
                break


def add_after(facts: Facts) -> None:
    """Adds the rest."""
    for maker, add in _BY_MAKER.items():
        if maker in facts.makers:
            add(facts)
    planck = facts.positive("PlanckB", "app1")
    if planck:
        facts.put("PeakSpectralSensitivity", 14387.6515 / planck, f"{14387.6515 / planck:.1f} um", "um")


def _apple(facts: Facts) -> None:
    value, scale = (
        facts.number("RunTimeValue", "makernotes", "Apple"),
        facts.positive("RunTimeScale", "makernotes", "Apple"),
    )
    if value is not None and scale:
        facts.put("RunTimeSincePowerUp", value / scale, "", "s")


def _canon(facts: Facts) -> None:
    drive, timer = (facts.number(name, "makernotes", "Canon") for name in ("ContinuousDrive", "SelfTimer"))
    if drive is not None and timer is not None:
        place = 0 if drive else 1 if timer else 2
        names = ("Continuous Shooting", "Self-timer Operation", "Single-frame Shooting")
        facts.put("DriveMode", place, names[place])
    exposure, easy = (facts.number(name, "makernotes", "Canon") for name in ("CanonExposureMode", "EasyMode"))
    if exposure is not None and easy is not None:
        is_bulb = exposure == 7 or (exposure == 4 and facts.positive("BulbDuration", "makernotes"))
        label = facts.label("CanonExposureMode" if exposure else "EasyMode", "makernotes")
        facts.put(
            "ShootingMode", plain(7 if is_bulb else exposure or easy + 10), "Bulb" if is_bulb else label
        )
    _canon_lens(facts)
    bits = facts.number("FlashBits", "makernotes", "Canon")
    if bits:
        facts.put(
            "FlashType",
            int(bool(int(bits) & _EXTERNAL_FLASH)),
            ("Built-In Flash", "External")[bool(int(bits) & _EXTERNAL_FLASH)],
        )
        mode = facts.number("CanonFlashMode", "makernotes")
        if mode is not None:
            facts.put("RedEyeReduction", int(mode in {3, 4, 6}), _OFF_ON[mode in {3, 4, 6}])
        compensation = facts.number("FlashExposureComp", "makernotes", "Canon")
        if compensation is not None:
            facts.put("ConditionalFEC", plain(compensation), facts.label("FlashExposureComp", "makernotes"))
        curtain = int(facts.number("ShutterCurtainSync", "makernotes", "Canon") or 0)
        facts.put("ShutterCurtainHack", curtain, ("1st-curtain sync", "2nd-curtain sync")[curtain == 1])
    folder, number = (facts.number(name, "makernotes", "Canon") for name in ("DirectoryIndex", "FileIndex"))
    if folder is not None and number is not None:
        if number == 10_000:  # the camera counts from the picture before
            folder, number = folder + 1, 1.0
        facts.put(
            "FileNumber", int(f"{int(folder):03d}{int(number):04d}"), f"{int(folder):03d}-{int(number):04d}"
        )


def _canon_lens(facts: Facts) -> None:
    short, long = (
        facts.positive(name, "makernotes", "Canon") for name in ("MinFocalLength", "MaxFocalLength")
    )
    if short is None or long is None:
        return
    shown = _focal_range(short, long)
    facts.put("Lens", plain(short), shown, "mm")
    scale = facts.positive("ScaleFactor35efl", "composite")
    equivalent = f" (35 mm equivalent: {_focal_range(short * scale, long * scale)})" if scale else ""
    facts.put("Lens35efl", short * (scale or 1), shown + equivalent, "mm")


def _focal_range(short: float, long: float) -> str:
    return f"{short:.1f} mm" if short == long else f"{short:.1f} - {long:.1f} mm"


def _nikon(facts: Facts) -> None:
    focus = facts.text("FocusMode", "makernotes", "Nikon")
    if focus:
        automatic = not focus.lower().startswith("manual")
        facts.put("AutoFocus", int(automatic), _OFF_ON[automatic])
        method = facts.number("AFDetectionMethod", "makernotes", "Nikon")
        if method is not None:
            schema = facts.number("FocusPointSchema", "makernotes", "Nikon")
            if schema is not None:
                facts.put(
                    "PhaseDetectAF",
                    int(schema if not method else 0),
                    facts.label("FocusPointSchema", "makernotes") if not method else "Off",
                )
            facts.put("ContrastDetectAF", int(automatic and method == 1), _OFF_ON[automatic and method == 1])
    lens = facts.field("Lens", "makernotes", "Nikon")
    kind = facts.number("LensType", "makernotes", "Nikon")
    if lens is not None and kind is not None and isinstance(lens.value, list):
        numbers = " ".join(f"{plain(each)}" for each in facts.numbers("Lens", "makernotes"))
        facts.put(
            "LensSpec",
            f"{numbers} {int(kind)}",
            f"{facts.label('Lens', 'makernotes')} {facts.label('LensType', 'makernotes')}",
        )


def _sony(facts: Facts) -> None:
    position, focal = (
        facts.positive("FocusPosition2", "makernotes", "Sony"),
        facts.positive("FocalLengthIn35mmFormat"),
    )
    if position is not None and focal is not None:
        if position >= 255:
            facts.put("FocusDistance2", "inf")
        else:
            metres = (2 ** (position / 16 - 5) + 1) * focal / 1000
            facts.put("FocusDistance2", metres, f"{metres:.4g} m", "m")


def _olympus(facts: Facts) -> None:
    extender = facts.field("Extender", "makernotes", "Olympus")
    if extender is None or facts.field("LensType", "makernotes", "Olympus") is None:
        return
    aperture = facts.positive("MaxApertureValue")
    stated = str(extender.value if not isinstance(extender.value, list) else extender.value[1])
    if aperture is None:
        return
    if stated in {"0", "0 0"}:
        facts.put("ExtenderStatus", 0, "Not attached")


_BY_MAKER: Final = {"Canon": _canon, "Nikon": _nikon, "Sony": _sony, "Olympus": _olympus, "Apple": _apple}
