"""10,000 small files: one batch, one Extract a file, and `exiftool -j -r` over the same folder."""

from __future__ import annotations

import os
import random
import resource
import shutil
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from metaextract.extractor.v1 import extractor_pb2 as pb
from metaextract_client import NEVER, ExtractorClient, RetryPolicy
from tests.samples import write_samples
from tests.support.engine import IS_COMPILED, of_engine
from tests.support.evidence import Evidence
from tests.support.processes import cpu_seconds, start_cache, start_extractor

_FILES = 10_000
_SMALL_BYTES = 64 * 1024
_ROUNDS = 2  # five would take longer than a benchmark may
_SUFFIXES = (".jpg", ".png", ".tif", ".gif", ".webp", ".heic")


def _write(root: Path) -> None:
    """Photographs and pictures of a few KiB, each another content, in folders of 200."""
    samples = [
        path.read_bytes() for path in write_samples(root / "samples")
        if path.suffix in _SUFFIXES and path.stat().st_size <= _SMALL_BYTES
    ]  # fmt: skip
    rng = random.Random(3)
    for number in range(_FILES):
        folder = root / "files" / f"{number // 200:03}"
        folder.mkdir(parents=True, exist_ok=True)
        data = rng.choice(samples)
        (folder / f"{number:05}.jpg").write_bytes(data + number.to_bytes(4, "big"))


def run(name: str) -> Evidence:
    evidence = Evidence(of_engine(name))
    exiftool = os.environ.get("METAEXTRACT_EXIFTOOL") or shutil.which("exiftool")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        _write(root)
        files = sorted(path for path in (root / "files").rglob("*") if path.is_file())
        batch, unary, tool = [], [], []
        for number in range(_ROUNDS):
            for which in ("batch", "unary", "tool") if number % 2 == 0 else ("tool", "unary", "batch"):
                if which == "tool":
                    if exiftool is None:
                        continue
                    tool.append(_exiftool(exiftool, root / "files"))
                    continue
                # A pair of its own each time: nothing may be known before.
                with (
                    start_cache(root / f"cache-{which}-{number}") as cache,
                    start_extractor(cache.address, METAEXTRACT_FILE_ROOTS=str(root)) as extractor,
                ):
                    before = cpu_seconds(extractor.pid) + cpu_seconds(cache.pid)
                    started = time.perf_counter()
                    count = (
                        _batch(extractor, root / "files") if which == "batch" else _unary(extractor, files)
                    )
                    seconds = time.perf_counter() - started
                    cpu = cpu_seconds(extractor.pid) + cpu_seconds(cache.pid) - before
                    assert count == _FILES, count
                    (batch if which == "batch" else unary).append((_FILES / seconds, cpu / _FILES * 1e3))
        references = [(unary, "one Extract a file, 8 at once")]
        if exiftool is not None:
            references.append((tool, "exiftool -j -r"))
        else:
            print("exiftool isn't installed: nothing to compare with")
        for reference, reference_name in references:
            for column, what, unit in ((0, "files a second", "1/s"), (1, "CPU a file, pair", "ms")):
                ours, theirs = ([each[column] for each in rounds] for rounds in (batch, reference))
                goal = ""
                if column and reference is tool:
                    goal = "<= 0.3" if IS_COMPILED else "<= 0.4"
                evidence.paired("10,000 files, batch", what, unit, ours, theirs, reference_name, goal)
    return evidence


def _batch(extractor, folder: Path) -> int:
    with ExtractorClient(extractor.address, NEVER) as client:
        results = client.extract_batch([pb.BatchItem(id="all", folder=folder.as_uri())], window=512)
        return sum(result.code == 0 and result.HasField("document") for result in results)


def _unary(extractor, files: list[Path]) -> int:
    with ExtractorClient(extractor.address, RetryPolicy(max_attempts=20)) as client:

        def one(path: Path) -> bool:
            return client.extract_uri(path.as_uri()).document.file.size_bytes > 0

        with ThreadPoolExecutor(8) as executor:
            return sum(executor.map(one, files))


def _exiftool(program: str, folder: Path) -> tuple[float, float]:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    done = subprocess.run(
        [program, "-j", "-r", "-q", str(folder)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    seconds = time.perf_counter() - started
    assert done.returncode in (0, 1)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return _FILES / seconds, cpu / _FILES * 1e3
