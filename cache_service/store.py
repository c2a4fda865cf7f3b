"""The result store: tiers, compression, expiry, invalidation and statistics behind four operations."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

from cache_service.entries.codec import CorruptValueError, MissingDictionaryError
from cache_service.entries.entry import Entry, Key, RemovalCause
from cache_service.entries.labels import are_good_labels, is_good_key
from cache_service.fairness import LoopShare
from cache_service.invalidation import EVERYTHING
from service_runtime.clock import steady_time
from service_runtime.identity.principal import DEFAULT_TENANT

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence
    from typing import TypeVar

    from cache_service.entries.dictionaries import Dictionaries
    from cache_service.entries.entry import Found, Selector, TierStats
    from cache_service.invalidation import InvalidationLog, ReadPoint
    from cache_service.tiers.base import Tier
    from cache_service.trace import TraceWriter

    T = TypeVar("T")

# Result.proto; as large as METAEXTRACT_MAX_DOCUMENT_BYTES may be; else refused.
MAX_VALUE_BYTES = 4 * 1024 * 1024
MAX_READ_BYTES = 16 * 1024 * 1024  # unpacked at once by one call; what lies beyond is a miss
_LOOK_UP_KEYS = (
    1000  # asked of slower tiers at once: SQLite takes 32,766, and answers are in memory meanwhile
)
MAX_INFLIGHT_BYTES = 64 * 1024 * 1024
"""Values on their way into the tiers; beyond it they are refused instead of queueing in memory."""


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
    source: str = ""
    tags: tuple[str, ...] = ()
    refusal: str = ""
    """Why it is refused already; "" when it isn't."""


class StoredResult(NamedTuple):
    """A result as it was put, and where it was."""

    value: bytes
    tier: str
    entry: Entry


class GroupFound(NamedTuple):
    """What a group of keys has; `is_cut`: something of it is there, and didn't fit into the answer."""

    results: list[StoredResult | None]
    is_cut: bool


class PutOutcome(NamedTuple):
    """The slowest tier that holds the value; "" with a reason when none does."""

    tier: str
    reason: str = ""


class Appender(Protocol):
    """Adds to the invalidation log: of this replica, or of all."""

    async def append(self, selector: Selector) -> ReadPoint:
        """See `InvalidationLog.append`."""
        ...


class Near(Protocol):
    """A tier that answers without waiting."""

    def at_hand(self, key: Key, now: float) -> Found | None:
        """What it has; None when it must be asked the long way."""
        ...


class Slower(Protocol):
    """Tiers of which the fastest is asked without waiting."""

    async def get_slower(self, keys: Sequence[Key], now: float) -> list[Found | None]:
        """What `Tier.get` would answer of keys that the fastest doesn't have."""
        ...


class Fastest(NamedTuple):
    """The tier that is asked without waiting, and who is asked for what it doesn't have."""

    near: Near
    slower: Slower


@dataclass
class StoreStats:
    """Counters since the start."""

    hits: int = 0
    misses: int = 0
    puts: int = 0
    puts_refused: int = 0
    saved_seconds: float = 0.0
    value_bytes: int = 0
    stored_bytes: int = 0


