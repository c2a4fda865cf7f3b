"""What the extractions came to, for metrics."""

from __future__ import annotations

from collections import Counter, defaultdict

from extractor_service.document import Outcome
from service_runtime.histogram import Histogram


class Tally:
    """Counts since the start. Formats are those of the registry, so that nobody can make more of them."""

    def __init__(self) -> None:
        self.by_format: Counter[tuple[str, ...]] = Counter()
        """By format and outcome."""
        self.seconds: defaultdict[str, Histogram] = defaultdict(Histogram)
        """By format, of what was read."""
        self.by_cache: Counter[str] = Counter()
        self.bytes_offered = 0
        self.bytes_read = 0
        self.quarantined = 0
        """Files that were refused because they had killed their readers."""

    def record(self, reader: str, outcome: int, cache: str, read: tuple[int, int], seconds: float) -> None:
        """Counts one: its format's name, "" when nothing reads it; what became of it; what the cache knew; bytes there were, and
        were read.
        """
        name = reader or "none"
        self.by_format[name, Outcome(outcome).name] += 1
        self.by_cache[cache] += 1
        self.bytes_offered += read[0]
        self.bytes_read += read[1]
        if cache != "HIT":
            self.seconds[name].observe(seconds)
