"""One grammar of dates and zones for all formats: EXIF's colons, ISO 8601, PDF's digits, RFC 822, and what is met between.

A text is understood, understood in part (a zone that no place has, hours without a day), or not. What isn't understood is
nobody's date: the year of "2021/03/13" alone would be a wrong one.
"""

from __future__ import annotations

import calendar
import re
from enum import Enum
from functools import lru_cache
from typing import Final, NamedTuple

MAX_ZONE_MINUTES: Final = 14 * 60  # Kiribati's; nothing is farther from UTC
FIRST_YEAR, LAST_YEAR = (
    1800,
    2100,
)  # before the first photograph and drawing machines; beyond what anyone made
EPOCHS: Final = frozenset({"1601-01-01T00:00:00", "1858-11-17T00:00:00", "1899-12-30T00:00:00", "1904-01-01T00:00:00", "1970-01-01T00:00:00", "1980-01-01T00:00:00"})  # fmt: skip
"""Where clocks begin: of Windows, VMS, OLE, the Macintosh, Unix and FAT. Nobody's picture is of that very second."""
_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_ZONE: Final = r"(?P<zone>Z|UTC?|GMT|[+-]\s*\d{1,2}(?:[:']?\d{2}'?|'?))"
_CLOCK: Final = r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?P<fraction>[.,]\d+)?)?"
_SEPARATED: Final = re.compile(
    rf"(?P<year>\d{{4}})(?:(?P<by>[-:/.])(?P<month>\d{{1,2}})(?:(?P=by)(?P<day>\d{{1,2}})(?:(?:T|\s+|:){_CLOCK}(?:\s*{_ZONE})?)?)?)?$",
    re.IGNORECASE,
)
_DIGITS: Final = re.compile(
    rf"(?:D:)?(?P<year>\d{{4}})(?:(?P<month>\d\d)(?:(?P<day>\d\d)T?(?:(?P<hour>\d\d)(?:(?P<minute>\d\d)(?:(?P<second>\d\d)(?P<fraction>[.,]\d+)?)?)?)?)?)?(?:\s*{_ZONE}(?:00'?00'?)?)?$",
    re.IGNORECASE,
)
_NAMED: Final = re.compile(
    rf"(?:[a-z]{{3,9}},?\s+)?(?P<day>\d{{1,2}})[\s-](?P<name>[a-z]{{3}})[a-z]*[\s-](?P<year>\d{{4}})(?:\s+{_CLOCK}(?:\s*{_ZONE})?)?(?:\s*\([^)]*\))?$",
    re.IGNORECASE,
)
_OF_C: Final = re.compile(
    rf"(?:[a-z]{{3}}\s+)(?P<name>[a-z]{{3}})\s+(?P<day>\d{{1,2}})\s+{_CLOCK}(?:\s+{_ZONE})?\s+(?P<year>\d{{4}})$",
    re.IGNORECASE,
)
_UNSET: Final = re.compile(r"[\s0:\-/.TZ+]*$")  # zeros and blanks: how cameras say that they don't know


class Grasp(Enum):
    """How much of a text was understood."""

    UNDERSTOOD = 1
    IN_PART = 2
    NOT = 3
    UNSET = 4


class Moment(NamedTuple):
    """A point in time, as exact as its text says."""

    grasp: Grasp
    day: str = ""
    """"2024", "2024-05" or "2024-05-06"."""
    clock: str = ""
    """"07:08", "07:08:09" or "07:08:09.12"; "" when only the day is known."""
    zone: str = ""
    """"Z" or "+02:00"; "" when none is stated."""
    reason: str = ""
    """What wasn't understood, and why."""

    @property
    def iso(self) -> str:
        """ISO 8601; "" when nothing was understood."""
        return self.day + (f"T{self.clock}{self.zone}" if self.clock else "")


@lru_cache(maxsize=256)
def read(text: str) -> Moment:
    """The time that `text` states. Texts are trimmed; days and times that never were are not understood.

    The checks and the common facts ask for the same few times of a file.
    """
    text = text.strip(" \0\t\r\n")
    if _UNSET.match(text):
        return Moment(Grasp.UNSET)
    for form in (_SEPARATED, _DIGITS, _NAMED, _OF_C):
        found = form.match(text)
        if found is not None:
            return _moment(found.groupdict(), text)
    return Moment(Grasp.NOT, reason=f"{text[:40]!r} is no date of any known form")


def zone_of(text: str) -> str:
    """A zone's text as "Z" or "+02:00"; "" for none, or one that no place has.

    One or two digits of hours, minutes with or without a colon: "+5:30", "+0530", "-07", "+02'00'".
    """
    found = re.match(rf"\s*{_ZONE}\s*$", text.strip(" \0"), re.IGNORECASE)
    return _zone(found["zone"]) if found is not None else ""


def _moment(parts: dict[str, str | None], text: str) -> Moment:
    year, month, day = parts["year"] or "", parts.get("month"), parts.get("day")
    name = parts.get("name")
    if name is not None:
        if name.lower() not in _MONTHS:
            return Moment(Grasp.NOT, reason=f"{text[:40]!r} names no month")
        month = str(_MONTHS.index(name.lower()) + 1)
    wrong = _impossible(int(year), int(month or 1), int(day or 1))
    if wrong:
        return Moment(Grasp.NOT, reason=f"{text[:40]!r} {wrong}")
    date = "-".join([year, *(f"{int(each):02d}" for each in (month, day) if each)])
    hour, minute, second = parts.get("hour"), parts.get("minute"), parts.get("second")
    if hour is None or not day:
        return Moment(Grasp.UNDERSTOOD, date)
    if int(hour) > 23 or int(minute or 0) > 59 or int(second or 0) > 60:
        return Moment(Grasp.NOT, reason=f"{text[:40]!r} has a time that no day has")
    clock = f"{int(hour):02d}:{minute or '00'}" + (f":{second}" if second else "")
    fraction = (parts.get("fraction") or "")[1:]
    clock += f".{fraction}" if fraction and second else ""
    stated = parts.get("zone")
    if not stated:
        return Moment(Grasp.UNDERSTOOD, date, clock)
    zone = _zone(stated)
    if not zone:
        return Moment(Grasp.IN_PART, date, clock, reason=f"no place has the zone {stated!r}")
    return Moment(Grasp.UNDERSTOOD, date, clock, zone)


def _zone(stated: str) -> str:
    if stated[0] not in "+-":
        return "Z"
    digits = re.sub(r"\D", "", stated)
    hours, minutes = (digits[:-2], digits[-2:]) if len(digits) > 2 else (digits, "0")
    total = int(hours) * 60 + int(minutes)
    if total > MAX_ZONE_MINUTES or int(minutes) > 59:
        return ""
    return f"{stated[0]}{int(hours):02d}:{int(minutes):02d}"


def _impossible(year: int, month: int, day: int) -> str:
    if not FIRST_YEAR <= year <= LAST_YEAR:
        return f"is of the year {year}"
    if not 1 <= month <= 12:
        return f"has a month {month}"
    if not 1 <= day <= calendar.monthrange(year, month)[1]:
        return f"has a day {day} of month {month}"
    return ""
