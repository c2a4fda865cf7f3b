"""Files that kill their workers: remembered by cause, left alone for a while, quarantined after the third time.

The record is an ordinary result of the content, so it is shared by the fleet, and InvalidateResults of the content id
releases it. Pure; time is passed in.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from extractor_service.caching import ModuleKey
from extractor_service.document import Outcome

if TYPE_CHECKING:
    from extractor_service.workers.protocol import JobResult

MODULE = "strikes"
QUARANTINE_AFTER = 3
# By cause: a crash is as quick to repeat as it was; the others cost a worker its whole limit.
_PAUSE_SECONDS = {Outcome.CRASHED: 15.0, Outcome.OUT_OF_MEMORY: 60.0, Outcome.TIMEOUT: 60.0}
_LONGER_RATIO = 1.5


class Strikes(NamedTuple):
    """How often reading a content has killed its worker, and how the last time."""

    strike_count: int
    outcome: int
    message: str
    struck_at: float
    """Seconds since 1970."""
    parse_seconds: float
    """The limit it had."""

    @property
    def is_quarantined(self) -> bool:
        """Whether it is left alone until somebody releases it."""
        return self.strike_count >= QUARANTINE_AFTER

    def forbids(self, now: float, parse_seconds: float, *, is_refresh: bool) -> bool:
        """Whether the content isn't to be read now, within a limit of `parse_seconds`."""
        if self.is_quarantined:
            return True
        if is_refresh:
            return False
        outcome = Outcome(self.outcome)
        if outcome is Outcome.TIMEOUT and parse_seconds > self.parse_seconds * _LONGER_RATIO:
            return False
        return now < self.struck_at + _PAUSE_SECONDS.get(outcome, 0.0)

    def explanation(self) -> str:
        """For the document's Problem."""
        if self.is_quarantined:
            return f"quarantined after {self.strike_count} failures, the last: {self.message}; invalidating it releases it"
        return f"{self.message}; it failed a moment ago and isn't tried again yet"

    def encode(self) -> bytes:
        """For the cache."""
        return json.dumps(self).encode()

    @classmethod
    def decode(cls, text: bytes) -> Strikes | None:
        """From the cache; None when it isn't readable."""
        try:
            count, outcome, message, struck_at, parse_seconds = json.loads(text)
            return cls(
                int(count), Outcome(outcome).value, str(message), float(struck_at), float(parse_seconds)
            )
        except (ValueError, TypeError):
            return None


def key(content_id: str) -> ModuleKey:
    """Where the record of a content is."""
    return ModuleKey(content_id, MODULE, "1", "")


def after(before: Strikes | None, parsed: JobResult, now: float, parse_seconds: float) -> Strikes:
    """The record after another worker was lost."""
    count = 1 + (before.strike_count if before is not None else 0)
    return Strikes(count, parsed.failure or 0, parsed.failure_message, now, parse_seconds)
