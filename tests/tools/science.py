"""Makes scientific files with writers that aren't ours, a folder for each kind under build/science.

    python -m tests.tools.science [WORD ...]

What writes them stands in `science_inputs/writers.py`, run by build/oracles/science; what is needed in `needs.txt` beside it.
With words, only kinds whose names contain one are remade. Nothing of it is needed to test.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
MADE = ROOT / "build" / "science"
PYTHON = ROOT / "build" / "oracles" / "science" / "bin" / "python"
WRITERS = Path(__file__).parent / "science_inputs" / "writers.py"


def made() -> list[Path]:
    """All files that were made, in the order of their names; none where they weren't."""
    return sorted(path for path in MADE.rglob("*") if path.is_file()) if MADE.is_dir() else []


def main(arguments: list[str]) -> int:
    """Makes them; says what couldn't be made."""
    if not PYTHON.exists():
        print(f"{PYTHON} isn't there: {WRITERS.with_name('needs.txt')} says what it needs", file=sys.stderr)
        return 1
    MADE.mkdir(parents=True, exist_ok=True)
    return subprocess.run([PYTHON, "-W", "ignore", "-B", WRITERS, MADE, *arguments], check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
