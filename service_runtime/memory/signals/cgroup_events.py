"""What cgroup v1 says by itself: an eventfd for each threshold of *usage*, page cache included.

So the thresholds move with the cache: they are set anew when it has changed by more than 0.2 % of the limit.
https://docs.kernel.org/admin-guide/cgroup-v1/memory.html, section 9
"""

from __future__ import annotations

import contextlib
import os
import select
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from service_runtime.memory.levels import Thresholds

_REARM_RATIO = 0.002  # of the limit: less isn't worth three system calls


class UsageTrigger:
    """Three thresholds of one cgroup v1, behind one descriptor."""

    events = select.POLLIN if hasattr(select, "POLLIN") else 0

    def __init__(
        self, directory: Path, figures: Callable[[], tuple[int, int]], thresholds: Thresholds
    ) -> None:
        """`figures` gives the limit and the page cache of the last reading, in bytes.

        Raises:
            OSError: the kernel or our rights don't allow them.
        """
        self._figures = figures
        self._usage = os.open(directory / "memory.usage_in_bytes", os.O_RDONLY | os.O_CLOEXEC)
        try:
            self._control = os.open(directory / "cgroup.event_control", os.O_WRONLY | os.O_CLOEXEC)
        except OSError:
            os.close(self._usage)
            raise
        self.descriptor = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._armed: tuple[Thresholds, int, int] | None = None
        try:
            self.arm(thresholds)
        except OSError:
            self.close()
            raise

    def arm(self, thresholds: Thresholds) -> bool:
        """Whether there is another descriptor now, since the thresholds, the limit or the page cache changed.

        Those set before stay until the event's descriptor is closed, so it is a new one. Raises OSError.
        """
        limit, cached = self._figures()
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
        old, self.descriptor = self.descriptor, event
        os.close(old)
        self._armed = (thresholds, limit, cached)
        return True

    def clear(self) -> None:
        """Takes the event, or the next wait ends at once."""
        with contextlib.suppress(OSError):
            os.eventfd_read(self.descriptor)

    def close(self) -> None:
        """Closes the descriptors; the kernel forgets the thresholds."""
        for descriptor in (self.descriptor, self._control, self._usage):
            os.close(descriptor)
