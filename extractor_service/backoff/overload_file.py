"""Tells an Envoy beside this extractor how pressed it is, by the file of its overload manager's `injected_resource`.

So the edge refuses new calls itself at CRITICAL, before they cost the extractor anything. Envoy takes a file that is moved into place:
https://www.envoyproxy.io/docs/envoy/latest/api-v3/extensions/resource_monitors/injected_resource/v3/injected_resource.proto
"""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import TYPE_CHECKING

from service_runtime.memory.levels import PressureLevel
from service_runtime.repeated import RepeatedErrors

if TYPE_CHECKING:
    from extractor_service.backoff.state import BackoffState

_failures = RepeatedErrors(logging.getLogger(__name__), "the overload file can't be written")
_LOOK_SECONDS = 0.1  # the edge has to shed within a second
_STEP_RATIO = 0.01  # of a change that is worth a file
_FLOOR_RATIO = {
    PressureLevel.NORMAL: 0.0,
    PressureLevel.ELEVATED: 0.6,
    PressureLevel.HIGH: 0.8,
    PressureLevel.CRITICAL: 0.95,
}  # as levels begin by default, and CRITICAL beyond doubt: it may be the cache's, or a rehearsal, while memory here is free
_CEILING_RATIO = {
    PressureLevel.NORMAL: 0.59, PressureLevel.ELEVATED: 0.79, PressureLevel.HIGH: 0.89, PressureLevel.CRITICAL: 1.0,
}  # fmt: skip  # what is obeyed counts, and not a peak that is over


class OverloadFile:
    """Keeps it up to date. `run` it."""

    def __init__(self, path: str, backoff: BackoffState) -> None:
        self._path = Path(path)
        self._backoff = backoff
        self._told: float | None = None

    def ratio(self) -> float:
        """How pressed the extractor is, 0 to 1: the score within the band of the level that is obeyed."""
        level, local = self._backoff.level(), self._backoff.local
        score = local.score if local is not None else 0.0
        return min(max(score, _FLOOR_RATIO[level]), _CEILING_RATIO[level])

    async def run(self) -> None:
        """Writes what has changed until cancelled; in the end nothing is pressed any more."""
        try:
            while True:
                # A small file, ten times a second at most: in a thread it could come after the last one.
                self._tell(self.ratio())
                await asyncio.sleep(_LOOK_SECONDS)
        finally:
            self._tell(0.0)

    def _tell(self, ratio: float) -> None:
        if self._told is not None and abs(ratio - self._told) < _STEP_RATIO:
            return
        fresh = self._path.with_name(self._path.name + ".new")
        try:
            fresh.write_text(f"{ratio:.3f}", encoding="ascii")
            fresh.replace(self._path)
        except OSError as error:  # tried again at the next look: what stands there may refuse everything
            _failures.log(error)
            return
        self._told = ratio
