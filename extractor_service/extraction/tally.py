"""What the extractions came to, for metrics."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from extractor_service.document import Outcome
from service_runtime.histogram import Histogram

if TYPE_CHECKING:
    from enum import Enum

_NOTHING = "none"


class Tally:
    """Counts since the start. Formats are those of the registry, so that nobody can make more of them."""

    def __init__(self) -> None:
        self._by_format: dict[tuple[str, int], int] = {}
        self._by_cache: dict[Enum, int] = {}
        self.seconds: defaultdict[str, Histogram] = defaultdict(Histogram)
        """By format, of what was read."""
        self.bytes_offered = 0
        self.bytes_read = 0
        self.quarantined = 0
        """Files that were refused because they had killed their readers."""

    def record(
        self, reader: str, outcome: int, cache: Enum, read: tuple[int, int], seconds: float | None
    ) -> None:
        """Counts one: its format's name, "" when nothing reads it; what became of it; what the cache knew; bytes there were, and
        were read; how long that took, None where nothing was.
        """
        key = reader, outcome
        self._by_format[key] = self._by_format.get(key, 0) + 1
        self._by_cache[cache] = self._by_cache.get(cache, 0) + 1
        self.bytes_offered += read[0]
        self.bytes_read += read[1]
        if seconds is not None:
            self.seconds[reader or _NOTHING].observe(seconds)

    @property
    def by_format(self) -> dict[tuple[str, ...], int]:
        """By format and outcome, in words."""
        return {
            (reader or _NOTHING, Outcome(outcome).name): count
            for (reader, outcome), count in self._by_format.items()
        }

    @property
    def by_cache(self) -> dict[str, int]:
        """By what the cache knew, in words."""
        return {cache.name: count for cache, count in self._by_cache.items()}
