"""What signals say: usages, readings, and samples of all signals at one moment."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable

from service_runtime.memory.levels import PressureLevel

if TYPE_CHECKING:
    from service_runtime.memory.levels import Thresholds


class Usage(NamedTuple):
    """How much of what a signal watches is used.

    `ratio` is used / limit; signals of time, such as stalls, have no bytes and give the ratio alone.
    """

    used_bytes: int
    limit_bytes: int
    ratio: float

    @classmethod
    def of(cls, used_bytes: int, limit_bytes: int) -> Usage:
        """Bytes against their limit.

        Raises:
            ValueError: the limit isn't positive.
        """
        if limit_bytes <= 0:
            raise ValueError(f"a limit of {limit_bytes} bytes")
        return cls(used_bytes, limit_bytes, used_bytes / limit_bytes)


class Signal(Protocol):
    """One thing that is watched. `worst` is the worst level that it may cause alone."""

    name: str
    worst: PressureLevel

    def read(self) -> Usage | None:
        """The current figures; None when there is no limit; any error when they can't be had."""
        ...

    def close(self) -> None:
        """Closes what is kept open."""
        ...


class Trigger(Protocol):
    """A descriptor of the kernel that becomes ready when a sample is due."""

    descriptor: int
    events: int
    """What `poll` waits for."""

    def arm(self, thresholds: Thresholds) -> bool:
        """Fits it to the thresholds and the signal's last reading; whether there is another descriptor now."""
        ...

    def clear(self) -> None:
        """Takes the event."""
        ...

    def close(self) -> None:
        """Closes the descriptor."""
        ...


@runtime_checkable
class TriggeringSignal(Protocol):
    """A signal of which the kernel itself tells."""

    def make_trigger(self, thresholds: Thresholds) -> Trigger | None:
        """The trigger; None where the kernel has none for it. Raises OSError where it isn't permitted."""
        ...


class Reading(NamedTuple):
    """What one signal said. `ratio` is None when it couldn't be read."""

    name: str
    used_bytes: int
    limit_bytes: int
    ratio: float | None
    worst: PressureLevel = PressureLevel.CRITICAL

    def level(self, thresholds: Thresholds) -> PressureLevel | None:
        """The level that this reading alone stands for; None when it couldn't be read."""
        return None if self.ratio is None else min(thresholds.level(self.ratio), self.worst)


class Sample(NamedTuple):
    """All readings of one moment."""

    readings: tuple[Reading, ...]

    def ordered(self, thresholds: Thresholds) -> tuple[Reading, ...]:
        """The readings, worst first, unreadable ones that matter before all."""

        def severity(reading: Reading) -> tuple[bool, float]:
            if reading.ratio is None:
                return _kills(reading), -1.0
            return False, thresholds.capped(reading.ratio, reading.worst)

        return tuple(sorted(self.readings, key=severity, reverse=True))

    def score(self, thresholds: Thresholds) -> float | None:
        """The worst ratio that could be read, none above what its signal may cause; None without any."""
        known = [
            thresholds.capped(reading.ratio, reading.worst)
            for reading in self.readings
            if reading.ratio is not None
        ]
        return max(known, default=None)

    @property
    def failed(self) -> bool:
        """Whether a signal of what kills a process couldn't be read; it might have been the worst."""
        return not self.readings or any(
            reading.ratio is None and _kills(reading) for reading in self.readings
        )

    def cause(self, thresholds: Thresholds, level: PressureLevel) -> str:
        """What `level` is due to: the worst signal, or "unreadable: NAME"; "" at NORMAL."""
        if level is PressureLevel.NORMAL or not self.readings:
            return ""
        first = self.ordered(thresholds)[0]
        return first.name if first.ratio is not None else f"unreadable: {first.name}"

    def headroom_bytes(self, ratio: float) -> int | None:
        """Bytes left below `ratio` of the tightest limit of memory; None where no memory could be read."""
        room = [
            int(ratio * reading.limit_bytes) - reading.used_bytes
            for reading in self.readings
            if reading.ratio is not None and reading.limit_bytes and _kills(reading)
        ]
        return max(0, min(room)) if room else None


def _kills(reading: Reading) -> bool:
    return reading.worst is PressureLevel.CRITICAL
