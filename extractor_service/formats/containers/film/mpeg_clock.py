"""The times of MPEG streams: 33 bits of 90 kHz, that begin anew after 26.5 hours. ISO/IEC 13818-1, 2.4.3.6."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

HERTZ = 90_000
_WRAP = 1 << 33


def time_of(data: bytes) -> int:
    """33 bits in five bytes, with marks between."""
    return (data[0] >> 1 & 7) << 30 | data[1] << 22 | (data[2] >> 1) << 15 | data[3] << 7 | data[4] >> 1


def since(start: int, time: int) -> int:
    """Ticks from `start` to `time`, negative where that is before it: whichever is nearer."""
    return (time - start + _WRAP // 2) % _WRAP - _WRAP // 2


def until(start: int, end: int) -> int:
    """Ticks from `start` to `end`, which comes after it."""
    return (end - start) % _WRAP


def earliest(times: Iterable[int]) -> int:
    """The first of times that lie near each other."""
    found = None
    for time in times:
        found = time if found is None or since(found, time) < 0 else found
    return found or 0


def later(one: int | None, other: int) -> int:
    """The later of two."""
    return other if one is None or since(one, other) > 0 else one