class ResultStore:
    """Stores results by key. Never fails because a tier does; then it only misses more."""

    def __init__(
        self,
        tier: Tier,
        log: InvalidationLog,
        dictionaries: Dictionaries,
        *,
        fastest: Fastest | None = None,
        appender: Appender | None = None,
        trace: TraceWriter | None = None,
        clock: Callable[[], float] = steady_time,
    ) -> None:
        self._tier = tier
        self._log = log
        self._codec = dictionaries.codec
        self._dictionaries = dictionaries
        self._near = fastest.near if fastest is not None else None
        self._slower = fastest.slower.get_slower if fastest is not None else tier.get
        self._appender = appender or log
        self._trace = trace
        self._clock = clock
        self._jitter = random.Random()
        self._running: set[asyncio.Task[object]] = set()
        self._inflight_bytes = 0
        self.stats = StoreStats()

    @property
    def read_point(self) -> ReadPoint:
        """The end of the invalidation log; take it before the look-up."""
        return self._log.point

    def at_hand(self, key: Key) -> StoredResult | None:
        """A result that is in memory and ready, counted as a hit; None: ask `get`, which costs twice as much."""
        hit = self._near.at_hand(key, self._clock()) if self._near is not None else None
        found = None if hit is None else self._usable(key, hit, MAX_READ_BYTES)
        if found is not None:
            self.stats.hits += 1
            self._record_hit(key, found.entry)
        return found

    async def get(
        self,
        keys: Sequence[Key],
        *,
        is_retry: bool = False,
        optional: int = 0,
        max_bytes: int = MAX_READ_BYTES,
    ) -> list[StoredResult | None]:
        """One answer per key, in order. Expired and invalidated entries are misses, and so is what lies beyond
        `max_bytes` of values.

        A retry repeats a look-up that missed, and isn't counted again; nor are the last `optional` ones as misses.
        """
        results, _ = await self._look_up(keys, max_bytes)
        if not is_retry:
            self._count(results[: len(results) - optional])
        return results

    async def get_groups(
        self, groups: Sequence[tuple[Sequence[Key], Sequence[Key]]], max_bytes: int = MAX_READ_BYTES
    ) -> list[GroupFound]:
        """What `get` answers for each group of keys and optional keys, by one look-up for all of them."""
        keys = [key for group in groups for part in group for key in part]
        results, left_out = await self._look_up(keys, max_bytes)
        found: list[GroupFound] = []
        start = 0
        for required, optional in groups:
            end = start + len(required) + len(optional)
            is_cut = any(start <= index < end for index in left_out)
            found.append(GroupFound(results[start:end], is_cut))
            self._count(results[start : start + len(required)])
            start = end
        return found

    async def _look_up(
        self, keys: Sequence[Key], left_bytes: int
    ) -> tuple[list[StoredResult | None], list[int]]:
        """One answer per key, and the places of those that are there and don't fit into `left_bytes`."""
        now, share = self._clock(), LoopShare()
        results: list[StoredResult | None] = [None] * len(keys)
        absent: list[int] = []
        others: list[int] = []
        near = self._near
        # What is in memory, as most of what is asked for, comes without a turn of the loop for each.
        for index, key in enumerate(keys):
            if share.is_used_up:
                await share.give_way()
            hit = near.at_hand(key, now) if near is not None else None
            if hit is None:
                absent.append(index)
                continue
            result = results[index] = self._usable(key, hit, left_bytes)
            if result is None:
                others.append(index)  # invalidated, too large, or of an unknown dictionary
            else:
                left_bytes -= len(result.value)
        left_out: list[int] = []
        for look_up, places in ((self._slower, absent), (self._tier.get, others)):
            for start in range(0, len(places), _LOOK_UP_KEYS):
                some = places[start : start + _LOOK_UP_KEYS]
                found = await look_up([keys[index] for index in some], now)
                for index, hit in zip(some, found, strict=True):
                    if hit is None:
                        continue
                    await share.give_way()
                    size_bytes = self._codec.value_bytes(hit.entry.value)
                    if size_bytes > left_bytes:
                        left_out.append(index)
                        continue
                    left_bytes -= size_bytes
                    results[index] = await self._open(keys[index], hit)
        for key, result in zip(keys, results, strict=True):
            if result is not None:
                self._record_hit(key, result.entry)
        return results, left_out

    def _count(self, results: Sequence[StoredResult | None]) -> None:
        misses = results.count(None)
        self.stats.hits += len(results) - misses
        self.stats.misses += misses

    async def put(self, results: Sequence[NewResult]) -> list[PutOutcome]:
        """One outcome per result, in order; each is stored or refused alone."""
        now = self._clock()
        outcomes = [PutOutcome("", result.refusal or self._refusal(result)) for result in results]
        accepted = [index for index, outcome in enumerate(outcomes) if not outcome.reason]
        items: list[tuple[Key, Entry]] = []
        share = LoopShare()
        for index in accepted:
            items.append((results[index].key, self._entry(results[index], now)))
            await share.give_way()
        size_bytes = sum(len(entry.value) for _, entry in items)
        if self._inflight_bytes and self._inflight_bytes + size_bytes > MAX_INFLIGHT_BYTES:
            items = []
            outcomes = [outcome if outcome.reason else PutOutcome("", "no_room") for outcome in outcomes]
        if items:
            self._inflight_bytes += size_bytes
            holders = await self._finish(self._put(items, now, size_bytes))
            for index, holder, (key, entry) in zip(accepted, holders, items, strict=True):
                outcomes[index] = holder
                self._note(key, entry)
        stored = sum(1 for outcome in outcomes if outcome.tier)
        self.stats.puts += stored
        self.stats.puts_refused += len(outcomes) - stored
        return outcomes

    async def invalidate(self, selector: Selector) -> tuple[ReadPoint, int]:
        """The log after it, and how many stored entries went. Effective before it returns.

        Raises:
            LogUnavailableError: other replicas can't be told; nothing was changed.
        """
        point = await self._appender.append(selector)
        return point, await self._finish(self._tier.delete(selector, point.revision))

    async def clear(self) -> int:
        """The number of entries removed; everything is gone."""
        _, removed = await self.invalidate(EVERYTHING)
        return removed

    async def drop_all(self) -> None:
        """Empties the tiers without a word to the log: what they hold can't be judged any more."""
        await self._finish(self._tier.delete(EVERYTHING, 1 << 62))

    async def decode(self, entry: Entry) -> bytes | None:
        """The value of an entry; None when it can't be read."""
        try:
            try:
                return self._codec.decode(entry.value)
            except MissingDictionaryError as error:
                if not await self._dictionaries.fetch(error.dictionary_id):
                    return None
                return self._codec.decode(entry.value)
        except (CorruptValueError, MissingDictionaryError):
            return None

    def tier_stats(self) -> list[TierStats]:
        """One entry per tier, fastest first."""
        return self._tier.stats()

    async def close(self) -> None:
        """Finishes what runs, then closes tiers and log."""
        await asyncio.gather(*self._running, return_exceptions=True)
        await self._dictionaries.close()
        await self._tier.close()
        self._log.close()
        if self._trace is not None:
            self._trace.close()

    def _usable(self, key: Key, hit: Found, max_bytes: int) -> StoredResult | None:
        """What was in memory, when it is valid and of at most `max_bytes`; None: it has to be asked for the long way."""
        if self._log.covers(key, hit.entry):
            return None
        try:
            value = self._codec.decode(hit.entry.value, max_bytes)
        except (CorruptValueError, MissingDictionaryError):
            return None
        return StoredResult(value, hit.tier, hit.entry)

    async def _open(self, key: Key, hit: Found) -> StoredResult | None:
        if self._log.covers(key, hit.entry):
            await self._tier.discard([(key, hit.entry)], RemovalCause.DELETED)
            return None
        value = await self.decode(hit.entry)
        return None if value is None else StoredResult(value, hit.tier, hit.entry)

    async def _put(self, items: Sequence[tuple[Key, Entry]], now: float, size_bytes: int) -> list[PutOutcome]:
        """What became of each; what was invalidated while it was on its way is taken out again, of tiers that had deleted
        before it came there.
        """
        point = self._log.point
        try:
            holders = await self._tier.put(items, now)
            outcomes = [PutOutcome(holder, "" if holder else "no_room") for holder in holders]
            if self._log.point != point:
                late = [index for index, item in enumerate(items) if self._log.covers(*item)]
                await self._tier.discard([items[index] for index in late], RemovalCause.DELETED)
                for index in late:
                    outcomes[index] = PutOutcome("", "invalidated")
            return outcomes
        finally:
            self._inflight_bytes -= size_bytes

    async def _finish(self, operation: Coroutine[None, None, T]) -> T:
        """The operation's result; a cancelled caller doesn't leave the tiers half changed."""
        task = asyncio.create_task(operation)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return await asyncio.shield(task)

    def _refusal(self, result: NewResult) -> str:
        if len(result.value) > MAX_VALUE_BYTES:
            return "too_large"
        if not is_good_key(result.key):
            return "bad_key"
        if not are_good_labels(result.source, result.tags):
            return "bad_label"
        point = result.read_point
        if point is not None and (
            point.log_id != self._log.point.log_id
            or point.revision > self._log.point.revision
            or self._log.covers(result.key, Entry(b"", 0, 0, point.revision, result.source, result.tags))
        ):
            return "invalidated"
        return ""

    def _entry(self, result: NewResult, now: float) -> Entry:
        lifetime = self._jitter.uniform(*result.ttl)
        point = result.read_point or self._log.point
        # A dictionary has pieces of what it was learnt from, and ends with it: it is the default tenant's own.
        is_default = result.key.tenant == DEFAULT_TENANT
        if is_default:
            self._dictionaries.learn(result.value)
        stored = self._codec.encode(result.value, may_share=is_default)
        self.stats.value_bytes += len(result.value)
        self.stats.stored_bytes += len(stored)
        return Entry(stored, result.cost_seconds, now + lifetime, point.revision, result.source, result.tags)

    def _record_hit(self, key: Key, entry: Entry) -> None:
        self.stats.saved_seconds += entry.cost_seconds
        self._note(key, entry)

    def _note(self, key: Key, entry: Entry) -> None:
        if self._trace is not None:
            self._trace.record(key, len(entry.value), entry.cost_seconds)
