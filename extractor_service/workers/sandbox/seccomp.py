"""A profile as a filter of system calls, in the kernel's BPF.

https://docs.kernel.org/userspace-api/seccomp_filter.html; struct sock_filter and struct seccomp_data in linux/filter.h and
linux/seccomp.h.
"""

from __future__ import annotations

import ctypes
import errno
import struct
from typing import TYPE_CHECKING

from extractor_service.workers.sandbox.kernel import syscall
from extractor_service.workers.sandbox.profile import OWN_PID, Masked, Zero
from extractor_service.workers.sandbox.syscalls import this_machine

if TYPE_CHECKING:
    from extractor_service.workers.sandbox.profile import Condition, Profile

_INSTRUCTION = struct.Struct("=HBBI")  # code, jump if true, jump if false, operand
_LOAD, _AND = 0x20, 0x54  # BPF_LD|BPF_W|BPF_ABS, BPF_ALU|BPF_AND|BPF_K
_JUMP_EQUAL, _JUMP_AT_LEAST, _RETURN = (
    0x15,
    0x35,
    0x06,
)  # BPF_JMP|BPF_JEQ|BPF_K, BPF_JMP|BPF_JGE|BPF_K, BPF_RET|BPF_K
_NUMBER_AT, _ARCH_AT, _ARGUMENTS_AT = 0, 4, 16  # in struct seccomp_data; an argument's low half comes first
_X32_BIT = 0x40000000  # a second numbering of the same calls on x86_64, which a list by number would miss
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000  # SECCOMP_RET_ALLOW, _KILL_PROCESS, _ERRNO
_SET_MODE_FILTER = 1


def program(profile: Profile, pid: int) -> bytes | None:
    """The filter of a process with number `pid`; None on a machine whose calls aren't known here."""
    machine = this_machine()
    if machine is None:
        return None
    refuse = _RETURN, 0, 0, _ERRNO | errno.EPERM
    code: list[tuple[int, int, int, int]] = [
        (_LOAD, 0, 0, _ARCH_AT),
        (_JUMP_EQUAL, 1, 0, machine.audit_arch),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER_AT),
        (_JUMP_AT_LEAST, 0, 1, _X32_BIT),
        refuse,
    ]
    numbers = machine.numbers
    for name in sorted(profile.calls & numbers.keys(), key=numbers.__getitem__):
        code += [(_JUMP_EQUAL, 0, 1, numbers[name]), (_RETURN, 0, 0, _ALLOW)]
    for name in sorted(profile.absent & numbers.keys()):
        code += [(_JUMP_EQUAL, 0, 1, numbers[name]), (_RETURN, 0, 0, _ERRNO | errno.ENOSYS)]
    for name, conditions in profile.conditions.items():
        if name in numbers:
            checks = [step for condition in conditions for step in _check(condition, pid)]
            block = [*checks, (_RETURN, 0, 0, _ALLOW)]
            code += [(_JUMP_EQUAL, 0, len(block), numbers[name]), *block]
    code.append(refuse)
    return b"".join(_INSTRUCTION.pack(*each) for each in code)


def install(filter_code: bytes) -> None:
    """Puts the filter over this thread and those that it starts; it can't be taken off. Needs no_new_privs.

    Raises:
        OSError: the kernel doesn't allow it.
    """
    machine = this_machine()
    if machine is None:
        raise OSError(errno.ENOSYS, "system calls of this machine aren't known")
    buffer = ctypes.create_string_buffer(filter_code, len(filter_code))
    count = len(filter_code) // _INSTRUCTION.size
    described = struct.pack("HxxxxxxP", count, ctypes.addressof(buffer))  # struct sock_fprog
    syscall(machine.numbers["seccomp"], _SET_MODE_FILTER, 0, described)


def _check(condition: Condition, pid: int) -> list[tuple[int, int, int, int]]:
    """Falls through where the condition holds, and refuses where it doesn't."""
    low = _LOAD, 0, 0, _ARGUMENTS_AT + 8 * condition.argument
    refuse = _RETURN, 0, 0, _ERRNO | errno.EPERM
    if isinstance(condition, Zero):
        high = _LOAD, 0, 0, _ARGUMENTS_AT + 8 * condition.argument + 4
        return [low, (_JUMP_EQUAL, 1, 0, 0), refuse, high, (_JUMP_EQUAL, 1, 0, 0), refuse]
    if isinstance(condition, Masked):
        return [low, (_AND, 0, 0, condition.mask), (_JUMP_EQUAL, 1, 0, condition.value), refuse]
    values = [pid if value == OWN_PID else value for value in condition.values]
    jumps = [(_JUMP_EQUAL, len(values) - number, 0, value) for number, value in enumerate(values)]
    return [low, *jumps, refuse]
