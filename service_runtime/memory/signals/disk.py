"""Room on the disk: what a folder of ours uses, against that and what is free beside it."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from service_runtime.memory.levels import PressureLevel
from service_runtime.memory.reading import Usage

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class DiskRoom:
    """Our bytes against ours + free: what giving up our own bytes can mend.

    The disk's own fill ratio would say HIGH for ever on a machine whose disk is 85 % full of other things. It may
    cause HIGH at most, at which the disk tier is cleaned up: a full disk kills no process.
    """

    name = "disk"
    worst = PressureLevel.HIGH

    def __init__(self, directory: Path, own_bytes: Callable[[], int]) -> None:
        self._directory = directory
        self._own_bytes = own_bytes

    def read(self) -> Usage:
        """Our bytes, and those that we could have; blocks for as long as the disk does."""
        own = self._own_bytes()
        return Usage.of(own, max(1, own + shutil.disk_usage(self._directory).free))

    def close(self) -> None:
        """Nothing is kept open."""
