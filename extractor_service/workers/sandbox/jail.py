"""The jail: prepared once where workers are forked, entered by each of them before the first byte of a file is read."""

from __future__ import annotations

import ctypes
import os
import shutil
import struct
import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING

from extractor_service.workers.sandbox import kernel, landlock, seccomp
from extractor_service.workers.sandbox.syscalls import this_machine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from extractor_service.workers.sandbox.profile import Profile

NO_NEW_PRIVS, CAPABILITIES, LANDLOCK, SECCOMP = "no_new_privs", "capabilities", "landlock", "seccomp"
BARRIERS = (NO_NEW_PRIVS, CAPABILITIES, LANDLOCK, SECCOMP)
_CAPABILITY_VERSION = 0x20080522  # _LINUX_CAPABILITY_VERSION_3, linux/capability.h
# Shared libraries, where the system's loader looks, and what the C library says in which language.
_SYSTEM = (
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/usr/local/lib",
    "/etc/ld.so.cache",
    "/usr/share/locale",
)


# Of the C library, by machine (System V ABI, AMD64 and AArch64 supplements).
_LOADERS = ("/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1")


class Jail:
    """Barriers around a process of one profile.

    Attributes:
        descriptor: of the rules about files, needed until it is entered; None where the kernel has none.
    """

    def __init__(self, profile: Profile) -> None:
        """To be made after the preload: what has been imported from stays readable."""
        self._profile = profile
        self.descriptor: int | None = None
        self._why_not = ""
        self._readable = [*_readable(), *profile.folders]
        # Root without capabilities obeys the permissions of files, and may still own what it reads.
        self._keeps_capabilities = os.geteuid() == 0 and not _can_do_without_capabilities(self._readable)
        try:
            self.descriptor = landlock.make_ruleset(self._readable, _executable(profile.programs))
        except OSError as error:
            self._why_not = str(error)

    def enter(self) -> dict[str, str]:
        """Puts up every barrier that the kernel has; for each that isn't in force, why. There is no way back."""
        missing: dict[str, str] = {}
        for name, put_up in (
            (NO_NEW_PRIVS, lambda: kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)),
            (CAPABILITIES, self._drop_capabilities),
            (LANDLOCK, self._restrict_files),
            (SECCOMP, self._filter_calls),
        ):
            _try(name, put_up, missing)
        return missing

    def _drop_capabilities(self) -> None:
        if self._keeps_capabilities:
            raise OSError("our packages can be read with root's capabilities alone")
        _drop_capabilities()

    def _restrict_files(self) -> None:
        if self.descriptor is None:
            raise OSError(self._why_not)
        landlock.restrict(self.descriptor)
        os.close(self.descriptor)
        self.descriptor = None

    def _filter_calls(self) -> None:
        code = seccomp.program(self._profile, os.getpid())
        if code is None:
            raise OSError("system calls of this machine aren't known")
        seccomp.install(code)


def _try(name: str, put_up: Callable[[], None], missing: dict[str, str]) -> None:
    if not sys.platform.startswith("linux"):
        missing[name] = f"not on {sys.platform}"
        return
    try:
        put_up()
    except (OSError, ctypes.ArgumentError) as error:
        missing[name] = str(error)


def _readable() -> Iterator[str]:
    """Where Python and what is imported lives: readers are loaded when they are first needed."""
    yield from _SYSTEM
    yield from {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    yield str(Path(sys.base_prefix, "lib"))
    yield from (path for path in sys.path if Path(path).name in {"site-packages", "dist-packages"})
    for name, module in list(sys.modules.items()):
        if "." not in name:
            yield from getattr(module, "__path__", ())


def _executable(programs: tuple[str, ...]) -> Iterator[str]:
    """The programs, and the loader that the kernel executes for them."""
    for name in programs:
        path = shutil.which(name)
        if path is not None:
            yield str(Path(path).resolve())
    if programs:
        yield from (str(Path(path).resolve()) for path in _LOADERS)


def _drop_capabilities() -> None:
    machine = this_machine()
    if machine is None:
        raise OSError("system calls of this machine aren't known")
    header = struct.pack("=Ii", _CAPABILITY_VERSION, 0)
    kernel.syscall(machine.numbers["capset"], header, bytes(24))


def _can_do_without_capabilities(readable: list[str]) -> bool:
    """Whether what can be read now still can be, tried by a process that has given them up."""
    wanted = [path for path in readable if _reads(path)]
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            _drop_capabilities()
            status = 0 if all(map(_reads, wanted)) else 1
        finally:
            os._exit(status)
    return os.waitpid(pid, 0)[1] == 0


def _reads(path: str) -> bool:
    """Whether a folder can be listed, and a file in it opened."""
    place = Path(path)
    try:
        if place.is_dir():
            place = next((each for each in place.iterdir() if each.is_file()), place)
        if place.is_file():
            place.open("rb").close()
    except OSError:
        return False
    return True
