"""Observations on time and place: dates that contradict one another, a zone that isn't the place's."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from extractor_service.formats.reading.dates import EPOCHS, read, zone_of
from extractor_service.modules.places import zones
from extractor_service.modules.provenance.facts import NOTE, WARNING

if TYPE_CHECKING:
    from extractor_service.modules.provenance.facts import Facts

_A_DAY = dt.timedelta(days=1, hours=14)  # what zones alone can make of one moment, and an hour
_LEAST_MINUTES = 45  # of a zone's difference that counts: zones differ by quarters of an hour


def add(facts: Facts) -> None:
    """All of them."""
    taken = _time(facts, "exif", "DateTimeOriginal")
    _order(facts, taken)
    _satellites(facts, taken)
    _zone(facts, taken)


def _time(facts: Facts, section: str, name: str, group: str | None = None) -> dt.datetime | None:
    moment = read(facts.text(section, name, group))
    if not moment.day or not moment.clock or moment.iso[:19] in EPOCHS:
        return None
    try:
        return dt.datetime.fromisoformat(f"{moment.day}T{moment.clock[:8]}")
    except ValueError:
        return None


def _order(facts: Facts, taken: dt.datetime | None) -> None:
    if taken is None:
        return
    digitized, modified = _time(facts, "exif", "CreateDate"), _time(facts, "exif", "ModifyDate", "IFD0")
    original = facts.evidence("exif", "DateTimeOriginal")
    if digitized is not None and taken - digitized > _A_DAY:
        facts.observe("contradictory_dates", WARNING, "It was digitised before it was taken.",
                      (original, facts.evidence("exif", "CreateDate")), "A clock that was set between the two.")  # fmt: skip
    if modified is not None and taken - modified > _A_DAY:
        facts.observe("contradictory_dates", WARNING, "It was last changed before it was taken.",
                      (original, facts.evidence("exif", "ModifyDate", "IFD0")), "A clock that was wrong when it was changed.")  # fmt: skip
    told = _time(facts, "xmp", "CreateDate", "XMP-xmp") or _time(facts, "xmp", "DateCreated", "XMP-photoshop")
    if (
        told is not None
        and digitized is not None
        and abs(told - digitized) > _A_DAY
        and abs(told - taken) > _A_DAY
    ):
        facts.observe("contradictory_dates", WARNING, "EXIF and XMP tell different times of its creation.",
                      (original, facts.evidence("xmp", "CreateDate", "XMP-xmp")), "A later file that was made of an older picture.")  # fmt: skip


def _satellites(facts: Facts, taken: dt.datetime | None) -> None:
    day, clock = facts.text("exif", "GPSDateStamp"), facts.text("exif", "GPSTimeStamp")
    moment = read(f"{day} {clock[:8]}") if day and clock else None
    if taken is None or moment is None or not moment.clock:
        return
    try:
        fix = dt.datetime.fromisoformat(f"{moment.day}T{moment.clock[:8]}")
    except ValueError:
        return
    if abs(taken - fix) > _A_DAY:
        facts.observe("gps_date", WARNING, "The satellites' date is more than a day away from the camera's.",
                      (facts.evidence("exif", "DateTimeOriginal"), facts.evidence("exif", "GPSDateStamp")),
                      "A fix that was kept from an earlier day, or a camera's clock that was never set.")  # fmt: skip


def _zone(facts: Facts, taken: dt.datetime | None) -> None:
    """The stated offset against that of the place."""
    place = facts.document.common.position
    stated = zone_of(facts.text("exif", "OffsetTimeOriginal"))
    if taken is None or place is None or not stated:
        return
    minutes = _minutes(stated)
    there = zones.offset_minutes(
        place.latitude_degrees, place.longitude_degrees, taken - dt.timedelta(minutes=minutes)
    )
    if there is None or abs(there - minutes) < _LEAST_MINUTES:
        return
    facts.observe("zone_not_of_place", NOTE, f"Its zone {stated} isn't the one that held where it was taken ({there / 60:+g} h).",
                  (facts.evidence("exif", "OffsetTimeOriginal"), facts.evidence("exif", "GPSLatitude")),
                  "A camera that was left on its owner's time at home.")  # fmt: skip


def _minutes(zone: str) -> int:
    if zone == "Z":
        return 0
    hours, _, rest = zone[1:].partition(":")
    total = int(hours) * 60 + int(rest or 0)
    return -total if zone[0] == "-" else total
