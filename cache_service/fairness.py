"""Long work on the event loop, in small shares."""

from __future__ import annotations

import asyncio
import time

_SHARE_SECONDS = 0.001  # longest hold of the loop: about eight turns of a call wait some 8 ms
# Not 0: the loop must really wait, so that gRPC's own thread gets the interpreter lock without its 5 ms of patience.
_PAUSE_SECONDS = 0.0003


class LoopShare:
    """Lets others have a turn after each millisecond: a call takes about eight turns, and must not notice."""

    def __init__(self) -> None:
        self._until = time.perf_counter() + _SHARE_SECONDS

    @property
    def is_used_up(self) -> bool:
        """Whether others have waited for long enough."""
        return time.perf_counter() >= self._until

    async def give_way(self) -> None:
        """Waits until everybody had a turn, when that is due."""
        if self.is_used_up:
            await asyncio.sleep(_PAUSE_SECONDS)
            self._until = time.perf_counter() + _SHARE_SECONDS
