"""Wakes the sampler early: the kernel says when a threshold is crossed, instead of being asked every 100 ms.

cgroup v1 has an eventfd per threshold of *usage*, page cache included, so the thresholds move with the cache: they are
set anew when it has changed by more than 0.2 % of the limit. PSI triggers tell of stalls, with the two-second
windows that unprivileged processes may have. An event only leads to a sample, which decides. Where neither is
permitted, the sampler's own rhythm is all there is.
"""

from __future__ import annotations

import contextlib
import logging
import os
import select
import time
from typing import TYPE_CHECKING

from service_runtime.memory.signals.cgroup import CgroupV1
from service_runtime.memory.signals.stalls import MEMORY_LIMIT_RATIO, Stalls

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service_runtime.memory.levels import Thresholds
    from service_runtime.memory.reading import Signal

_log = logging.getLogger(__name__)
_REARM_RATIO = 0.002
_PSI_WINDOW_US = 2_000_000
_MIN_PAUSE_SECONDS = 0.005  # usage may dance on a threshold


class UsageTriggers:
    """Three eventfds on one cgroup v1, one for each threshold."""

    def __init__(self, cgroup: CgroupV1) -> None:
        """Raises OSError where the kernel or our rights don't allow them."""
        self._cgroup = cgroup
        self._usage = os.open(cgroup.directory / "memory.usage_in_bytes", os.O_RDONLY | os.O_CLOEXEC)
        try:
            self._control = os.open(cgroup.directory / "cgroup.event_control", os.O_WRONLY | os.O_CLOEXEC)
        except OSError:
            os.close(self._usage)
            raise
        self.event = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._armed: tuple[Thresholds, int, int] | None = None

    def arm(self, thresholds: Thresholds) -> bool:
        """Whether the thresholds were set anew, because they, the limit or the page cache of the last reading changed.

        Those set before stay until the event's descriptor is closed, so it is a new one. Raises OSError.
        """
        limit, cached = self._cgroup.limit_bytes, self._cgroup.cached_bytes
        if not limit:
            return False
        if self._armed is not None:
            before, armed_limit, armed_cached = self._armed
            if (before, armed_limit) == (thresholds, limit) and abs(
                cached - armed_cached
            ) <= _REARM_RATIO * limit:
                return False
        event = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        try:
            for ratio in (thresholds.elevated, thresholds.high, thresholds.critical):
                os.write(self._control, f"{event} {self._usage} {int(ratio * limit) + cached}".encode())
        except OSError:
            os.close(event)  # those set before still hold
            raise
        old, self.event = self.event, event
        os.close(old)
        self._armed = (thresholds, limit, cached)
        return True

    def close(self) -> None:
        """Closes the descriptors; the kernel forgets the thresholds."""
        for descriptor in (self.event, self._control, self._usage):
            os.close(descriptor)


class Triggers:
    """Waits for a time, or until one of the kernel's events. For one thread; only `interrupt` is for others."""

    def __init__(self, signals: Sequence[Signal], thresholds: Thresholds) -> None:
        """Takes what is permitted; see `names`."""
        self._thresholds = thresholds
        self._usage: list[UsageTriggers] = []
        self._stalls: list[int] = []
        self.names: list[str] = []
        if hasattr(os, "eventfd"):
            for signal in signals:
                self._try(signal)
        self._stop_read, self._stop_write = os.pipe()
        self._poll = self._make_poll()
        self._fired_at = 0.0

    def arm(self, thresholds: Thresholds) -> None:
        """Fits the thresholds to the page cache; cheap when there is nothing to do."""
        self._thresholds = thresholds
        changed = False
        for trigger in self._usage:
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
        for trigger in self._usage:
            with contextlib.suppress(OSError):
                os.eventfd_read(trigger.event)
        return True

    def interrupt(self) -> None:
        """Ends a wait."""
        os.write(self._stop_write, b"x")

    def close(self) -> None:
        """Closes the descriptors; the kernel forgets the thresholds."""
        for trigger in self._usage:
            trigger.close()
        for descriptor in (*self._stalls, self._stop_read, self._stop_write):
            os.close(descriptor)

    def _make_poll(self) -> select.poll | None:
        if not hasattr(select, "poll"):
            return None
        poll = select.poll()
        poll.register(self._stop_read, select.POLLIN)
        for trigger in self._usage:
            poll.register(trigger.event, select.POLLIN)
        for descriptor in self._stalls:
            poll.register(descriptor, select.POLLPRI)
        return poll

    def _try(self, signal: Signal) -> None:
        try:
            if isinstance(signal, CgroupV1):
                trigger = UsageTriggers(signal)
                self._usage.append(trigger)
                signal.read()  # so that limit and page cache are known
                trigger.arm(self._thresholds)
            elif isinstance(signal, Stalls) and signal.name == "memory_stalls":
                descriptor = os.open(signal.path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
                self._stalls.append(descriptor)
                limit_us = int(MEMORY_LIMIT_RATIO * self._thresholds.elevated * _PSI_WINDOW_US)
                os.write(descriptor, f"full {limit_us} {_PSI_WINDOW_US}\0".encode())
            else:
                return
            self.names.append(signal.name)
        except (OSError, ValueError) as error:
            _log.info("no kernel events", extra={"signal": signal.name, "error": repr(error)})
