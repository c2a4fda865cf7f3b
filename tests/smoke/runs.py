"""Runs the hot paths of a tree under Callgrind, each in a process of its own, as many at once as there are cores."""

from __future__ import annotations

import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from smoke import callgrind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROUNDS = 3
CPU_FACTOR = 2  # turns of a round of CPU time for each that is counted; puts are prepared for no more
_CPU_PAIRS = 4  # interleaved
_LIMIT_SECONDS = 300  # twenty times what the longest path takes
_SMOKE = Path(__file__).parents[1]


class Amount(NamedTuple):
    """Turns before counting, and turns of one count."""

    warm: int
    counted: int


# Longest first, or the last one runs alone.
AMOUNTS = {
    "worker_job": Amount(4, 1),
    "get_result": Amount(16, 100),
    "put_result": Amount(16, 64),
    "cached_extract": Amount(16, 30),
    "jpeg_parse": Amount(4, 1),
    "pressure_event": Amount(16, 80),
}
EMPTY_LOOP = "empty_loop"
"""What slowdowns are planted with; counted to know how many turns of it are so many percent."""


def count(
    tree: Path,
    names: Sequence[str] = tuple(AMOUNTS),
    wasted: Mapping[str, int] | None = None,
    *,
    is_old: bool = False,
) -> dict[str, float]:
    """Instructions of one turn of each path, of the code in `tree`. What code that `is_old` can't do is left out."""

    def one(name: str) -> float | None:
        try:
            return _count(tree, name, (wasted or {}).get(name, 0), is_quiet=is_old)
        except subprocess.CalledProcessError:
            if is_old:
                return None
            raise

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        counts = dict(zip(names, pool.map(one, names), strict=True))
    return {name: instructions for name, instructions in counts.items() if instructions is not None}


def cpu_ratios(tree: Path, other: Path) -> dict[str, float]:
    """CPU time of each path in `tree` / in `other`, run in turns: medians, within some 5 % of the truth."""
    found = {}
    for name in AMOUNTS:
        ratios = []
        for _ in range(_CPU_PAIRS):
            ours, theirs = _cpu_seconds(tree, name), _cpu_seconds(other, name)
            if ours and theirs:
                ratios.append(ours / theirs)
        if ratios:
            found[name] = statistics.median(ratios)
    return found


def _cpu_seconds(tree: Path, name: str) -> float | None:
    amount = AMOUNTS[name]
    done = subprocess.run(
        [sys.executable, "-m", "smoke.measure", name, *map(str, (*amount, 0))],
        cwd=tree, env=_environment(tree), timeout=_LIMIT_SECONDS, capture_output=True, text=True,
    )  # fmt: skip
    return float(done.stdout) if done.returncode == 0 else None


def missing() -> str:
    """Why instructions can't be counted here; "" when they can."""
    if shutil.which("valgrind") is None:
        return "valgrind isn't there: apt-get install valgrind"
    if platform.machine() not in callgrind.MACHINES:
        return f"{platform.machine()} isn't known, only {', '.join(callgrind.MACHINES)}"
    return ""


def _count(tree: Path, name: str, wasted: int, *, is_quiet: bool) -> float:
    amount = AMOUNTS.get(name, Amount(16, 10))
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        command = [
            "valgrind", "-q", "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={out}",
            sys.executable, "-m", "smoke.measure", name, *map(str, (*amount, wasted)),
        ]  # fmt: skip
        errors = subprocess.DEVNULL if is_quiet else None
        subprocess.run(
            command, cwd=tree, env=_environment(tree), check=True, timeout=_LIMIT_SECONDS, stderr=errors
        )
        found = callgrind.counts(out)
    if len(found) != ROUNDS:
        raise RuntimeError(f"{name}: {len(found)} counts instead of {ROUNDS}")
    return statistics.median(found) / amount.counted


def _environment(tree: Path) -> dict[str, str]:
    """The same for everybody: even the length of the environment moves addresses, and with them the order of sets."""
    return {
        "PATH": os.environ["PATH"],
        "LANG": "C.UTF-8",
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": ":".join(map(str, (_SMOKE, tree, tree / "protos", tree / "clients" / "python"))),
    }
