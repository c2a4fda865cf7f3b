"""Wakes the sampler early: the kernel says when a threshold is crossed, instead of being asked every 100 ms.

An event only leads to a sample, which decides. Where none is permitted, the sampler's own rhythm is all there is.
"""

from __future__ import annotations

import contextlib
import logging
import os
import select
import time
from typing import TYPE_CHECKING

from service_runtime.memory.reading import TriggeringSignal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service_runtime.memory.levels import Thresholds
    from service_runtime.memory.reading import Signal, Trigger

_log = logging.getLogger(__name__)
_MIN_PAUSE_SECONDS = 0.005  # usage may dance on a threshold


class Triggers:
    """Waits for a time, or until one of the kernel's events. For one thread; only `interrupt` is for others."""

    def __init__(self, signals: Sequence[Signal], thresholds: Thresholds) -> None:
        """Takes what is permitted; see `names`."""
        self._triggers: list[Trigger] = []
        self.names: list[str] = []
        if hasattr(os, "eventfd"):
            for signal in signals:
                self._try(signal, thresholds)
        self._stop_read, self._stop_write = os.pipe()
        self._poll = self._make_poll()
        self._fired_at = 0.0

    def arm(self, thresholds: Thresholds) -> None:
        """Fits the triggers to the thresholds and the last readings; cheap when there is nothing to do."""
        changed = False
        for trigger in self._triggers:
            with contextlib.suppress(OSError, ValueError):
                changed |= trigger.arm(thresholds)
        if changed:
            self._poll = self._make_poll()

    def wait(self, seconds: float) -> bool:
        """Whether an event came before the time was over."""
        if self._poll is None:  # Windows polls no pipes
            time.sleep(seconds)
            return False
        fired = self._poll.poll(seconds * 1000)
        if not fired:
            return False
        if time.monotonic() - self._fired_at < _MIN_PAUSE_SECONDS:
            time.sleep(_MIN_PAUSE_SECONDS)
        self._fired_at = time.monotonic()
        for trigger in self._triggers:
            trigger.clear()
        return True

    def interrupt(self) -> None:
        """Ends a wait."""
        os.write(self._stop_write, b"x")

    def close(self) -> None:
        """Closes the descriptors; the kernel forgets the thresholds."""
        for trigger in self._triggers:
            trigger.close()
        for descriptor in (self._stop_read, self._stop_write):
            os.close(descriptor)

    def _make_poll(self) -> select.poll | None:
        if not hasattr(select, "poll"):
            return None
        poll = select.poll()
        poll.register(self._stop_read, select.POLLIN)
        for trigger in self._triggers:
            poll.register(trigger.descriptor, trigger.events)
        return poll

    def _try(self, signal: Signal, thresholds: Thresholds) -> None:
        if not isinstance(signal, TriggeringSignal):
            return
        try:
            trigger = signal.make_trigger(thresholds)
        except (OSError, ValueError) as error:
            _log.info("no kernel events", extra={"signal": signal.name, "error": repr(error)})
            return
        if trigger is not None:
            self._triggers.append(trigger)
            self.names.append(signal.name)
