"""The fastest tier: records in an arena, an index of fingerprints, bounded by bytes and by entries.

Lives on the event loop without a lock. Whatever takes long (a shrink, a deletion by selector, a compaction) yields
to the loop between slices.
"""

from __future__ import annotations

import heapq
from collections import Counter
from typing import TYPE_CHECKING

from cache_service.entries import record
from cache_service.entries.entry import (
    ENTRY_OVERHEAD_BYTES,
    Budget,
    Entry,
    Found,
    Key,
    RemovalCause,
    TierStats,
)
from cache_service.entries.fingerprints import FingerprintMap
from cache_service.eviction.shares import TenantShares
from cache_service.fairness import LoopShare
from cache_service.tiers.arena import ArenaFullError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from cache_service.entries.entry import Selector
    from cache_service.eviction.base import EvictionPolicy
    from cache_service.tiers.storage import Storage

    Demote = Callable[[list[tuple[Key, Entry]]], Awaitable[None]]

_SLICE_ENTRIES = 20  # 0.4 ms of the loop when they are evicted
_STEPS_PER_PUT = 8  # records looked at: puts keep up with compaction, and none feels it
MAX_READ_BYTES = 16 * 1024 * 1024  # as stored, copied at once on the event loop; a batch's rest is missed
_FINGERPRINT_MASK = (1 << 64) - 1  # Python's hash is signed, the index takes unsigned 64 bits
_SPARSE_RATIO = 0.25  # of the most entries there were: three quarters of the policy is empty then
_MAX_COMPACTED = 10_000  # a policy is compacted in one go, about 2 us a key


