"""Numbers at the octets of a section, which the WMO's manual counts from 1, and times as they are written there."""

from __future__ import annotations

from datetime import date

_MISSING = 0xFFFFFFFF


def unsigned(data: bytes, octet: int, width: int) -> int:
    """An unsigned number at an octet, counted from 1 as in the manual."""
    if octet - 1 + width > len(data):
        raise ValueError(f"a section ends before octet {octet}")
    return int.from_bytes(data[octet - 1 : octet - 1 + width])


def signed(data: bytes, octet: int, width: int) -> int:
    """A number whose first bit is its sign."""
    value = unsigned(data, octet, width)
    sign = 1 << (8 * width - 1)
    return sign - value if value & sign else value


def scaled(data: bytes, octet: int) -> float | None:
    """A signed number of four octets behind its decimal scale; None for a missing one."""
    if unsigned(data, octet, 1) == 255 or unsigned(data, octet + 1, 4) == _MISSING:
        return None
    number: float = signed(data, octet + 1, 4) / 10 ** signed(data, octet, 1)
    return number


def moment(year: int, month: int, day: int, hour: int, minute: int, second: int) -> str | None:
    """A time as it is written; None for what no calendar has, as year 0 or 31 February."""
    if year < 1 or not (hour < 24 and minute < 60 and second < 61):
        return None
    try:
        written = date(year, month, day)
    except ValueError:
        return None
    return f"{written.isoformat()}T{hour:02d}:{minute:02d}:{second:02d}Z"
