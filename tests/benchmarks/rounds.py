"""Interleaved rounds of calls: A, B, A, B … so that a machine that slows down slows both."""

from __future__ import annotations

import statistics
import time
from typing import NamedTuple

from tests.support.processes import cpu_seconds

ROUNDS = 7


class Round(NamedTuple):
    """One round of one side."""

    p50_us: float
    cpu_us_per_call: float
    generator_cpu_us_per_call: float


def measure(call, calls: int, pids: list[int]) -> Round:
    """Latency of sequential calls, and the CPU that the processes `pids` (with children) spent on each."""
    cpu, generator = sum(map(cpu_seconds, pids)), time.process_time()
    latencies = []
    for _ in range(calls):
        started = time.perf_counter()
        call()
        latencies.append(time.perf_counter() - started)
    cpu, generator = sum(map(cpu_seconds, pids)) - cpu, time.process_time() - generator
    return Round(statistics.median(latencies) * 1e6, cpu / calls * 1e6, generator / calls * 1e6)


def interleave(ours, reference, calls: int, our_pids: list[int], reference_pids: list[int]):
    """Rounds of both sides, after one of each that doesn't count; who begins alternates."""
    sides = [(ours, our_pids, []), (reference, reference_pids, [])]
    for call, pids, _ in sides:
        measure(call, calls // 4, pids)
    for number in range(ROUNDS):
        for call, pids, rounds in sides if number % 2 == 0 else reversed(sides):
            rounds.append(measure(call, calls, pids))
    return sides[0][2], sides[1][2]


def add_latency_and_cpu(
    evidence,
    case: str,
    ours: list[Round],
    reference: list[Round],
    name: str,
    p50_goal: str = "",
    cpu_goal: str = "",
) -> None:
    """Three paired figures: p50, CPU per call of the servers, and that of the load generator."""
    evidence.paired(
        case, "latency p50", "us", [r.p50_us for r in ours], [r.p50_us for r in reference], name, p50_goal
    )
    evidence.paired(
        case,
        "CPU per call, all our processes",
        "us",
        [r.cpu_us_per_call for r in ours],
        [r.cpu_us_per_call for r in reference],
        name,
        cpu_goal,
    )
    evidence.paired(
        case,
        "CPU per call, load generator",
        "us",
        [r.generator_cpu_us_per_call for r in ours],
        [r.generator_cpu_us_per_call for r in reference],
        name,
    )
