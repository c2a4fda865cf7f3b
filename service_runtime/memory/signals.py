"""Where memory figures come from: cgroup v2, cgroup v1, the host. Each is a small class with `read()`.

"Used" is the working set, usage - inactive_file - active_file: page cache is given back on demand, and a cache
that counted its own disk tier's pages would evict itself (measured: 86 % usage at 1 % working set,
research/cache-and-pressure.md, E). Files stay open between reads, about 10 µs a sample.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import NamedTuple, Protocol

import psutil

_UNLIMITED_V1 = 1 << 62  # the kernel reports "no limit" as the largest page-aligned long


class MemoryUsage(NamedTuple):
    """Bytes used and the bytes at which the kernel would kill."""

    used_bytes: int
    limit_bytes: int


class MemorySignal(Protocol):
    """One source of memory figures."""

    name: str

    def read(self) -> MemoryUsage | None:
        """The current figures; None when there is no limit; OSError or ValueError when they can't be had."""
        ...

    def close(self) -> None:
        """Closes what is kept open."""
        ...


class _KeptFile:
    """A small kernel file, opened once and read from its start each time."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))

    def text(self) -> str:
        return os.pread(self._descriptor, 16384, 0).decode("ascii")

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _table(text: str) -> dict[str, int]:
    rows = (line.split() for line in text.splitlines())
    return {row[0].rstrip(":"): int(row[1]) for row in rows if len(row) >= 2}


class CgroupV2:
    """Working set against `memory.max` of one cgroup v2 directory; `memory.high` if that is lower."""

    name = "cgroup_v2"

    def __init__(self, directory: Path) -> None:
        with contextlib.ExitStack() as stack:  # a missing file closes those opened before it
            files = []
            for file in ("memory.current", "memory.stat", "memory.max", "memory.high"):
                kept = _KeptFile(directory / file)
                stack.callback(kept.close)
                files.append(kept)
            self._current, self._stat, self._max, self._high = files
            stack.pop_all()

    def read(self) -> MemoryUsage | None:
        """Usage and limit; None when the cgroup has no limit (now)."""
        limits = [text for text in (self._max.text().strip(), self._high.text().strip()) if text != "max"]
        if not limits:
            return None
        stat = _table(self._stat.text())
        cache = stat.get("inactive_file", 0) + stat.get("active_file", 0)
        return MemoryUsage(max(0, int(self._current.text()) - cache), min(map(int, limits)))

    def close(self) -> None:
        """Closes the kernel files."""
        for file in (self._current, self._stat, self._max, self._high):
            file.close()


class CgroupV1:
    """Working set against `memory.limit_in_bytes` of one cgroup v1 directory."""

    name = "cgroup_v1"

    def __init__(self, directory: Path) -> None:
        with contextlib.ExitStack() as stack:
            files = []
            for file in ("memory.usage_in_bytes", "memory.stat", "memory.limit_in_bytes"):
                kept = _KeptFile(directory / file)
                stack.callback(kept.close)
                files.append(kept)
            self._usage, self._stat, self._limit = files
            stack.pop_all()

    def read(self) -> MemoryUsage | None:
        """Usage and limit; None when the cgroup has no limit (now)."""
        limit = int(self._limit.text())
        if limit >= _UNLIMITED_V1:
            return None
        stat = _table(self._stat.text())
        cache = stat.get("total_inactive_file", 0) + stat.get("total_active_file", 0)
        return MemoryUsage(max(0, int(self._usage.text()) - cache), limit)

    def close(self) -> None:
        """Closes the kernel files."""
        for file in (self._usage, self._stat, self._limit):
            file.close()


class Host:
    """What the whole machine has: MemTotal - MemAvailable of /proc/meminfo."""

    name = "host"

    def __init__(self, meminfo: Path = Path("/proc/meminfo")) -> None:
        self._meminfo = _KeptFile(meminfo)

    def read(self) -> MemoryUsage:
        """Used and total memory of the machine."""
        table = _table(self._meminfo.text())
        total = table["MemTotal"] * 1024
        return MemoryUsage(total - table["MemAvailable"] * 1024, total)

    def close(self) -> None:
        """Closes the kernel file."""
        self._meminfo.close()


class PortableHost:
    """The whole machine through psutil, where there is no /proc (macOS, Windows)."""

    name = "host"

    def read(self) -> MemoryUsage:
        """Used and total memory of the machine."""
        memory = psutil.virtual_memory()
        return MemoryUsage(memory.total - memory.available, memory.total)

    def close(self) -> None:
        """Nothing is kept open."""


def discover(
    cgroup_root: Path = Path("/sys/fs/cgroup"),
    own_cgroups: Path = Path("/proc/self/cgroup"),
    meminfo: Path = Path("/proc/meminfo"),
) -> list[MemorySignal]:
    """The signals that concern this process: each cgroup above it that has a limit, and the host."""
    signals: list[MemorySignal] = []
    for directory, kind in _cgroup_directories(cgroup_root, own_cgroups):
        try:
            signal = kind(directory)
        except OSError:
            continue
        try:
            has_limit = signal.read() is not None
        except (OSError, ValueError, KeyError):
            has_limit = False
        if has_limit:
            signals.append(signal)
        else:
            signal.close()
    signals.append(Host(meminfo) if meminfo.exists() else PortableHost())
    return signals


def _cgroup_directories(root: Path, own_cgroups: Path) -> list[tuple[Path, type[CgroupV2 | CgroupV1]]]:
    try:
        lines = own_cgroups.read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    found: list[tuple[Path, type[CgroupV2 | CgroupV1]]] = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            base: Path = root
            kind: type[CgroupV2 | CgroupV1] = CgroupV2
        elif "memory" in controllers.split(","):
            base, kind = root / "memory", CgroupV1
        else:
            continue
        directory = base / path.lstrip("/")
        # Inside a container the path may name the host's view; the mount's own root is then the cgroup.
        ancestors = [directory, *directory.parents]
        found += [(level, kind) for level in ancestors if level == base or base in level.parents]
    return found
