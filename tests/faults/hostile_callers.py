"""Callers that want others to have nothing, beside an honest light one and one with large uploads."""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import psutil

from metaextract_client import NEVER, ExtractorClient
from metaextract_client.errors import MetaExtractError, OverloadedError
from metaextract_client.render import outcome_name
from metaextract_client.retry import RetryPolicy
from tests.faults.attackers import Attack
from tests.faults.survive_cgroup import chunks
from tests.samples import PHOTOS
from tests.support import cgroup
from tests.support.evidence import Evidence
from tests.support.large_files import fits_header
from tests.support.processes import ServiceProcess, family, start_cache, start_extractor
from tests.support.source_proxy import SourceProxy

if TYPE_CHECKING:
    from tests.support.processes import Inside

_SECONDS = float(os.environ.get("SECONDS") or 20)
_LIGHT_PER_SECOND = 10
_MIB = 2**20
_UPLOAD_BYTES = 50 * _MIB
_SETTLE_SECONDS = 2.0  # until an attack stands
_PATIENT = RetryPolicy(max_attempts=1000, throttles=False)


class _Case(NamedTuple):
    name: str
    kinds: tuple[str, ...]
    """One attacker each, from an address of its own."""
    by_proxy: bool = True


_CASES = (
    _Case("undisturbed", ()),
    _Case("4 with costly inputs", ("costly",) * 4),
    _Case("64 trickling uploads", ("trickle",)),
    _Case("400 half-open connections", ("half_open",), by_proxy=False),
    _Case("1,000 idle connections", ("idle",), by_proxy=False),
    _Case("rapid resets", ("resets",), by_proxy=False),
    _Case("10,000 idle streams", ("streams",)),
)


