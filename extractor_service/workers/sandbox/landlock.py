"""Landlock: the folders that a process may still read, and nothing else of files, networks and other processes.

https://docs.kernel.org/userspace-api/landlock.html; constants of linux/landlock.h. What the kernel's version doesn't know is left out.
"""

from __future__ import annotations

import contextlib
import errno
import os
import struct
from pathlib import Path
from typing import TYPE_CHECKING

from extractor_service.workers.sandbox.kernel import syscall
from extractor_service.workers.sandbox.syscalls import this_machine

if TYPE_CHECKING:
    from collections.abc import Iterable

_CREATE, _ADD_RULE, _RESTRICT = "landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self"
_ASK_VERSION = 1  # LANDLOCK_CREATE_RULESET_VERSION
_EXECUTE, _READ_FILE, _READ_DIR = 1, 1 << 2, 1 << 3  # LANDLOCK_ACCESS_FS_EXECUTE, _READ_FILE, _READ_DIR
# Rights over files by version: 13 at first, then REFER, TRUNCATE and, from 5 on, IOCTL_DEV.
_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
_TCP_VERSION, _TCP_RIGHTS = 4, 3  # bind and connect
_SCOPES_VERSION, _SCOPES = 6, 3  # abstract sockets and signals
_PATH_BENEATH = 1  # LANDLOCK_RULE_PATH_BENEATH


def version() -> int:
    """The kernel's version of Landlock; 0 where there is none."""
    try:
        return syscall(_number(_CREATE), None, 0, _ASK_VERSION)
    except OSError:
        return 0


def make_ruleset(readable: Iterable[str], executable: Iterable[str] = ()) -> int:
    """A descriptor of the rules: `readable` folders and files may be read, `executable` files executed. Many processes can apply it.

    Raises:
        OSError: the kernel has no Landlock.
    """
    known = version()
    if known == 0:
        raise OSError(errno.ENOSYS, "no Landlock")
    rights = (1 << _FILE_RIGHTS[min(known, max(_FILE_RIGHTS))]) - 1
    fields = [rights]
    if known >= _TCP_VERSION:
        fields.append(_TCP_RIGHTS)
    if known >= _SCOPES_VERSION:
        fields.append(_SCOPES)
    attributes = struct.pack(f"={len(fields)}Q", *fields)
    ruleset = syscall(_number(_CREATE), attributes, len(attributes), 0)
    try:
        for path in readable:
            with contextlib.suppress(FileNotFoundError, NotADirectoryError, PermissionError):
                _allow(ruleset, path)
        for path in executable:
            with contextlib.suppress(FileNotFoundError, NotADirectoryError, PermissionError):
                _allow(ruleset, path, _EXECUTE)
    except BaseException:
        os.close(ruleset)
        raise
    return ruleset


def restrict(ruleset: int) -> None:
    """Applies the rules to this thread and those that it starts; they can't be lifted. Needs no_new_privs; raises OSError."""
    syscall(_number(_RESTRICT), ruleset, 0)


def _allow(ruleset: int, path: str, more: int = 0) -> None:
    descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        rights = more | _READ_FILE | (_READ_DIR if Path(path).is_dir() else 0)
        syscall(_number(_ADD_RULE), ruleset, _PATH_BENEATH, struct.pack("=Qi", rights, descriptor), 0)
    finally:
        os.close(descriptor)


def _number(name: str) -> int:
    machine = this_machine()
    if machine is None:
        raise OSError(errno.ENOSYS, "system calls of this machine aren't known")
    return machine.numbers[name]
