"""What each kind of worker may ask the kernel for. A kind is a row of `PROFILES`.

Measured by `python -m tests.tools.syscalls`: the calls that readers make over the corpus, and what Python, its threads and the C
library may need beside them. Everything else fails with EPERM, which libraries take for an ordinary refusal.
"""

from __future__ import annotations

import os
from typing import NamedTuple

# Of open(2), include/uapi/asm-generic/fcntl.h: what makes, changes or empties a file. O_TMPFILE's own bit, without
# O_DIRECTORY's.
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND | 0o20000000
_CLONE_THREAD = 0x10000  # linux/sched.h
_MAP_SHARED = 1  # asm-generic/mman.h; MAP_SHARED_VALIDATE has the bit as well, MAP_PRIVATE hasn't
OWN_PID = -1
"""Stands for the number of the process that enters."""


class Masked(NamedTuple):
    """An argument whose bits under `mask` have to be `value`."""

    argument: int
    mask: int
    value: int


class OneOf(NamedTuple):
    """An argument that has to be one of these; of 32 bits, as the kernel takes those of the calls here."""

    argument: int
    values: tuple[int, ...]


class Zero(NamedTuple):
    """An argument, all 64 bits of it, that has to be 0: a pointer to nothing."""

    argument: int


Condition = Masked | OneOf | Zero


class Profile(NamedTuple):
    """What one kind of worker may do."""

    calls: frozenset[str]
    """Allowed, whatever their arguments."""
    conditions: dict[str, tuple[Condition, ...]]
    """Allowed while all conditions hold."""
    absent: frozenset[str]
    """Answered as if the kernel didn't know them, so that the C library takes an older one."""
    programs: tuple[str, ...] = ()
    """What it may execute, by names on the path."""
    folders: tuple[str, ...] = ()
    """What it may read besides."""
    file_bytes: int = 0
    """The largest file that it may write, which is one in memory: it can't open any other."""


_READERS_CALLS = """
    read readv pread64 preadv lseek close close_range fstat stat lstat newfstatat statx statfs fstatfs getdents64 getcwd
    readlink readlinkat access faccessat faccessat2 dup dup2 dup3 write writev
    munmap mremap mprotect brk madvise
    sendto sendmsg recvfrom recvmsg getsockopt getsockname poll ppoll select pselect6
    setitimer getitimer clock_gettime clock_getres clock_nanosleep nanosleep gettimeofday time times getrusage
    rt_sigaction rt_sigprocmask rt_sigreturn sigaltstack restart_syscall
    futex sched_yield sched_getaffinity set_robust_list get_robust_list rseq membarrier getcpu
    getpid getppid gettid getuid geteuid getgid getegid uname sysinfo getrlimit getpriority getrandom
    exit exit_group
"""
READER = Profile(
    calls=frozenset(_READERS_CALLS.split()),
    conditions={
        "open": (Masked(1, _WRITING, 0),),
        "openat": (Masked(2, _WRITING, 0),),
        # Nothing shared: by a shared mapping a file is written that was opened for both, as spools are.
        "mmap": (Masked(3, _MAP_SHARED, 0),),
        # FIONREAD, FIONCLEX, FIOCLEX, TCGETS: what opening a file asks; not TIOCSTI, which types into a terminal.
        "ioctl": (OneOf(1, (0x541B, 0x5450, 0x5451, 0x5401)),),
        # F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_DUPFD_CLOEXEC; not F_SETOWN, which has signals sent.
        "fcntl": (OneOf(1, (0, 1, 2, 3, 1030)),),
        "prctl": (OneOf(0, (15, 16)),),  # PR_SET_NAME, PR_GET_NAME
        "prlimit64": (OneOf(0, (0, OWN_PID)), Zero(2)),  # to look at a limit of one's own
        "clone": (Masked(0, _CLONE_THREAD, _CLONE_THREAD),),
        "kill": (OneOf(0, (OWN_PID,)),),
        "tgkill": (OneOf(0, (OWN_PID,)),),
    },
    absent=frozenset({"clone3"}),  # its flags are behind a pointer, which a filter can't follow
)
"""Readers of files: a descriptor in, frames out."""

# A file that is copied to where the program can open it.
MOST_COPIED_BYTES = 64 * 1024 * 1024
PROGRAM = READER._replace(
    calls=READER.calls
    | frozenset(
        [
            "execve",
            "fork",
            "vfork",
            "wait4",
            "waitid",
            "pipe",
            "pipe2",
            "memfd_create",
            "ftruncate",
            "arch_prctl",
            "set_tid_address",
            "getgroups",
            "getpgrp",
            "getpgid",
            "getsid",
            "setsid",
            "umask",
            "chdir",
            "readahead",
            "fadvise64",
            "pwrite64",
            "kill",
        ]
    ),
    conditions={
        **{name: rules for name, rules in READER.conditions.items() if name not in {"kill", "clone"}},
        # As C libraries fork: a process with memory of its own. PR_SET_PDEATHSIG as well, by which it ends with the worker.
        "clone": (),
        "prctl": (OneOf(0, (1, 15, 16)),),
        "fcntl": (OneOf(1, (0, 1, 2, 3, 4, 1030)),),  # F_SETFL as well: pipes are asked without waiting
    },
    programs=("perl",),
    folders=(
        "/etc/perl",
        "/usr/share/perl5",
        "/usr/share/perl",
        "/usr/local/share/perl",
        "/usr/bin/exiftool",
        "/usr/local/bin/exiftool",
    ),
    file_bytes=MOST_COPIED_BYTES,
)
"""Those that ask another program (ExifTool): it may be started, and gets a copy of the file; no sockets, no writing, no other program."""

PROFILES = {"reader": READER, "program": PROGRAM}


def profile_of(kind: str) -> str:
    """The profile of a kind of workers: readers' for all that have none of their own."""
    return kind if kind in PROFILES else "reader"
