"""Goodput at 2, 5 and 10 times what the pair can do, for each back-off policy.

The pair has one CPU, the load generator another. A job is an amount of work, counted and not timed; it costs w of CPU and a refusal r.
Of k times the capacity p come k p calls a second; when g are done and the others refused, g w + (k p - g) r = 1, so the most that can
be done is g = p (1 - k r/w) / (1 - r/w); the goal is 95 % of that. (p / (1 + (k - 1) r/w), which stood here before, is that of k calls
for each that is done, and not for each that could be: too much by an eighth at 10x.)

The machine's speed moves by itself, so each window of overload stands between two of the peak, and is compared with their mean; a
figure is the median of seven. Jobs that are done side by side end in clumps of four, and of a window it depended on the last clump
whether 28 or 32 were counted. So the peak is the time that so many jobs take together, and in an overload a job counts by the part of
its time in the worker that lies within the window. It counts when its answer comes within the deadline. Arrivals are random (Poisson), refused calls aren't repeated. A planted bad policy, whose limit is
four times too high, has to miss the goal, or this measures nothing.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, NamedTuple

import psutil

from metaextract_client import ExtractorClient
from tests.benchmarks.overload_client import WARM_UP_SECONDS
from tests.support.evidence import ROOT, Evidence
from tests.support.processes import OnCpu, cpu_seconds, start_cache, start_extractor, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

_POLICIES = ("proportional", "aimd", "gradient", "none")
_FACTORS = (2, 5, 10)
_ROUNDS = {"none": 3}
_USUAL_ROUNDS = 7
_SECONDS = 3.0
# As long as twenty jobs take: four are done side by side, after half a second in the queue. Jobs are work, and take twice as long on a
# machine that is half as fast.
_DEADLINE_SECONDS, _DEADLINE_JOBS = 1.0, 20
_CONCURRENCY = 4
_IDLE_SECONDS = 3.0
# As long as twenty jobs take: four are done side by side, after half a second in the queue. Jobs are work, and take twice as long on a
# machine that is half as fast.
_DEADLINE_SECONDS, _DEADLINE_JOBS = 1.0, 20
_REFUSAL_SECONDS, _REFUSAL_TRIES = 2.5, 3
_PEAK_JOBS = 24  # about a second and a half
_BAD_RATIO = 4
_SETTINGS = {"METAEXTRACT_QUEUE_LENGTH": "16", "METAEXTRACT_QUEUE_SECONDS": "0.5"}


class Done(NamedTuple):
    good: float
    refused: int
    late: int
    """Or failed."""
    seconds: float


class Generator:
    """The load generator's process, on the second CPU; a line in is a cell, a line out its result."""

    def __init__(self, address: str) -> None:
        command = [sys.executable, "-m", "tests.benchmarks.overload_client", address]
        self._process = subprocess.Popen(
            OnCpu(1).command(*command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
        )

    def closed(self, callers: int, jobs: int) -> float:
        """Jobs a second of callers that wait for nothing else; raises RuntimeError when they don't come to their end."""
        done = self._run(f"closed {callers} {jobs} 20")
        if round(done.good) < jobs:
            raise RuntimeError(f"{done.good} of {jobs} jobs were done")
        return jobs / done.seconds

    def arrivals(self, per_second: float, seconds: float, deadline: float) -> Done:
        """What becomes of calls that come at random."""
        return self._run(f"arrivals {per_second} {seconds} {deadline}")

    def _run(self, command: str) -> Done:
        self._process.stdin.write(f"{command}\n")
        self._process.stdin.flush()
        good, refused, late, seconds = self._process.stdout.readline().split()
        return Done(float(good), int(refused), int(late), float(seconds))

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
    factors = _FACTORS[-1:] if planted else _FACTORS
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
        generator.closed(2 * concurrency, 8 * concurrency)  # workers are forked, code is warm
        has_refusals = policy != "none"
        goodputs: dict[int, list[float]] = {factor: [] for factor in factors}
        ideals: dict[int, list[float]] = {factor: [] for factor in factors}
        lates: dict[int, int] = dict.fromkeys(factors, 0)
        costs: list[float] = []

        def peak() -> float:
            """Jobs a second when nobody is refused, by as many callers as the machine has use for."""
            settle(client)
            if not has_refusals or planted:  # callers who left have cost it its warm workers
                generator.closed(8, 16)
            used = sum(map(cpu_seconds, pids))
            per_second = generator.closed(_CONCURRENCY, _PEAK_JOBS)
            costs.append((sum(map(cpu_seconds, pids)) - used) / _PEAK_JOBS)
            return per_second

        refusals = dict.fromkeys(factors, 0.0)
        if has_refusals:
            first = peak()
            with awake():
                idle_ratio = cost_of_time(client, pids)
                for factor in factors:
                    refusals[factor] = cost_of_refusal(
                        generator, extractor.pid, pids, (factor - 1) * first, idle_ratio
                    )
        for _ in range(_ROUNDS.get(policy, _USUAL_ROUNDS)):
            before = peak()
            for factor in factors:
                settle(client)
                done = generator.arrivals(
                    factor * before, _SECONDS, max(_DEADLINE_SECONDS, _DEADLINE_JOBS / before)
                )
                after = peak()
                most = (before + after) / 2
                goodputs[factor].append(done.good / _SECONDS)
                ratio = refusals[factor] / statistics.median(costs)
                ideals[factor].append(most * (1 - factor * ratio) / (1 - ratio))
                lates[factor] += done.late
                before = after
        generator.close()
    evidence.single(case, "CPU of a job", "ms", statistics.median(costs) * 1e3)
    for factor in factors:
        if has_refusals:
            evidence.single(case, f"CPU of a refusal at {factor}x", "ms", refusals[factor] * 1e3)
        reference = "p (1 - k r/w) / (1 - r/w)" if has_refusals else "peak"
        goal = ">= 0.95" if has_refusals else ""
        if planted:
            goal = "< 0.95"
        evidence.paired(
            case, f"goodput at {factor}x", "1/s", goodputs[factor], ideals[factor], reference, goal
        )
        evidence.single(case, f"late or failed at {factor}x", "count", lates[factor])


@contextlib.contextmanager
def awake() -> Iterator[None]:
    """Keeps the pair's CPU busy with what gives way to everything else.

    It never sleeps in an overload. After a sleep of 0.1 s the same hundred microseconds of work take four to five times as long
    (measured, on a virtual machine), which made refusals cost 8 to 10 ms at 14 a second, and an idle pair 160 ms a second.
    """
    command = "import os; os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))\nwhile True: pass"
    spinner = subprocess.Popen(OnCpu(0).command(sys.executable, "-c", command))
    try:
        yield
    finally:
        spinner.kill()
        spinner.wait()


def cost_of_time(client: ExtractorClient, pids: list[int]) -> float:
    """CPU seconds a second of a pair that has nothing to do."""
    settle(client)
    before = sum(map(cpu_seconds, pids))
    time.sleep(_IDLE_SECONDS)
    return (sum(map(cpu_seconds, pids)) - before) / _IDLE_SECONDS


def cost_of_refusal(
    generator: Generator, extractor_pid: int, pids: list[int], per_second: float, idle_ratio: float
) -> float:
    """CPU seconds of one refusal while nothing else can be done: the workers stand still, the queue is full.

    At the rate at which they come, for it is a matter of company, and without what the pair takes all the time, which stands in w.
    """
    costs = []
    for _ in range(_REFUSAL_TRIES):
        workers = [
            process
            for process in psutil.Process(extractor_pid).children(recursive=True)
            if not process.children()
        ]
        for worker in workers:
            worker.suspend()
        used: list[float] = []

        def watch(used=used, workers=workers) -> None:
            for seconds in (WARM_UP_SECONDS, _REFUSAL_SECONDS):  # the second is what the generator counts
                time.sleep(seconds)
                used.append(sum(map(cpu_seconds, pids)))
            for worker in workers:
                worker.resume()

        watcher = threading.Thread(target=watch)
        watcher.start()
        # A deadline that is long enough for nobody's leaving to cost a worker.
        done = generator.arrivals(per_second, _REFUSAL_SECONDS, deadline=8.0)
        watcher.join()
        costs.append((used[1] - used[0] - idle_ratio * _REFUSAL_SECONDS) / done.refused)
    return statistics.median(costs)


def settle(client: ExtractorClient) -> None:
    """Waits until nothing runs or waits."""

    def is_idle() -> bool:
        state = client.get_backoff_state()
        return state.in_flight == 0 and state.queued == 0

    wait_until(is_idle, 30, 0.02)
