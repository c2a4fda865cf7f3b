"""Takes samples of all signals; the worst one counts, and one that fails is UNKNOWN, never NORMAL."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service_runtime.memory.signals import MemorySignal

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Reading:
    """What one signal said. `ratio` is None when it couldn't be read."""

    name: str
    used_bytes: int
    limit_bytes: int
    ratio: float | None


@dataclass(frozen=True)
class Sample:
    """All readings of one moment, worst first, unreadable ones before all."""

    readings: tuple[Reading, ...]

    @property
    def ratio(self) -> float | None:
        """The worst ratio among the signals that could be read; None without any."""
        return max((reading.ratio for reading in self.readings if reading.ratio is not None), default=None)

    @property
    def failed(self) -> bool:
        """Whether a signal couldn't be read; it might have been the worst."""
        return not self.readings or any(reading.ratio is None for reading in self.readings)


class Sampler:
    """Reads every signal when asked, about 10 µs each."""

    def __init__(self, signals: Sequence[MemorySignal]) -> None:
        self._signals = signals
        self._failing: list[MemorySignal] = []

    def sample(self) -> Sample:
        """The current readings."""
        readings = [reading for signal in self._signals if (reading := self._read(signal)) is not None]
        readings.sort(key=lambda reading: math.inf if reading.ratio is None else reading.ratio, reverse=True)
        return Sample(tuple(readings))

    def close(self) -> None:
        """Closes all signals."""
        for signal in self._signals:
            signal.close()

    def _read(self, signal: MemorySignal) -> Reading | None:
        try:
            usage = signal.read()
            reading = (
                None if usage is None else Reading(signal.name, *usage, usage.used_bytes / usage.limit_bytes)
            )
        except Exception as error:  # noqa: BLE001 - whatever fails here means UNKNOWN
            if signal not in self._failing:
                self._failing.append(signal)
                _log.warning("memory signal failed", extra={"signal": signal.name, "error": repr(error)})
            return Reading(signal.name, 0, 0, None)
        if signal in self._failing:
            self._failing.remove(signal)
        return reading
