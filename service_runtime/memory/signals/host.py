"""Memory of the whole machine, and of this process."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from service_runtime.memory.levels import PressureLevel
from service_runtime.memory.reading import Usage
from service_runtime.memory.signals.kernel_file import KernelFile, numbers

if TYPE_CHECKING:
    from collections.abc import Callable

    from service_runtime.memory.signals.surroundings import Surroundings


class Host:
    """What the whole machine has: MemTotal - MemAvailable of /proc/meminfo."""

    name = "host"
    worst = PressureLevel.CRITICAL

    def __init__(self, meminfo: Path = Path("/proc/meminfo")) -> None:
        self._meminfo = KernelFile(meminfo)

    def read(self) -> Usage:
        """Used and total memory of the machine."""
        total, available = numbers(self._meminfo.text()[:512], "MemTotal:", "MemAvailable:")  # first lines
        return Usage.of((total - available) * 1024, total * 1024)

    def close(self) -> None:
        """Closes the kernel file."""
        self._meminfo.close()


class PortableHost:
    """The whole machine through psutil, where there is no /proc (macOS, Windows).

    Not in containers, where it is blind: inside a cgroup of 512 MiB it reports the machine's 24 GiB.
    """

    name = "host"
    worst = PressureLevel.CRITICAL

    def read(self) -> Usage:
        """Used and total memory of the machine."""
        memory = psutil.virtual_memory()
        return Usage.of(memory.total - memory.available, memory.total)

    def close(self) -> None:
        """Nothing is kept open."""


class ProcessMemory:
    """Resident memory of this process against a limit of its own; for machines without containers."""

    name = "process"
    worst = PressureLevel.CRITICAL

    def __init__(self, limit_bytes: int, statm: Path = Path("/proc/self/statm")) -> None:
        self._limit_bytes = limit_bytes
        self._statm = KernelFile(statm) if statm.exists() else None
        self._process = psutil.Process()
        self._page_bytes = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096

    def read(self) -> Usage:
        """Resident bytes and the limit."""
        if self._statm is None:
            return Usage.of(self._process.memory_info().rss, self._limit_bytes)
        return Usage.of(int(self._statm.text().split()[1]) * self._page_bytes, self._limit_bytes)

    def close(self) -> None:
        """Closes the kernel file."""
        if self._statm is not None:
            self._statm.close()


def find(surroundings: Surroundings) -> list[Host | PortableHost]:
    """The whole machine, by the kernel where it has a `/proc`."""
    return [Host(surroundings.meminfo) if surroundings.meminfo.exists() else PortableHost()]


def find_process(surroundings: Surroundings) -> list[ProcessMemory]:
    """This process, where the settings limit it."""
    limit = surroundings.process_limit_bytes
    return [ProcessMemory(limit)] if limit else []


class ReservedBytes:
    """Bytes promised to work in flight, against the limit of memory: known before they are used.

    At 170 MB/s a container of 512 MiB goes from 80 to 90 % in 0.3 s; a promise is seen at once.
    """

    name = "reserved"
    worst = PressureLevel.CRITICAL

    def __init__(self, reserved_bytes: Callable[[], int], limit_bytes: int) -> None:
        self._reserved_bytes = reserved_bytes
        self._limit_bytes = limit_bytes

    def read(self) -> Usage:
        """Reserved bytes and the limit of memory."""
        return Usage.of(self._reserved_bytes(), self._limit_bytes)

    def close(self) -> None:
        """Nothing is kept open."""
