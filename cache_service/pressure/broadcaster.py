"""Tells every watcher the latest state: a slot, not a queue.

A watcher that reads slowly skips to the latest value; it can neither delay the others nor grow memory.
"""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from cache_service.pressure.history import PressureHistory
    from cache_service.pressure.state import PressureChange, PressureState

_RECONNECT_FIRST_SECONDS = 0.5  # gives the stopping server time to close its port
_RECONNECTS_PER_SECOND = 200
"""Watchers that come back each second after a drain; one costs about a millisecond at both ends."""
_HEARTBEAT_JITTER = 0.2  # share: heartbeats are up to a fifth early, and never late


class PressureEvent(NamedTuple):
    """A state, and what else a watcher is told with it."""

    state: PressureState
    heartbeat: bool = False
    """It only repeats the revision before."""
    is_first: bool = False
    missed: tuple[PressureChange, ...] = ()
    missed_has_gaps: bool = False
    reconnect_after_seconds: float | None = None
    """Set in the last event before the server stops."""


class PressureBroadcaster:
    """Holds the latest state and wakes watchers when its revision changes."""

    def __init__(self, initial: PressureState, heartbeat_seconds: float, history: PressureHistory) -> None:
        self._state = initial
        self._refresh: Callable[[], PressureState] | None = None
        self._heartbeat_seconds = heartbeat_seconds
        self._history = history
        self._changed = asyncio.Event()
        self._closed = False
        self.watcher_count = 0

    @property
    def state(self) -> PressureState:
        """The latest state."""
        if self._refresh is not None:
            self._state, self._refresh = self._refresh(), None
        return self._state

    def refresh(self, make: Callable[[], PressureState]) -> None:
        """There are newer figures, and no news: the state is made when somebody asks for it."""
        self._refresh = make

    def publish(self, state: PressureState) -> None:
        """Replaces the state by one of a new revision; wakes the watchers."""
        self._state, self._refresh = state, None
        self._wake()

    def close(self) -> None:
        """Ends all watches with a last event, and those still to come with their first."""
        self._closed = True
        self._wake()

    async def watch(self, epoch: str = "", after_revision: int = 0) -> AsyncIterator[PressureEvent]:
        """The state at once, then each change and a heartbeat when there was none for a while.

        Whoever names the last epoch and revision seen is told what came between.
        """
        self.watcher_count += 1
        try:
            # Taken before each yield: what happens while a slow watcher is written to comes in the next turn.
            changed, state, is_last = self._changed, self.state, self._closed
            yield self._first(state, epoch, after_revision, is_last=is_last)
            while not is_last:
                sent_revision = state.revision
                await self._wait(changed)
                changed, state, is_last = self._changed, self.state, self._closed
                yield PressureEvent(
                    state,
                    heartbeat=state.revision == sent_revision,
                    reconnect_after_seconds=self._reconnect_after() if is_last else None,
                )
        finally:
            self.watcher_count -= 1

    def _first(
        self, state: PressureState, epoch: str, after_revision: int, *, is_last: bool
    ) -> PressureEvent:
        event = PressureEvent(
            state, is_first=True, reconnect_after_seconds=self._reconnect_after() if is_last else None
        )
        if not epoch:
            return event
        if epoch != state.epoch or after_revision > state.revision:
            missed, _ = self._history.since(0)
            return event._replace(missed=tuple(missed), missed_has_gaps=True)
        missed, has_gaps = self._history.since(after_revision)
        return event._replace(missed=tuple(missed), missed_has_gaps=has_gaps)

    def _reconnect_after(self) -> float:
        spread = 1 + self.watcher_count / _RECONNECTS_PER_SECOND
        return random.uniform(_RECONNECT_FIRST_SECONDS, _RECONNECT_FIRST_SECONDS + spread)

    async def _wait(self, changed: asyncio.Event) -> None:
        # Jittered, or all watchers of a change would be written to at once for ever after.
        pause = self._heartbeat_seconds * random.uniform(1 - _HEARTBEAT_JITTER, 1)
        try:
            async with asyncio.timeout(pause):
                await changed.wait()
        except TimeoutError:
            pass

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
