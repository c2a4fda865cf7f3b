"""How many processes of this container the kernel has killed for memory.

cgroup v2: `oom_kill` in `memory.events`; v1: in `memory.oom_control`; without a memory cgroup, `oom_kill` in `/proc/vmstat`, which
counts the whole machine's. https://docs.kernel.org/admin-guide/cgroup-v2.html
"""

from __future__ import annotations

from pathlib import Path

from service_runtime.memory.signals.cgroup import cgroup_directories
from service_runtime.memory.signals.kernel_file import KernelFile, numbers
from service_runtime.memory.signals.surroundings import Surroundings

_VMSTAT = Path("/proc/vmstat")


class OomKills:
    """Reads the counters of this process's cgroup and of those above."""

    def __init__(self, surroundings: Surroundings | None = None, vmstat: Path = _VMSTAT) -> None:
        where = surroundings or Surroundings()
        self._files: list[KernelFile] = []
        directories = cgroup_directories(where.cgroup_root, where.own_cgroups, "memory")
        paths = [path / ("memory.events" if is_v2 else "memory.oom_control") for path, is_v2 in directories]
        self._open(paths)
        if not self._files:
            self._open([vmstat])

    def count(self) -> int:
        """Kills until now; 0 where they can't be counted."""
        total = 0
        for file in self._files:
            try:
                total += numbers(file.text(), "oom_kill")[0]
            except (OSError, ValueError, KeyError):
                continue
        return total

    def close(self) -> None:
        """Closes the kernel files."""
        for file in self._files:
            file.close()

    def _open(self, paths: list[Path]) -> None:
        for path in paths:
            try:
                file = KernelFile(path)
            except OSError:
                continue
            if "oom_kill " in file.text():
                self._files.append(file)
            else:
                file.close()
