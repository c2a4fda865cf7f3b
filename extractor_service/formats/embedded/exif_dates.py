"""Dates of EXIF, "2024:02:29 13:14:15" (EXIF 2.32, 4.6.4, DateTime), and whether there ever was such a one."""

from __future__ import annotations

import re

_DATE = re.compile(r"(\d{4}):(\d\d):(\d\d) (\d\d):(\d\d):(\d\d)$")
_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def is_impossible(text: str) -> bool:
    """Whether `text` is a date that never was; zeros and blanks are how cameras say that they don't know."""
    match = _DATE.match(text.strip())
    if match is None:
        return False
    year, month, day, hour, minute, second = map(int, match.groups())
    if not any((year, month, day)):
        return False
    return not (
        1 <= month <= 12 and 1 <= day <= _DAYS[month - 1] and hour < 24 and minute < 60 and second <= 60
    )
