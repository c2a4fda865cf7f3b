"""Small files of the kernel, opened once and read from their start each time: about 1 µs and the parsing."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


class KernelFile:
    """One kept-open file."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))

    def text(self) -> str:
        """What it says now."""
        return os.pread(self._descriptor, 16384, 0).decode("ascii")

    def number(self) -> int:
        """The one number that it says now; ValueError when it doesn't."""
        return int(self.text())

    def close(self) -> None:
        """Closes it."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def open_all(paths: Iterable[Path]) -> list[KernelFile]:
    """The files, in order; a missing one closes those opened before it.

    Raises:
        OSError: one of them can't be opened.
    """
    with contextlib.ExitStack() as stack:
        files = []
        for path in paths:
            file = KernelFile(path)
            stack.callback(file.close)
            files.append(file)
        stack.pop_all()
    return files


def numbers(text: str, *names: str) -> list[int]:
    """The numbers of lines that begin with `names`, 0 for one that is missing."""
    found = []
    padded = "\n" + text
    for name in names:
        start = padded.find(f"\n{name} ")
        end = padded.find("\n", start + 1)
        text_after = padded[start + len(name) + 2 : end if end > 0 else None]
        found.append(0 if start < 0 else int(text_after.removesuffix(" kB")))
    return found
