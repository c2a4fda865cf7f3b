"""Positions: signed degrees from angles and their references, of EXIF and of XMP."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from extractor_service.formats.reading.conversions import degrees_text, sided_text

if TYPE_CHECKING:
    from extractor_service.modules.composite.facts import Facts


def add(facts: Facts) -> None:
    """Adds latitude, longitude, position, altitude and time of the receiver."""
    if not facts.has_any("GPSLatitude", "GPSAltitude", "GPSDateStamp", "GPSDestLatitude"):
        return
    signed = [
        _coordinate(facts, name, negative) for name, negative in (("GPSLatitude", "S"), ("GPSLongitude", "W"))
    ]
    for name, negative in (("GPSDestLatitude", "S"), ("GPSDestLongitude", "W")):
        _coordinate(facts, name, negative)
    if None not in signed:
        latitude, longitude = (each for each in signed if each is not None)
        facts.put("GPSPosition", f"{latitude[0]:.15g} {longitude[0]:.15g}", f"{latitude[1]}, {longitude[1]}")
    else:
        _of_xmp(facts)
    _altitude(facts)
    day, time = facts.text("GPSDateStamp", "exif", "GPS"), facts.text("GPSTimeStamp", "exif", "GPS")
    if day and time:
        facts.put("GPSDateTime", f"{day} {time}Z")


def _coordinate(facts: Facts, name: str, negative: str) -> tuple[float, str] | None:
    field = facts.field(name, "exif", "GPS")
    side = facts.text(f"{name}Ref", "exif", "GPS").upper()
    if field is None or not isinstance(field.value, float) or not side:
        return None
    value = -field.value if side.startswith(negative) else field.value
    positive = {"S": "N", "W": "E"}[negative]
    text = f"{degrees_text()(abs(value))} {negative if value < 0 or (math.copysign(1, value) < 0 and value) else positive}"
    facts.put(name, value, text, "deg")
    return value, text


def _of_xmp(facts: Facts) -> None:
    found = []
    for name, letters in (("GPSLatitude", "NS"), ("GPSLongitude", "EW")):
        value = facts.number(name, "xmp", "XMP-exif")
        if value is None:
            return
        letter = letters[value < 0]
        words = {"N": "North", "S": "South", "E": "East", "W": "West"}
        facts.put(f"{name}Ref", letter, words[letter])
        found.append((value, sided_text(letters)(value)))
    facts.put("GPSPosition", f"{found[0][0]:.15g} {found[1][0]:.15g}", f"{found[0][1]}, {found[1][1]}")


def _altitude(facts: Facts) -> None:
    for section, group in (("exif", "GPS"), ("xmp", "XMP-exif")):
        metres = facts.number("GPSAltitude", section, group)
        below = facts.number("GPSAltitudeRef", section, group)
        if metres is None or below is None:
            continue
        under = below in {
            1,
            3,
        }  # 3 is below the sea's level as 1 is below the ellipsoid's (EXIF 3.0, 4.6.6.1)
        value = -abs(metres) if under else metres
        shown = int(abs(value) * 10) / 10
        facts.put("GPSAltitude", value, f"{shown:g} m {'Below' if value < 0 else 'Above'} Sea Level", "m")
        return
