"""Writes the messages of a call whose handler has tasks of its own; a status can always follow."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

Message = TypeVar("Message")
_SETTLE_SECONDS = 1.0  # a first message is small, and waits for nobody's credit; longer, and the call is dead


class Writer(Generic[Message]):
    """Sends messages; the first one is never cut off.

    grpc.aio sends the headers along with the first message, and takes note of that when it is through. Cancelled before, it
    sends them once more with the status, which the core refuses (TOO_MANY_OPERATIONS), and the client waits for ever.
    """

    def __init__(self, write: Callable[[Message], Awaitable[None]]) -> None:
        self._write = write
        self._first: asyncio.Task[None] | None = None

    async def send(self, message: Message) -> None:
        """Returns when gRPC has taken the message."""
        if self._first is not None:
            await self._write(message)
            return
        self._first = asyncio.ensure_future(_awaited(self._write(message)))
        await asyncio.shield(self._first)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._first is not None:
            await asyncio.wait({self._first}, timeout=_SETTLE_SECONDS)
            self._first.add_done_callback(_seen)


async def _awaited(write: Awaitable[None]) -> None:
    await write


def _seen(task: asyncio.Task[Any]) -> None:
    if not task.cancelled():
        task.exception()  # whoever sent it was told
