"""Numbers that count from 1970 as dates and times in ISO 8601, exact to the last digit; what no calendar has is None."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Final

_DAY: Final = date(1970, 1, 1)
_SECOND: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MOST_SCALE: Final = 1000  # digits behind the point; decimals have 76 at most


def day_of(days: int) -> str | None:
    """A date."""
    try:
        return (_DAY + timedelta(days=days)).isoformat()
    except OverflowError:
        return None


def instant_of(count: int, per_second: int, *, is_utc: bool) -> str | None:
    """A date with a time; "Z" behind it where it is of the world's clock."""
    try:
        moment = _SECOND + timedelta(seconds=count // per_second)
    except OverflowError:
        return None
    text = (
        moment.strftime("%Y-%m-%dT%H:%M:%S")
        if moment.year >= 1000
        else moment.replace(tzinfo=None).isoformat()
    )
    return f"{text}{_fraction(count % per_second, per_second)}{'Z' if is_utc else ''}"


def time_of(count: int, per_second: int) -> str | None:
    """A time of day."""
    seconds = count // per_second
    if not 0 <= seconds <= 86_400:
        return None
    hours, rest = divmod(seconds, 3600)
    return f"{hours:02d}:{rest // 60:02d}:{rest % 60:02d}{_fraction(count % per_second, per_second)}"


def decimal_of(value: int, scale: int) -> str:
    """The number value / 10^scale, with all its digits."""
    return _long(value, scale) if 0 < scale <= _MOST_SCALE else str(value)


def _long(value: int, scale: int) -> str:
    digits = str(abs(value)).rjust(scale + 1, "0")
    return f"{'-' if value < 0 else ''}{digits[:-scale]}.{digits[-scale:]}"


def _fraction(part: int, per_second: int) -> str:
    if not part:
        return ""
    return "." + str(part).rjust(len(str(per_second)) - 1, "0").rstrip("0")
