"""`make check`: lint, format, types, import rules, generated code, contract. Runs all, then says what failed."""

from __future__ import annotations

import filecmp
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.tools import generate, synchronous

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent


def command(*words: str):
    return lambda: subprocess.run(words, cwd=ROOT).returncode == 0


def generated_code() -> bool:
    """Whether the committed code is what the generators make of the contract today."""
    stale = []
    with tempfile.TemporaryDirectory() as folder:
        for make, committed, fresh in generate.outputs(Path(folder)).values():
            make(fresh)
            made = {path.relative_to(fresh) for path in fresh.rglob("*") if path.is_file()}
            kept = {
                path.relative_to(committed)
                for path in committed.rglob("*")
                if path.is_file()
                and ("_pb" in path.name or ".pb." in path.name)
                and "__pycache__" not in path.parts
            }
            stale += [str(committed / name) for name in made ^ kept]
            stale += [
                str(committed / name)
                for name in made & kept
                if not filecmp.cmp(fresh / name, committed / name, shallow=False)
            ]
    for name in sorted(stale):
        print(f"stale: {Path(name).relative_to(ROOT)}")
    twins = synchronous.stale()
    for path in twins:
        print(f"stale: {path.relative_to(ROOT)}")
    return not stale and not twins


def calls_of_runs() -> bool:
    """Whether benchmarks and fault runs, which no test runs, call what there is. Their own types are their own business."""
    strict = (
        "untyped-defs",
        "incomplete-defs",
        "untyped-calls",
        "any-unimported",
        "any-generics",
        "untyped-decorators",
    )
    allowed = [f"--allow-{name}" for name in strict]
    words = [str(BIN / "mypy"), "--follow-imports=silent", *allowed, "tests/benchmarks", "tests/faults"]
    told = subprocess.run(words, cwd=ROOT, capture_output=True, text=True).stdout
    wrong = [
        line
        for line in told.splitlines()
        if line.endswith(("[call-arg]", "[attr-defined]", "[name-defined]"))
    ]
    print(*wrong, sep="\n", end="\n" if wrong else "")
    return not wrong and "checked" in told


def buf(*words: str):
    def run() -> bool:
        generate.install_node_packages()
        return subprocess.run([str(generate.BUF), *words], cwd=ROOT).returncode == 0

    return run


CHECKS = {
    "lint": command(str(BIN / "ruff"), "check", "--quiet", "."),
    "format": command(str(BIN / "ruff"), "format", "--quiet", "--check", "."),
    "types": command(str(BIN / "mypy")),
    "calls of benchmarks": calls_of_runs,
    "reasons of constants": command(sys.executable, "-m", "tests.tools.limits"),
    "import rules": command(str(BIN / "lint-imports"), "--no-cache"),
    "generated code": generated_code,
}
if shutil.which("npm"):  # buf comes as an npm package
    CHECKS["contract lint"] = buf("lint", "protos")
    CHECKS["contract promise"] = buf("breaking", "protos", "--against", str(generate.BASELINE))


def main() -> int:
    failed = []
    for name, check in CHECKS.items():
        started = time.monotonic()
        passed = check()
        print(f"{'ok    ' if passed else 'FAILED'} {name} ({time.monotonic() - started:.1f} s)", flush=True)
        if not passed:
            failed.append(name)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
