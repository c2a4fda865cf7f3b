"""The offset from UTC that held at a position and a time: the zone by its borders, the rule by the time zone database."""

from __future__ import annotations

import datetime as dt
import importlib.resources
import zoneinfo
from functools import lru_cache

from extractor_service.modules.places import borders

_RULES = "tzdata.zoneinfo"


@lru_cache(maxsize=128)
def _rule(name: str) -> zoneinfo.ZoneInfo | None:
    """The zone by the package tzdata: a jailed worker sees no files of the system."""
    folder, _, leaf = name.rpartition("/")
    package = ".".join((_RULES, *folder.split("/"))) if folder else _RULES
    try:
        with (importlib.resources.files(package) / leaf).open("rb") as file:
            return zoneinfo.ZoneInfo.from_file(file, key=name)
    except (ImportError, OSError, ValueError):
        return None


def offset_minutes(latitude: float, longitude: float, utc: dt.datetime) -> int | None:
    """Minutes east of UTC at that place and time; None at sea, and where zones overlap that differ."""
    try:
        found = borders.areas(latitude, longitude)
    except (OSError, ValueError):
        return None
    offsets = set()
    for area in found:
        rule = _rule(area.zone)
        try:
            offset = None if rule is None else utc.replace(tzinfo=dt.UTC).astimezone(rule).utcoffset()
        except OverflowError:  # the years 1 and 9999
            return None
        offsets.add(None if offset is None else round(offset.total_seconds() / 60))
    return offsets.pop() if len(offsets) == 1 else None
