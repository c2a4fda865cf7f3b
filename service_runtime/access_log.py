"""One line for each call, or for a share of them; those that failed are always told."""

from __future__ import annotations

import logging
import random

from service_runtime.telemetry import current_call

_log = logging.getLogger("metaextract.access")
_FINE = frozenset({"OK", "CANCELLED"})


class AccessLog:
    """Tells `ratio` of the calls, at the level info."""

    def __init__(self, ratio: float) -> None:
        self._ratio = ratio

    def record(self, method: str, code: str, seconds: float) -> None:
        """A call has ended; to be called in its own context."""
        if code in _FINE and random.random() >= self._ratio:
            return
        call = current_call.get()
        _log.info(
            "call",
            extra={
                "method": method,
                "code": code,
                "duration_ms": round(seconds * 1000, 2),
                "caller": call.caller,
                "tenant": call.tenant,
            },
        )
