"""Makes films and sounds with ffmpeg, sox and mkvmerge, for benchmarks against readers that aren't ours.

    python -m tests.tools.media FOLDER

The commands stand in `media_inputs/commands.txt`; a folder for each container. Nothing of it is needed to test.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

INPUTS = Path(__file__).parent / "media_inputs"
PROGRAMS = ("ffmpeg", "sox", "mkvmerge", "mkvpropedit")
MADE = Path(__file__).parents[2] / "build" / "media"
_SECONDS = 120
_DEPTH = 3  # names within names


class Command(NamedTuple):
    """Makes one file: `kind` is "" (ffmpeg, bit-exact), "+" (ffmpeg, with dates) or "!" (a line of the shell)."""

    name: str
    kind: str
    text: str

    @property
    def is_input(self) -> bool:
        """Whether later commands need the file, and nobody else."""
        return self.name.startswith("@")


def missing() -> list[str]:
    """The programs that aren't installed."""
    return [each for each in PROGRAMS if shutil.which(each) is None]


def commands() -> tuple[dict[str, str], list[Command]]:
    """The names that are put in, and all commands in their order."""
    names, found = {}, []
    for line in (INPUTS / "commands.txt").read_text().splitlines():
        if line.startswith("$"):
            name, _, text = line[1:].partition(" = ")
            names[name] = text.replace("\\n", "\n")
        elif line and not line.startswith("#"):
            name, _, text = line.partition(" | ")
            kind = text[0] if text[0] in "+!" else ""
            found.append(Command(name, kind, text[len(kind) :]))
    return names, found


def make(folder: Path) -> list[str]:
    """Fills the folder; what couldn't be made, with the program's reason. The names of encoders differ by build."""
    folder = folder.resolve()
    names, rows = commands()
    failed = []
    with tempfile.TemporaryDirectory() as scratch:
        shutil.copytree(INPUTS, scratch, dirs_exist_ok=True)

        def one(row: Command) -> None:
            target = Path(scratch) / row.name[1:] if row.is_input else folder / row.name
            target.parent.mkdir(parents=True, exist_ok=True)
            line = _line(row, {**names, "t": scratch, "o": f"'{target}'"})
            done = subprocess.run(
                line, shell=True, cwd=scratch, stdin=subprocess.DEVNULL, timeout=_SECONDS,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            )  # fmt: skip
            # mkvmerge says 1 when it only warns.
            if done.returncode > ("{mm" in row.text) or not target.is_file() or not target.stat().st_size:
                target.unlink(missing_ok=True)
                failed.append(f"{row.name}: {done.stdout.decode('utf-8', 'replace').strip()[-200:]}")

        for row in rows:
            if row.is_input:
                one(row)
        with ThreadPoolExecutor(os.cpu_count() or 1) as threads:
            list(threads.map(one, [row for row in rows if not row.is_input]))
    return failed


def _line(row: Command, names: dict[str, str]) -> str:
    text = row.text
    if row.kind != "!":
        exact = "" if row.kind == "+" else "{XA}" if "-flags +" in text else "{X}"
        text = f"{{ff}} {text} -threads 1 {exact} {{o}}"
    for _ in range(_DEPTH):
        text = re.sub(r"\{(\w+)\}", lambda found: names.get(found[1], found[0]), text)
    return text


def made() -> list[Path]:
    """All files, made once for this checkout under build/media; [] where the programs are missing."""
    if not MADE.is_dir():
        if missing():
            return []
        make(MADE)
    return sorted(path for path in MADE.rglob("*") if path.is_file())


def main() -> int:
    if len(sys.argv) != 2 or missing():
        print(f"usage: python -m tests.tools.media FOLDER; missing: {missing()}", file=sys.stderr)
        return 2
    failed = make(Path(sys.argv[1]))
    print(*failed, sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
