"""The interface of tiers. Everything is in batches: one hop per file, not per module."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cache_service.entries.entry import Budget, Entry, Found, Key, RemovalCause, Selector, TierStats


class TierError(Exception):
    """A tier can't do what was asked, for now; callers treat it as a miss."""


class Tier(Protocol):
    """Holds entries within a budget. Expired entries are never returned."""

    name: str

    async def get(self, keys: Sequence[Key], now: float) -> list[Found | None]:
        """One answer per key, in order; None is a miss. `now` is wall time, for expiry."""
        ...

    async def put(
        self,
        items: Sequence[tuple[Key, Entry]],
        now: float,
        *,
        only_absent: bool = False,
        backed: Sequence[bool] = (),
    ) -> list[str]:
        """The name of the slowest tier that holds each item now, in order; "" where none does.

        With `only_absent` an entry that is there already stays: a promotion must not overwrite a newer value.
        `backed` says of which items a slower tier holds a copy: those may be dropped without a loss.
        """
        ...

    async def delete(self, selector: Selector, before_revision: int) -> int:
        """The number of entries removed: those selected, and read before that revision."""
        ...

    async def discard(self, items: Sequence[tuple[Key, Entry]], cause: RemovalCause) -> None:
        """Removes exactly these entries, counted under `cause`; a key with a newer entry keeps it."""
        ...

    async def resize(self, budget: Budget, cause: RemovalCause) -> None:
        """Sets the budget, and evicts down to it before returning."""
        ...

    def stats(self) -> list[TierStats]:
        """One entry per simple tier, fastest first."""
        ...

    async def close(self) -> None:
        """Releases files and threads. The tier is unusable afterwards."""
        ...
