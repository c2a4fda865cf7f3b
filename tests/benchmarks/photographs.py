"""Image files per CPU second: the engine alone and the whole service, against ExifTool over the same files.

Three sides in one interleaved run: ours, `exiftool -j` over all files at once (its start included, as a user sees it),
and one `exiftool -stay_open` process that is warm. Both sides convert and print every value.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import subprocess
import tempfile
import time
from pathlib import Path

from extractor_service.document import Document, LimitExceededError
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.identification.identify import identify
from extractor_service.sources.blocks import BlockCachedSource
from extractor_service.sources.content import SETTLE_SECONDS
from extractor_service.sources.descriptor import DescriptorSource
from extractor_service.workers.template import quiet_collector
from metaextract_client.errors import MetaExtractError
from metaextract_client.extractor_async import AsyncExtractorClient
from tests.support import corpus
from tests.support.engine import IS_COMPILED, of_engine
from tests.support.evidence import Evidence
from tests.support.processes import cpu_seconds, start_cache, start_extractor

_ROUNDS = 7
_HEAD_BYTES = 16 * 1024
_PASSES = 5
_IN_FLIGHT = 64
_COPIES = 4


def run_jpeg(name: str) -> Evidence:
    return _engine(
        name, corpus.image_files("jpeg"), (">= 30", ">= 25") if IS_COMPILED else (">= 22", ">= 17")
    )


def run_engine(name: str) -> Evidence:
    return _engine(name, corpus.image_files(), (">= 28", ">= 23") if IS_COMPILED else (">= 20", ">= 17"))


def _engine(name: str, files: list[Path], goals: tuple[str, str]) -> Evidence:
    evidence = Evidence(of_engine(name))
    evidence.single("image files", "files", "count", len(files))
    ours, batch, warm = [], [], []
    read_all(files)
    quiet_collector()
    with StayOpen() as stay_open:
        stay_open.read(files)
        for _ in range(_ROUNDS):
            ours.append(_rate(lambda: [read_all(files) for _ in range(_PASSES)], len(files) * _PASSES))
            batch.append(len(files) / batch_cpu_seconds(files))
            warm.append(len(files) / stay_open.read(files))
    case = "engine, in one process"
    evidence.paired(case, "files per CPU second", "1/s", ours, batch, "exiftool -j", goals[0])
    evidence.paired(case, "files per CPU second", "1/s", ours, warm, "exiftool -stay_open", goals[1])
    return evidence


def read_all(files: list[Path]) -> int:
    """Reads every file into a document, as a worker does; the number of fields."""
    fields = 0
    for path in files:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            source = BlockCachedSource(DescriptorSource(descriptor, os.fstat(descriptor).st_size))
            document = Document()
            found = identify(source.read_range(0, _HEAD_BYTES), source.size_bytes).format
            if found is not None:
                with contextlib.suppress(CorruptFileError, LimitExceededError):
                    found.load()(source, document)
            fields += document.field_count
        finally:
            os.close(descriptor)
    return fields


def _rate(work, files: int) -> float:
    started = time.process_time()
    work()
    return files / (time.process_time() - started)


def batch_cpu_seconds(files: list[Path]) -> float:
    """CPU of `exiftool -j` over all files, its start included."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([corpus.exiftool(), "-j", *map(str, files)], capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


