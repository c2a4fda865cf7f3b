"""Both services in a memory cgroup of 512 MiB, and 64 clients that upload 20 to 200 MiB each for two minutes.

Ours first; then the same load with back-off `none` and a cache that never shrinks, with our bound on what gRPC reads
ahead and without it. The README's plot is of the first and the last.
"""

from __future__ import annotations

import contextlib
import json
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from metaextract.cache.v1 import result_pb2
from metaextract.document.v1 import document_pb2
from metaextract_client import CacheClient, ExtractorClient, MetaExtractError, OverloadedError, RetryPolicy
from tests.support.cgroup import MemoryCgroup
from tests.support.evidence import OUTPUT, ROOT, Evidence
from tests.support.large_files import fits_header
from tests.support.processes import start_cache, start_extractor

MIB = 2**20
_LIMIT_BYTES = 512 * MIB
_CLIENTS = 64
_SECONDS = 120.0
_NAIVE_SECONDS = 30.0
_TO_THE_END_SECONDS = 120.0
_CHUNK = random.Random(5).randbytes(MIB)
_NAIVE_CACHE = {
    "METAEXTRACT_PRESSURE_ELEVATED_RATIO": "0.989",
    "METAEXTRACT_PRESSURE_HIGH_RATIO": "0.99",
    "METAEXTRACT_PRESSURE_CRITICAL_RATIO": "0.999",
}


class Sample(NamedTuple):
    """One moment of the run."""

    at: float
    used_mib: float
    level: int
    parses: int
    uploads: int
    queued: int


class Load:
    """The 64 clients, and what became of their files."""

    def __init__(self, extractor_address: str, seconds: float, *, is_patient: bool) -> None:
        self._address = extractor_address
        self._started_at = time.monotonic()
        self._until = self._started_at + seconds
        self._give_up_at = self._until + _TO_THE_END_SECONDS
        self._is_patient = is_patient
        self._lock = threading.Lock()
        self.done: dict[str, int] = {}
        self.done_bytes = 0
        self.progress: list[tuple[float, float]] = [(0.0, 0.0)]
        self.failures: Counter[str] = Counter()
        self.started = 0
        self.refusals = 0

    def run(self) -> None:
        with ThreadPoolExecutor(_CLIENTS) as threads:
            list(threads.map(self._client, range(_CLIENTS)))

    def _client(self, number: int) -> None:
        sizes = random.Random(number)
        with ExtractorClient(self._address, RetryPolicy(max_attempts=1, throttles=False)) as client:
            file = 0
            while time.monotonic() < self._until:
                self._one(client, f"{number}-{file}", sizes.randrange(20 * MIB, 200 * MIB, MIB))
                file += 1

    def _one(self, client: ExtractorClient, name: str, size: int) -> None:
        """Sends one file until it is described; notes every failure that isn't a refusal with a delay."""
        with self._lock:
            self.started += 1
        header = fits_header(name, size)
        while time.monotonic() < self._give_up_at:
            try:
                result = client.extract_upload(chunks(header, size), f"{name}.fits", size, timeout=60)
            except OverloadedError as error:
                with self._lock:
                    self.refusals += 1
                    if not error.is_advised:
                        self.failures["refusal without a delay"] += 1
                time.sleep(error.retry_after_seconds)
            except MetaExtractError as error:
                with self._lock:
                    self.failures[f"{error.code.name}: {str(error)[:60]}"] += 1
                time.sleep(1)
                if not self._is_patient:
                    return
            else:
                with self._lock:
                    if result.document.outcome == document_pb2.OUTCOME_OK:
                        self.done[result.info.content_id] = size
                        self.done_bytes += size
                        self.progress.append((time.monotonic() - self._started_at, self.done_bytes / MIB))
                    else:
                        self.failures[document_pb2.Outcome.Name(result.document.outcome)] += 1
                return


