"""A place in a limiter, held while a block runs. A class, since a generator's context costs every file as much again (measured)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from extractor_service.backoff.queue import Ticket
    from service_runtime.histogram import Histogram


class Places(Protocol):
    """What gives places; see `Limiter`."""

    waits: Histogram
    """Seconds that work has waited for its place."""

    async def enter(self, ticket: Ticket) -> float:
        """Waits for a place."""
        ...

    def leave(self, ticket: Ticket, entered_at: float, seconds: float) -> None:
        """Gives it back."""
        ...


class Slot:
    """`async with` it; see `Limiter.slot`."""

    __slots__ = ("_began_at", "_entered_at", "_held", "_limiter", "_ticket")

    def __init__(self, limiter: Places, ticket: Ticket, held: AbstractContextManager[None]) -> None:
        """`held` counts its bytes as the tenant's."""
        self._limiter = limiter
        self._ticket = ticket
        self._held = held
        self._entered_at = self._began_at = 0.0

    async def __aenter__(self) -> None:
        self._held.__enter__()
        try:
            came_at = time.monotonic()
            self._entered_at = await self._limiter.enter(self._ticket)
            self._began_at = time.monotonic()
            self._limiter.waits.observe(self._began_at - came_at)
        except BaseException:
            self._held.__exit__(None, None, None)
            raise

    async def __aexit__(self, *_: object) -> None:
        self._limiter.leave(self._ticket, self._entered_at, time.monotonic() - self._began_at)
        self._held.__exit__(None, None, None)
