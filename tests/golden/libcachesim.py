"""Records what libcachesim makes of generated traces: object hit ratios of LRU, S3-FIFO and size-only GDSF.

python -m venv /tmp/sim && /tmp/sim/bin/pip install libcachesim==0.3.5 blake3
PYTHONPATH=. /tmp/sim/bin/python -m tests.golden.libcachesim
"""

from __future__ import annotations

import json
from pathlib import Path

from cache_service.replay import Request, footprint_bytes
from tests.support import traces

EXPECTED = Path(__file__).parent / "expected" / "libcachesim" / "object_hits.json"
SHARES = (0.05, 0.2)
_LENGTH = 40_000
_NAMES = ("zipf 1.0", "scan", "shifting set", "extract mix")


def workloads() -> dict[str, list[Request]]:
    """The traces, always the same."""
    generated = traces.generated(_LENGTH)
    return {name: generated[name] for name in _NAMES}


def main() -> None:
    import libcachesim as sim

    kinds = {"lru": sim.LRU, "s3-fifo": sim.S3FIFO, "gdsf": sim.GDSF}
    results: dict[str, dict[str, dict[str, float]]] = {}
    for workload, requests in workloads().items():
        footprint = footprint_bytes(requests)
        for share in SHARES:
            for name, make in kinds.items():
                cache = make(cache_size=int(footprint * share))
                hits = 0
                for number, request in enumerate(requests):
                    each = sim.Request()
                    each.clock_time = number
                    each.obj_id = request.key
                    each.obj_size = request.size_bytes
                    hits += cache.get(each)
                results.setdefault(workload, {}).setdefault(str(share), {})[name] = hits / len(requests)
    EXPECTED.parent.mkdir(exist_ok=True)
    EXPECTED.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