def chunks(header: bytes, size: int):
    yield header + _CHUNK[len(header) :]
    for _ in range(size // MIB - 1):
        yield _CHUNK


class Watcher:
    """The process that samples; see `survive_watcher`."""

    def __init__(self, cgroup: MemoryCgroup, cache_address: str, extractor_address: str) -> None:
        module = "tests.faults.survive_watcher"
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, str(cgroup.path), cache_address, extractor_address],
            stdout=subprocess.PIPE, text=True, cwd=ROOT,
        )  # fmt: skip
        self._lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def stop(self) -> list[Sample]:
        self._process.kill()
        self._process.wait()
        self._reader.join()
        samples = [Sample(*json.loads(line)) for line in self._lines if line.endswith("]\n")]
        return [sample._replace(at=sample.at - samples[0].at) for sample in samples]

    def _read(self) -> None:
        with self._process.stdout as lines:
            self._lines.extend(lines)


class Writer(threading.Thread):
    """Stores results beside the load, and keeps what was acknowledged as being on disk."""

    def __init__(self, cache_address: str) -> None:
        super().__init__(daemon=True)
        self._address = cache_address
        self._over = threading.Event()
        self.acknowledged: dict[str, bytes] = {}

    def run(self) -> None:
        number = 0
        with CacheClient(self._address) as client:
            while not self._over.wait(0.02):
                number += 1
                value = random.Random(number).randbytes(2000)
                entry = result_pb2.ResultEntry(key=key(f"written-{number}"), value=value, cost_seconds=0.1)
                with contextlib.suppress(MetaExtractError):
                    if client.put_result(entry).status == result_pb2.PUT_STATUS_DISK:
                        self.acknowledged[f"written-{number}"] = value

    def stop(self) -> None:
        self._over.set()
        self.join()

    def count_lost(self) -> int:
        with CacheClient(self._address) as client:
            found = {content: client.get_result(key(content)) for content in self.acknowledged}
        return sum(found[content].value != value for content, value in self.acknowledged.items())


def key(content: str) -> result_pb2.ResultKey:
    return result_pb2.ResultKey(space="verified", content_id=f"b3:{content}", module="m", version="1")


class Outcome(NamedTuple):
    load: Load
    samples: list[Sample]
    oom_kills: int
    acknowledged: int
    lost: int
    alive: bool


def attempt(seconds: float, cache_settings: dict[str, str], extractor_settings: dict[str, str]) -> Outcome:
    with (
        tempfile.TemporaryDirectory(dir="/var/tmp") as folder,
        MemoryCgroup(_LIMIT_BYTES) as cgroup,
    ):
        cache = start_cache(Path(folder) / "cache", inside=cgroup, **cache_settings)
        extractor = start_extractor(
            cache.address, inside=cgroup, METAEXTRACT_SPOOL_DIRECTORY=folder, **extractor_settings
        )
        try:
            fill(cache.address)
            watcher, writer = Watcher(cgroup, cache.address, extractor.address), Writer(cache.address)
            time.sleep(2)  # so that the plot begins before the load
            writer.start()
            load = Load(extractor.address, seconds, is_patient=seconds == _SECONDS)
            load.run()
            writer.stop()
            samples = watcher.stop()
            alive = cache.process.poll() is None and extractor.process.poll() is None
            lost = writer.count_lost() if alive else len(writer.acknowledged)
            return Outcome(load, samples, cgroup.oom_kills(), len(writer.acknowledged), lost, alive)
        finally:
            extractor.kill()
            cache.kill()


def fill(address: str) -> None:
    """A cache in its best days: its memory tier is full when the load begins."""
    value = random.Random(1).randbytes(100_000)
    with CacheClient(address) as client:
        for number in range(1500):
            entry = result_pb2.ResultEntry(
                key=key(str(number)), value=value[: 60_000 + number], cost_seconds=0.1
            )
            client.put_result(entry)