class Honest:
    """A light caller, who doesn't try again, and an uploader, who does."""

    def __init__(self, address: str, seconds: float) -> None:
        self._address = address
        self._seconds = seconds
        self.latencies: list[float] = []
        self.outcomes: Counter[str] = Counter()
        self.refusals = 0
        self.asked = 0
        self.uploads = 0
        self.uploads_done = 0
        self.upload_errors: Counter[str] = Counter()

    def run(self) -> None:
        """Both, for the given time; what was begun is waited for."""
        threads = [threading.Thread(target=self._light), threading.Thread(target=self._upload)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _light(self) -> None:
        photo, ends_at = PHOTOS[0].read_bytes(), time.monotonic() + self._seconds
        with ExtractorClient(self._address, NEVER) as client:
            due = time.monotonic()
            while due < ends_at:
                time.sleep(max(0.0, due - time.monotonic()))
                due += 1 / _LIGHT_PER_SECOND
                started_at = time.monotonic()
                self.asked += 1
                try:
                    document = client.extract_bytes(photo + os.urandom(8), "a.jpg", timeout=20).document
                except OverloadedError:
                    self.refusals += 1
                except MetaExtractError as error:
                    self.outcomes[error.code.name] += 1
                else:
                    self.outcomes[outcome_name(document.outcome)] += 1
                    self.latencies.append(time.monotonic() - started_at)

    def _upload(self) -> None:
        ends_at, number = time.monotonic() + self._seconds, 0
        with ExtractorClient(self._address, _PATIENT) as client:
            while time.monotonic() < ends_at:
                header = fits_header(
                    f"{os.getpid()}-{self._seconds}-{number}-{time.time_ns()}", _UPLOAD_BYTES
                )
                number += 1
                self.uploads += 1
                blocks = list(chunks(header, _UPLOAD_BYTES))
                try:
                    result = client.extract_upload(blocks, "a.fits", _UPLOAD_BYTES, timeout=60)
                except MetaExtractError as error:
                    self.upload_errors[error.code.name] += 1
                else:
                    self.uploads_done += outcome_name(result.document.outcome) == "OK"
                time.sleep(0.5)

    def p99_seconds(self) -> float:
        """Of the light one's answers."""
        ordered = sorted(self.latencies)
        return ordered[int(len(ordered) * 0.99)] if ordered else float("inf")


def _beside(case: _Case, extractor: ServiceProcess, seconds: float) -> Honest:
    sources = [f"127.0.0.{number + 2}" for number in range(len(case.kinds))]
    with SourceProxy(extractor.address, sources) as proxy:
        addresses = proxy.addresses if case.by_proxy else [extractor.address] * len(sources)
        attacks = [
            Attack(kind, address, source)
            for kind, address, source in zip(case.kinds, addresses, sources, strict=True)
        ]
        try:
            time.sleep(_SETTLE_SECONDS)
            honest = Honest(extractor.address, seconds)
            honest.run()
        finally:
            for attack in attacks:
                attack.stop()
    return honest


def _start(cache_address: str, inside: Inside | None = None) -> ServiceProcess:
    return start_extractor(cache_address, "tests.faults.hostile_extractor", inside)


def run(name: str) -> Evidence:
    evidence = Evidence(name)
    undisturbed = 0.0
    with start_cache() as cache, _start(cache.address) as extractor:
        _beside(_CASES[0], extractor, 3.0)  # warm
        before, files = _state(extractor), _files()
        for case in _CASES:
            honest = _beside(case, extractor, _SECONDS)
            p99 = honest.p99_seconds()
            undisturbed = undisturbed or p99
            _judge(evidence, case.name, honest, p99, undisturbed)
        time.sleep(32)  # idle workers go after 30 s, connections after their handshake
        after = _state(extractor)
        errors = [line for line in extractor.log if '"level": "error"' in line]
        evidence.single("afterwards", "lines of ERROR", "count", len(errors), "== 0")
        for line in errors[:3]:
            print("   ", line[:300])
        for what, first, last in zip(
            ("MiB of RSS", "descriptors", "threads", "processes"), before, after, strict=True
        ):
            print(f"  afterwards: {what} {first} -> {last}")
        evidence.single("afterwards", "descriptors more than before", "count", after[1] - before[1], "<= 4")
        evidence.single("afterwards", "threads more than before", "count", after[2] - before[2], "<= 4")
        evidence.single("afterwards", "files in /dev/shm and the spool", "count", _files() - files, "== 0")
        evidence.single("afterwards", "RSS of all, against before", "ratio", after[0] / before[0], "<= 2")
        workers = family(extractor.pid)[1:]
    _, orphans = psutil.wait_procs(workers, timeout=5)
    evidence.single("afterwards", "orphans once it is stopped", "count", len(orphans), "== 0")
    _small_container(evidence)
    return evidence


def _files() -> int:
    """What services might leave behind: shared memory, and files beside their unnamed ones."""
    return sum(
        len(list(Path(folder).glob("*metaextract*"))) for folder in ("/dev/shm", tempfile.gettempdir())
    )


def _judge(evidence: Evidence, case: str, honest: Honest, p99: float, undisturbed: float) -> None:
    refused = (honest.asked - len(honest.latencies)) / honest.asked
    print(
        f"  {case:<28} light: {honest.asked} asked, {honest.refusals} refused, {dict(honest.outcomes)}, p99 {p99 * 1000:.0f} ms;"
        f" uploads {honest.uploads_done}/{honest.uploads} {dict(honest.upload_errors)}"
    )
    evidence.single(case, "light caller refused or failed", "ratio", refused, "<= 0.05")
    evidence.single(case, "its p99 / undisturbed", "ratio", p99 / undisturbed, "<= 3")
    evidence.single(
        case, "uploads served in the end", "ratio", honest.uploads_done / honest.uploads, ">= 0.95"
    )


def _state(extractor: ServiceProcess) -> tuple[float, int, int, int]:
    processes = family(extractor.pid)
    front = psutil.Process(extractor.pid)
    rss = sum(each.memory_info().rss for each in processes) / _MIB
    return round(rss, 1), front.num_fds(), front.num_threads(), len(processes)


def _small_container(evidence: Evidence) -> None:
    """24 hostile callers in 512 MiB."""
    why_not = cgroup.why_not()
    if why_not:
        print(f"  {why_not}")
        return
    kinds = ("costly", "greedy", "costly", "greedy", "costly", "greedy")  # of four threads each
    case = _Case("24 callers in 512 MiB", kinds)
    with cgroup.MemoryCgroup(512 * _MIB) as group, start_cache() as cache:
        with _start(cache.address, group) as extractor:
            honest = _beside(case, extractor, _SECONDS)
            alive = extractor.process.poll() is None
        served = honest.outcomes["OK"] + honest.outcomes["PARTIAL"]
        print(
            f"  {case.name}: light {honest.asked} asked, {honest.refusals} refused, {dict(honest.outcomes)};"
            f" uploads {honest.uploads_done}/{honest.uploads} {dict(honest.upload_errors)}; OOM kills {group.oom_kills()}"
        )
        evidence.single(case.name, "OOM kills", "count", group.oom_kills(), "== 0")
        evidence.single(case.name, "service died", "count", float(not alive), "== 0")
        evidence.single(case.name, "light caller served", "ratio", served / honest.asked)
        evidence.single(
            case.name, "large honest uploads done", "ratio", honest.uploads_done / honest.uploads, ">= 0.5"
        )
