"""Several tiers as one: reads fast to slow and promotes, writes through, survives a failing tier."""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING

from cache_service.tiers.base import TierError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence
    from typing import TypeVar

    from cache_service.entry import Budget, Entry, Found, Key, RemovalCause, Selector, TierStats
    from cache_service.tiers.base import Tier

    T = TypeVar("T")

_log = logging.getLogger(__name__)


class CompositeTier:
    """Tiers in order of speed. A tier that fails is a miss, logged and counted."""

    name = "composite"

    def __init__(self, tiers: Sequence[Tier]) -> None:
        self._tiers = tiers
        self._failures: Counter[str] = Counter()

    async def get(self, keys: Sequence[Key], now: float) -> list[Found | None]:
        """See `Tier.get`. What a slower tier had is promoted into the faster ones."""
        found: list[Found | None] = [None] * len(keys)
        missing = list(range(len(keys)))
        for number, tier in enumerate(self._tiers):
            if not missing:
                break
            asked = [keys[index] for index in missing]
            misses: list[Found | None] = [None] * len(asked)
            answers = await self._guard(tier, tier.get(asked, now), misses)
            hits = [(index, hit) for index, hit in zip(missing, answers, strict=True) if hit is not None]
            for index, hit in hits:
                found[index] = hit
            if hits:
                items = [(keys[index], hit.entry) for index, hit in hits]
                for faster in self._tiers[:number]:
                    await self._guard(faster, faster.put(items, now, only_absent=True), [])
            missing = [index for index in missing if found[index] is None]
        return found

    async def put(
        self, items: Sequence[tuple[Key, Entry]], now: float, *, only_absent: bool = False
    ) -> list[str]:
        """See `Tier.put`. Slowest first, so that a fast tier never claims what a crash would lose."""
        holders = [""] * len(items)
        for tier in reversed(self._tiers):
            answers = await self._guard(
                tier, tier.put(items, now, only_absent=only_absent), [""] * len(items)
            )
            holders = [held or answer for held, answer in zip(holders, answers, strict=True)]
        return holders

    async def delete(self, selector: Selector, before_revision: int) -> int:
        """See `Tier.delete`; the most that any one tier removed, since faster tiers hold copies."""
        removed = [await self._guard(tier, tier.delete(selector, before_revision), 0) for tier in self._tiers]
        return max(removed, default=0)

    async def discard(self, items: Sequence[tuple[Key, Entry]], cause: RemovalCause) -> None:
        """See `Tier.discard`."""
        for tier in self._tiers:
            await self._guard(tier, tier.discard(items, cause), None)

    async def resize(self, budget: Budget, cause: RemovalCause) -> None:
        """See `Tier.resize`; concerns the fastest tier."""
        await self._tiers[0].resize(budget, cause)

    def stats(self) -> list[TierStats]:
        """See `Tier.stats`."""
        stats = [entry for tier in self._tiers for entry in tier.stats()]
        for entry in stats:
            entry.failures += self._failures[entry.name]
        return stats

    async def close(self) -> None:
        """See `Tier.close`."""
        for tier in self._tiers:
            await tier.close()

    async def _guard(self, tier: Tier, operation: Awaitable[T], otherwise: T) -> T:
        try:
            return await operation
        except TierError as error:
            self._failures[tier.name] += 1
            if self._failures[tier.name].bit_count() == 1:  # the 1st, 2nd, 4th, 8th …
                _log.warning("tier failed", extra={"tier": tier.name, "error": str(error)})
            return otherwise
