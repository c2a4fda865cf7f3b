"""Settings of the cache service."""

from __future__ import annotations

from dataclasses import dataclass

from service_runtime.settings import RuntimeSettings, setting

_MIB = 1024 * 1024


@dataclass(frozen=True)
class Settings(RuntimeSettings):
    """Read once in `__main__`; see the README's table."""

    cache_address: str = setting("127.0.0.1:50052", "Address that the cache listens on.", unit="host:port")
    cache_directory: str = setting("", "Folder of the disk tier. Without one, results live in memory only.")
    cache_memory_bytes: int = setting(
        256 * _MIB, "Largest memory tier, overhead included.", unit="B", low=_MIB, high=1 << 40
    )
    cache_memory_entries: int = setting(
        100_000, "Most entries in the memory tier; 0: only bytes count.", low=0, high=100_000_000
    )
    cache_disk_bytes: int = setting(2048 * _MIB, "Largest disk tier.", unit="B", low=_MIB, high=1 << 44)
    cache_regrow_ratio_per_second: float = setting(
        0.01,
        "How fast the memory tier's budget grows back after pressure, as a share of its maximum.",
        unit="1/s", low=0.0001, high=1,
    )  # fmt: skip
    pressure_heartbeat_seconds: float = setting(
        2.0,
        "Longest silence on WatchPressure; a state is valid for three of them.",
        unit="s",
        low=0.1,
        high=60,
    )
