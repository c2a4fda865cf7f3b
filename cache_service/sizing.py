"""How large the memory tier may be: by profile, or by the memory of the container. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cache_service.entries.entry import Budget

if TYPE_CHECKING:
    from cache_service.settings import Settings

_MIB = 1024 * 1024  # in bytes
_PROFILES = {
    "dev": Budget(50 * _MIB, 100),
    "constrained": Budget(100 * _MIB, 200),
    "default": Budget(200 * _MIB, 500),
    "high-memory": Budget(1000 * _MIB, 2000),
}
# A quarter leaves room for messages, connections and the page cache of the disk tier below ELEVATED's 60 %.
_AUTO_RATIO = 0.25
_AUTO_LOWEST = 16 * _MIB  # thousands of documents; with less the arena's spare segments weigh too much
_AUTO_HIGHEST = 8192 * _MIB  # 8 GiB hold millions of documents; who wants more says so by a setting


def memory_budget(settings: Settings, limit_bytes: int) -> Budget:
    """The largest memory tier in a container of `limit_bytes` (0: not known); single settings override the profile."""
    profile = _PROFILES.get(settings.cache_profile) or _auto(limit_bytes)
    return Budget(
        settings.cache_memory_bytes or profile.bytes,
        profile.entries if settings.cache_memory_entries < 0 else settings.cache_memory_entries,
    )


def _auto(limit_bytes: int) -> Budget:
    size = int(limit_bytes * _AUTO_RATIO) if limit_bytes else 256 * _MIB
    return Budget(min(_AUTO_HIGHEST, max(_AUTO_LOWEST, size)))
