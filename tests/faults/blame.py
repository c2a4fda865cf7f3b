"""Who is blamed for lost workers: random kills of workers and templates, a real OOM beside them, and true killers."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psutil

from metaextract.document.v1 import document_pb2
from metaextract.extractor.v1 import extractor_pb2
from metaextract_client import ExtractorClient
from metaextract_client.errors import MetaExtractError
from metaextract_client.render import outcome_name
from tests.faults.hostile import make
from tests.samples import PHOTOS
from tests.support import cgroup
from tests.support.evidence import Evidence
from tests.support.processes import ServiceProcess, start_cache, start_extractor

_KILLS = int(os.environ.get("KILLS", "200"))
_CLIENTS = 4
_KILL_EVERY_SECONDS = 0.2
_OOM_SECONDS = 20.0
_MIB = 2**20


def _bare(document: document_pb2.Document) -> bytes:
    """What a document says of the file, without how long it took and how it is called."""
    copy = document_pb2.Document()
    copy.CopyFrom(document)
    copy.ClearField("modules")
    copy.ClearField("file")
    return copy.SerializeToString(deterministic=True)


class Load:
    """Clients that have photographs described, each with a nonce behind its end, so that none is cached."""

    def __init__(self, address: str) -> None:
        self.counts: Counter[str] = Counter()
        self.sent: list[bytes] = []
        self._address = address
        self._stop = threading.Event()
        self._photos = [path.read_bytes() for path in PHOTOS]
        with ExtractorClient(address) as client:
            self._right = [
                _bare(client.extract_bytes(data + os.urandom(8), "").document) for data in self._photos
            ]
        self._threads = [threading.Thread(target=self._run, args=(seed,)) for seed in range(_CLIENTS)]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self, seed: int) -> None:
        choice = random.Random(seed)
        with ExtractorClient(self._address) as client:
            while not self._stop.is_set():
                number = choice.randrange(len(self._photos))
                data = self._photos[number] + os.urandom(8)
                self.sent.append(data)
                try:
                    document = client.extract_bytes(data, "", timeout=60).document
                except MetaExtractError as error:
                    self.counts[type(error).__name__] += 1
                    continue
                outcome = outcome_name(document.outcome)
                if outcome in {"CRASHED", "OUT_OF_MEMORY", "TIMEOUT"}:
                    self.counts["failed"] += 1
                    print("   failed:", [problem.message for problem in document.problems][:2])
                else:
                    self.counts["right" if _bare(document) == self._right[number] else "wrong"] += 1


def _victims(extractor: ServiceProcess) -> Iterator[int]:
    """Numbers of processes to kill: workers three times of four, the template else."""
    choice = random.Random(1)
    while True:
        front = psutil.Process(extractor.pid)
        template = next(iter(front.children()), None)
        if template is None:
            time.sleep(0.01)
            continue
        try:
            workers = template.children()
        except psutil.NoSuchProcess:
            continue
        yield choice.choice(workers).pid if workers and choice.random() < 0.75 else template.pid


def _random_kills(evidence: Evidence) -> None:
    with start_cache() as cache, start_extractor(cache.address) as extractor:
        with Load(extractor.address) as load:
            victims, kills = _victims(extractor), 0
            while kills < _KILLS:
                time.sleep(_KILL_EVERY_SECONDS)
                try:
                    os.kill(next(victims), signal.SIGKILL)
                except ProcessLookupError:
                    continue
                kills += 1
        _judge(evidence, f"{kills} random kill -9 of workers and templates", load, extractor)


def _judge(evidence: Evidence, case: str, load: Load, extractor: ServiceProcess) -> None:
    refused = 0
    with ExtractorClient(extractor.address) as client:
        for data in load.sent:
            again = client.extract_bytes(data, "", timeout=60).document
            refused += any("quarantined" in problem.message for problem in again.problems)
    total = sum(load.counts.values())
    print(f"  {case}: {dict(load.counts)}, quarantined {refused}")
    evidence.single(case, "documents", "count", total)
    evidence.single(case, "failed documents", "count", load.counts["failed"], "== 0")
    evidence.single(case, "wrong documents", "count", load.counts["wrong"], "== 0")
    errors = total - sum(load.counts[key] for key in ("failed", "wrong", "right"))
    evidence.single(case, "failed calls", "count", errors, "== 0")
    evidence.single(case, "innocent files quarantined", "count", refused, "== 0")


_HOG = (
    "import time\nheld = []\n"
    "while True:\n    held.append(bytearray(b'x' * (8 << 20)))\n    time.sleep(0.02)\n"
)


def _real_oom(evidence: Evidence) -> None:
    """A neighbour in the same cgroup takes all memory, again and again; the kernel kills whom it likes of the large ones."""
    why_not = cgroup.why_not()
    if why_not:
        print(f"  {why_not}")
        return
    with cgroup.MemoryCgroup(400 * _MIB) as group, start_cache() as cache:
        with start_extractor(cache.address, inside=group) as extractor:
            with Load(extractor.address) as load:
                ends_at, hogs = time.monotonic() + _OOM_SECONDS, 0
                while time.monotonic() < ends_at:
                    hog = subprocess.Popen(
                        group.command(sys.executable, "-c", _HOG), stderr=subprocess.DEVNULL
                    )
                    # Workers are what the kernel is told to take first, or the hog would always be the one.
                    for worker in psutil.Process(extractor.pid).children(recursive=True)[1:]:
                        Path(f"/proc/{worker.pid}/oom_score_adj").write_text("1000")
                    hogs += 1
                    try:
                        hog.wait(2.0)
                    except subprocess.TimeoutExpired:
                        hog.kill()
                        hog.wait()
                time.sleep(1)
            kills = group.oom_kills()
            _judge(evidence, "a real cgroup OOM beside it", load, extractor)
            evidence.single("a real cgroup OOM beside it", "OOM kills", "count", kills, ">= 1")


def _true_killers(evidence: Evidence) -> None:
    refresh = extractor_pb2.ExtractOptions(cache_mode=extractor_pb2.CACHE_MODE_REFRESH)
    with (
        start_cache() as cache,
        start_extractor(cache.address, "tests.faults.hostile_extractor") as extractor,
        ExtractorClient(extractor.address) as client,
    ):
        for action in ("segfault", "exit", "kill"):
            data, messages = make(action), []
            for attempt in range(3):
                options = refresh if attempt else None
                document = client.extract_bytes(data, "a.hostile", options, timeout=60).document
                messages.append([problem.message for problem in document.problems])
            after = client.extract_bytes(data, "a.hostile", timeout=60).document
            is_quarantined = any("quarantined after 3" in problem.message for problem in after.problems)
            was_early = any("quarantined" in text for each in messages for text in each)
            print(f"  {action}: {[problem.message for problem in after.problems]}")
            evidence.single(
                f"a true killer: {action}",
                "quarantined after 3 failures",
                "0/1",
                float(is_quarantined),
                "== 1",
            )
            evidence.single(f"a true killer: {action}", "and not before", "0/1", float(not was_early), "== 1")


def run(name: str) -> Evidence:
    evidence = Evidence(name)
    _true_killers(evidence)
    _random_kills(evidence)
    _real_oom(evidence)
    return evidence
