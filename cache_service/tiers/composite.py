"""Several tiers as one: reads fast to slow and promotes, writes through or behind, survives a failing or slow tier."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter, OrderedDict
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from cache_service.breaker import CircuitBreaker
from cache_service.entries.entry import Selector
from cache_service.tiers.base import TierError
from cache_service.tiers.write_behind import WriteBehind
from service_runtime.clock import steady_time

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from typing import TypeVar

    from cache_service.entries.entry import Budget, Entry, Found, Key, RemovalCause, TierStats
    from cache_service.tiers.base import Tier

    T = TypeVar("T")
    Otherwise = TypeVar("Otherwise")

_log = logging.getLogger(__name__)
_ANY_REVISION = 1 << 62  # above all that a log gives out
_MAX_OUTDATED = 10_000  # an older value that is read after all is one of the same content


@dataclass
class Layer:
    """A tier, and how it is used."""

    tier: Tier
    is_local: bool = True
    """Whether what it holds counts as stored: a shared tier may forget what it likes."""
    timeout_seconds: float | None = None
    """Longest wait for an answer; None: no limit."""
    behind: bool = False
    """Whether puts return before the tier has them."""
    breaker: CircuitBreaker = field(default_factory=CircuitBreaker)
    queue: WriteBehind | None = None
    outdated: OrderedDict[Key, tuple[float, int]] = field(default_factory=OrderedDict)
    """Keys whose newest value this tier failed to take: what it holds of them isn't to be read. With what tells that value."""


