"""Films and sounds per CPU second: the engine against ExifTool, mutagen, tinytag, ffprobe and mediainfo over the same files.

mutagen (GPL) and tinytag are no dependencies: `pip install --target build/oracles mutagen tinytag` puts them where this looks.
"""

from __future__ import annotations

import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path

from extractor_service.workers.template import quiet_collector
from tests.benchmarks.photographs import StayOpen, read_all
from tests.support import corpus
from tests.support.evidence import ROOT, Evidence
from tests.tools import media

_ROUNDS, _PASSES = 7, 3
_ORACLES = ROOT / "build" / "oracles"
# Each reads all the fields that it has, and prints the CPU seconds of one pass.
_READERS = {
    "mutagen": """
import mutagen, sys, time
def one(path):
    try:
        found = mutagen.File(path)
    except mutagen.MutagenError:
        return 0
    if found is None: return 0
    info = found.info.pprint() if found.info else ""
    return len(info) + sum(len(str(value)) for value in (dict(found.tags) if found.tags else {}).values())
""",
    "tinytag": """
import sys, time
from tinytag import TinyTag, TinyTagException
def one(path):
    try:
        found = TinyTag.get(path, image=True)
    except (TinyTagException, ValueError):
        return 0
    return len(found.as_dict()) + (found.duration or 0)
""",
}
_LOOP = """
paths, passes = sys.argv[2:], int(sys.argv[1])
for path in paths: one(path)
started = time.process_time()
for _ in range(passes):
    for path in paths: one(path)
print((time.process_time() - started) / passes)
"""


def run(name: str) -> Evidence:
    """Interleaved rounds; every reader in a warm process, ffprobe and mediainfo in one for each file, as they are made for."""
    evidence = Evidence(name)
    files = [*corpus.media_files(), *media.made()]
    evidence.single("films and sounds", "files", "count", len(files))
    read_all(files)
    quiet_collector()  # as in a worker
    ours, theirs = [], []
    with StayOpen() as stay_open:
        stay_open.read(files)
        for _ in range(_ROUNDS):
            ours.append(_rate(files))
            theirs.append(len(files) / stay_open.read(files))
    case = "engine, in one process"
    evidence.paired(case, "files per CPU second", "1/s", ours, theirs, "exiftool -stay_open", ">= 10")
    for reader in _READERS:
        if not (_ORACLES / reader).is_dir():
            print(f"not compared with {reader}: it isn't in {_ORACLES.relative_to(ROOT)}")
            continue
        readable = [
            path for path in files if _seconds(reader, [path], 1) is not None and _reads(reader, path)
        ]
        ours, theirs = [], []
        for _ in range(_ROUNDS):
            ours.append(_rate(readable))
            theirs.append(len(readable) / _seconds(reader, readable, _PASSES))
        goal = ">= 0.7" if reader == "mutagen" else ""
        evidence.paired(f"{case}, the {len(readable)} files that {reader} reads", "files per CPU second", "1/s", ours, theirs, reader, goal)  # fmt: skip
    for command in (["ffprobe", "-v", "error", "-show_streams", "-show_format"], ["mediainfo"]):
        if shutil.which(command[0]) is None:
            print(f"not compared with {command[0]}: it isn't installed")
            continue
        few = files[::5]
        evidence.paired(
            f"{case}; {command[0]} a process for each file", "files per CPU second", "1/s",
            [_rate(few) for _ in range(3)], [len(few) / _children(command, few) for _ in range(3)], command[0],
        )  # fmt: skip
    return evidence


def _rate(files: list[Path]) -> float:
    started = time.process_time()
    for _ in range(_PASSES):
        read_all(files)
    return len(files) * _PASSES / (time.process_time() - started)


def _seconds(reader: str, files: list[Path], passes: int) -> float | None:
    """CPU seconds of one pass; None when a file breaks the reader."""
    done = subprocess.run(
        [sys.executable, "-c", _READERS[reader] + _LOOP, str(passes), *map(str, files)],
        capture_output=True, text=True, env={"PYTHONPATH": str(_ORACLES)},
    )  # fmt: skip
    return float(done.stdout) if done.returncode == 0 else None


def _reads(reader: str, path: Path) -> bool:
    """Whether the reader finds anything in the file."""
    done = subprocess.run(
        [sys.executable, "-c", _READERS[reader] + "print(bool(one(sys.argv[1])))", str(path)],
        capture_output=True, text=True, env={"PYTHONPATH": str(_ORACLES)},
    )  # fmt: skip
    return done.stdout.strip() == "True"


def _children(command: list[str], files: list[Path]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    for path in files:
        subprocess.run([*command, str(path)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
