"""What a worker may do: memory, files, core dumps; and that it dies with its parent."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import sys
from pathlib import Path

_PR_SET_PDEATHSIG = 1  # prctl(2), from linux/prctl.h
_MAX_OPEN_FILES = 64  # its socket, the file, what libraries open; more is a leak, and fails
_NICENESS = 10  # the front gets about nine times a worker's weight, workers still run when idle


def die_with_parent() -> None:
    """Asks Linux to kill this process when its parent dies: one in a CPU loop sees no closed socket."""
    if sys.platform.startswith("linux"):
        with contextlib.suppress(OSError):
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def close_other_descriptors(kept: int) -> None:
    """Closes everything but standard streams and `kept`: forked siblings would hold each other's sockets open."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    highest = min(limit, 1 << 20) if limit != resource.RLIM_INFINITY else 1 << 20
    os.closerange(3, kept)
    os.closerange(kept + 1, highest)


def yield_to_front() -> None:
    """Lets the front process, and whatever else serves calls here, go first.

    On equal terms with busy workers the front of an overloaded machine came too late to refuse anything: at ten times the
    capacity of one CPU it did 0.08 of what was possible (`make bench ONLY=goodput_overload`).
    """
    with contextlib.suppress(OSError):
        os.nice(_NICENESS)


def limit_resources(memory_bytes: int) -> None:
    """Bounds this process, from now on: `memory_bytes` more address space than it has, few files, no core dump.

    To be called after the preload: an address space limit before the imports makes them fail in odd ways.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (_MAX_OPEN_FILES, _MAX_OPEN_FILES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))  # a parser writes no files
    if sys.platform.startswith("linux"):
        total = _virtual_bytes() + memory_bytes
        resource.setrlimit(resource.RLIMIT_AS, (total, total))


def resident_bytes() -> int:
    """Resident memory of this process; 0 where it can't be known."""
    try:
        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * resource.getpagesize()
    except OSError:
        return 0


def _virtual_bytes() -> int:
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
