"""Samples cgroup, level and limiter ten times a second: a process of its own, which the load's threads can't hold up.

`python -m tests.faults.survive_watcher CGROUP CACHE EXTRACTOR` prints a line per sample until it is ended.
"""

from __future__ import annotations

import contextlib
import json
import sys
import time
from pathlib import Path

from metaextract_client import NEVER, CacheClient, ExtractorClient, MetaExtractError, UnavailableError
from tests.support.cgroup import working_set_bytes


def main(cgroup: str, cache_address: str, extractor_address: str) -> None:
    path = Path(cgroup)
    with CacheClient(cache_address) as cache, ExtractorClient(extractor_address, NEVER) as extractor:
        level = parses = uploads = queued = 0
        asked_at = 0.0
        while True:
            if time.monotonic() - asked_at >= 0.5:
                asked_at = time.monotonic()
                level = 0  # nobody answers
                with contextlib.suppress(MetaExtractError):
                    level = cache.get_pressure(timeout=0.4).level
                try:
                    state = extractor.get_backoff_state(timeout=2)
                    parses, uploads = state.in_flight, state.uploads_in_flight
                    queued = sum(row.queued for row in state.classes)
                except UnavailableError:
                    parses = uploads = queued = 0
                except MetaExtractError:
                    pass  # late: what was known is the best guess
            sample = (time.time(), working_set_bytes(path) / 2**20, level, parses, uploads, queued)
            print(json.dumps(sample), flush=True)
            time.sleep(0.1)


if __name__ == "__main__":
    main(*sys.argv[1:])
