"""Delays between attempts to connect to a watch."""

from __future__ import annotations

import asyncio
import random

_FIRST_SECONDS = 0.2  # a restart is often over by then
_LAST_SECONDS = 5.0  # a cache that is back is found so soon, and one that is down isn't hammered


class RetryDelay:
    """Grows from 0.2 to 5 s, and is jittered, so that a fleet doesn't come back all at once."""

    def __init__(self) -> None:
        self._seconds = _FIRST_SECONDS

    def reset(self) -> None:
        """The connection works: the next failure is a first one again."""
        self._seconds = _FIRST_SECONDS

    async def wait(self) -> None:
        """Waits for its time, and longer the next time."""
        await asyncio.sleep(self._seconds * random.uniform(0.5, 1.5))
        self._seconds = min(self._seconds * 2, _LAST_SECONDS)
