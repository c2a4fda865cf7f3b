"""20,000 files on Dask with two workers, against two processes of the plain client; and once more while workers are killed."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

import psutil

from metaextract_client.engine.items import items_of
from metaextract_client.engine.run import Plan
from metaextract_client.engine.run import run as run_engine
from metaextract_client.engine.task import Job
from tests.benchmarks import batch_files
from tests.support.evidence import Evidence
from tests.support.processes import start_cache, start_extractor

_FILES = int(os.environ.get("FILES") or 20_000)
_WORKERS = 2
_KILL_SECONDS = 5.0


class _Killer:
    """Kills one of this process's Dask workers every five seconds."""

    def __init__(self) -> None:
        self.count = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        while not self._stop.wait(_KILL_SECONDS):
            try:
                workers = [each for each in _workers() if time.time() - each.create_time() > 1]
                random.choice(workers).kill()
                self.count += 1
            except (psutil.Error, IndexError):
                continue

    def __enter__(self) -> _Killer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


def _workers() -> list[psutil.Process]:
    return [
        each for each in psutil.Process().children(recursive=True) if "spawn_main" in " ".join(each.cmdline())
    ]


def _engine(address: str, items: list[str], out: Path) -> float:
    """Files a second, with Dask's own start."""
    begin = time.monotonic()
    run_engine(items, Job(address, str(out), "jsonl", b"", 4), Plan("bench", 64, _WORKERS))
    return len(items) / (time.monotonic() - begin)


def _plain(address: str, items: list[str], out: Path) -> float:
    """Files a second of two processes, each with half of the files, one batch each."""
    out.mkdir()
    begin = time.monotonic()
    processes = []
    for number in range(_WORKERS):
        (out / f"{number}.txt").write_text("\n".join(items[number::_WORKERS]))
        command = [
            sys.executable,
            "-m",
            "tests.benchmarks.batch_plain",
            address,
            str(out / f"{number}.txt"),
            str(out / f"{number}.jsonl"),
        ]
        processes.append(subprocess.Popen(command))
    assert [process.wait() for process in processes] == [0] * _WORKERS
    return len(items) / (time.monotonic() - begin)


def _told(out: Path) -> Counter[str]:
    return Counter(json.loads(line)["source"] for path in out.glob("part-*.jsonl") for line in path.open())


def run(name: str) -> Evidence:
    evidence = Evidence(name)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        batch_files._FILES = _FILES
        batch_files._write(root)
        items = list(items_of([str(root / "files")]))
        engine, plain = [], []
        for number in range(2):
            for which in ("engine", "plain") if number == 0 else ("plain", "engine"):
                with (
                    start_cache() as cache,
                    start_extractor(cache.address) as extractor,
                ):  # nothing may be known before
                    out = root / f"{which}-{number}"
                    rate = (_engine if which == "engine" else _plain)(extractor.address, items, out)
                    (engine if which == "engine" else plain).append(rate)
                    print(f"  {which}: {rate:.0f} files a second", flush=True)
        evidence.paired(
            f"{_FILES} files, {_WORKERS} workers",
            "files a second",
            "1/s",
            engine,
            plain,
            "two plain clients",
            ">= 0.85",
        )
        told = _told(root / "engine-0")
        evidence.single("without kills", "files not told exactly once", "count", _wrong(told, items), "== 0")
        with start_cache() as cache, start_extractor(cache.address) as extractor, _Killer() as killer:
            rate = _engine(extractor.address, items, root / "killed")
        told = _told(root / "killed")
        case = f"a worker killed every {_KILL_SECONDS:g} s"
        evidence.single(case, "workers killed", "count", killer.count, ">= 5")
        evidence.single(case, "files not told exactly once", "count", _wrong(told, items), "== 0")
        evidence.single(case, "files a second", "1/s", rate)
    evidence.single("footprint", "Dask, installed", "MiB", _installed_mib())
    return evidence


def _wrong(told: Counter[str], items: list[str]) -> int:
    return sum(told[item] != 1 for item in items) + len(told.keys() - set(items))


def _installed_mib() -> float:
    import dask
    import distributed

    total = 0
    for module in (dask, distributed):
        total += sum(
            path.stat().st_size for path in Path(module.__file__).parent.rglob("*") if path.is_file()
        )
    return total / 2**20
