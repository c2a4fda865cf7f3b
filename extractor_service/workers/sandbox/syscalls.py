"""Numbers of system calls, by machine: x86_64's own table, and the generic one that aarch64 has.

From the kernel's arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h; they never change.
"""

from __future__ import annotations

import platform
from typing import NamedTuple


class Machine(NamedTuple):
    """How the kernel names a machine in a filter, and its numbers."""

    audit_arch: int
    numbers: dict[str, int]


def _numbers(table: str) -> dict[str, int]:
    words = table.split()
    return {name: int(number) for name, number in zip(words[::2], words[1::2], strict=True)}


# Since Linux 5.1 all machines share one numbering of what is new.
_SHARED = _numbers("clone3 435 close_range 436 faccessat2 439 landlock_create_ruleset 444 landlock_add_rule 445"
                   " landlock_restrict_self 446")  # fmt: skip

_X86_64 = _numbers("""
    read 0 write 1 open 2 close 3 stat 4 fstat 5 lstat 6 poll 7 lseek 8 mmap 9 mprotect 10 munmap 11 brk 12
    rt_sigaction 13 rt_sigprocmask 14 rt_sigreturn 15 ioctl 16 pread64 17 readv 19 writev 20 access 21 select 23
    sched_yield 24 mremap 25 madvise 28 dup 32 dup2 33 nanosleep 35 getitimer 36 setitimer 38 getpid 39 sendto 44
    recvfrom 45 sendmsg 46 recvmsg 47 getsockname 51 getsockopt 55 clone 56 exit 60 kill 62 uname 63 fcntl 72 getcwd 79
    readlink 89 gettimeofday 96 getrlimit 97 getrusage 98 sysinfo 99 times 100 getuid 102 getgid 104 geteuid 107
    getegid 108 getppid 110 capset 126 sigaltstack 131 statfs 137 fstatfs 138 getpriority 140 prctl 157 gettid 186
    time 201 futex 202 sched_getaffinity 204 getdents64 217 restart_syscall 219 clock_gettime 228 clock_getres 229
    clock_nanosleep 230 exit_group 231 tgkill 234 openat 257 newfstatat 262 readlinkat 267 faccessat 269 pselect6 270
    ppoll 271 set_robust_list 273 get_robust_list 274 dup3 292 preadv 295 prlimit64 302 getcpu 309 seccomp 317
    fork 57 vfork 58 execve 59 wait4 61 getgroups 115 getpgid 121 getsid 124 setsid 112 getpgrp 111 umask 95 chdir 80 pipe 22 pipe2 293
    memfd_create 319 ftruncate 77 arch_prctl 158 set_tid_address 218 readahead 187 fadvise64 221 pwrite64 18 waitid 247
    getrandom 318 membarrier 324 statx 332 rseq 334
""")

_AARCH64 = _numbers("""
    getcwd 17 dup 23 dup3 24 fcntl 25 ioctl 29 statfs 43 fstatfs 44 faccessat 48 openat 56 close 57 getdents64 61
    lseek 62 read 63 write 64 readv 65 writev 66 pread64 67 preadv 69 pselect6 72 ppoll 73 readlinkat 78 newfstatat 79
    fstat 80 capset 91 exit 93 exit_group 94 futex 98 set_robust_list 99 get_robust_list 100 nanosleep 101 getitimer 102
    setitimer 103 clock_gettime 113 clock_getres 114 clock_nanosleep 115 sched_getaffinity 123 sched_yield 124
    restart_syscall 128 kill 129 tgkill 131 sigaltstack 132 rt_sigaction 134 rt_sigprocmask 135 rt_sigreturn 139
    getpriority 141 times 153 uname 160 getrlimit 163 getrusage 165 prctl 167 getcpu 168 gettimeofday 169 getpid 172
    getppid 173 getuid 174 geteuid 175 getgid 176 getegid 177 gettid 178 sysinfo 179 getsockname 204 sendto 206
    recvfrom 207 getsockopt 209 sendmsg 211 recvmsg 212 brk 214 munmap 215 mremap 216 clone 220 mmap 222 mprotect 226
    execve 221 wait4 260 getgroups 158 getpgid 155 getsid 156 setsid 157 umask 166 chdir 49 pipe2 59 memfd_create 279 ftruncate 46
    set_tid_address 96 readahead 213 fadvise64 223 pwrite64 68 waitid 95
    madvise 233 prlimit64 261 seccomp 277 getrandom 278 membarrier 283 statx 291 rseq 293
""")

_MACHINES = {
    "x86_64": Machine(0xC000003E, _X86_64 | _SHARED),  # AUDIT_ARCH_X86_64, linux/audit.h
    "aarch64": Machine(0xC00000B7, _AARCH64 | _SHARED),  # AUDIT_ARCH_AARCH64
}


def this_machine() -> Machine | None:
    """This machine's table; None for one whose numbers aren't known here."""
    return _MACHINES.get(platform.machine())
