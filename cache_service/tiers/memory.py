"""The fastest tier: immutable bytes in a dictionary, bounded by bytes and by entries.

Lives on the event loop without a lock; shrinking by many entries yields to the loop between slices.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

from cache_service.entry import Budget, Found, RemovalCause, TierStats, charged_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cache_service.entry import Entry, Key, Selector
    from cache_service.eviction.base import EvictionPolicy

_SLICE_ENTRIES = 500  # about 1 ms of the loop


class MemoryTier:
    """A bounded dictionary with an eviction policy."""

    name = "memory"

    def __init__(self, budget: Budget, policy: EvictionPolicy) -> None:
        self._budget = budget
        self._policy = policy
        self._entries: dict[Key, Entry] = {}
        self._used_bytes = 0
        self._hits = 0
        self._removals: Counter[RemovalCause] = Counter()

    async def get(self, keys: Sequence[Key], now: float) -> list[Found | None]:
        """See `Tier.get`."""
        return [self._get(key, now) for key in keys]

    async def put(
        self, items: Sequence[tuple[Key, Entry]], now: float, *, only_absent: bool = False
    ) -> list[str]:
        """See `Tier.put`; an entry larger than the whole budget isn't stored."""
        del now
        return [
            self.name if (only_absent and key in self._entries) or self._put(key, entry) else ""
            for key, entry in items
        ]

    async def delete(self, selector: Selector, before_revision: int) -> int:
        """See `Tier.delete`; looks at every key, in slices."""
        removed = 0
        for number, (key, entry) in enumerate(list(self._entries.items()), start=1):
            if entry.read_revision < before_revision and selector.matches(key):
                removed += self._remove_exactly(key, entry, RemovalCause.DELETED)
            if number % _SLICE_ENTRIES == 0:
                await asyncio.sleep(0)
        return removed

    async def discard(self, items: Sequence[tuple[Key, Entry]], cause: RemovalCause) -> None:
        """See `Tier.discard`."""
        for key, entry in items:
            self._remove_exactly(key, entry, cause)

    async def resize(self, budget: Budget, cause: RemovalCause) -> None:
        """See `Tier.resize`. The new budget holds for puts at once, so nothing refills behind the eviction."""
        self._budget = budget
        evicted = 0
        while self._too_large() and self._evict_one(cause):
            evicted += 1
            if evicted % _SLICE_ENTRIES == 0:
                await asyncio.sleep(0)

    def stats(self) -> list[TierStats]:
        """See `Tier.stats`."""
        return [
            TierStats(
                self.name,
                self._hits,
                len(self._entries),
                self._used_bytes,
                self._budget,
                dict(self._removals),
            )
        ]

    async def close(self) -> None:
        """Drops everything."""
        self._entries.clear()
        self._used_bytes = 0

    def _get(self, key: Key, now: float) -> Found | None:
        entry = self._entries.get(key)
        if entry is None:
            return None
        if entry.expires_at <= now:
            self._remove(key, RemovalCause.EXPIRED)
            return None
        self._policy.record_hit(key)
        self._hits += 1
        return Found(entry, self.name)

    def _put(self, key: Key, entry: Entry) -> bool:
        size_bytes = charged_bytes(key, entry)
        if size_bytes > self._budget.bytes:
            self._remove(key, RemovalCause.REPLACED)  # the old value must not outlive a refused new one
            return False
        self._remove(key, RemovalCause.REPLACED)
        if not self._policy.admit(key, size_bytes, entry.cost_seconds):
            return False
        self._entries[key] = entry
        self._used_bytes += size_bytes
        # At most what this entry adds: while a large shrink runs in slices, a put must not do it all at once.
        allowed_bytes = self._used_bytes - size_bytes
        while self._too_large() and self._used_bytes > allowed_bytes and self._evict_one(RemovalCause.SIZE):
            pass
        return key in self._entries

    def _too_large(self) -> bool:
        budget = self._budget
        return self._used_bytes > budget.bytes or (0 < budget.entries < len(self._entries))

    def _evict_one(self, cause: RemovalCause) -> bool:
        victim = self._policy.victim()
        if victim is None:
            return False
        self._remove(victim, cause)
        return True

    def _remove_exactly(self, key: Key, entry: Entry, cause: RemovalCause) -> bool:
        """Whether `key` still had this very entry, which is now gone."""
        if self._entries.get(key) != entry:
            return False
        self._remove(key, cause)
        return True

    def _remove(self, key: Key, cause: RemovalCause) -> None:
        entry = self._entries.pop(key, None)
        self._policy.forget(key)
        if entry is not None:
            self._used_bytes -= charged_bytes(key, entry)
            self._removals[cause] += 1
