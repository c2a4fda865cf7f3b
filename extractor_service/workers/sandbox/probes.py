"""Tries, from inside a jail, what has to fail there. Harmless where it doesn't."""

from __future__ import annotations

import errno
import mmap
import os
import resource
import socket
import sys
from typing import TYPE_CHECKING, NamedTuple

from extractor_service.workers.sandbox import kernel

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_REFUSALS = frozenset({errno.EPERM, errno.EACCES})
_PTRACE_TRACEME = 0  # asks the parent to trace us: it alone concerns nobody else


class SandboxReport(NamedTuple):
    """What a jail is worth here."""

    missing: Mapping[str, str]
    """Barriers that aren't in force, and why."""
    failures: Mapping[str, str]
    """Attempts that should have been refused, and what came of them."""

    @property
    def is_tight(self) -> bool:
        """Whether every barrier is in force and every attempt was refused."""
        return not self.missing and not self.failures

    def explanation(self) -> str:
        """For a log line or an error."""
        parts = [f"{name}: {why}" for name, why in {**self.missing, **self.failures}.items()]
        return "; ".join(parts)


NO_SANDBOX = SandboxReport({"sandbox": "METAEXTRACT_SANDBOX is off"}, {})


def _open_socket() -> None:
    socket.socket(socket.AF_INET, socket.SOCK_STREAM).close()


def _start_process() -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)


def _execute() -> None:
    os.execv("/nonexistent/program", ["program"])  # noqa: S606 - it mustn't get as far as not finding it


def _open_for_writing() -> None:
    os.close(os.open("/dev/null", os.O_WRONLY))


def _create_file() -> None:
    os.close(os.open(f"/tmp/metaextract-{os.getpid()}", os.O_RDONLY | os.O_CREAT | os.O_EXCL))  # noqa: S108 - refused
    os.unlink(f"/tmp/metaextract-{os.getpid()}")  # noqa: S108, PTH108 - where it wasn't


def _read_outside() -> None:
    os.close(os.open("/", os.O_RDONLY | os.O_DIRECTORY))


def _read_secrets() -> None:
    os.close(os.open("/etc/passwd", os.O_RDONLY))


def _trace() -> None:
    kernel.ptrace(_PTRACE_TRACEME)


def _signal_others() -> None:
    os.kill(os.getppid(), 0)


def _limit_others() -> None:
    resource.prlimit(os.getppid(), resource.RLIMIT_CORE)


def _share_memory() -> None:
    mmap.mmap(-1, mmap.PAGESIZE, mmap.MAP_SHARED | mmap.MAP_ANONYMOUS).close()


PROBES: dict[str, Callable[[], None]] = {
    "opening a socket": _open_socket,
    "starting a process": _start_process,
    "executing a program": _execute,
    "opening a file for writing": _open_for_writing,
    "creating a file": _create_file,
    "listing a folder outside": _read_outside,
    "reading a file outside": _read_secrets,
    "tracing": _trace,
    "signalling another process": _signal_others,
    "touching another's limits": _limit_others,
    "sharing memory": _share_memory,
}


def failures() -> dict[str, str]:
    """The attempts that weren't refused, and what became of them; {} is what has to come out."""
    found: dict[str, str] = {}
    if not sys.platform.startswith("linux"):
        return found
    for name, attempt in PROBES.items():
        try:
            attempt()
        except OSError as error:
            if error.errno not in _REFUSALS:
                found[name] = f"not refused: {error.strerror}"
        else:
            found[name] = "succeeded"
    return found
