"""Files that kill their workers: remembered by cause, left alone for a while, quarantined after the third time.

The record is an ordinary result of the content, so it is shared by the fleet, and InvalidateResults of the content id
releases it. Pure; time is passed in.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from extractor_service.document import Outcome
from extractor_service.results.keys import ModuleKey

if TYPE_CHECKING:
    from extractor_service.workers.protocol import JobResult

MODULE = "strikes"
QUARANTINE_AFTER = 3  # once may be bad luck, twice a busy machine; each try costs a worker
# By cause: a crash is as quick to repeat as it was; the others cost a worker its whole limit.
_PAUSE_SECONDS = {Outcome.CRASHED: 15.0, Outcome.OUT_OF_MEMORY: 60.0, Outcome.TIMEOUT: 60.0}
_LONGER_RATIO = 1.5  # half as long again may be enough; slightly more would only burn it again
_EXHAUSTED = frozenset({Outcome.TIMEOUT.value, Outcome.OUT_OF_MEMORY.value})
_STRIKING = _EXHAUSTED | {Outcome.CRASHED.value}


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

    def forbids(self, now: float, parse_seconds: float, *, is_refresh: bool, is_admin: bool = False) -> bool:
        """Whether the content isn't to be read now, within a limit of `parse_seconds`.

        Who gives much more time than it had may try a content that ran out of it, quarantined or not. An operator's REFRESH
        is tried in any case, and lifts the quarantine where it succeeds.
        """
        if is_refresh and is_admin:
            return False
        outcome = Outcome(self.outcome)
        if outcome is Outcome.TIMEOUT and parse_seconds > self.parse_seconds * _LONGER_RATIO:
            return False
        if self.is_quarantined:
            return True
        if is_refresh:
            return False
        return now < self.struck_at + _PAUSE_SECONDS.get(outcome, 0.0)

    def explanation(self) -> str:
        """For the document's Problem."""
        if self.is_quarantined:
            return f"quarantined after {self.strike_count} failures, the last: {self.message}; an admin's REFRESH or InvalidateResults releases it"
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
        except (ValueError, TypeError, OverflowError):
            return None


def key(content_id: str, space: str) -> ModuleKey:
    """Where the record of a content is."""
    return ModuleKey(content_id, MODULE, "1", "", space)


def after(before: Strikes | None, parsed: JobResult, now: float, parse_seconds: float) -> Strikes | None:
    """The record to keep after an attempt that had `parse_seconds`; None when there is nothing to say.

    A lost worker is a strike, unless the machine was to blame. Running out of time or memory in an orderly way is none,
    but isn't repeated at once, either. Success clears the record.
    """
    count = before.strike_count if before is not None else 0
    if parsed.failure is not None:
        if parsed.is_excused or parsed.failure not in _STRIKING:
            return None
        return Strikes(count + 1, parsed.failure, parsed.failure_message, now, parse_seconds)
    exhausted = next((module for module in parsed.modules if module.outcome in _EXHAUSTED), None)
    if exhausted is not None and not parsed.is_excused:
        kind = "time" if exhausted.outcome == Outcome.TIMEOUT.value else "memory"
        return Strikes(count, exhausted.outcome, f"{exhausted.name} ran out of {kind}", now, parse_seconds)
    is_done = exhausted is None
    return Strikes(0, Outcome.OK.value, "", 0.0, parse_seconds) if count and is_done else None
