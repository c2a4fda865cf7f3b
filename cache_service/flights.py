"""Single flight: one caller computes what is missing, the others wait for its result or for the next turn."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from service_runtime.clock import steady_time

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cache_service.entries.entry import Key
    from cache_service.leases import Lease, LeaseBook
    from cache_service.store import NewResult, PutOutcome, ResultStore, StoredResult

DEFAULT_LEASE_SECONDS = 10.0  # result.proto; how long others wait for a dead leader who didn't renew
_LAPSE_SECONDS = 1.0  # a lease lapses without a word; so often it is looked for
_LOOKOUT_LOST_SECONDS = 5.0  # waiters whose lookout gave up look by themselves after that


class LostLeaseError(Exception):
    """The lease to renew lapsed, and was given to another."""


class Acquisition(NamedTuple):
    """All results, or the lease to compute the missing ones, or neither while another one computes."""

    results: list[StoredResult | None]
    lease: Lease | None = None
    is_hit: bool = False
    """Whether none of the required ones is missing."""


class Wanted(NamedTuple):
    """Keys that are computed together, and what is looked up with them but not missed."""

    keys: Sequence[Key]
    optional: Sequence[Key] = ()


@dataclass
class FlightStats:
    """Counters since the start."""

    granted: int = 0
    saved: int = 0
    """Callers that waited for another one's result."""


