"""Joins two memory tiers, by the size of the value. Documents and large values don't compete for the same bytes.

In one budget, saved milliseconds a byte banish large values nearly completely (a byte hit ratio of 13 % instead of 36).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cache_service.entries.entry import Budget
from cache_service.tiers.memory import place_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cache_service.entries.entry import Entry, Found, Key, RemovalCause, Selector, TierStats
    from cache_service.tiers.memory import Demote, MemoryTier


class SizedTier:
    """Values up to `split_bytes` in one tier, larger ones in the other, each with its share of the budget."""

    name = "memory"

    def __init__(self, small: MemoryTier, large: MemoryTier, *, split_bytes: int, large_ratio: float) -> None:
        self._small = small
        self._large = large
        self._split_bytes = split_bytes
        self._large_ratio = large_ratio

    def at_hand(self, key: Key, now: float) -> Found | None:
        """What `get` would answer for one key, without a turn of the loop."""
        fingerprint, text = place_of(key)
        return self._small.at_place(fingerprint, text, now) or self._large.at_place(fingerprint, text, now)

    async def get(self, keys: Sequence[Key], now: float) -> list[Found | None]:
        """See `Tier.get`."""
        found = await self._small.get(keys, now)
        missing = [index for index, hit in enumerate(found) if hit is None]
        if missing:
            for index, hit in zip(
                missing, await self._large.get([keys[index] for index in missing], now), strict=True
            ):
                found[index] = hit
        return found

    async def put(
        self,
        items: Sequence[tuple[Key, Entry]],
        now: float,
        *,
        only_absent: bool = False,
        backed: Sequence[bool] = (),
    ) -> list[str]:
        """See `Tier.put`."""
        holders = [""] * len(items)
        for tier, other, is_large in ((self._small, self._large, False), (self._large, self._small, True)):
            chosen = [
                index
                for index, (_, entry) in enumerate(items)
                if (len(entry.value) > self._split_bytes) is is_large
            ]
            if not chosen:
                continue
            part = [items[index] for index in chosen]
            if only_absent:
                held = await other.get([key for key, _ in part], now)
                for index, hit in zip(chosen, held, strict=True):
                    holders[index] = "" if hit is None else hit.tier
                chosen = [index for index in chosen if not holders[index]]
                part = [items[index] for index in chosen]
            else:
                other.remove([key for key, _ in part])
            answers = await tier.put(
                part,
                now,
                only_absent=only_absent,
                backed=[backed[index] for index in chosen] if backed else (),
            )
            for index, answer in zip(chosen, answers, strict=True):
                holders[index] = answer
        return holders

    async def delete(self, selector: Selector, before_revision: int) -> int:
        """See `Tier.delete`."""
        return await self._small.delete(selector, before_revision) + await self._large.delete(
            selector, before_revision
        )

    async def discard(self, items: Sequence[tuple[Key, Entry]], cause: RemovalCause) -> None:
        """See `Tier.discard`."""
        await self._small.discard(items, cause)
        await self._large.discard(items, cause)

    async def resize(self, budget: Budget, cause: RemovalCause) -> None:
        """See `Tier.resize`."""
        large, small = self.split(budget, self._large_ratio)
        self._large.set_budget(large)  # both at once: whoever is cancelled in between leaves no hole
        self._small.set_budget(small)
        await self._large.resize(large, cause)
        await self._small.resize(small, cause)

    @staticmethod
    def split(budget: Budget, large_ratio: float) -> tuple[Budget, Budget]:
        """The budgets of large and small values. The bound on entries is the small ones'; a floor bounds both."""
        large_bytes = int(budget.bytes * large_ratio)
        return Budget(large_bytes, budget.entries), Budget(budget.bytes - large_bytes, budget.entries)

    def stats(self) -> list[TierStats]:
        """See `Tier.stats`."""
        return [*self._small.stats(), *self._large.stats()]

    def set_demote(self, demote: Demote) -> None:
        """Names who takes what a shrink would lose."""
        self._small.demote = self._large.demote = demote

    async def entries(self, after: str, limit: int, tenant: str | None = None) -> list[tuple[Key, Entry]]:
        """Up to `limit` entries whose key's text is above `after`, in the order of these texts."""
        small, large = self._small.entries(after, limit, tenant), self._large.entries(after, limit, tenant)
        found = [*await small, *await large]
        return sorted(found, key=lambda item: item[0].text())[:limit]

    def priority(self, key: Key) -> tuple[float, float] | None:
        """The priority of `key`, and of the entry that its tier would evict next; None when it isn't here."""
        for tier in (self._small, self._large):
            priority = tier.priority(key)
            if priority is not None:
                return priority, tier.next_victim_priority() or 0.0
        return None

    async def close(self) -> None:
        """See `Tier.close`."""
        await self._small.close()
        await self._large.close()