def run(name: str) -> Evidence:
    evidence = Evidence(name)
    # More uploads and parses than 512 MiB can take: what keeps them few is back-off, not configuration.
    shared = {"METAEXTRACT_PARSE_CONCURRENCY": "8", "METAEXTRACT_QUEUE_SECONDS": "2"}
    ours = attempt(_SECONDS, {}, shared)
    case = "512 MiB, 64 clients, 120 s"
    report(evidence, case, ours)
    for what, value, goal in (
        ("OOM kills", ours.oom_kills, "== 0"),
        ("failures that aren't refusals with a delay", sum(ours.load.failures.values()), "== 0"),
        ("files not done in the end", ours.load.started - len(ours.load.done), "== 0"),
        ("acknowledged results lost", ours.lost, "== 0"),
    ):
        evidence.single(case, what, "count", value, goal)
    evidence.single(case, "acknowledged results", "count", ours.acknowledged, "> 0")
    evidence.single(case, "refusals with a delay", "count", ours.load.refusals)
    none = {**shared, "METAEXTRACT_BACKOFF_POLICY": "none"}
    for case, settings in (
        ("none, fixed cache", none),
        ("none, and gRPC's windows", {**none, "METAEXTRACT_READ_AHEAD_BYTES": "0"}),
    ):
        naive = attempt(_NAIVE_SECONDS, _NAIVE_CACHE, settings)
        report(evidence, case, naive)
        evidence.single(case, "OOM kills", "count", naive.oom_kills)
        evidence.single(case, "files not done", "count", naive.load.started - len(naive.load.done))
        evidence.single(case, "both services alive", "0 or 1", int(naive.alive))
    plot(ours, naive, OUTPUT / f"{name}.png")
    print("failures, ours:", dict(ours.load.failures), "\nfailures, none:", dict(naive.load.failures))
    return evidence


def report(evidence: Evidence, case: str, outcome: Outcome) -> None:
    samples = outcome.samples
    evidence.single(case, "files done", "count", len(outcome.load.done))
    evidence.single(
        case, "throughput", "MiB/s", outcome.load.done_bytes / MIB / max(1.0, outcome.load.progress[-1][0])
    )
    evidence.single(case, "working set, peak", "MiB", max(sample.used_mib for sample in samples))
    for level in (2, 3, 4):
        share = sum(sample.level == level for sample in samples) / len(samples)
        evidence.single(case, f"time at level {level}", "ratio", share)


def plot(ours: Outcome, naive: Outcome, path: Path) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, panels = plt.subplots(4, 2, figsize=(11, 8), sharex="col", sharey="row", layout="constrained")
    for column, (title, outcome) in enumerate(
        (("the pair as it is", ours), ("no back-off, fixed cache, gRPC's windows", naive))
    ):
        samples = outcome.samples
        times = [sample.at for sample in samples]
        memory, level, work, rate = (panels[row][column] for row in range(4))
        memory.set_title(f"{title}: {outcome.oom_kills} OOM kills")
        memory.plot(times, [sample.used_mib for sample in samples])
        for ratio in (0.6, 0.8, 0.9, 1.0):
            memory.axhline(512 * ratio, color="grey", linewidth=0.5)
        level.step(times, [sample.level for sample in samples], where="post")
        level.set_yticks(range(5), ["no answer", "NORMAL", "ELEVATED", "HIGH", "CRITICAL"])
        work.plot(times, [sample.uploads for sample in samples], label="uploads")
        work.plot(times, [sample.parses for sample in samples], label="parses")
        work.plot(times, [sample.queued for sample in samples], label="waiting", linewidth=0.7)
        work.legend(loc="upper right", fontsize=7)
        progress = outcome.load.progress
        steps = [
            (after[0], (after[1] - before[1]) / (after[0] - before[0]))
            for before, after in zip(progress[::20], progress[20::20])
        ]
        rate.plot([at for at, _ in steps], [speed for _, speed in steps])
        rate.set_xlabel("seconds")
    for row, label in enumerate(("working set, MiB", "level", "at once", "done, MiB/s")):
        panels[row][0].set_ylabel(label)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=80)
