"""200 cycles of pressure: the memory tier's budget returns to its configured maximum every time.

The system that this one replaces ratcheted down, 500 to 157 entries in four cycles.
"""

from __future__ import annotations

from metaextract.cache.v1 import pressure_pb2, result_pb2
from metaextract_client import CacheClient
from tests.support.evidence import Evidence
from tests.support.processes import start_cache, wait_until

_CYCLES = 200
_ENTRIES = 500
_LEVELS = (
    pressure_pb2.PRESSURE_LEVEL_ELEVATED,
    pressure_pb2.PRESSURE_LEVEL_HIGH,
    pressure_pb2.PRESSURE_LEVEL_CRITICAL,
    pressure_pb2.PRESSURE_LEVEL_HIGH,
)


def run(name: str) -> Evidence:
    evidence = Evidence(name)
    with start_cache(
        METAEXTRACT_CACHE_PROFILE="default", METAEXTRACT_CACHE_REGROW_RATIO_PER_SECOND="1",
        METAEXTRACT_PRESSURE_SAMPLE_SECONDS="0.01",
    ) as cache, CacheClient(cache.address) as client:  # fmt: skip
        budgets = lambda: [(tier.budget_bytes, tier.budget_entries) for tier in client.get_stats().tiers]
        full = budgets()
        held = lambda: client.get_stats().tiers[0].entry_count
        returned = floors = refilled = 0
        for cycle in range(_CYCLES):
            for number in range(_ENTRIES if cycle == 0 else 60):
                key = result_pb2.ResultKey(
                    space="verified", content_id=f"b3:{cycle}-{number}", module="m", version="1"
                )
                client.put_result(result_pb2.ResultEntry(key=key, value=bytes(500), cost_seconds=0.1))
            refilled += held() > 50
            for level in _LEVELS:
                client.set_pressure_override(level, 60)
                if level == pressure_pb2.PRESSURE_LEVEL_CRITICAL:
                    floors += held() <= 50
            client.set_pressure_override(pressure_pb2.PRESSURE_LEVEL_NORMAL, 60)
            wait_until(lambda: budgets() == full, 10, 0.02)
            returned += budgets() == full
        stats = client.get_stats()
    evidence.single("200 cycles", "back at the configured maximum", "count", returned, f"== {_CYCLES}")
    evidence.single("200 cycles", "at the floor of 50 in between", "count", floors, f"== {_CYCLES}")
    evidence.single("200 cycles", "filled again above the floor", "count", refilled, f"== {_CYCLES}")
    evidence.single(
        "200 cycles", "pressure changes", "count", stats.pressure_changes, f">= {5 * _CYCLES - 1}"
    )
    evidence.single("200 cycles", "evicted by pressure", "count", stats.tiers[0].removals.pressure, "> 0")
    return evidence
