"""The result store: tiers, expiry, invalidation and statistics behind four operations."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from cache_service.entry import Entry, Key, RemovalCause, Selector

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence
    from typing import TypeVar

    from cache_service.entry import Found, TierStats
    from cache_service.invalidation import InvalidationLog, ReadPoint
    from cache_service.tiers.base import Tier

    T = TypeVar("T")

MAX_VALUE_BYTES = 4 * 1024 * 1024
MAX_KEY_PART_CHARS = 512


class TtlSpan(NamedTuple):
    """Shortest and longest life in seconds; jitter between them keeps entries from expiring together."""

    low_seconds: float
    high_seconds: float


class NewResult(NamedTuple):
    """A result that wants to be stored."""

    key: Key
    value: bytes
    cost_seconds: float
    ttl: TtlSpan
    read_point: ReadPoint | None
    """The end of the log at the look-up that missed; None for a value that was made now."""


class PutOutcome(NamedTuple):
    """The slowest tier that holds the value; "" with a reason when none does."""

    tier: str
    reason: str = ""


@dataclass
class StoreStats:
    """Counters since the start."""

    hits: int = 0
    misses: int = 0
    puts: int = 0
    puts_refused: int = 0
    saved_seconds: float = 0.0


class ResultStore:
    """Stores results by key. Never fails because a tier does; then it only misses more."""

    def __init__(
        self,
        tier: Tier,
        log: InvalidationLog,
        *,
        clock: Callable[[], float] = time.time,
        jitter: random.Random | None = None,
    ) -> None:
        self._tier = tier
        self._log = log
        self._clock = clock
        self._jitter = jitter or random.Random()
        self._running: set[asyncio.Task[object]] = set()
        self.stats = StoreStats()

    @property
    def read_point(self) -> ReadPoint:
        """The end of the invalidation log; take it before the look-up."""
        return self._log.point

    async def get(self, keys: Sequence[Key]) -> list[Found | None]:
        """One answer per key, in order; expired and invalidated entries are misses."""
        now = self._clock()
        found = await self._tier.get(keys, now)
        stale: list[tuple[Key, Entry]] = []
        for index, (key, hit) in enumerate(zip(keys, found, strict=True)):
            if hit is None:
                continue
            if self._log.covers(key, hit.entry.read_revision):
                found[index] = None
                stale.append((key, hit.entry))
            else:
                self.stats.saved_seconds += hit.entry.cost_seconds
        if stale:
            await self._tier.discard(stale, RemovalCause.DELETED)
        hits = sum(1 for hit in found if hit is not None)
        self.stats.hits += hits
        self.stats.misses += len(found) - hits
        return found

    async def put(self, results: Sequence[NewResult]) -> list[PutOutcome]:
        """One outcome per result, in order; each is stored or refused alone."""
        now = self._clock()
        outcomes = [PutOutcome("", self._refusal(result)) for result in results]
        accepted = [index for index, outcome in enumerate(outcomes) if not outcome.reason]
        items = [(results[index].key, self._entry(results[index], now)) for index in accepted]
        if items:
            holders = await self._finish(self._tier.put(items, now))
            for index, holder in zip(accepted, holders, strict=True):
                outcomes[index] = PutOutcome(holder, "" if holder else "no_room")
        stored = sum(1 for outcome in outcomes if outcome.tier)
        self.stats.puts += stored
        self.stats.puts_refused += len(outcomes) - stored
        return outcomes

    async def invalidate(self, selector: Selector) -> tuple[ReadPoint, int]:
        """The log after it, and how many stored entries went. Effective before it returns."""
        point = self._log.append(selector)
        return point, await self._finish(self._tier.delete(selector, point.revision))

    async def clear(self) -> int:
        """The number of entries removed; everything is gone."""
        _, removed = await self.invalidate(Selector())
        return removed

    def tier_stats(self) -> list[TierStats]:
        """One entry per tier, fastest first."""
        return self._tier.stats()

    async def close(self) -> None:
        """Finishes what runs, then closes tiers and log."""
        await asyncio.gather(*self._running, return_exceptions=True)
        await self._tier.close()
        self._log.close()

    async def _finish(self, operation: Coroutine[None, None, T]) -> T:
        """The operation's result; a cancelled caller doesn't leave the tiers half changed."""
        task = asyncio.create_task(operation)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return await asyncio.shield(task)

    def _refusal(self, result: NewResult) -> str:
        if len(result.value) > MAX_VALUE_BYTES:
            return "too_large"
        if not _is_good_key(result.key):
            return "bad_key"
        point = result.read_point
        if point is not None and (
            point.log_id != self._log.point.log_id
            or point.revision > self._log.point.revision
            or self._log.covers(result.key, point.revision)
        ):
            return "invalidated"
        return ""

    def _entry(self, result: NewResult, now: float) -> Entry:
        lifetime = self._jitter.uniform(*result.ttl)
        point = result.read_point or self._log.point
        return Entry(result.value, result.cost_seconds, now + lifetime, point.revision)


def _is_good_key(key: Key) -> bool:
    required = key[:4]
    return all(required) and all(
        len(part) <= MAX_KEY_PART_CHARS and (part == "" or part.isprintable()) for part in key
    )
