"""The format of evidence: figures with references, goals and spread, as a table and as JSON under build/bench."""

from __future__ import annotations

import json
import operator
import platform
import statistics
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
OUTPUT = ROOT / "build" / "bench"
_OPERATORS = {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt, "==": operator.eq}


@dataclass
class Figure:
    """One measured figure. `ratio` is ours / reference; the goal is about the ratio, or about ours without one."""

    case: str
    what: str
    unit: str
    ours: float
    reference: float | None = None
    reference_name: str = ""
    ratio: float | None = None
    goal: str = ""
    holds: bool | None = None
    rounds: int = 1
    spread: list[float] = field(default_factory=list)


class Evidence:
    """Collects the figures of one benchmark or fault run."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.figures: list[Figure] = []

    def single(self, case: str, what: str, unit: str, ours: float, goal: str = "") -> None:
        """A figure without a reference: bytes, counts, MiB over idle, seconds of a fault run."""
        holds = _holds(ours, goal) if goal else None
        self.figures.append(Figure(case, what, unit, ours, goal=goal, holds=holds))

    def paired(
        self,
        case: str,
        what: str,
        unit: str,
        ours: list[float],
        reference: list[float],
        reference_name: str,
        goal: str = "",
    ) -> None:
        """Medians of interleaved rounds and the median of the paired ratios; spread is the range of those."""
        ratios = [mine / other for mine, other in zip(ours, reference, strict=True)]
        ratio = statistics.median(ratios)
        self.figures.append(
            Figure(
                case,
                what,
                unit,
                statistics.median(ours),
                statistics.median(reference),
                reference_name,
                ratio,
                goal,
                _holds(ratio, goal) if goal else None,
                len(ours),
                [min(ratios), max(ratios)],
            )
        )

    @property
    def holds(self) -> bool:
        """Whether all goals are met."""
        return all(figure.holds is not False for figure in self.figures)

    def finish(self) -> bool:
        """Prints the table and writes the file; whether all goals are met. A run that could measure nothing has no file, and says so."""
        if not self.figures:
            print(f"\n{self.name}: nothing was measured")
            return True
        OUTPUT.mkdir(parents=True, exist_ok=True)
        report = {
            "name": self.name,
            "machine": machine(),
            "commit": commit(),
            "date": time.strftime("%Y-%m-%d"),
            "holds": self.holds,
            "figures": [asdict(figure) for figure in self.figures],
        }
        (OUTPUT / f"{self.name}.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
        print(f"\n{self.name}: {'all goals met' if self.holds else 'A GOAL IS MISSED'}")
        print(f"  {'case':<26}{'what':<34}{'ours':>12} {'reference':>12}  {'ratio':>7}  {'spread':>13}  goal")
        for figure in self.figures:
            reference = f"{figure.reference:.4g}" if figure.reference is not None else ""
            ratio = f"{figure.ratio:.3g}" if figure.ratio is not None else ""
            spread = f"{figure.spread[0]:.3g}–{figure.spread[1]:.3g}" if figure.spread else ""
            verdict = "" if figure.holds is None else (" ok" if figure.holds else " MISSED")
            print(
                f"  {figure.case:<26}{figure.what + ' [' + figure.unit + ']':<34}{figure.ours:>12.4g} {reference:>12}"
                f"  {ratio:>7}  {spread:>13}  {figure.goal}{verdict}"
            )
        return self.holds


def run_named(runs: dict, names: list[str]) -> int:
    """The exit code after running all of `runs`, or those named: 1 when a goal is missed, 2 for an unknown name."""
    unknown = set(names) - set(runs)
    if unknown:
        print(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(runs)}", file=sys.stderr)
        return 2
    missed = [name for name in names or runs if not runs[name](name).finish()]
    return 1 if missed else 0


def _holds(value: float, goal: str) -> bool:
    sign, _, limit = goal.partition(" ")
    return bool(_OPERATORS[sign](value, float(limit)))


def machine() -> str:
    """The kind of machine, without its name."""
    import os

    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} CPUs, {memory:.0f} GiB, {platform.system()} {platform.release().split('-')[0]}, Python {platform.python_version()}"


def commit() -> str:
    """The commit measured, with "+" when the tree had changes."""
    run = lambda *words: subprocess.run(
        ["git", *words], cwd=ROOT, capture_output=True, text=True
    ).stdout.strip()
    return (run("rev-parse", "--short", "HEAD") or "none") + (
        "+" if run("status", "--porcelain", "-uno") else ""
    )
