"""Counts the instructions of the hot paths; exits with 1 when one is dearer than the baseline allows.

`--update` writes the baseline, `--against REVISION` compares with that code instead, counted now as well; `--plant PATH=PERCENT` wastes so much, to see it noticed.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from smoke import baseline, runs

LIMIT_RATIO = 0.015
"""Runs of the same code differ by 0.0003, those of code that lies elsewhere in memory by up to 0.005."""


def main() -> int:
    options = _options()
    started = time.monotonic()
    problem = runs.missing()
    if problem:
        print(f"bench-smoke: {problem}; CPU times are compared instead, which show no less than 5 %")
        return _compare_times(options)
    known = baseline.load(options.baseline)
    if options.against:
        reference, name = _counted_at(options.tree, options.against), options.against
    elif options.update or (known is not None and known.machine == baseline.machine(options.tree)):
        reference, name = known.paths if known else {}, "the baseline"
    else:  # counted by another interpreter: what it was counted of is counted here
        commit = baseline.commit(options.tree, options.baseline)
        if not commit:
            print("bench-smoke: there is no baseline for this interpreter; --update writes one")
            return 2
        reference, name = _counted_at(options.tree, commit), f"the baseline's commit {commit[:8]}"
    wasted = _wasted(options.tree, options.plant, reference)
    counted = runs.count(options.tree, wasted=wasted)
    if options.update:
        baseline.save(options.baseline, baseline.Baseline(baseline.machine(options.tree), counted))
    failed = _report(counted, reference, name)
    print(f"{time.monotonic() - started:.0f} s")
    return 1 if failed and not options.update else 0


def _compare_times(options: argparse.Namespace) -> int:
    """CPU time against the baseline's commit, in turns; never a failure, as chance is larger than what is looked for."""
    revision = options.against or baseline.commit(options.tree, options.baseline)
    if not revision:
        print("bench-smoke: there is no baseline to compare with")
        return 2
    with baseline.checkout(options.tree, revision) as folder:
        for path, ratio in runs.cpu_ratios(options.tree, folder).items():
            print(f"{path:16} CPU time {ratio - 1:+8.2%} of {revision[:8]}")
    return 0


def _report(counted: dict[str, float], reference: dict[str, float], name: str) -> bool:
    """Whether a path is dearer; one line for each."""
    failed = []
    for path, instructions in sorted(counted.items()):
        before = reference.get(path)
        line = f"{path:16} {instructions:14,.0f} instructions"
        if before is None:
            print(f"{line}, new")
            continue
        ratio = instructions / before - 1
        verdict = ""
        if ratio > LIMIT_RATIO:
            failed.append(f"{path} is {ratio:.1%} dearer than {name}")
            verdict = "  DEARER"
        elif ratio < -LIMIT_RATIO:
            verdict = "  cheaper: `make bench-smoke UPDATE=1` keeps it so"
        print(f"{line}, {ratio:+8.2%}{verdict}")
    for text in failed:
        print(f"FAILED: {text}")
    return bool(failed)


def _counted_at(tree: Path, revision: str) -> dict[str, float]:
    with baseline.checkout(tree, revision) as folder:
        return runs.count(folder, is_old=True)


def _wasted(tree: Path, plants: list[str], reference: dict[str, float]) -> dict[str, int]:
    """`PATH=PERCENT` as turns of an empty loop."""
    found: dict[str, int] = {}
    if not plants:
        return found
    of_one = runs.count(tree, [runs.EMPTY_LOOP])[runs.EMPTY_LOOP] / 1000
    for plant in plants:
        path, _, percent = plant.partition("=")
        found[path] = round(reference[path] * float(percent) / 100 / of_one)
    return found


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--update", action="store_true")
    parser.add_argument("--against", default="")
    parser.add_argument("--plant", action="append", default=[], metavar="PATH=PERCENT")
    parser.add_argument("--tree", type=Path, default=Path.cwd())
    parser.add_argument("--baseline", type=Path, default=Path(__file__).with_name("baseline.json"))
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
