"""The time of day for what expires, without the steps of the system's clock.

A clock that was set back by an hour made leases last an hour longer and those who waited for them wait for ever; one that was put right
ended, together, what had been stored meanwhile. So lifetimes are counted from the time of day at the start of the process, by a monotonic
clock that goes on while the machine sleeps, where there is one. What is told to people (logs, histories) is the system's time, steps and all.
"""

from __future__ import annotations

import sys
import time
from functools import partial

_monotonic = partial(time.clock_gettime, time.CLOCK_BOOTTIME) if sys.platform == "linux" else time.monotonic
_STARTED_AT = time.time() - _monotonic()


def steady_time() -> float:
    """Seconds since 1970, as far from one another as they were in truth; a clock that was wrong at the start stays so until the next one."""
    return _STARTED_AT + _monotonic()
