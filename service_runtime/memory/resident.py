"""What a process has in memory."""

from __future__ import annotations

import os
from pathlib import Path


def resident_bytes(pid: int | None = None) -> int:
    """Of this process, or of another; 0 when it has gone, or nobody tells. proc(5), statm."""
    name = "self" if pid is None else pid
    try:
        pages = int(Path(f"/proc/{name}/statm").read_text(encoding="ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0
