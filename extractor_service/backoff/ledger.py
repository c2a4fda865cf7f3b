"""Bytes that running work is expected to need: reserved before it begins, given back when it has ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class ByteLedger:
    """Counts promises against a budget. One promise is always allowed: nothing is too large to be done alone."""

    def __init__(self, budget_bytes: int) -> None:
        self.budget_bytes = budget_bytes
        self.reserved_bytes = 0
        self.message_bytes = 0
        """Of these, files that came inside messages: they are here whether they are worked on or wait."""
        self._on_release: list[Callable[[], None]] = []

    def on_release(self, callback: Callable[[], None]) -> None:
        """Calls `callback` whenever bytes were given back."""
        self._on_release.append(callback)

    def fits(self, count: int, ratio: float) -> bool:
        """Whether work of `count` more bytes stays within `ratio` of the budget, or would be the only work."""
        is_only = self.reserved_bytes == self.message_bytes
        return is_only or self.reserved_bytes + count <= ratio * self.budget_bytes

    def fits_message(self, count: int, ratio: float) -> bool:
        """The same for a file that came inside a message, before any work on it."""
        return self.message_bytes == 0 or self.reserved_bytes + count <= ratio * self.budget_bytes

    def reserve(self, count: int) -> None:
        """Takes `count` bytes; ask `fits` before."""
        self.reserved_bytes += count

    def release(self, count: int) -> None:
        """Gives `count` bytes back."""
        self.reserved_bytes -= count
        for callback in self._on_release:
            callback()


class Held:
    """A message's bytes, reserved while a block runs."""

    __slots__ = ("_count", "_ledger")

    def __init__(self, ledger: ByteLedger, count: int) -> None:
        self._ledger = ledger
        self._count = count

    def __enter__(self) -> None:
        self._ledger.message_bytes += self._count
        self._ledger.reserve(self._count)

    def __exit__(self, *_: object) -> None:
        self._ledger.message_bytes -= self._count
        self._ledger.release(self._count)
