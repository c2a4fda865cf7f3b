"""What is refused, for operators: a line now and then with the counts, never one a call, which strangers could write."""

from __future__ import annotations

import logging
import time
from collections import Counter

_log = logging.getLogger(__name__)
_EVERY_SECONDS = 10.0  # an attack is seen soon, and writes six lines a minute


class Refusals:
    """Counts by reason and method."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._told_at = -1e9

    def record(self, reason: str, method: str, peer: str, now: float | None = None) -> None:
        """Notes a refusal; the line that is due tells of all since the last one, and where the last one came from."""
        now = time.monotonic() if now is None else now
        self._counts[f"{reason} {method.rpartition('/')[2]}"] += 1
        if now - self._told_at < _EVERY_SECONDS:
            return
        self._told_at = now
        counts, self._counts = dict(self._counts.most_common(10)), Counter()
        _log.warning("calls were refused", extra={"counts": counts, "last_peer": peer[:100]})
