"""Goodput at 2, 5 and 10 times what the pair can do, for each back-off policy.

The pair has one CPU, the load generator another. A job is an amount of work, counted and not timed; it costs w of CPU and a refusal r,
so the most that can be done of k times the capacity is peak / (1 + (k - 1) r / w); the goal is 95 % of that. The machine's speed
moves by itself, so each window of overload stands between two of the peak, and is compared with their mean; a figure is the median
of seven. An answer counts when it comes within the deadline. Arrivals are random (Poisson), refused calls aren't repeated. A planted
bad policy, whose limit is four times too high, has to miss the goal, or this measures nothing.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import threading
import time

import psutil

from metaextract_client import ExtractorClient
from tests.benchmarks.overload_client import WARM_UP_SECONDS
from tests.support.evidence import ROOT, Evidence
from tests.support.processes import OnCpu, cpu_seconds, start_cache, start_extractor, wait_until

_POLICIES = ("proportional", "aimd", "gradient", "none")
_FACTORS = (2, 5, 10)
_ROUNDS = {"none": 3}
_USUAL_ROUNDS = 7
_SECONDS = 1.5
_CONCURRENCY = 4
_TRIES = 3  # of a window of the peak in which the machine did nothing at all
_BAD_RATIO = 4
_SETTINGS = {"METAEXTRACT_QUEUE_LENGTH": "16", "METAEXTRACT_QUEUE_SECONDS": "0.5"}


class Generator:
    """The load generator's process, on the second CPU; a line in is a cell, a line out its result."""

    def __init__(self, address: str) -> None:
        command = [sys.executable, "-m", "tests.benchmarks.overload_client", address]
        self._process = subprocess.Popen(
            OnCpu(1).command(*command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
        )

    def run(
        self, per_second: float, seconds: float, closed: int = 0, deadline: float = 1.0
    ) -> tuple[int, int, int]:
        """Good answers, refusals, and calls that came too late or failed."""
        self._process.stdin.write(f"{per_second} {seconds} {closed} {deadline}\n")
        self._process.stdin.flush()
        good, refused, late = map(int, self._process.stdout.readline().split())
        return good, refused, late

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


def run(name: str) -> Evidence:
    evidence = Evidence(name)
    if (os.cpu_count() or 1) < 2:
        raise SystemExit("the generator needs a CPU of its own")
    for policy in os.environ.get("POLICIES", "").split() or _POLICIES:
        measure_policy(evidence, policy)
    measure_policy(evidence, "proportional", planted=True)
    return evidence


def measure_policy(evidence: Evidence, policy: str, *, planted: bool = False) -> None:
    concurrency = _CONCURRENCY * (_BAD_RATIO if planted else 1)
    case = f"{policy}, limit {_BAD_RATIO}x too high" if planted else policy
    with (
        start_cache(inside=OnCpu(0)) as cache,
        start_extractor(
            cache.address,
            "tests.faults.hostile_extractor",
            OnCpu(0),
            METAEXTRACT_BACKOFF_POLICY=policy,
            METAEXTRACT_PARSE_CONCURRENCY=str(concurrency),
            **_SETTINGS,
        ) as extractor,
        ExtractorClient(extractor.address) as client,
    ):
        generator = Generator(extractor.address)
        pids = [cache.pid, extractor.pid]
        generator.run(0, 2.5, closed=2 * concurrency, deadline=20.0)  # workers are forked, code is warm
        has_refusals = policy != "none"
        refusal_seconds = cost_of_refusal(generator, extractor.pid, pids) if has_refusals else 0.0
        goodputs: dict[int, list[float]] = {factor: [] for factor in _FACTORS}
        ideals: dict[int, list[float]] = {factor: [] for factor in _FACTORS}
        lates: dict[int, int] = dict.fromkeys(_FACTORS, 0)
        costs: list[float] = []

        def peak() -> float:
            """Jobs a second when nobody is refused, by as many callers as the machine has use for."""
            settle(client)
            if not has_refusals:  # callers who left have cost it its warm workers
                generator.run(0, 1.0, closed=8, deadline=20.0)
            for _ in range(_TRIES):
                used = sum(map(cpu_seconds, pids))
                good, _, _ = generator.run(0, _SECONDS, closed=_CONCURRENCY, deadline=5.0)
                if good:
                    costs.append((sum(map(cpu_seconds, pids)) - used) / good)
                    return good / _SECONDS
            raise RuntimeError("the machine stands still")

        for _ in range(_ROUNDS.get(policy, _USUAL_ROUNDS)):
            before = peak()
            for factor in _FACTORS:
                settle(client)
                good, _, late = generator.run(factor * before, _SECONDS)
                after = peak()
                most = (before + after) / 2
                goodputs[factor].append(good / _SECONDS)
                ideals[factor].append(most / (1 + (factor - 1) * refusal_seconds / statistics.median(costs)))
                lates[factor] += late
                before = after
        generator.close()
    evidence.single(case, "CPU of a job", "ms", statistics.median(costs) * 1e3)
    if has_refusals:
        evidence.single(case, "CPU of a refusal", "ms", refusal_seconds * 1e3)
    for factor in _FACTORS:
        reference = "peak / (1 + (k-1) r/w)" if has_refusals else "peak"
        goal = ">= 0.95" if has_refusals else ""
        if planted:
            goal = "< 0.95" if factor == max(_FACTORS) else ""
        evidence.paired(
            case, f"goodput at {factor}x", "1/s", goodputs[factor], ideals[factor], reference, goal
        )
        evidence.single(case, f"late or failed at {factor}x", "count", lates[factor])


def cost_of_refusal(generator: Generator, extractor_pid: int, pids: list[int]) -> float:
    """CPU seconds of one refusal while nothing else can be done: the workers stand still, the queue is full."""
    costs = []
    for _ in range(3):
        workers = [
            process
            for process in psutil.Process(extractor_pid).children(recursive=True)
            if not process.children()
        ]
        for worker in workers:
            worker.suspend()
        used: list[float] = []

        def watch(used=used, workers=workers) -> None:
            for seconds in (WARM_UP_SECONDS, 1.0):  # then comes the generator's second that counts
                time.sleep(seconds)
                used.append(sum(map(cpu_seconds, pids)))
            for worker in workers:
                worker.resume()

        watcher = threading.Thread(target=watch)
        watcher.start()
        # A deadline that is long enough for nobody's leaving to cost a worker.
        _, refused, _ = generator.run(400, 1.0, deadline=8.0)
        watcher.join()
        costs.append((used[1] - used[0]) / refused)
    return statistics.median(costs)


def settle(client: ExtractorClient) -> None:
    """Waits until nothing runs or waits."""

    def is_idle() -> bool:
        state = client.get_backoff_state()
        return state.in_flight == 0 and state.queued == 0

    wait_until(is_idle, 30, 0.02)
