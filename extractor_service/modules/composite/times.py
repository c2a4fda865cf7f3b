"""Times that are stored in parts: with their fractions and offsets, and days apart from hours."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from extractor_service.modules.composite.facts import Facts


def add(facts: Facts) -> None:
    """Adds times of EXIF and IPTC."""
    for name, fraction, offset, shown in (
        ("DateTimeOriginal", "SubSecTimeOriginal", "OffsetTimeOriginal", "SubSecDateTimeOriginal"),
        ("CreateDate", "SubSecTimeDigitized", "OffsetTimeDigitized", "SubSecCreateDate"),
        ("ModifyDate", "SubSecTime", "OffsetTime", "SubSecModifyDate"),
    ):
        stated = facts.text(name, "exif")
        digits, zone = facts.text(fraction, "exif"), facts.text(offset, "exif")
        if stated and (digits.isdigit() or zone):
            facts.put(shown, stated + (f".{digits}" if digits.isdigit() else "") + zone)
    for shown, day, time in (
        ("DateTimeCreated", "DateCreated", "TimeCreated"),
        ("DigitalCreationDateTime", "DigitalCreationDate", "DigitalCreationTime"),
    ):
        stated, hours = facts.text(day, "iptc"), facts.text(time, "iptc")
        if stated and hours:
            facts.put(shown, f"{stated} {hours}")
    if facts.field("DateTimeOriginal") is None:
        created = facts.text("DateTimeCreated", "composite")
        if created:
            facts.put("DateTimeOriginal", created)
