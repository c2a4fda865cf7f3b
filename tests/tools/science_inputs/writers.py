"""Writes scientific files by the field's own writers; run by build/oracles/science/bin/python, see needs.txt.

    python writers.py FOLDER [WORD ...]

A function a kind and writer: its name is "<kind>__<writer>". What fails is told, the others go on."""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path

import corners
import grids
import others
import pictures
import tables


def main(root: Path, words: list[str]) -> int:
    """Writes all."""
    failed = 0
    for name, write in [
        pair for module in (pictures, grids, tables, others, corners) for pair in vars(module).items()
    ]:
        kind, _, writer = name.partition("__")
        if (
            not callable(write)
            or not writer
            or name.startswith("_")
            or (words and not any(word in name for word in words))
        ):
            continue
        folder = root / kind
        folder.mkdir(parents=True, exist_ok=True)
        try:
            write(folder)
        except Exception as error:  # noqa: BLE001 - told, and the others go on
            failed += 1
            last = traceback.extract_tb(error.__traceback__)[-1]
            print(f"{name}: {type(error).__name__}: {str(error)[:200]} ({last.name}, {last.lineno})")
    for path in root.rglob("*"):
        if path.is_file() and not path.stat().st_size:
            path.unlink()
    print(f"{sum(1 for path in root.rglob('*') if path.is_file())} files, {failed} writers failed")
    return 0


if __name__ == "__main__":
    os.environ.setdefault("TZ", "UTC")
    sys.exit(main(Path(sys.argv[1]).resolve(), sys.argv[2:]))