class StayOpen:
    """One warm ExifTool process that is asked file by file."""

    def __enter__(self) -> StayOpen:
        self._process = subprocess.Popen(
            [corpus.exiftool(), "-stay_open", "True", "-@", "-"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, errors="replace",
        )  # fmt: skip
        return self

    def __exit__(self, *_: object) -> None:
        self._process.stdin.write("-stay_open\nFalse\n")
        self._process.stdin.close()
        self._process.stdout.read()
        self._process.wait()

    def read(self, files: list[Path]) -> float:
        """CPU seconds for all files."""
        before = cpu_seconds(self._process.pid)
        for path in files:
            self._process.stdin.write(f"-j\n{path}\n-execute\n")
            self._process.stdin.flush()
            for line in self._process.stdout:
                if line.startswith("{ready}"):
                    break
        return cpu_seconds(self._process.pid) - before


def run_service(name: str) -> Evidence:
    """Cold files by URI, many in flight; CPU of front, workers and cache counted, the load generator apart."""
    evidence = Evidence(of_engine(name))
    files = corpus.image_files()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "files"
        _copy(files, root)
        paths = sorted(root.rglob("*.*"))
        time.sleep(SETTLE_SECONDS + 0.1)
        with (
            start_cache(Path(folder) / "cache") as cache,
            start_extractor(
                cache.address, METAEXTRACT_FILE_ROOTS=str(root), METAEXTRACT_QUEUE_LENGTH="1000"
            ) as extractor,
        ):
            pids = [cache.pid, extractor.pid]
            _drive(extractor.address, paths[:100], pids)
            ours, batch, walls, parts = [], [], [], []
            for _ in range(5):
                wall, cpu, split, generator = _drive(extractor.address, paths, pids)
                ours.append(len(paths) / cpu)
                walls.append(len(paths) / wall)
                parts.append(split)
                batch.append(len(files) / batch_cpu_seconds(files))
    case = f"service, {_IN_FLIGHT} in flight"
    evidence.single(case, "files", "count", len(paths))
    evidence.paired(
        case, "files per CPU second", "1/s", ours, batch, "exiftool -j", ">= 5" if IS_COMPILED else ">= 3.7"
    )
    evidence.single(case, "files per second of wall time", "1/s", sorted(walls)[len(walls) // 2])
    evidence.single(case, "CPU per file, all our processes", "ms", 1000 / sorted(ours)[len(ours) // 2])
    for part in parts[-1]:
        values = sorted(each.get(part, 0.0) for each in parts)
        evidence.single(case, f"of which {part}", "ms", values[len(values) // 2] / len(paths) * 1000)
    evidence.single(case, "CPU per file, load generator", "ms", generator / len(paths) * 1000)
    return evidence


def _copy(files: list[Path], root: Path) -> None:
    """Several copies of each file, so that a run lasts; each is a source version of its own."""
    for copy in range(_COPIES):
        for number, path in enumerate(files):
            target = root / str(copy) / f"{number:04d}-{path.name}"
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())


def _drive(address: str, paths: list[Path], pids: list[int]) -> tuple[float, float, dict[str, float], float]:
    """Wall seconds, CPU seconds of all servers, the same by part, and the load generator's."""
    before = {pid: cpu_seconds(pid) for pid in pids}
    own_before = {pid: _own_cpu(pid) for pid in pids}
    generator, started = time.process_time(), time.perf_counter()
    asyncio.run(_extract_all(address, paths))
    wall, generator = time.perf_counter() - started, time.process_time() - generator
    used = {pid: cpu_seconds(pid) - before[pid] for pid in pids}
    front = _own_cpu(pids[1]) - own_before[pids[1]]
    split = {
        "cache": used[pids[0]],
        "extractor's front": front,
        "template and workers": used[pids[1]] - front,
    }
    return wall, sum(used.values()), split, generator


def _own_cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def _extract_all(address: str, paths: list[Path]) -> None:
    from metaextract.extractor.v1 import extractor_pb2

    options = extractor_pb2.ExtractOptions(cache_mode=extractor_pb2.CACHE_MODE_REFRESH)
    gate = asyncio.Semaphore(_IN_FLIGHT)
    async with AsyncExtractorClient(address) as client:

        async def one(path: Path) -> None:
            async with gate:
                try:
                    await client.extract_uri(path.as_uri(), options)
                except MetaExtractError as error:
                    raise RuntimeError(f"{path.name}: {error}") from error

        await asyncio.gather(*(one(path) for path in paths))
