"""Which signals concern this process on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from service_runtime.memory.signals.cgroup import limited_cgroups
from service_runtime.memory.signals.host import Host, PortableHost, ProcessMemory
from service_runtime.memory.signals.stalls import find_stalls

if TYPE_CHECKING:
    from collections.abc import Iterable

    from service_runtime.memory.reading import Signal


def discover(
    cgroup_root: Path = Path("/sys/fs/cgroup"),
    own_cgroups: Path = Path("/proc/self/cgroup"),
    meminfo: Path = Path("/proc/meminfo"),
    pressure: Path = Path("/proc/pressure"),
    process_limit_bytes: int = 0,
) -> list[Signal]:
    """The cheap signals: each cgroup above this process that has a limit, the host, stalls, our own limit."""
    signals: list[Signal] = [*limited_cgroups(cgroup_root, own_cgroups)]
    signals.append(Host(meminfo) if meminfo.exists() else PortableHost())
    signals += find_stalls(cgroup_root, own_cgroups, pressure)
    if process_limit_bytes:
        signals.append(ProcessMemory(process_limit_bytes))
    return signals


def tightest_limit_bytes(signals: Iterable[Signal]) -> int:
    """The smallest limit of memory among `signals`; 0 when none can be read."""
    limits = []
    for signal in signals:
        try:
            usage = signal.read()
        except (OSError, ValueError, KeyError):
            continue
        if usage is not None and usage.limit_bytes > 0:
            limits.append(usage.limit_bytes)
    return min(limits, default=0)
