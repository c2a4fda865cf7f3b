"""Gives freed memory back to the operating system.

glibc keeps freed small blocks: after evicting 75 % of 1 GiB the process still held 1064 MB, and 358 MB after
`malloc_trim` (measured). The call stalls threads that share an arena, so it is limited
in rate and runs off the event loop.
"""

from __future__ import annotations

import ctypes
import sys
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_M_TRIM_THRESHOLD = -1  # number in glibc's malloc.h, see mallopt(3): free top that is kept
_M_TOP_PAD = -2  # number in glibc's malloc.h: what is added to each growth of the heap
_M_MMAP_THRESHOLD = -3  # number in glibc's malloc.h: from here on a block is mapped alone
_M_ARENA_MAX = -8  # number in glibc's malloc.h: most arenas that threads share


@cache
def glibc() -> ctypes.CDLL | None:
    """The C library, where it is glibc."""
    if not sys.platform.startswith("linux"):
        return None
    try:
        library = ctypes.CDLL("libc.so.6")
        return library if hasattr(library, "malloc_trim") else None
    except OSError:  # musl
        return None


def trim() -> bool:
    """Whether pages were returned; False also where the allocator has no such call. Blocks for up to 0.2 s."""
    library = glibc()
    return library is not None and bool(library.malloc_trim(0))


def tune_for_large_messages(kept_bytes: int = 8 * 1024 * 1024) -> None:
    """Keeps freed message buffers for the next one, up to `kept_bytes`, instead of faulting pages anew for each.

    With glibc's defaults a 1 MiB chunk costs an mmap, 256 page faults and a munmap, which is most of an upload's
    CPU. The two thresholds belong together: setting the trim
    threshold alone is slower than the default. Two arenas instead of one per thread, and thresholds of a few
    chunks instead of 32 MiB, keep a 1 GiB upload at 29 MiB over idle instead of 73, at the same speed.
    """
    library = glibc()
    if library is not None:
        library.mallopt(_M_MMAP_THRESHOLD, 4 * 1024 * 1024)
        library.mallopt(_M_TRIM_THRESHOLD, kept_bytes)
        library.mallopt(_M_TOP_PAD, 1024 * 1024)
        library.mallopt(_M_ARENA_MAX, 2)


def tune_for_large_values() -> None:
    """Maps every block of 64 KiB and more alone, so that freeing it gives its memory back at once, messages included.

    A choice of the cache service's, whose large values lie in pages of their own anyway.
    """
    library = glibc()
    if library is not None:
        library.mallopt(_M_MMAP_THRESHOLD, 64 * 1024)
        library.mallopt(_M_TRIM_THRESHOLD, 1024 * 1024)
        library.mallopt(_M_ARENA_MAX, 2)


class TrimLimiter:
    """Calls `trim` at most once per interval."""

    def __init__(self, interval_seconds: float = 10.0, action: Callable[[], bool] = trim) -> None:
        self._interval_seconds = interval_seconds
        self._action = action
        self._last_at: float | None = None

    def due(self, now: float, *, urgent: bool = False) -> bool:
        """Whether a trim may run at `now`; an urgent one always may. Counts as run when True."""
        if not urgent and self._last_at is not None and now - self._last_at < self._interval_seconds:
            return False
        self._last_at = now
        return True

    def run(self) -> bool:
        """Trims; meant for a thread."""
        return self._action()
