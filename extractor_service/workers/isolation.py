"""What a worker may do: memory, files, core dumps; and that it dies with its parent."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

_PR_SET_PDEATHSIG = 1  # prctl(2), from linux/prctl.h
_MAX_OPEN_FILES = 64  # its socket, the file, what libraries open; more is a leak, and fails
_NICENESS = 10  # the front gets about nine times a worker's weight, workers still run when idle


def die_with_parent() -> None:
    """Asks Linux to kill this process when its parent dies: one in a CPU loop sees no closed socket."""
    if sys.platform.startswith("linux"):
        with contextlib.suppress(OSError):
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def close_other_descriptors(kept: Collection[int]) -> None:
    """Closes everything but standard streams and `kept`: forked siblings would hold each other's sockets open."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    highest = min(limit, 1 << 20) if limit != resource.RLIM_INFINITY else 1 << 20
    first = 3
    for descriptor in sorted(kept):
        os.closerange(first, descriptor)
        first = descriptor + 1
    os.closerange(first, highest)


def silence() -> None:
    """Empties the environment, and leads standard output and errors nowhere: a file must not write into our logs."""
    os.environ.clear()
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nowhere, stream)
    os.close(nowhere)


def yield_to_front() -> None:
    """Lets the front process, and whatever else serves calls here, go first.

    On equal terms with busy workers the front of an overloaded machine came too late to refuse anything: at ten times the
    capacity of one CPU it did 0.08 of what was possible (`make bench ONLY=goodput_overload`).
    """
    with contextlib.suppress(OSError):
        os.nice(_NICENESS)


def limit_resources(memory_bytes: int, memory: OwnMemory, file_bytes: int = 0) -> None:
    """Bounds this process, from now on: `memory_bytes` more address space than it has, few files, no core dump.

    To be called after the preload: an address space limit before the imports makes them fail in odd ways.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (_MAX_OPEN_FILES, _MAX_OPEN_FILES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, file_bytes))  # a parser writes no files
    if sys.platform.startswith("linux"):
        total = memory.virtual_bytes() + memory_bytes
        resource.setrlimit(resource.RLIMIT_AS, (total, total))


class OwnMemory:
    """Tells how much memory this process has, also where it may open no file any more."""

    def __init__(self) -> None:
        """To be made in the process that it is about."""
        try:
            self.descriptor: int | None = os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            self.descriptor = None

    def resident_bytes(self) -> int:
        """Resident memory; 0 where it can't be known."""
        return self._pages(1) * resource.getpagesize()

    def virtual_bytes(self) -> int:
        """Address space; 0 where it can't be known."""
        return self._pages(0) * resource.getpagesize()

    def _pages(self, field: int) -> int:
        return 0 if self.descriptor is None else int(os.pread(self.descriptor, 128, 0).split()[field])
