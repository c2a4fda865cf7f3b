"""The engine against an older one of this repository, `AGAINST=REVISION`, over the same photographs, pass by pass in turn.

What reads more takes longer: files whose documents have as many fields as before are told apart from the others.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack, closing
from pathlib import Path

from tests.benchmarks import engine_pass
from tests.support import corpus
from tests.support.all_documents import older_tree
from tests.support.evidence import ROOT, Evidence

_BEFORE = "a312d1d"  # photographs in their plain forms: before identification, plausibility and the rest of maker notes
# Processes of each side, and rounds of each pair: where its memory lies makes a process some percent slower for life.
_PAIRS, _ROUNDS = 5, 9
_MOST_BYTES = 4 * 2**20  # of a file: both sides hold all of them
_GOAL = "<= 1.02"


class _Engine:
    """One tree's process."""

    def __init__(self, tree: Path, listed: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-P", engine_pass.__file__, str(tree), str(listed)],
            cwd=tree, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.fields = self._line()

    def _line(self) -> list[float]:
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the engine of {self.process.args[3]} ended")
        return json.loads(line)

    def seconds(self) -> list[float]:
        """CPU seconds of one pass, by file."""
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return self._line()

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait()


def run(name: str) -> Evidence:
    evidence = Evidence(name)
    revision = os.environ.get("AGAINST") or _BEFORE
    if subprocess.run(
        ["git", "cat-file", "-e", f"{revision}^{{commit}}"], cwd=ROOT, stderr=subprocess.DEVNULL
    ).returncode:
        print(f"not compared: this checkout has no {revision}")
        return evidence
    files = [path for path in corpus.image_files() if path.stat().st_size <= _MOST_BYTES]
    with tempfile.TemporaryDirectory() as name_of, older_tree(revision, Path(name_of)) as older:
        listed = Path(name_of) / "files.json"
        listed.write_text(json.dumps([str(path) for path in files]))
        rounds = []
        for _ in range(_PAIRS):
            with ExitStack() as stack:
                ours, theirs = (stack.enter_context(closing(_Engine(tree, listed))) for tree in (ROOT, older))
                for number in range(_ROUNDS):
                    pair = {
                        side: side.seconds() for side in ((ours, theirs) if number % 2 else (theirs, ours))
                    }
                    rounds.append((pair[ours], pair[theirs]))
    alike = [a == b > 0 for a, b in zip(ours.fields, theirs.fields, strict=True)]
    read = [a > 0 and b > 0 for a, b in zip(ours.fields, theirs.fields, strict=True)]
    for case, chosen, goal in (
        ("as many fields as before", alike, _GOAL),
        ("read by both", read, ""),
        ("all", [True] * len(files), ""),
    ):
        count = sum(chosen)
        if not count:
            continue
        evidence.single(case, "files", "count", count)
        more = _of(ours.fields, chosen) / max(1, _of(theirs.fields, chosen))
        evidence.single(case, "fields, against before", "ratio", more)
        sides = [[_of(each[side], chosen) / count * 1e6 for each in rounds] for side in (0, 1)]
        evidence.paired(case, "CPU a file", "us", sides[0], sides[1], revision, goal)
    return evidence


def _of(values: list[float], chosen: list[bool]) -> float:
    return sum(value for value, is_chosen in zip(values, chosen, strict=True) if is_chosen)
