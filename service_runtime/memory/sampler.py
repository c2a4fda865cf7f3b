"""Takes samples of all signals; the worst one counts, and one that fails is UNKNOWN, never NORMAL."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Protocol

from service_runtime.memory.reading import Reading, Sample

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service_runtime.memory.levels import PressureLevel
    from service_runtime.memory.reading import Signal, Usage

_log = logging.getLogger(__name__)
_SLOW_SECONDS = 1.0  # a disk fills and Redis grows over seconds; each reading is a call or a thread
_ALIKE_RATIO = 0.001  # of the limit; a smaller move waits for the next full sample, 1 s at most
_SLOW_TIMEOUT_SECONDS = 5.0  # a disk or Redis that takes longer hangs, and counts as UNKNOWN


class SlowSignal(Protocol):
    """A signal that may take its time, such as a disk or a server."""

    name: str
    worst: PressureLevel

    async def read(self) -> Usage | None:
        """See `Signal.read`."""
        ...


class InThread:
    """A blocking signal, read in a thread."""

    def __init__(self, signal: Signal) -> None:
        self._signal = signal
        self._reading: asyncio.Future[Usage | None] | None = None
        self.name = signal.name
        self.worst = signal.worst

    async def read(self) -> Usage | None:
        """See `Signal.read`. A disk that hangs holds one thread, not one more with each try."""
        if self._reading is not None and not self._reading.done():
            raise TimeoutError("the reading before hasn't come back")
        self._reading = asyncio.ensure_future(asyncio.to_thread(self._signal.read))
        return await asyncio.shield(self._reading)


class Sampler:
    """Reads every cheap signal when asked, about 10 µs each, and adds the last word of the slow ones."""

    def __init__(self, signals: Sequence[Signal]) -> None:
        self.signals = list(signals)
        self.slow: list[SlowSignal] = []
        self._slow_readings: dict[str, Reading] = {}
        self._failing: set[str] = set()

    def sample(self) -> Sample:
        """The current readings."""
        readings = [reading for signal in self.signals if (reading := self._read(signal)) is not None]
        return Sample((*readings, *self._slow_readings.values()))

    def is_like(self, sample: Sample) -> bool:
        """Whether the cheap signals say what they said in `sample`, within a thousandth of their limits.

        Cheaper than another sample and its meaning, for the many moments in which nothing happens.
        """
        for signal, reading in zip(self.signals, sample.readings, strict=False):
            if reading.ratio is None or reading.name != signal.name:
                return False
            try:
                usage = signal.read()
            except Exception:  # noqa: BLE001 - the sample will tell what it is
                return False
            if usage is None or abs(usage.ratio - reading.ratio) > _ALIKE_RATIO:
                return False
        return True

    async def refresh(self) -> None:
        """Reads the slow signals once, none for longer than 5 s."""
        for signal in self.slow:
            try:
                async with asyncio.timeout(_SLOW_TIMEOUT_SECONDS):
                    reading = self._of(signal, await signal.read())
            except Exception as error:  # noqa: BLE001 - whatever fails here means UNKNOWN
                reading = self._failed(signal, error)
            # A new dictionary each time: the sampling thread may be reading the old one.
            others = {name: each for name, each in self._slow_readings.items() if name != signal.name}
            self._slow_readings = others if reading is None else {**others, signal.name: reading}

    async def run(self) -> None:
        """Refreshes the slow signals every second until cancelled."""
        while self.slow:
            await self.refresh()
            await asyncio.sleep(_SLOW_SECONDS)

    def close(self) -> None:
        """Closes all signals."""
        for signal in self.signals:
            signal.close()

    def _read(self, signal: Signal) -> Reading | None:
        try:
            usage = signal.read()
        except Exception as error:  # noqa: BLE001 - whatever fails here means UNKNOWN
            return self._failed(signal, error)
        return self._of(signal, usage)

    def _of(self, signal: Signal | SlowSignal, usage: Usage | None) -> Reading | None:
        self._failing.discard(signal.name)
        return None if usage is None else Reading(signal.name, *usage, signal.worst)

    def _failed(self, signal: Signal | SlowSignal, error: Exception) -> Reading:
        if signal.name not in self._failing:
            self._failing.add(signal.name)
            _log.warning("pressure signal failed", extra={"signal": signal.name, "error": repr(error)})
        return Reading(signal.name, 0, 0, None, signal.worst)
