"""Eleven minutes at 70 % of what the pair can, with a fault every 20 s: what grows, what leaks, what fails.

The fault matrix's world; the cache and the second extractor are never killed, so that what they keep can be seen.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import statistics
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import psutil

from metaextract.cache.v1 import result_pb2
from metaextract_client import CacheClient
from tests.faults import fault_matrix
from tests.faults.fault_matrix import Load, World
from tests.support.evidence import ROOT, Evidence

_SECONDS = float(os.environ.get("SECONDS") or 660)
_FAULT_SECONDS, _PAUSE_SECONDS = 5.0, 15.0
_LOAD_RATIO = 0.7
_PEAK_SECONDS = 8.0
_SAMPLE_SECONDS = 2.0
_LEFT_OUT = frozenset(
    {
        "cache killed (kill -9)", "names gone", "descriptors exhausted", "extractor stopped (SIGSTOP)", "cache's clock -1 h",
    }
)  # fmt: skip
"""What would start the cache anew, or was left out of the run that was measured."""
_MIB = 2**20
_FILLER_BYTES = 600  # of text; 81 are left of it, packed, so that these are more entries than photographs' results will be
_FILLERS = 100_000  # the memory tier evicts from the 42,000th on; the disk is full to nine tenths in the end
_PUT_TOGETHER = 100


class _Sample(NamedTuple):
    at: float
    rss_mib: float
    descriptors: int
    threads: int


class _Watch:
    """Samples processes until it is left."""

    def __init__(self, **pids: int) -> None:
        self.samples: dict[str, list[_Sample]] = {name: [] for name in pids}
        self._pids = pids
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        while not self._stop.wait(_SAMPLE_SECONDS):
            for name, pid in self._pids.items():
                with contextlib.suppress(psutil.Error):
                    process = psutil.Process(pid)
                    rss = process.memory_info().rss / _MIB
                    self.samples[name].append(
                        _Sample(time.monotonic(), rss, process.num_fds(), process.num_threads())
                    )

    def __enter__(self) -> _Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


def _peak(world: World) -> float:
    """Extractions a second of callers that wait for nothing else."""
    load = Load(world.addresses, f"127.0.0.1:{world.cache_port}", per_second=10_000)
    load.learn()
    with load:
        time.sleep(_PEAK_SECONDS)
    return len(load.calls) / _PEAK_SECONDS


def _fill(address: str) -> None:
    """Fills the memory tier: what a cache takes until it is full is no leak, and took a third of the time or all of it, by the speed
    of the machine. Cheaper results than any other: they are the first victims.
    """
    text = (ROOT / "README.md").read_bytes()
    with CacheClient(address) as client:
        for first in range(0, _FILLERS, _PUT_TOGETHER):
            client.put_results(
                [
                    result_pb2.ResultEntry(
                        key=result_pb2.ResultKey(
                            space="verified", content_id=f"filler:{number}", module="filler", version="1"
                        ),
                        value=text[(at := random.randrange(len(text) - _FILLER_BYTES)) : at + _FILLER_BYTES],
                        cost_seconds=1e-6,
                    )
                    for number in range(first, first + _PUT_TOGETHER)
                ]
            )


def run(name: str) -> Evidence:
    evidence = Evidence(name)
    if os.geteuid() or shutil.which("nft") is None:
        print("  root and nftables are needed")
        return evidence
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        fault_matrix.mount(folder, stack)
        world = World(folder, stack)
        _fill(f"127.0.0.1:{world.cache_port}")
        peak = _peak(world)
        print(
            f"  peak {peak:.0f} extractions a second; {_LOAD_RATIO:.0%} of it for {_SECONDS:g} s", flush=True
        )
        faults = {name: fault for name, fault in world.faults().items() if name not in _LEFT_OUT}
        load = Load(world.addresses, f"127.0.0.1:{world.cache_port}", per_second=_LOAD_RATIO * peak)
        load.learn()
        happened: Counter[str] = Counter()
        with _Watch(cache=world.cache.pid, extractor=world.extractors[1].pid) as watch, load:
            ends_at = time.monotonic() + _SECONDS
            while time.monotonic() < ends_at:
                time.sleep(min(_PAUSE_SECONDS, max(0.0, ends_at - time.monotonic())))
                fault = random.choice(list(faults))
                with faults[fault]():
                    time.sleep(_FAULT_SECONDS)
                happened[fault] += 1
            time.sleep(10)
        gone, wrong_values = load.lost()
        _tell(evidence, load, watch, happened)
        evidence.single("soak", "acknowledged results lost", "count", gone, "== 0")
        evidence.single(
            "soak",
            "wrong answers",
            "count",
            wrong_values + sum(not call.is_right for call in load.calls),
            "== 0",
        )
        errors = [
            line
            for each in (world.cache, *world.extractors)
            for line in each.log
            if '"level": "error"' in line
        ]
        evidence.single("soak", "lines of ERROR", "count", len(errors), "== 0")
        for line in errors[:3]:
            print("   ", line[:200], "…", line[-1500:])
    return evidence


def _tell(evidence: Evidence, load: Load, watch: _Watch, happened: Counter[str]) -> None:
    codes = Counter(call.code for call in load.calls)
    print(f"  faults: {dict(happened)}")
    print(f"  {len(load.calls)} calls: {', '.join(f'{count} {code}' for code, count in codes.most_common())}")
    evidence.single("soak", "calls", "count", len(load.calls))
    evidence.single(
        "soak", "calls that failed in the end", "ratio", 1 - codes["OK"] / len(load.calls), "<= 0.001"
    )
    for name, samples in watch.samples.items():
        later = samples[len(samples) // 3 :]
        slope = (
            statistics.linear_regression([each.at for each in later], [each.rss_mib for each in later]).slope
            * 60
        )
        first, last = samples[len(samples) // 10], samples[-1]
        print(
            f"  {name}: RSS {first.rss_mib:.0f} -> {last.rss_mib:.0f} MiB, descriptors {first.descriptors} -> {last.descriptors}, threads {first.threads} -> {last.threads}"
        )
        evidence.single(name, "RSS, after a third of the time", "MiB/min", slope, "<= 1")
        evidence.single(
            name, "descriptors more than at first", "count", last.descriptors - first.descriptors, "<= 8"
        )
        evidence.single(name, "threads more than at first", "count", last.threads - first.threads, "<= 4")
