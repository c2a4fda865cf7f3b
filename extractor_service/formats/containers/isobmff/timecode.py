"""Timecodes: the number of a frame as a clock shows it. SMPTE ST 12-1, 5.2.3 (dropped numbers); QTFF, "Timecode media"."""

from __future__ import annotations

from typing import NamedTuple

_DROP_RATE = 30  # numbers a second of which two are dropped each minute, but not each tenth; of 60, four


class Counting(NamedTuple):
    """How a track counts."""

    frames_per_second: int
    """Numbers a second: 30 for 29.97."""
    is_drop: bool
    """Whether numbers are left out, so that the clock is right at 29.97."""


def text(frame: int, counting: Counting) -> str:
    """The text "01:00:00:02" of the frame of that number since midnight; ";" before the frames where numbers are dropped. "" without a rate."""
    rate = counting.frames_per_second
    if rate <= 0:
        return ""
    is_drop = counting.is_drop and rate % _DROP_RATE == 0
    if is_drop:
        dropped = 2 * rate // _DROP_RATE
        tens, rest = divmod(frame, rate * 600 - 9 * dropped)
        frame += 9 * dropped * tens + dropped * max(0, (rest - dropped) // (rate * 60 - dropped))
    seconds, frames = divmod(frame, rate)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours % 24:02}:{minutes:02}:{seconds:02}{';' if is_drop else ':'}{frames:02}"