class MemoryTier:
    """A bounded index over a storage, with an eviction policy."""

    def __init__(
        self,
        budget: Budget,
        policy: EvictionPolicy | TenantShares,
        storage: Storage,
        *,
        name: str = "memory",
        max_record_bytes: int = 1 << 62,
    ) -> None:
        self.name = name
        self._budget = budget
        self._shares = policy if isinstance(policy, TenantShares) else TenantShares(policy)
        self._storage = storage
        self._max_record_bytes = max_record_bytes
        self._index = FingerprintMap()
        self._peak_count = 0
        self._used_bytes = 0
        self._hits = 0
        self._removals: Counter[RemovalCause] = Counter()
        self._unbacked: set[int] = set()  # fingerprints of entries that no slower tier holds
        self.demote: Demote | None = None
        """Takes what a shrink would lose."""

    def at_hand(self, key: Key, now: float) -> Found | None:
        """What `get` would answer for one key, without a turn of the loop."""
        return self.at_place(*place_of(key), now)

    def at_place(self, fingerprint: int, text: bytes, now: float) -> Found | None:
        """The same, where the key's place is known."""
        found = self._find(fingerprint, text)
        if found is None:
            return None
        if found.entry.expires_at <= now:
            self._remove(fingerprint, RemovalCause.EXPIRED)
            return None
        self._shares.record_hit(fingerprint)
        self._hits += 1
        return Found(found.entry, self.name)

    async def get(self, keys: Sequence[Key], now: float) -> list[Found | None]:
        """See `Tier.get`. Reads at most 16 MiB of values at once; what lies beyond is missed."""
        found: list[Found | None] = []
        left_bytes = MAX_READ_BYTES
        for key in keys:
            hit = self.at_hand(key, now) if left_bytes > 0 else None
            left_bytes -= 0 if hit is None else len(hit.entry.value)
            found.append(hit)
        return found

    async def put(
        self,
        items: Sequence[tuple[Key, Entry]],
        now: float,
        *,
        only_absent: bool = False,
        backed: Sequence[bool] = (),
    ) -> list[str]:
        """See `Tier.put`; an entry larger than the whole budget isn't stored.

        `backed` says of which items a slower tier holds a copy: those may be dropped without a loss.
        """
        del now
        holders, share = [], LoopShare()
        for index, (key, entry) in enumerate(items):
            if index % _SLICE_ENTRIES == _SLICE_ENTRIES - 1:
                await share.give_way()
            is_backed = bool(backed) and backed[index]
            holders.append(
                self.name if self._put(key, entry, only_absent=only_absent, is_backed=is_backed) else ""
            )
            self._storage_step()
        return holders

    async def delete(self, selector: Selector, before_revision: int) -> int:
        """See `Tier.delete`; looks at every record, in slices."""
        removed, share = 0, LoopShare()
        for number, (fingerprint, _) in enumerate(self._index.items(), start=1):
            if number % _SLICE_ENTRIES == 0:
                await share.give_way()
            current = self._index.get(fingerprint)  # compaction may have moved it
            if current is None:
                continue
            found = self._storage.read(current)
            if found.entry.read_revision < before_revision and selector.matches(found.key, found.entry):
                self._remove(fingerprint, RemovalCause.DELETED)
                removed += 1
        await self._tidy()
        return removed

    async def discard(self, items: Sequence[tuple[Key, Entry]], cause: RemovalCause) -> None:
        """See `Tier.discard`."""
        for key, entry in items:
            fingerprint, text = place_of(key)
            found = self._find(fingerprint, text)
            if found is not None and found.entry == entry:
                self._remove(fingerprint, cause)

    def set_budget(self, budget: Budget) -> None:
        """Sets the budget without evicting, for now."""
        self._budget = budget

    async def resize(self, budget: Budget, cause: RemovalCause) -> None:
        """See `Tier.resize`. The new budget holds for puts at once, so nothing refills behind the eviction.

        What no slower tier holds is handed to `demote` first.
        """
        self.set_budget(budget)
        share = LoopShare()
        while self._too_large():
            count = len(self._index)
            lost = self._evict_slice(cause)
            if len(self._index) == count:
                break
            if lost and self.demote is not None:
                await self.demote(lost)
            await share.give_way()
        await self._tidy()

    def remove(self, keys: Sequence[Key]) -> None:
        """Removes what is stored under `keys`, as replaced."""
        for key in keys:
            fingerprint, text = place_of(key)
            if self._find(fingerprint, text) is not None:
                self._remove(fingerprint, RemovalCause.REPLACED)

    async def entries(self, after: str, limit: int, tenant: str | None = None) -> list[tuple[Key, Entry]]:
        """Up to `limit` entries whose key's text is above `after`, in the order of these texts; looks at all keys."""
        floor, share = after.encode(), LoopShare()
        least: list[tuple[bytes, int]] = []
        for number, (fingerprint, location) in enumerate(self._index.items(), start=1):
            if number % _SLICE_ENTRIES == 0:
                await share.give_way()
            if (
                self._index.get(fingerprint) == location
                and (text := self._storage.key_text(location)) > floor
                and (tenant is None or Key.from_text(text.decode()).tenant == tenant)
            ):
                least.append((text, fingerprint))
            if len(least) > 2 * limit:
                least = heapq.nsmallest(limit, least)
        found = (self._find(fingerprint, text) for text, fingerprint in heapq.nsmallest(limit, least))
        return [(each.key, each.entry) for each in found if each is not None]

    def priority(self, key: Key) -> float | None:
        """What the eviction policy thinks of `key`; None when it isn't here."""
        fingerprint, text = place_of(key)
        return None if self._find(fingerprint, text) is None else self._shares.priority(fingerprint)

    def next_victim_priority(self) -> float | None:
        """The priority below which entries are evicted now."""
        victim = self._shares.victim(self._budget.bytes)
        return None if victim is None else self._shares.priority(victim)

    def stats(self) -> list[TierStats]:
        """See `Tier.stats`."""
        return [
            TierStats(
                self.name,
                self._hits,
                len(self._index),
                self._used_bytes,
                self._budget,
                dict(self._removals),
                held_bytes=self._storage.held_bytes,
            )
        ]

    async def close(self) -> None:
        """Drops everything."""
        self._index = FingerprintMap()
        self._used_bytes = 0
        self._storage.close()

    def _put(self, key: Key, entry: Entry, *, only_absent: bool, is_backed: bool) -> bool:
        fingerprint, text = place_of(key)
        if only_absent and self._find(fingerprint, text) is not None:
            return True
        # The old value must not outlive a new one, even one that is refused.
        self._remove(fingerprint, RemovalCause.REPLACED)
        data = record.encode(text, entry)
        charged = len(data) + ENTRY_OVERHEAD_BYTES
        if charged > self._budget.bytes or len(data) > self._max_record_bytes:
            return False
        if not self._make_room(charged):
            return False
        try:
            location = self._storage.append(data)
        except ArenaFullError:
            return False
        if not self._shares.admit(key.tenant, fingerprint, charged, entry.cost_seconds):
            self._storage.free(location)
            return False
        self._index.set(fingerprint, location)
        self._peak_count = max(self._peak_count, len(self._index))
        self._used_bytes += charged
        if not is_backed and self.demote is not None:
            self._unbacked.add(fingerprint)
        return True

    def _find(self, fingerprint: int, text: bytes) -> record.Record | None:
        location = self._index.get(fingerprint)
        if location is None:
            return None
        found = self._storage.read(location)
        return found if found.key_text == text else None  # another key with the same fingerprint

    def _too_large(self) -> bool:
        budget = self._budget
        return self._used_bytes > budget.bytes or (0 < budget.entries < len(self._index))

    def _evict_slice(self, cause: RemovalCause) -> list[tuple[Key, Entry]]:
        """Evicts a few; those of them that nobody else holds."""
        lost: list[tuple[Key, Entry]] = []
        for _ in range(_SLICE_ENTRIES):
            victim = self._shares.victim(self._budget.bytes) if self._too_large() else None
            if victim is None:
                break
            if victim in self._unbacked and self.demote is not None:
                found = self._storage.read(self._index.get(victim) or 0)
                lost.append((found.key, found.entry))
            self._remove(victim, cause)
        return lost

    def _make_room(self, charged: int) -> bool:
        """Whether there is room now: evicts before anything is stored, so that a burst can't outgrow the budget.

        At most what the newcomer adds: a large shrink may be running in slices, and isn't one caller's to finish.
        """
        used_before = self._used_bytes
        while self._used_bytes + charged > self._budget.bytes and used_before - self._used_bytes < charged:
            victim = self._shares.victim(self._budget.bytes)
            if victim is None:
                return False
            self._remove(victim, RemovalCause.SIZE)
        is_full = 0 < self._budget.entries <= len(self._index)
        if is_full and (victim := self._shares.victim(self._budget.bytes)) is not None:
            self._remove(victim, RemovalCause.SIZE)
        return True

    def _remove(self, fingerprint: int, cause: RemovalCause) -> None:
        location = self._index.pop(fingerprint)
        if location is None:
            return
        charged = self._storage.size(location) + ENTRY_OVERHEAD_BYTES
        self._shares.forget(fingerprint, charged)
        self._unbacked.discard(fingerprint)
        self._used_bytes -= charged
        self._storage.free(location)
        self._removals[cause] += 1

    def _storage_step(self) -> None:
        if self._storage.needs_compaction():
            self._compact(_STEPS_PER_PUT)

    def _compact(self, steps: int) -> bool:
        """Whether there was room to move records to."""
        try:
            self._storage.compact(steps, self._moved)
        except ArenaFullError:
            return False
        return True

    def _moved(self, text: bytes, old: int, copy: Callable[[], int]) -> bool:
        fingerprint = _fingerprint(text)
        if self._index.get(fingerprint) != old:
            return False
        self._index.set(fingerprint, copy())
        return True

    async def _tidy(self) -> None:
        """Gives memory back after many entries have gone: of the records, then of the index and the policy."""
        share = LoopShare()
        while self._storage.needs_compaction():
            if not self._compact(_SLICE_ENTRIES):
                break
            await share.give_way()
        if len(self._index) < min(self._peak_count * _SPARSE_RATIO, _MAX_COMPACTED):
            self._peak_count = len(self._index)
            self._shares.compact()


def place_of(key: Key) -> tuple[int, bytes]:
    """A key's fingerprint, and its text."""
    text = key.text().encode()
    return _fingerprint(text), text


def _fingerprint(text: bytes) -> int:
    """64 bits of Python's salted hash, so that nobody can choose colliding keys; records are compared as well."""
    return (hash(text) & _FINGERPRINT_MASK) or 1
