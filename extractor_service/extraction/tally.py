"""What the extractions came to, for metrics."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from extractor_service.document import Outcome
from service_runtime.histogram import Histogram

if TYPE_CHECKING:
    from extractor_service.extraction.pipeline import Extraction


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

    def record(self, extraction: Extraction, reader: str, size_bytes: int, seconds: float) -> None:
        """Counts one; `reader` is the name of its format, "" when nothing reads it."""
        name = reader or "none"
        self.by_format[name, Outcome(extraction.document.outcome).name] += 1
        verdict = extraction.cache_verdict.name
        self.by_cache[verdict] += 1
        self.bytes_offered += size_bytes
        self.bytes_read += extraction.source_bytes_read
        if verdict != "HIT":
            self.seconds[name].observe(seconds)
