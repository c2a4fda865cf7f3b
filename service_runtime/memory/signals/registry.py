"""Lists all signals that any process of ours watches, in one tuple. A new one is a class and its line here.

What only one service has (reserved bytes, room on its disk, its Redis) it adds to the sampler itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from service_runtime.memory.levels import PressureLevel
from service_runtime.memory.signals import cgroup, host, stalls
from service_runtime.memory.signals.surroundings import Surroundings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from service_runtime.memory.reading import Signal

SIGNALS: tuple[Callable[[Surroundings], Sequence[Signal]], ...] = (
    cgroup.find,
    host.find,
    stalls.find,
    host.find_process,
)
"""Each finds the signals of its kind that concern this process on this machine; none where there is nothing to watch."""


def discover(surroundings: Surroundings | None = None) -> list[Signal]:
    """The cheap signals: each cgroup above this process that has a limit, the host, stalls, our own limit."""
    where = surroundings or Surroundings()
    return [signal for find in SIGNALS for signal in find(where)]


def tightest_limit_bytes(signals: Iterable[Signal]) -> int:
    """The smallest limit of memory among `signals`; 0 when none can be read.

    Only those that may cause CRITICAL count: what kills nobody, such as a full swap, is no limit of memory.
    """
    limits = []
    for signal in signals:
        if signal.worst is not PressureLevel.CRITICAL:
            continue
        try:
            usage = signal.read()
        except (OSError, ValueError, KeyError):
            continue
        if usage is not None and usage.limit_bytes > 0:
            limits.append(usage.limit_bytes)
    return min(limits, default=0)
