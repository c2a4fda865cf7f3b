"""A world without chance: whatever differs between two runs of the same code differs in its instructions."""

from __future__ import annotations

import gc
import itertools
import random
import time

_STEP_SECONDS = 2.0**-20
"""About a microsecond, and exact: sums of it have no rounding that would be printed with more digits now and then."""


def fix_world() -> None:
    """To be called before the services are imported: some bind the clock as a default.

    Under Valgrind everything takes 50 times as long: with the real clock limits of time would fire, and the event loop's share
    would be used up.
    """
    for name, start in (("monotonic", 1024.0), ("perf_counter", 2048.0), ("time", 1_700_000_000.0)):
        setattr(time, name, itertools.count(start, _STEP_SECONDS).__next__)
    random.seed(1)


def stop_collecting() -> None:
    """Cycles are left alone: a collection falls now into one round and now into another."""
    gc.collect()
    gc.freeze()
    gc.disable()
