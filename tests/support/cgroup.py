"""A real memory cgroup, version 1 or 2, and processes in it. Needs root, as in a container that may make cgroups."""

from __future__ import annotations

import contextlib
import itertools
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_ROOT = Path("/sys/fs/cgroup")
_numbers = itertools.count()


class MemoryCgroup:
    """A cgroup below our own, with a limit; removed on leaving."""

    def __init__(self, limit_bytes: int) -> None:
        """Raises OSError where no cgroup can be made."""
        self.limit_bytes = limit_bytes
        parent, self.is_v2 = _parent()
        self.path = parent / f"metaextract-test-{os.getpid()}-{next(_numbers)}"
        self.path.mkdir()
        try:
            (self.path / ("memory.max" if self.is_v2 else "memory.limit_in_bytes")).write_text(
                str(limit_bytes)
            )
        except OSError:
            self.path.rmdir()
            raise

    def command(self, *words: str) -> list[str]:
        """`words` as a command that runs inside, with all its children."""
        return _inside(self.path, words)

    def used_bytes(self) -> int:
        """What the kernel counts, page cache included."""
        return int((self.path / ("memory.current" if self.is_v2 else "memory.usage_in_bytes")).read_text())

    def working_set_bytes(self) -> int:
        """What can't be given back on demand."""
        return working_set_bytes(self.path)

    def oom_kills(self) -> int:
        """Processes that the kernel has killed here."""
        text = (self.path / ("memory.events" if self.is_v2 else "memory.oom_control")).read_text()
        return int(dict(line.split() for line in text.splitlines())["oom_kill"])

    def __enter__(self) -> MemoryCgroup:
        return self

    def __exit__(self, *_: object) -> None:
        _remove(self.path)


class CpuCgroup:
    """A cgroup below our own with a share of one CPU; version 1 only. Removed on leaving."""

    def __init__(self, percent: int, period_microseconds: int = 100_000) -> None:
        """`period_microseconds`: how long a share is; a process that has used it stands still for the rest. Raises OSError where none
        can be made.
        """
        base = _ROOT / "cpu"
        own = next((base / path.lstrip("/") for path in _own_paths("cpu")), base)
        self.path = (own if own.is_dir() else base) / f"metaextract-test-{os.getpid()}-{next(_numbers)}"
        self.path.mkdir()
        self._percent, self._period_microseconds = percent, period_microseconds
        (self.path / "cpu.cfs_period_us").write_text(str(period_microseconds))
        self.limit()

    def limit(self) -> None:
        """Its share holds, from the beginning, or again."""
        quota_microseconds = self._percent * self._period_microseconds // 100
        (self.path / "cpu.cfs_quota_us").write_text(str(quota_microseconds))

    def lift(self) -> None:
        """Until `limit`, what is inside may use whatever there is."""
        (self.path / "cpu.cfs_quota_us").write_text("-1")

    def command(self, *words: str) -> list[str]:
        """`words` as a command that runs inside, with all its children."""
        return _inside(self.path, words)

    def __enter__(self) -> CpuCgroup:
        return self

    def __exit__(self, *_: object) -> None:
        _remove(self.path)


def working_set_bytes(path: Path) -> int:
    """What the cgroup at `path` can't give back on demand."""
    current = path / "memory.current"
    prefix = "" if current.exists() else "total_"
    used = int((current if current.exists() else path / "memory.usage_in_bytes").read_text())
    rows = dict(line.split() for line in (path / "memory.stat").read_text().splitlines())
    return max(0, used - int(rows[f"{prefix}inactive_file"]) - int(rows[f"{prefix}active_file"]))


def _inside(path: Path, words: Sequence[str]) -> list[str]:
    return ["/bin/sh", "-c", f'echo $$ > {path}/cgroup.procs && exec "$@"', "sh", *words]


def _remove(path: Path) -> None:
    for _attempt in range(100):
        for pid in (path / "cgroup.procs").read_text().split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), 9)
        try:
            path.rmdir()
        except OSError:
            time.sleep(0.05)
        else:
            return


def _own_paths(controller: str) -> Iterator[str]:
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if controller in controllers.split(","):
            yield path


def _parent() -> tuple[Path, bool]:
    """Our own memory cgroup, and whether it is of version 2."""
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if "memory" in controllers.split(","):
            base = _ROOT / "memory"
            own = base / path.lstrip("/")
            return (own if own.is_dir() else base), False
    return _ROOT, True


def why_not() -> str:
    """Why no memory cgroup can be made here; "" where one can."""
    try:
        with MemoryCgroup(64 * 2**20):
            return ""
    except OSError as error:
        return f"no memory cgroup can be made here: {error}"
