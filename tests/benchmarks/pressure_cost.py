"""What watching memory costs: CPU and memory of the monitor, and what it adds to a request."""

from __future__ import annotations

import asyncio
import resource
import statistics
import subprocess
import sys
import time

from metaextract_client import CacheClient
from tests.benchmarks.rounds import measure
from tests.support.evidence import ROOT, Evidence
from tests.support.processes import start_cache

_SECONDS = 10.0
_CALLS = 1500
_ROUNDS = 7


def run(name: str) -> Evidence:
    evidence = Evidence(name)
    shares, memory = [], []
    for _ in range(3):
        line = subprocess.run(
            [sys.executable, "-m", "tests.benchmarks.pressure_cost"], cwd=ROOT, capture_output=True, text=True
        ).stdout
        share, grown_mib = map(float, line.split())
        shares.append(share)
        memory.append(grown_mib)
    evidence.single("monitor, 100 ms", "CPU, share of a core", "%", statistics.median(shares) * 100, "< 0.3")
    evidence.single("monitor, 100 ms", "memory, 15 minutes' history", "MiB", max(memory), "< 2")
    # The same cache with a monitor that samples every 100 ms, and with one that hardly ever does.
    with (
        start_cache(METAEXTRACT_PRESSURE_SAMPLE_SECONDS="0.1") as watched,
        start_cache(METAEXTRACT_PRESSURE_SAMPLE_SECONDS="60") as unwatched,
        CacheClient(watched.address) as ours,
        CacheClient(unwatched.address) as reference,
    ):
        sides = [(ours, watched.pid, []), (reference, unwatched.pid, [])]
        for number in range(-1, _ROUNDS):
            for client, pid, rounds in sides if number % 2 else reversed(sides):
                result = measure(client.get_pressure, _CALLS, [pid])
                if number >= 0:
                    rounds.append(result.p50_us)
    evidence.paired(
        "a small call", "latency p50", "us", sides[0][2], sides[1][2], "sampled every 60 s", "<= 1.02"
    )
    return evidence


async def monitor_alone(seconds: float) -> tuple[float, float]:
    """CPU share and MiB of a full monitor, as the cache has it, in a process that does nothing else."""
    from cache_service.entries.entry import Budget
    from cache_service.pressure.monitor import Actions, PressureMonitor
    from cache_service.pressure.policy import TierBudgetPolicy
    from service_runtime.memory.release import TrimLimiter
    from service_runtime.memory.wiring import make_monitor
    from service_runtime.settings import RuntimeSettings

    async def set_budget(budget, cause):
        pass

    before = resident_mib()
    memory = make_monitor(RuntimeSettings())
    monitor = PressureMonitor(
        memory,
        TierBudgetPolicy(Budget(2**30), 0.01),
        Actions(set_budget, TrimLimiter()),
        heartbeat_seconds=2.0,
    )
    now = time.time()
    for second in range(900):  # a full history
        monitor.history.record(now - 900 + second, monitor.broadcaster.state.level, 0.5)
    task = asyncio.create_task(monitor.run())
    await asyncio.sleep(1)
    used, started = cpu(), time.monotonic()
    await asyncio.sleep(seconds)
    share = (cpu() - used) / (time.monotonic() - started)
    grown = resident_mib() - before
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    memory.sampler.close()
    return share, grown


def cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def resident_mib() -> float:
    import psutil

    return psutil.Process().memory_full_info().uss / 2**20


if __name__ == "__main__":
    import uvloop

    from cache_service.pressure import monitor as _loaded  # noqa: F401 - code is no cost of the monitor's
    from service_runtime.memory import wiring as _wired  # noqa: F401

    print(*uvloop.run(monitor_alone(_SECONDS)))
