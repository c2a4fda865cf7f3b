"""One large file, read by a pair of its own: what its first session cost, and what the next ones."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from metaextract_client import NEVER, ExtractorClient
from tests.support.processes import PeakMemory, start_cache, start_extractor

if TYPE_CHECKING:
    from pathlib import Path

    from metaextract_client.extraction import Extraction

_ROUNDS = 5


@dataclass(frozen=True)
class OneSession:
    """The first answer, its time, the median of the next, and each service's peak over idle."""

    answer: Extraction
    first_seconds: float
    warm_seconds: float
    over_idle_mib: tuple[float, float]  # of the extractor, of the cache


def measured(path: Path, cache_folder: Path, first_read: Path | None = None) -> OneSession:
    """A fresh pair, so that "over idle" includes loading the format's library, unless `first_read` has loaded it."""
    with (
        start_cache(cache_folder) as cache,
        start_extractor(cache.address) as extractor,
        ExtractorClient(extractor.address, NEVER) as client,
    ):
        if first_read is not None:
            client.extract_file(first_read)
        with PeakMemory(extractor.pid, cache.pid, interval_seconds=0.005) as memory:
            started = time.perf_counter()
            answer = client.extract_session(path)
            first = time.perf_counter() - started
        warm = []
        for _ in range(_ROUNDS):
            started = time.perf_counter()
            client.extract_session(path)
            warm.append(time.perf_counter() - started)
    of_extractor, of_cache = memory.over_idle_mib()
    return OneSession(answer, first, statistics.median(warm), (of_extractor, of_cache))
