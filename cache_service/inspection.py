"""For operators: why an entry is here, what there is, and how to promote what will be needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cache_service.tiers.base import TierError
from service_runtime.clock import steady_time

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from cache_service.entries.entry import Entry, Key
    from cache_service.invalidation import InvalidationLog
    from cache_service.store import ResultStore
    from cache_service.tiers.base import Tier
    from cache_service.tiers.disk import DiskTier
    from cache_service.tiers.sized import SizedTier

_WARM_BATCH = 50  # keys between two reports of progress; 50 documents are read in one go


class Description(NamedTuple):
    """An entry, where it is, and the bytes of its value before compression (0: unreadable)."""

    key: Key
    entry: Entry
    tiers: tuple[str, ...]
    value_bytes: int


class Explanation(NamedTuple):
    """What keeps an entry."""

    description: Description
    priority: float
    next_victim_priority: float
    text: str


class WarmProgress(NamedTuple):
    """Keys looked at, of all, and those that are in memory now."""

    done: int
    total: int
    warmed: int


class Inspector:
    """Looks into the tiers without changing what they think of an entry, as far as they allow."""

    def __init__(
        self,
        store: ResultStore,
        log: InvalidationLog,
        memory: SizedTier,
        disk: DiskTier | None,
        shared: Sequence[Tier] = (),
        clock: Callable[[], float] = steady_time,
    ) -> None:
        self._store = store
        self._log = log
        self._memory = memory
        self._disk = disk
        self._shared = shared
        self._clock = clock

    async def describe(self, key: Key) -> Explanation | None:
        """Everything known of `key`; None when no tier has it."""
        priority = self._memory.priority(key)
        entry: Entry | None = None
        names = []
        tiers: list[Tier] = [self._memory, *([self._disk] if self._disk else []), *self._shared]
        for tier in tiers:
            try:
                (found,) = await tier.get([key], self._clock())
            except TierError:
                continue
            if found is not None:
                names.append(found.tier)
                entry = entry or found.entry
        if entry is None or self._log.covers(key, entry):
            return None
        mine, least = priority or (0.0, 0.0)
        text = _explain(entry, names, mine, least, in_memory=priority is not None, now=self._clock())
        return Explanation(await self._described(key, entry, tuple(names)), mine, least, text)

    async def list(
        self, tier: str, after: str, limit: int, *, tenant: str | None = None
    ) -> list[Description]:
        """Up to `limit` entries of a tier whose key's text is above `after`; of one tenant, where it is named.

        Raises:
            ValueError: the tier can't be listed.
            TierError: it can't be read now.
        """
        if tier == "memory":
            found = await self._memory.entries(after, limit, tenant)
        elif tier == "disk" and self._disk is not None:
            found = await self._disk.entries(after, limit, tenant)
        else:
            raise ValueError("there is no disk tier" if tier == "disk" else "memory or disk can be listed")
        return [await self._described(key, entry, (tier,)) for key, entry in found]

    async def warm(self, keys: Sequence[Key]) -> AsyncIterator[WarmProgress]:
        """Looks the keys up, which promotes what a slower tier has; tells after every batch."""
        warmed = 0
        for start in range(0, len(keys), _WARM_BATCH):
            part = keys[start : start + _WARM_BATCH]
            warmed += sum(1 for result in await self._store.get(part, is_retry=True) if result is not None)
            yield WarmProgress(start + len(part), len(keys), warmed)

    async def _described(self, key: Key, entry: Entry, tiers: tuple[str, ...]) -> Description:
        value = await self._store.decode(entry)
        return Description(key, entry, tiers, 0 if value is None else len(value))


def _explain(
    entry: Entry, tiers: Sequence[str], priority: float, least: float, *, in_memory: bool, now: float
) -> str:
    cost_ms = entry.cost_seconds * 1000
    parts = [f"computing it again would cost {cost_ms:.1f} ms for {len(entry.value)} stored bytes"]
    if in_memory:
        parts.append(
            "memory would evict it next"
            if priority <= least
            else f"memory evicts it once the least priority, now {least:.4g}, has risen to its {priority:.4g}"
        )
    if "disk" in tiers:
        parts.append("disk evicts what was unused the longest when it is full")
    parts.append(f"it expires in {max(0.0, entry.expires_at - now):.0f} s at the latest")
    return "; ".join(parts)
