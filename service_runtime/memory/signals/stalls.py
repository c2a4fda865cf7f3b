"""Pressure stall information: the share of time in which all work stood still for want of memory or disk.

A second opinion. Memory that is merely full of page cache doesn't stall anybody; work that does stall is late
whatever the bytes say. `full` and not `some`: a single reader of a large file stalls itself, and harms nobody.
https://docs.kernel.org/accounting/psi.html
"""

from __future__ import annotations

import contextlib
import os
import select
import time
from collections import deque
from typing import TYPE_CHECKING

from service_runtime.memory.levels import PressureLevel
from service_runtime.memory.reading import Usage
from service_runtime.memory.signals.cgroup import cgroup_directories
from service_runtime.memory.signals.kernel_file import KernelFile

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from service_runtime.memory.levels import Thresholds
    from service_runtime.memory.signals.surroundings import Surroundings

_WINDOW_SECONDS = 4.0  # one hiccup raises no level, a stall of some seconds does
_STEP_SECONDS = 0.5  # eight readings a window; one costs as much as all other signals
_PSI_WINDOW_US = (
    2_000_000  # the least that unprivileged processes may ask for (docs.kernel.org/accounting/psi.html)
)
MEMORY_LIMIT_RATIO = 0.5
"""Standing still half of the time for memory is the end (systemd-oomd kills at 60 % for 30 s)."""
IO_LIMIT_RATIO = 1.0  # a standstill; slow disks are usual, so ELEVATED begins at 60 % of the time


class Stalls:
    """Share of the last four seconds that was lost, against what is too much.

    From the running total and not from `avg10`, which tells of a second's stall for half a minute. It needs no
    trigger of the kernel, which only privileged processes may set for less than two seconds.
    """

    def __init__(
        self,
        name: str,
        path: Path,
        limit_ratio: float,
        worst: PressureLevel,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self.worst = worst
        self.path = path
        self._limit_ratio = limit_ratio
        self._clock = clock
        self._file = KernelFile(path)
        self._last: Usage | None = None
        self._totals: deque[tuple[float, int]] = deque([(clock(), self._total_us())])

    def read(self) -> Usage:
        """No bytes; stalled share of time / limit."""
        now = self._clock()
        if self._last is not None and now - self._totals[-1][0] < _STEP_SECONDS:
            return self._last  # the window is long; reading costs as much as all the rest
        total = self._total_us()
        while len(self._totals) > 1 and self._totals[1][0] <= now - _WINDOW_SECONDS:
            self._totals.popleft()
        since, base = self._totals[0]
        self._totals.append((now, total))
        # Over the whole window even when it has just begun: one stalled millisecond isn't a stalled service.
        share = (total - base) / 1e6 / max(now - since, _WINDOW_SECONDS)
        self._last = Usage(0, 0, share / self._limit_ratio)
        return self._last

    def make_trigger(self, thresholds: Thresholds) -> StallTrigger | None:
        """An event when memory stalls reach ELEVATED; None for other resources. Raises OSError where it isn't permitted."""
        return StallTrigger(self.path, thresholds) if self.name == "memory_stalls" else None

    def close(self) -> None:
        """Closes the kernel file."""
        self._file.close()

    def _total_us(self) -> int:
        return int(self._file.text().rpartition("total=")[2])  # the last line is `full`


class StallTrigger:
    """The kernel's own watch on stalls, over the two seconds that unprivileged processes may ask for."""

    events = select.POLLPRI if hasattr(select, "POLLPRI") else 0

    def __init__(self, path: Path, thresholds: Thresholds) -> None:
        """Raises OSError where the kernel or our rights don't allow it."""
        self.descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        limit_us = int(MEMORY_LIMIT_RATIO * thresholds.elevated * _PSI_WINDOW_US)
        try:
            os.write(self.descriptor, f"full {limit_us} {_PSI_WINDOW_US}\0".encode())
        except OSError:
            os.close(self.descriptor)
            raise

    def arm(self, thresholds: Thresholds) -> bool:
        """Never another descriptor: the limit stays as it was set, since the kernel takes one for each."""
        del thresholds
        return False

    def clear(self) -> None:
        """Nothing to do: `poll` itself takes the event."""

    def close(self) -> None:
        """Closes the descriptor; the kernel forgets the limit."""
        os.close(self.descriptor)


def find(surroundings: Surroundings) -> list[Stalls]:
    """The signals for memory and disk: of this process's cgroup where the kernel keeps them, else of the machine."""
    root, own_cgroups = surroundings.cgroup_root, surroundings.own_cgroups
    found = []
    for resource, limit, worst in (
        ("memory", MEMORY_LIMIT_RATIO, PressureLevel.CRITICAL),
        ("io", IO_LIMIT_RATIO, PressureLevel.ELEVATED),
    ):
        for path in (*_of_cgroup(root, own_cgroups, resource), surroundings.pressure / resource):
            with contextlib.suppress(OSError, ValueError):
                found.append(Stalls(f"{resource}_stalls", path, limit, worst))
                break
    return found


def _of_cgroup(root: Path, own_cgroups: Path, resource: str) -> list[Path]:
    directories = [path for path, is_v2 in cgroup_directories(root, own_cgroups, "memory") if is_v2]
    return [directories[0] / f"{resource}.pressure"] if directories else []
