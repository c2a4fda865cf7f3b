"""Recompute milliseconds saved by our policy and by others, on generated and public traces."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor

from cache_service.eviction.registry import POLICIES
from cache_service.replay import footprint_bytes, replay
from tests.benchmarks.wtinylfu import WTinyLfuPolicy
from tests.support import traces
from tests.support.evidence import Evidence

_POLICIES = {**POLICIES, "w-tinylfu": WTinyLfuPolicy}
_SHARES = (0.01, 0.05, 0.10)
_NO_GOAL_BELOW = 0.05
OURS = "gdsf"


def measure(workload) -> tuple[str, int, dict[tuple[str, float], tuple[float, float, float]]]:
    name, requests = workload
    footprint = footprint_bytes(requests)
    results = {}
    for share in _SHARES:
        for policy, make in _POLICIES.items():
            result = replay(requests, make(), int(footprint * share))
            results[policy, share] = (result.saved_ratio, result.object_hit_ratio, result.byte_hit_ratio)
    return name, len(requests), results


def run(name: str) -> Evidence:
    evidence = Evidence(name)
    workloads = {**traces.generated(), **traces.public()}
    evidence.single("all", "workloads", "count", len(workloads), ">= 8")
    with ProcessPoolExecutor(2) as executor:
        for workload, count, results in executor.map(measure, workloads.items()):
            print(f"  {workload}: {count} requests; saved ms / object hits / byte hits, %")
            for share in _SHARES:
                cells = "   ".join(
                    f"{policy} {' / '.join(f'{100 * value:.1f}' for value in results[policy, share])}"
                    for policy in _POLICIES
                )
                print(f"    at {share:>4.0%}: {cells}")
                ours = results[OURS, share][0]
                best = max((results[policy, share][0], policy) for policy in _POLICIES if policy != OURS)
                evidence.single(f"{workload}, {share:.0%}", "ms saved by our policy", "%", 100 * ours)
                evidence.single(
                    f"{workload}, {share:.0%}",
                    f"points behind the best other ({best[1]})",
                    "points",
                    100 * (best[0] - ours),
                    "<= 0.5" if share >= _NO_GOAL_BELOW else "",
                )
    return evidence
