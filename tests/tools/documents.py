"""Makes documents, mail, archives, fonts, programs and models with writers that aren't ours.

    python -m tests.tools.documents [WORD ...]

The commands stand in `documents_inputs/commands.txt`, what they need in `needs.txt` beside it; a folder for each kind under
build/documents. With words, only the files whose names contain one are remade. Nothing of it is needed to test.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
INPUTS = Path(__file__).parent / "documents_inputs"
MADE = ROOT / "build" / "documents"
ORACLES = ROOT / "build" / "oracles"
EPOCH = 1620129600  # 2021-05-04T12:00:00Z
_SECONDS = 240
_DEPTH = 3  # names within names


class Row(NamedTuple):
    """Makes one file by a line of the shell; one whose name starts with @ is only needed by later lines."""

    name: str
    line: str

    @property
    def is_input(self) -> bool:
        return self.name.startswith("@")


def rows() -> list[Row]:
    """All commands in their order, with the names of commands.txt put in."""
    names: dict[str, str] = {}
    found = []
    for text in (INPUTS / "commands.txt").read_text().splitlines():
        if text.startswith("$"):
            name, _, value = text[1:].partition(" = ")
            names[name] = value
        elif text and not text.startswith("#"):
            name, _, line = text.partition(" | ")
            found.append(Row(name, line))
    return [Row(name, _filled(line, names)) for name, line in found]


def _filled(line: str, names: dict[str, str]) -> str:
    for _ in range(_DEPTH):
        line = re.sub(r"\{(\w+)\}", lambda part: names.get(part[1], part[0]), line)
    return line


def _environment(scratch: Path) -> dict[str, str]:
    """Of the caller's only what finds programs, so that a file doesn't depend on who makes it."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("LC_", "PYTHON", "GIT_"))
    }
    return kept | {
        "PATH": ":".join(
            map(str, [ORACLES / "venv" / "bin", os.environ["PATH"], *Path("/usr/lib").glob("llvm-*/bin")])
        ),
        "VBA": str(ORACLES / "vbaProject.bin"),
        "NODE_PATH": str(ORACLES / "node_modules"),
        "CLASSPATH": f"{ORACLES / 'java'}/*",
        "GOCACHE": str(ORACLES / "go"),
        "GOFLAGS": "-trimpath",
        "CGO_ENABLED": "0",
        "SOURCE_DATE_EPOCH": str(EPOCH),
        "TZ": "UTC",
        "LC_ALL": "C.UTF-8",
        "RUSTUP_HOME": os.environ.get("RUSTUP_HOME", str(Path.home() / ".rustup")),
        "HOME": str(scratch),
        "XDG_RUNTIME_DIR": str(scratch),
        "PYTHONWARNINGS": "ignore",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
    }


def make(folder: Path, words: list[str]) -> dict[str, str]:
    """Fills the folder; the names of what couldn't be made, each with the reason."""
    folder = folder.resolve()
    failed: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as made_in:
        scratch = Path(made_in) / "s"
        shutil.copytree(INPUTS, scratch)
        for path in scratch.rglob("*"):
            os.utime(path, (EPOCH, EPOCH))
        environment = _environment(scratch)

        def one(row: Row) -> None:
            target = scratch / row.name[1:] if row.is_input else folder / row.name
            target.parent.mkdir(parents=True, exist_ok=True)
            if row.is_input or not target.is_dir():
                target.unlink(missing_ok=True)
            reason = _done(row.line, scratch, {**environment, "o": str(target)})
            if not reason and target.is_file() and target.stat().st_size:
                os.utime(target, (EPOCH, EPOCH))
            else:
                target.unlink(missing_ok=True)
                failed[row.name] = reason or "made nothing"

        wanted = [
            row
            for row in rows()
            if not row.is_input and (not words or any(word in row.name for word in words))
        ]
        for row in _needed(rows(), wanted):
            one(row)
        with ThreadPoolExecutor(os.cpu_count() or 1) as threads:
            list(threads.map(one, wanted))
    return failed


def _needed(known: list[Row], wanted: list[Row]) -> list[Row]:
    """The inputs that the wanted rows name, and the inputs of these, in the file's order."""
    inputs = [row for row in known if row.is_input]
    lines = [row.line for row in wanted]
    chosen: set[str] = set()
    for row in reversed(inputs):
        if any(re.search(rf"(?<![\w.-]){re.escape(row.name[1:])}(?![\w-])", line) for line in lines):
            chosen.add(row.name)
            lines.append(row.line)
    return [row for row in inputs if row.name in chosen]


def _done(line: str, scratch: Path, environment: dict[str, str]) -> str:
    """Why the line failed, in its own words; "" where it didn't."""
    with tempfile.TemporaryDirectory(dir=scratch) as private:
        try:
            done = subprocess.run(
                f"set -e; {line}", shell=True, cwd=scratch, stdin=subprocess.DEVNULL, timeout=_SECONDS,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment | {"TMPDIR": private, "d": private},
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return f"took longer than {_SECONDS} s"
    if not done.returncode:
        return ""
    said = done.stdout.decode("utf-8", "replace").strip()
    absent = re.search(r"(\S+): not found|No module named '([\w.]+)|Cannot find module '([^']+)", said)
    if absent:
        return f"needs {next(filter(None, absent.groups()))}"
    lines = said.splitlines() or [f"exit {done.returncode}"]
    return next((line for line in lines if re.search(r"rror\b", line)), lines[-1])[-200:]


def _report(failed: dict[str, str]) -> list[str]:
    """One line for each reason."""
    names = defaultdict(list)
    for name, reason in failed.items():
        names[reason].append(name)
    return [f"{reason}: {' '.join(sorted(found))}" for reason, found in sorted(names.items())]


def made() -> list[Path]:
    """All files, made once for this checkout under build/documents."""
    if not MADE.is_dir():
        print(*_report(make(MADE, [])), sep="\n", file=sys.stderr)
    return sorted(path for path in MADE.rglob("*") if path.is_file())


def main() -> int:
    print(*_report(make(MADE, sys.argv[1:])), sep="\n")
    files = made()
    print(f"{len(files)} files of {len({path.parent for path in files})} kinds in {MADE.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
