"""Gives back what a surge has left behind: memory that is free within the allocator, and that nobody asks for again.

glibc gives back only what lies at the end of its heap. 10,000 idle streams left a front at 341 MiB, of which a trim returned 149
(measured); it does so under pressure alone, which a service that stands beside others shouldn't wait for.
"""

from __future__ import annotations

import asyncio
import ctypes
from typing import TYPE_CHECKING

from service_runtime.memory.release import glibc, trim
from service_runtime.memory.resident import resident_bytes

if TYPE_CHECKING:
    from collections.abc import Callable

_LOOK_SECONDS = 10.0  # a look costs milliseconds where much is free
_LEAST_BYTES = 64 * 1024 * 1024  # that is worth it: several times what is kept for large messages
_LOOKS = 2  # in a row that found so much: what comes and goes stays


class _Info(ctypes.Structure):
    """`struct mallinfo2` of glibc 2.33 and later, mallinfo(3)."""

    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in [
            "arena",
            "ordblks",
            "smblks",
            "hblks",
            "hblkhd",
            "usmblks",
            "fsmblks",
            "uordblks",
            "fordblks",
            "keepcost",
        ]
    )


def free_bytes() -> int:
    """What all arenas hold of freed blocks, returned or not; 0 where the allocator doesn't tell."""
    library = glibc()
    if library is None or not hasattr(library, "mallinfo2"):
        return 0
    library.mallinfo2.restype = _Info
    return int(library.mallinfo2().fordblks)


class Surplus:
    """Trims when much is free that was taken since the last time, and stays so. `run` it."""

    def __init__(
        self,
        free: Callable[[], int] = free_bytes,
        resident: Callable[[], int] = resident_bytes,
        action: Callable[[], bool] = trim,
        least_bytes: int = _LEAST_BYTES,
    ) -> None:
        self._free, self._resident, self._action = free, resident, action
        self._least_bytes = least_bytes
        # Blocks whose pages were returned still count as free: what the process has taken since then says whether they were used.
        self._usual_bytes = resident()
        self._looks = 0

    async def run(self) -> None:
        """Looks every ten seconds until cancelled."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            await asyncio.to_thread(self.look)

    def look(self) -> bool:
        """Whether it trimmed; blocks for up to 0.2 s then."""
        resident = self._resident()
        self._usual_bytes = min(self._usual_bytes, resident)
        if resident - self._usual_bytes < self._least_bytes or self._free() < self._least_bytes:
            self._looks = 0
            return False
        self._looks += 1
        if self._looks < _LOOKS:
            return False
        trimmed = self._action()
        self._looks, self._usual_bytes = 0, self._resident()
        return trimmed
