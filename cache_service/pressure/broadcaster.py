"""Tells every watcher the latest state: a slot, not a queue.

A watcher that reads slowly skips to the latest value; it can neither delay the others nor grow memory.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from cache_service.pressure.state import PressureState


class PressureEvent(NamedTuple):
    """A state, and whether it only repeats the revision before."""

    state: PressureState
    heartbeat: bool


class PressureBroadcaster:
    """Holds the latest state and wakes watchers when its revision changes."""

    def __init__(self, initial: PressureState, heartbeat_seconds: float) -> None:
        self._state = initial
        self._heartbeat_seconds = heartbeat_seconds
        self._changed = asyncio.Event()
        self._closed = False
        self.watcher_count = 0

    @property
    def state(self) -> PressureState:
        """The latest state."""
        return self._state

    def publish(self, state: PressureState) -> None:
        """Replaces the state; wakes the watchers if the revision is new."""
        is_change = state.revision != self._state.revision
        self._state = state
        if is_change:
            self._wake()

    def close(self) -> None:
        """Ends all watches, and those still to come after their first event."""
        self._closed = True
        self._wake()

    async def watch(self) -> AsyncIterator[PressureEvent]:
        """The state at once, then each change and a heartbeat when there was none for a while."""
        self.watcher_count += 1
        try:
            sent_revision = -1
            while True:
                # Taken before the yield: what happens while a slow watcher is written to comes in the next turn.
                changed, state, is_last = self._changed, self._state, self._closed
                yield PressureEvent(state, heartbeat=state.revision == sent_revision)
                sent_revision = state.revision
                if is_last:
                    return
                await self._wait(changed)
        finally:
            self.watcher_count -= 1

    async def _wait(self, changed: asyncio.Event) -> None:
        try:
            async with asyncio.timeout(self._heartbeat_seconds):
                await changed.wait()
        except TimeoutError:
            pass

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