class CompositeTier:
    """Layers in order of speed. One that fails, or takes too long, is a miss and is left alone for a while."""

    name = "composite"

    def __init__(self, layers: Sequence[Tier | Layer], clock: Callable[[], float] = time.monotonic) -> None:
        self._layers = [layer if isinstance(layer, Layer) else Layer(layer) for layer in layers]
        self._clock = clock
        self._failures: Counter[str] = Counter()
        for layer in self._layers:
            if layer.behind:
                layer.queue = WriteBehind(partial(self._put, layer))

    async def get(self, keys: Sequence[Key], now: float) -> list[Found | None]:
        """See `Tier.get`. What a slower tier had is promoted into the faster ones."""
        return await self._get(keys, now, first=0)

    async def get_slower(self, keys: Sequence[Key], now: float) -> list[Found | None]:
        """The same, of keys that the fastest tier has just said it doesn't have."""
        return await self._get(keys, now, first=1)

    async def _get(self, keys: Sequence[Key], now: float, first: int) -> list[Found | None]:
        found: list[Found | None] = [None] * len(keys)
        missing = list(range(len(keys)))
        for number, layer in enumerate(self._layers[first:], start=first):
            if not missing:
                break
            asked = [keys[index] for index in missing]
            misses: list[Found | None] = [None] * len(asked)
            answers = await self._guard(layer, partial(layer.tier.get, asked, now), misses)
            if layer.outdated:
                answers = [
                    None if key in layer.outdated else hit for key, hit in zip(asked, answers, strict=True)
                ]
            hits = [(index, hit) for index, hit in zip(missing, answers, strict=True) if hit is not None]
            for index, hit in hits:
                found[index] = hit
            if hits and number:
                await self._promote([(keys[index], hit.entry) for index, hit in hits], number, now)
            missing = [index for index in missing if found[index] is None]
        return found

    async def put(
        self,
        items: Sequence[tuple[Key, Entry]],
        now: float,
        *,
        only_absent: bool = False,
        backed: Sequence[bool] = (),
    ) -> list[str]:
        """See `Tier.put`. Slowest first, so that a fast tier never claims what a crash would lose.

        The name is that of the slowest local tier: what a shared tier alone holds isn't acknowledged as stored.
        """
        holders = [""] * len(items)
        backing = list(backed) or [False] * len(items)
        for layer in reversed(self._layers):
            if layer.queue is not None:
                layer.queue.offer(items, now)
                continue
            answers = await self._put(layer, items, now, only_absent=only_absent, backed=tuple(backing))
            if layer.is_local:
                holders = [held or answer for held, answer in zip(holders, answers, strict=True)]
                backing = [held or bool(answer) for held, answer in zip(backing, answers, strict=True)]
        return holders

    async def demote(self, items: list[tuple[Key, Entry]]) -> None:
        """Keeps what the fastest tier had to let go and no other holds: in the slowest local tier, which lasts longest."""
        now = steady_time()
        for layer in reversed(self._layers[1:]):
            if layer.is_local:
                await self._put(layer, items, now, only_absent=True)
                return

    async def delete(self, selector: Selector, before_revision: int) -> int:
        """See `Tier.delete`; the most that any one tier removed, since faster tiers hold copies."""
        for layer in self._layers:
            if layer.queue is not None:
                layer.queue.drop(selector, before_revision)
        removed = [
            await self._guard(layer, partial(layer.tier.delete, selector, before_revision), 0)
            for layer in self._layers
        ]
        return max(removed, default=0)

    async def erase(self, tenant: str) -> int:
        """The most entries of a tenant that any one local tier removed. No breaker and no time limit stands before it: what
        isn't removed has to be known.

        Raises:
            TierError: a tier couldn't; the others did.
        """
        removed, failure = 0, None
        everything = Selector(tenant=tenant)
        for layer in self._layers:
            if layer.queue is not None:
                layer.queue.drop(everything, _ANY_REVISION)
                await layer.queue.flush()
            if layer.is_local:
                try:
                    removed = max(removed, await layer.tier.delete(everything, _ANY_REVISION))
                except TierError as error:
                    failure = error
        if failure is not None:
            raise failure
        return removed

    async def discard(self, items: Sequence[tuple[Key, Entry]], cause: RemovalCause) -> None:
        """See `Tier.discard`."""
        for layer in self._layers:
            await self._guard(layer, partial(layer.tier.discard, items, cause), None)

    async def resize(self, budget: Budget, cause: RemovalCause) -> None:
        """See `Tier.resize`; concerns the fastest tier."""
        await self._layers[0].tier.resize(budget, cause)

    def stats(self) -> list[TierStats]:
        """See `Tier.stats`."""
        stats = []
        for layer in self._layers:
            for entry in layer.tier.stats():
                entry.failures += self._failures[layer.tier.name]
                entry.is_suspended = layer.breaker.is_open
                stats.append(entry)
        return stats

    async def flush(self) -> None:
        """Waits until what is written behind has been tried."""
        for layer in self._layers:
            if layer.queue is not None:
                await layer.queue.flush()

    async def close(self) -> None:
        """See `Tier.close`."""
        for layer in self._layers:
            if layer.queue is not None:
                await layer.queue.close()
        for layer in self._layers:
            await layer.tier.close()

    async def _promote(self, items: list[tuple[Key, Entry]], number: int, now: float) -> None:
        # The last of the tiers that found them holds a copy; what comes from Redis alone isn't backed on this machine.
        is_backed = self._layers[number].is_local
        for faster in reversed(self._layers[:number]):
            answers = await self._put(faster, items, now, only_absent=True, backed=(is_backed,) * len(items))
            is_backed = is_backed or all(answers)

    async def _put(
        self,
        layer: Layer,
        items: Sequence[tuple[Key, Entry]],
        now: float,
        *,
        only_absent: bool = False,
        backed: Sequence[bool] = (),
    ) -> list[str]:
        if only_absent and layer.outdated and any(key in layer.outdated for key, _ in items):
            return await self._put_missed(layer, items, now, backed)
        answers = await self._guard(
            layer,
            lambda: layer.tier.put(items, now, only_absent=only_absent, backed=backed),
            None,
        )
        if not only_absent and (answers is None or layer.outdated):
            for key, entry in items:
                layer.outdated.pop(key, None)
                if answers is None:
                    layer.outdated[key] = _told_by(entry)
            while len(layer.outdated) > _MAX_OUTDATED:
                layer.outdated.popitem(last=False)
        return [""] * len(items) if answers is None else answers

    async def _put_missed(
        self, layer: Layer, items: Sequence[tuple[Key, Entry]], now: float, backed: Sequence[bool]
    ) -> list[str]:
        """Puts what is absent, and in any case the very values that this tier missed: they would be lost with the faster tiers.

        Other values of such keys stay out: they are older.
        """
        held = [""] * len(items)
        missed = [layer.outdated.get(key) for key, _ in items]
        for is_missed in (False, True):
            chosen = [
                index
                for index, (_, entry) in enumerate(items)
                if missed[index] == (_told_by(entry) if is_missed else None)
            ]
            some = [items[index] for index in chosen]
            backing = tuple(backed[index] for index in chosen if backed)
            put = partial(layer.tier.put, some, now, only_absent=not is_missed, backed=backing)
            answers = await self._guard(layer, put, None) if some else None
            for index, answer in zip(chosen, answers or (), strict=False):
                held[index] = answer
                key, _ = items[index]
                if is_missed and layer.outdated.get(key) == missed[index]:  # and no newer one meanwhile
                    del layer.outdated[key]
        return held

    async def _guard(
        self, layer: Layer, operation: Callable[[], Awaitable[T]], otherwise: Otherwise
    ) -> T | Otherwise:
        if not layer.breaker.allows(self._clock()):
            return otherwise
        try:
            if layer.timeout_seconds is None:
                answer = await operation()
            else:
                async with asyncio.timeout(layer.timeout_seconds):
                    answer = await operation()
        except (TierError, TimeoutError) as error:
            layer.breaker.record_failure(self._clock())
            name = layer.tier.name
            self._failures[name] += 1
            if self._failures[name].bit_count() == 1:  # the 1st, 2nd, 4th, 8th …
                _log.warning("tier failed", extra={"tier": name, "error": str(error) or type(error).__name__})
            return otherwise
        except BaseException:
            layer.breaker.record_cancelled()
            raise
        layer.breaker.record_success()
        return answer


def _told_by(entry: Entry) -> tuple[float, int]:
    """What tells a value of a key from another: when it ends, to the microsecond, and when its reading began."""
    return entry.expires_at, entry.read_revision
