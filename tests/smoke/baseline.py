"""The committed counts, and whose they are: another interpreter, library or Valgrind counts something else."""

from __future__ import annotations

import contextlib
import hashlib
import json
import platform
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator


class Baseline(NamedTuple):
    """Instructions by path."""

    machine: dict[str, str]
    paths: dict[str, float]


def load(path: Path) -> Baseline | None:
    """What is committed; None when there is nothing yet."""
    if not path.exists():
        return None
    data = json.loads(path.read_text(encoding="utf-8"))
    return Baseline(data["machine"], data["paths"])


def save(path: Path, baseline: Baseline) -> None:
    """To be committed together with the change that it came from."""
    text = json.dumps(
        {
            "machine": baseline.machine,
            "paths": {name: round(count) for name, count in sorted(baseline.paths.items())},
        },
        indent=2,
    )
    path.write_text(text + "\n", encoding="utf-8")


def machine(tree: Path) -> dict[str, str]:
    """What else than our own code decides about the counts."""
    library = Path(sysconfig.get_config_var("LIBDIR") or "") / (sysconfig.get_config_var("INSTSONAME") or "")
    files = [Path(sys.executable).resolve(), *([library] if library.is_file() else [])]
    valgrind = subprocess.run(["valgrind", "--version"], check=True, capture_output=True, text=True)
    return {
        "python": f"{platform.python_version()} {_digest(*files)}",
        "libc": " ".join(platform.libc_ver()),
        "packages": _digest(tree / "requirements.lock"),
        "valgrind": valgrind.stdout.strip(),
        "processor": f"{platform.machine()}{' avx2' * _has_avx2()}",
    }


def commit(tree: Path, path: Path) -> str:
    """The commit that wrote the baseline; "" when none did."""
    found = subprocess.run(
        ["git", "-C", tree, "log", "-1", "--format=%H", "--", path],
        check=False,
        capture_output=True,
        text=True,
    )
    return found.stdout.strip()


@contextlib.contextmanager
def checkout(tree: Path, revision: str) -> Iterator[Path]:
    """The code of a revision, in a folder that goes away."""
    with tempfile.TemporaryDirectory() as folder:
        archive = subprocess.run(["git", "-C", tree, "archive", revision], check=True, capture_output=True)
        subprocess.run(["tar", "-x", "-C", folder], input=archive.stdout, check=True)
        yield Path(folder)


def _digest(*paths: Path) -> str:
    return hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()[:12]


def _has_avx2() -> bool:
    with contextlib.suppress(OSError):
        return " avx2 " in Path("/proc/cpuinfo").read_text(encoding="ascii")
    return False