class Flights:
    """Joins store and leases. A lease is named by the first key of what is computed together."""

    def __init__(
        self,
        store: ResultStore,
        leases: LeaseBook,
        *,
        poll_seconds: float | None = None,
        clock: Callable[[], float] = steady_time,
    ) -> None:
        """`poll_seconds`: how often to look for what other replicas did; None when there are none."""
        self._store = store
        self._leases = leases
        self._poll_seconds = poll_seconds
        self._clock = clock
        self._waiting: Counter[str] = Counter()
        self._lookouts: set[str] = set()
        self._changed: dict[str, asyncio.Event] = {}
        self._is_closed = False
        # Releases of names that somebody waits for: a look-up that saw none of them needn't be repeated.
        self._turns: Counter[str] = Counter()
        self.stats = FlightStats()

    async def acquire(
        self,
        keys: Sequence[Key],
        holder: str,
        lease_seconds: float,
        max_wait_seconds: float,
        optional: Sequence[Key] = (),
    ) -> Acquisition:
        """All results, or a lease; neither when another one has still been computing after `max_wait_seconds`.

        `optional` keys are looked up as well, and follow in the results, but aren't missed.
        """
        name = keys[0].text()
        deadline = self._clock() + max_wait_seconds
        waited = False
        self._watch(name)
        try:
            while True:
                turns = self._turns[name]
                results = await self._store.get([*keys, *optional], is_retry=waited, optional=len(optional))
                if None not in results[: len(keys)]:
                    self.stats.saved += waited
                    return Acquisition(results, is_hit=True)
                lease = await self._leases.acquire(name, holder, lease_seconds, self._clock())
                if lease is not None:
                    return await self._confirm(
                        keys, optional, results, lease, is_sure=turns == self._turns[name]
                    )
                left = deadline - self._clock()
                if left <= 0 or self._is_closed:
                    return Acquisition(results)
                waited = True
                if turns == self._turns[name]:  # else a turn has come between the look-up and now
                    await self._wait(name, left)
        finally:
            if waited:  # it may have been the one who looks around
                self._wake(name)
            self._unwatch(name)

    async def acquire_many(
        self, groups: Sequence[Wanted], holder: str, lease_seconds: float, max_bytes: int
    ) -> list[Acquisition]:
        """What each group got, without waiting, by one look-up for all of them.

        Results take `max_bytes` at most: groups that don't fit get nothing, and are to be asked for again. Of one that doesn't fit alone
        some are missing: it would be asked for forever.
        """
        names = [group.keys[0].text() for group in groups]
        acquisitions: list[Acquisition] = []
        for name in names:
            self._watch(name)
        try:
            turns = [self._turns[name] for name in names]
            found = await self._store.get_groups(groups, max_bytes)
            is_full = False
            for group, name, turn, (results, is_cut) in zip(groups, names, turns, found, strict=True):
                if is_cut and is_full:
                    acquisitions.append(Acquisition([None] * len(results)))
                    continue
                is_full = is_full or any(result is not None for result in results)
                if is_cut or None not in results[: len(group.keys)]:
                    acquisitions.append(Acquisition(results, is_hit=True))
                    continue
                lease = await self._leases.acquire(name, holder, lease_seconds, self._clock())
                if lease is None:
                    acquisitions.append(Acquisition(results))
                    continue
                is_sure = turn == self._turns[name]
                acquisitions.append(
                    await self._confirm(group.keys, group.optional, results, lease, is_sure=is_sure)
                )
        except BaseException:  # nobody learns of the leases given so far
            await asyncio.shield(self._give_back(groups, acquisitions))
            raise
        finally:
            for name in names:
                self._unwatch(name)
        return acquisitions

    async def renew(self, keys: Sequence[Key], token: int, lease_seconds: float) -> Acquisition:
        """The lease, longer.

        Raises:
            LostLeaseError: it is another one's.
        """
        lease = await self._leases.renew(keys[0].text(), token, lease_seconds, self._clock())
        if lease is None:
            raise LostLeaseError
        return Acquisition([None] * len(keys), lease)

    async def release(self, name: Key, token: int) -> bool:
        """Whether the lease was still held; whoever waits gets the next turn."""
        text = name.text()
        released = await self._leases.release(text, token)
        self._turn(text)
        return released

    async def put(self, results: Sequence[NewResult], tokens: Sequence[int]) -> list[PutOutcome]:
        """One outcome per result, in order. A lost lease refuses what came under it; a held one is released."""
        leased = [(result.key.text(), token) for result, token in zip(results, tokens, strict=True) if token]
        verdicts = await asyncio.gather(*(self._leases.is_lost(*each, self._clock()) for each in leased))
        lost = {token for (_, token), is_lost in zip(leased, verdicts, strict=True) if is_lost}
        outcomes = await self._store.put(
            [result._replace(refusal="lost_lease") if token in lost else result
             for result, token in zip(results, tokens, strict=True)]
        )  # fmt: skip
        for name, token in leased:
            if token not in lost and await self._leases.release(name, token):
                self._turn(name)
        return outcomes

    def close(self) -> None:
        """Ends all waiting: the server drains, and another replica may answer."""
        self._is_closed = True
        for name in list(self._changed):
            self._turn(name)

    async def _confirm(
        self,
        keys: Sequence[Key],
        optional: Sequence[Key],
        results: list[StoredResult | None],
        lease: Lease,
        *,
        is_sure: bool,
    ) -> Acquisition:
        """The lease, unless its last holder's result came between the look-up and it."""
        if not is_sure or self._poll_seconds is not None:
            try:
                results = await self._store.get([*keys, *optional], is_retry=True)
            except BaseException:  # the caller has gone: the next one must not wait for the lease to lapse
                await asyncio.shield(self.release(keys[0], lease.token))
                raise
            if None not in results[: len(keys)]:
                await self._leases.release(lease.name, lease.token)
                self._turn(lease.name)
                self.stats.saved += 1
                return Acquisition(results, is_hit=True)
        self.stats.granted += 1
        return Acquisition(results, lease)

    async def _give_back(self, groups: Sequence[Wanted], acquisitions: Sequence[Acquisition]) -> None:
        """Releases the leases among `acquisitions`, of the first of the groups."""
        for group, acquisition in zip(groups, acquisitions, strict=False):
            if acquisition.lease is not None:
                await self.release(group.keys[0], acquisition.lease.token)

    def _watch(self, name: str) -> None:
        self._waiting[name] += 1

    def _unwatch(self, name: str) -> None:
        self._waiting[name] -= 1
        if not self._waiting[name]:
            del self._waiting[name]
            self._turns.pop(name, None)
            self._changed.pop(name, None)

    async def _wait(self, name: str, seconds: float) -> None:
        """Until the name is released here, or it is time to look again: a lease lapses without a word."""
        event = self._changed.setdefault(name, asyncio.Event())
        is_first = name not in self._lookouts
        # One of those who wait looks around for all of them: 200 looking for themselves would be a load of its own.
        pause = (self._poll_seconds or _LAPSE_SECONDS) if is_first else _LOOKOUT_LOST_SECONDS
        if is_first:
            self._lookouts.add(name)
        try:
            async with asyncio.timeout(min(seconds, pause)):
                await event.wait()
        except TimeoutError:
            return
        finally:
            if is_first:
                self._lookouts.discard(name)

    def _turn(self, name: str) -> None:
        if name in self._waiting:
            self._turns[name] += 1
        self._wake(name)

    def _wake(self, name: str) -> None:
        event = self._changed.pop(name, None)
        if event is not None:
            event.set()
