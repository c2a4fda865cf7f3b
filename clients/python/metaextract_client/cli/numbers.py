"""Numbers and times as the command line takes them."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def positive(kind: type[int | float]) -> Callable[[str], int | float]:
    """A reader of such numbers, above 0, for argparse."""

    def parse(text: str) -> int | float:
        value = kind(text)
        if not value > 0:
            raise argparse.ArgumentTypeError(f"must be above 0, not {text}")
        return value

    return parse


def duration(text: str) -> float:
    """Seconds, with or without an "s"; "2m" are two minutes, "12h" hours, "30d" days."""
    factor = _UNITS.get(text[-1:])
    number = text if factor is None else text[:-1]
    try:
        seconds = float(number) * (factor or 1.0)
    except ValueError:
        raise argparse.ArgumentTypeError(f"seconds are expected, not {text!r}") from None
    if not seconds > 0:
        raise argparse.ArgumentTypeError(f"must be above 0, not {text}")
    return seconds


_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}  # seconds
