"""Memory of the container: cgroup v2 and v1.

"Used" is the working set, usage - inactive_file - active_file: page cache is given back on demand, and a cache
that counted its own disk tier's pages would evict itself (measured: 86 % usage at 1 % working set).
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from service_runtime.memory.levels import PressureLevel
from service_runtime.memory.reading import Usage
from service_runtime.memory.signals.cgroup_events import UsageTrigger
from service_runtime.memory.signals.kernel_file import numbers, open_all

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from service_runtime.memory.levels import Thresholds
    from service_runtime.memory.signals.surroundings import Surroundings

_OOM_SECONDS = 1.0  # that a kill counts as full: no sample can miss it, and the hold does the rest
_UNLIMITED_V1 = 1 << 62  # the kernel reports "no limit" as the largest page-aligned long


class CgroupV2:
    """Working set against `memory.max` of one cgroup v2 directory; `memory.high` if that is lower.

    For a second after `memory.events` counted an `oom`, an allocation that failed, the ratio is 1 at least. Its `max` and
    `high` rise with mere page cache, and mean nothing here. The local file leaves out what concerned siblings only.
    """

    name = "cgroup_v2"
    worst = PressureLevel.CRITICAL

    def __init__(self, directory: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self.directory = directory
        local = "memory.events.local"
        events = local if (directory / local).exists() else "memory.events"
        self._current, self._stat, self._max, self._high, self._events = self._files = open_all(
            directory / name
            for name in ("memory.current", "memory.stat", "memory.max", "memory.high", events)
        )
        self._clock = clock
        self._ooms = self._count_ooms()
        self._oom_until = -math.inf
        self.cached_bytes = 0

    def read(self) -> Usage | None:
        """Usage and limit; None when the cgroup has no limit (now)."""
        limits = [text for text in (self._max.text().strip(), self._high.text().strip()) if text != "max"]
        if not limits:
            return None
        self.cached_bytes = sum(numbers(self._stat.text(), "inactive_file", "active_file"))
        usage = Usage.of(max(0, self._current.number() - self.cached_bytes), min(map(int, limits)))
        before, self._ooms = self._ooms, self._count_ooms()
        if self._ooms != before:
            self._oom_until = self._clock() + _OOM_SECONDS
        return usage if self._clock() >= self._oom_until else usage._replace(ratio=max(1.0, usage.ratio))

    def close(self) -> None:
        """Closes the kernel files."""
        for file in self._files:
            file.close()

    def _count_ooms(self) -> int:
        return numbers(self._events.text(), "oom")[0]


class CgroupV1:
    """Working set against `memory.limit_in_bytes` of one cgroup v1 directory."""

    name = "cgroup_v1"
    worst = PressureLevel.CRITICAL

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._usage, self._stat, self._limit = self._files = open_all(
            directory / name for name in ("memory.usage_in_bytes", "memory.stat", "memory.limit_in_bytes")
        )
        self.limit_bytes = 0
        """As it was at the last reading, like the next."""
        self.cached_bytes = 0

    def read(self) -> Usage | None:
        """Usage and limit; None when the cgroup has no limit (now)."""
        limit = self._limit.number()
        if limit >= _UNLIMITED_V1:
            return None
        self.limit_bytes = limit
        self.cached_bytes = sum(numbers(self._stat.text(), "total_inactive_file", "total_active_file"))
        return Usage.of(max(0, self._usage.number() - self.cached_bytes), limit)

    def make_trigger(self, thresholds: Thresholds) -> UsageTrigger:
        """Events when the usage crosses a threshold; raises OSError where they aren't permitted."""
        self.read()  # so that limit and page cache are known
        return UsageTrigger(self.directory, lambda: (self.limit_bytes, self.cached_bytes), thresholds)

    def close(self) -> None:
        """Closes the kernel files."""
        for file in self._files:
            file.close()


def cgroup_directories(root: Path, own_cgroups: Path, v1_controller: str) -> list[tuple[Path, bool]]:
    """The directories of this process's cgroups and of those above, and whether each is of version 2.

    On a hybrid machine version 2 is mounted at `root`/unified.
    """
    try:
        lines = own_cgroups.read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    found: list[tuple[Path, bool]] = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        is_v2 = controllers == ""
        if is_v2:
            unified = root / "unified"
            base = unified if unified.is_dir() else root
        elif v1_controller in controllers.split(","):
            base = root / v1_controller
        else:
            continue
        directory = base / path.lstrip("/")
        # Inside a container the path may name the host's view; the mount's own root is then the cgroup.
        ancestors = [directory, *directory.parents]
        found += [(level, is_v2) for level in ancestors if level == base or base in level.parents]
    return found


def find(surroundings: Surroundings) -> list[CgroupV1 | CgroupV2]:
    """One signal for each cgroup above this process that has a limit."""
    root, own_cgroups = surroundings.cgroup_root, surroundings.own_cgroups
    signals: list[CgroupV1 | CgroupV2] = []
    for directory, is_v2 in cgroup_directories(root, own_cgroups, "memory"):
        try:
            signal = (CgroupV2 if is_v2 else CgroupV1)(directory)
        except OSError:
            continue
        try:
            has_limit = signal.read() is not None
        except (OSError, ValueError):
            has_limit = False
        if has_limit:
            signals.append(signal)
        else:
            signal.close()
    return signals
