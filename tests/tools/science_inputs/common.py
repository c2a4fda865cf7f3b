"""What all writers share."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np

RNG = np.random.default_rng(7)
ECCODES = Path("/usr/share/eccodes/samples")


def sh(line: str, folder: Path) -> None:
    """A line of the shell."""
    done = subprocess.run(
        f"set -e; {line}", shell=True, cwd=folder, capture_output=True, text=True, timeout=120
    )
    if done.returncode:
        raise RuntimeError((done.stderr or done.stdout).strip()[-300:])
