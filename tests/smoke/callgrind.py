"""Callgrind, from inside: what is counted and when, told by Valgrind's client requests.

A client request is a sequence of instructions that does nothing on a real processor (valgrind.h). It is put into a page of
executable memory here, so that neither a compiler nor Valgrind's headers are needed.
"""

from __future__ import annotations

import ctypes
import mmap
import platform
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_RUNNING_ON_VALGRIND = 0x1001
_DUMP, _ZERO, _START, _STOP = (0x43540000 + number for number in (0, 1, 4, 5))  # "CT", callgrind.h
_CODE = {
    # mov rax, rdi; xor edx, edx; rol rdi, 3, 13, 61, 51; xchg rbx, rbx; mov rax, rdx; ret
    "x86_64": "4889f8 31d2 48c1c703 48c1c70d 48c1c73d 48c1c733 4887db 4889d0 c3",
}
MACHINES = tuple(_CODE)
_TOTALS = re.compile(r"^summary: (\d+)", re.MULTILINE)


class Callgrind:
    """Counts what is between `begin` and `end`, each time anew."""

    def __init__(self) -> None:
        code = bytes.fromhex(_CODE[platform.machine()])
        self._page = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
        self._page.write(code)
        address = ctypes.addressof(ctypes.c_char.from_buffer(self._page))
        # PYFUNCTYPE keeps the interpreter lock: giving it up could let another thread in.
        self._call = ctypes.PYFUNCTYPE(ctypes.c_ulong, ctypes.c_void_p)(address)
        self._arguments = {
            request: (ctypes.c_ulong * 6)(request)
            for request in (_RUNNING_ON_VALGRIND, _DUMP, _ZERO, _START, _STOP)
        }

    @property
    def is_there(self) -> bool:
        """Whether this process runs under Valgrind."""
        return self._request(_RUNNING_ON_VALGRIND) > 0

    def start(self) -> None:
        """Instructions are counted from now on; before it everything is about twice as fast."""
        self._request(_START)

    def stop(self) -> None:
        """They aren't any more."""
        self._request(_STOP)

    def begin(self) -> None:
        """From 0."""
        self._request(_ZERO)

    def end(self) -> None:
        """Writes a file with the count."""
        self._request(_DUMP)

    def _request(self, number: int) -> int:
        return int(self._call(self._arguments[number]))


def counts(out: Path) -> list[int]:
    """The counts that a process with `--callgrind-out-file=out` has written, in order."""
    paths = sorted(out.parent.glob(out.name + ".*"), key=lambda path: int(path.suffix[1:]))
    found = [_TOTALS.search(path.read_text()) for path in paths]
    return [int(match[1]) for match in found if match is not None]
