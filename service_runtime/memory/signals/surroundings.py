"""Where signals look: this machine's kernel files, or copies of them in tests; and what the settings say."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Surroundings:
    """Of one process."""

    cgroup_root: Path = Path("/sys/fs/cgroup")
    own_cgroups: Path = Path("/proc/self/cgroup")
    meminfo: Path = Path("/proc/meminfo")
    pressure: Path = Path("/proc/pressure")
    process_limit_bytes: int = 0
    """What this process may use where no container limits it; 0: nothing is said."""
