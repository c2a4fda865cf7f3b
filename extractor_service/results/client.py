"""The only door to the cache: files that are looked up or stored meanwhile share a batch. A failing cache is a miss,
never an error.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple

from extractor_service.results.batching import Coalescer
from extractor_service.results.encoded_document import EncodedDocument
from extractor_service.results.held_lease import HeldLease
from extractor_service.results.keys import ModuleKey, key_to_wire, verified_space
from extractor_service.results.near_cache import Copy
from metaextract.cache.v1 import result_pb2
from metaextract_client.errors import DeadlineError, ForbiddenError, InvalidRequestError, MetaExtractError
from service_runtime import tracing
from service_runtime.interceptors import REQUEST_ID_HEADER
from service_runtime.telemetry import current_call

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from typing import TypeVar

    from extractor_service.results.encoded_document import DocumentName
    from extractor_service.results.near_cache import NearCache
    from metaextract.cache.v1 import similarity_pb2
    from metaextract_client.cache_async import AsyncCacheClient

    Answer = TypeVar("Answer")


class Limits:
    """Of `ResultsClient`."""

    # Where work queues anyway: fills a call with the look-ups of other files.
    linger_seconds = 0.02
    # Where so many files are under way that each has to wait for a CPU: a call costs as much as ten results in it (measured).
    brief_linger_seconds, many_files = 0.004, 16
    max_put_bytes = 8 * 1024 * 1024  # of the 16 MiB that a message may have
    min_put_weight = max_put_bytes // 64  # of many small ones, 64 share a call
    lease_seconds = 10.0  # how long followers wait for a leader that died; live ones renew every third of it
    max_hold_seconds = 300.0  # of callers without a deadline; then the file is read here, twice in the fleet
    hold_step_seconds = 2.0  # how late a silent cache is noticed, against how often a follower asks again
    min_hold_seconds = 0.02  # less than this left isn't worth another call to the cache
    max_tenants = 1000  # whose calls are joined, 2 KB each; one that was forgotten begins a new line
    hold_ratio = 0.5  # of what the caller still has; the rest stays for reading the file here


class _Lines(NamedTuple):
    """What joins the calls of one tenant."""

    gets: Coalescer[ModuleKey, result_pb2.BatchGetResultsResponse]
    acquisitions: Coalescer[result_pb2.ResultGroup, result_pb2.AcquireResultResponse]
    puts: Coalescer[result_pb2.ResultEntry, None]


class NewResult(NamedTuple):
    """A module's result that wants to be stored."""

    key: ModuleKey
    fragment: bytes
    cost_seconds: float
    ttl_class: result_pb2.TtlClass.ValueType = result_pb2.TTL_CLASS_EXTRACTION
    hashes: Sequence[similarity_pb2.PerceptualHash] = ()
    """By which the cache finds the content among others that look alike."""


class Lookup(NamedTuple):
    """What the cache knew."""

    fragments: list[bytes | None]
    """One per key, in order."""
    read_point: result_pb2.InvalidationPoint | None
    available: bool
    """False when the cache couldn't be asked."""
    optional: bytes | None = None
    """The result of the key that wasn't required."""
    lease: HeldLease | None = None
    """Held by this extractor, which computes what is missing for the whole fleet."""
    expires_in_seconds: float = 0.0
    """Until the first of the fragments expires; 0 when one is missing."""


class ResultsClient:
    """Looks results up and stores them, within a time limit; pauses after a failure instead of waiting again."""

    def __init__(
        self,
        client: AsyncCacheClient,
        near: NearCache,
        *,
        timeout_seconds: float,
        pause_seconds: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
        is_crowded: Callable[[], bool] = lambda: False,
        tenant_header: str = "",
    ) -> None:
        """`is_crowded` says that work is queueing: then a call may wait a moment for others to share it.

        `tenant_header` is the metadata by which the cache expects to be told whose results are meant.
        """
        self._client = client
        self._near = near
        self._is_crowded = is_crowded
        self._under_way = 0
        self._timeout_seconds = timeout_seconds
        self._pause_seconds = pause_seconds
        self._clock = clock
        self._paused_until = 0.0
        self.failures_total = 0
        """Times that the cache didn't answer."""
        self._tenant_header = tenant_header
        self._lines: OrderedDict[str, _Lines] = OrderedDict()

    @property
    def is_paused(self) -> bool:
        """Whether the cache is left alone now, after a failure."""
        return self._clock() < self._paused_until

    def begin(self) -> None:
        """A file is under way, whose results will be asked for and stored."""
        self._under_way += 1

    def end(self) -> None:
        """It no longer is."""
        self._under_way -= 1

    def document_at_hand(self, name: DocumentName) -> EncodedDocument | None:
        """A finished document, without asking anybody; None when it isn't at hand."""
        copy = self._near.get(name)
        return copy.value if copy is not None and isinstance(copy.value, EncodedDocument) else None

    def near(self, keys: Sequence[ModuleKey]) -> Lookup | None:
        """What is at hand for all of `keys`, without asking anybody; None when something is missing."""
        copy = self._near.get(tuple(keys))
        if copy is None or not isinstance(copy.value, tuple):
            return None
        seconds = self._near.seconds_left(copy)
        return Lookup(list(copy.value), None, available=True, expires_in_seconds=seconds)

    async def look_up(self, keys: Sequence[ModuleKey], optional: ModuleKey) -> Lookup:
        """What the cache knows of `keys`, and of `optional`, which isn't required; all misses when it can't be asked.

        While another one computes, this waits: for its result, the next lease, or until half of the caller's time is
        over, which leaves neither.
        """
        group = result_pb2.ResultGroup(keys=map(key_to_wire, keys), optional_keys=[key_to_wire(optional)])
        answer = await self._guarded(lambda seconds: self._own_lines().acquisitions.submit([group], seconds))
        if answer is None:
            return Lookup([None] * len(keys), None, available=False)
        response, index = answer
        found = response.acquisitions[index] if index < len(response.acquisitions) else None
        point = response.read_point
        if found is not None and found.status == result_pb2.ACQUIRE_STATUS_WAIT:
            held = await self._wait(group)
            if held is None:
                return Lookup([None] * len(keys), None, available=False)
            found, point = held
        if found is None or len(found.lookups) != len(keys) + 1:
            return Lookup([None] * len(keys), None, available=False)
        *lookups, extra = found.lookups
        lease = None
        if found.status == result_pb2.ACQUIRE_STATUS_LEASED:
            lease = self._lease(group, found.lease_token)
        return Lookup(
            [lookup.value if lookup.found else None for lookup in lookups],
            point,
            available=True,
            optional=extra.value if extra.found else None,
            lease=lease,
            expires_in_seconds=min(lookup.expires_in_seconds for lookup in lookups),
        )

    def keep_near(self, keys: Sequence[ModuleKey], lookup: Lookup) -> None:
        """Keeps what the cache answered near at hand, when it is complete and was found to be readable."""
        fragments = tuple(fragment for fragment in lookup.fragments if fragment is not None)
        if len(fragments) == len(keys) and lookup.read_point is not None:
            copy = Copy(fragments, tuple(keys), 0.0, sum(map(len, fragments)))
            self._near.put(copy.keys, copy, lookup.read_point, lookup.expires_in_seconds)

    def keep_document(
        self,
        name: DocumentName,
        document: EncodedDocument,
        keys: Sequence[ModuleKey],
        lookups: Sequence[Lookup],
    ) -> None:
        """Keeps a finished document at hand that was made of what the cache answered for `keys`, and of nothing else."""
        point = lookups[0].read_point
        if point is not None:
            seconds = min(each.expires_in_seconds for each in lookups)
            self._near.put(name, Copy(document, tuple(keys), 0.0, document.size_bytes), point, seconds)

    def forget_near(self, keys: Sequence[ModuleKey]) -> None:
        """There will be other results for these keys."""
        self._near.forget(keys)

    async def peek(self, keys: Sequence[ModuleKey], optional: ModuleKey) -> Lookup:
        """Like `look_up`, without a lease, and without waiting for anybody."""
        answer = await self._guarded(
            lambda seconds: self._own_lines().gets.submit([*keys, optional], seconds)
        )
        if answer is None:
            return Lookup([None] * len(keys), None, available=False)
        response, start = answer
        lookups = response.lookups[start : start + len(keys) + 1]
        if len(lookups) != len(keys) + 1:
            return Lookup([None] * len(keys), None, available=False)
        *found, extra = lookups
        return Lookup(
            [lookup.value if lookup.found else None for lookup in found],
            response.read_point,
            available=True,
            optional=extra.value if extra.found else None,
            expires_in_seconds=min((lookup.expires_in_seconds for lookup in found), default=0.0),
        )

    async def read_point(self) -> result_pb2.InvalidationPoint | None:
        """The position of the invalidation log; None when the cache can't be asked."""
        nothing = ModuleKey("none", "none", "0", "", verified_space(current_call.get().tenant))
        answer = await self._guarded(lambda seconds: self._own_lines().gets.submit([nothing], seconds))
        return None if answer is None else answer[0].read_point

    async def store(self, results: Sequence[NewResult], lookup: Lookup, source: str) -> bool:
        """Whether the cache took the call; it may still have refused single results.

        Without the look-up's read point nothing is stored: an invalidation since the reading began would be undone.
        """
        if not results or lookup.read_point is None:
            return False
        lease = lookup.lease
        entries = [
            result_pb2.ResultEntry(
                key=key_to_wire(result.key),
                value=result.fragment,
                cost_seconds=result.cost_seconds,
                ttl_class=result.ttl_class,
                read_point=lookup.read_point,
                source=source,
                lease_token=lease.token if lease is not None and lease.names(result.key) else 0,
                hashes=result.hashes,
            )
            for result in results
        ]
        if await self._guarded(lambda seconds: self._own_lines().puts.submit(entries, seconds)) is None:
            return False
        if lease is not None and any(entry.lease_token for entry in entries):
            lease.end()
        return True

    async def _wait(
        self, group: result_pb2.ResultGroup
    ) -> tuple[result_pb2.Acquisition, result_pb2.InvalidationPoint] | None:
        """The answer once the one who computes is done, or has given up; None when the cache can't be asked.

        In short steps, so that a cache that fell silent is noticed; for half of the caller's time at most, so that the
        file can still be read here: then the answer is still WAIT, which is no lease.
        """
        remaining = current_call.get().remaining_seconds()
        until = self._clock() + (
            Limits.max_hold_seconds if remaining is None else remaining * Limits.hold_ratio
        )
        answer = None
        while (left := until - self._clock()) > Limits.min_hold_seconds or answer is None:
            seconds = max(0.0, min(Limits.hold_step_seconds, left))
            try:
                async with asyncio.timeout(seconds + self._timeout_seconds):
                    response = await self._client.acquire_results(
                        [group],
                        seconds,
                        Limits.lease_seconds,
                        seconds + self._timeout_seconds,
                        self._metadata(),
                    )
            except (TimeoutError, MetaExtractError):
                self._pause()
                return None
            answer = response.acquisitions[0], response.read_point
            if answer[0].status != result_pb2.ACQUIRE_STATUS_WAIT:
                return answer
        return answer

    async def _guarded(self, call: Callable[[float], Awaitable[Answer]]) -> Answer | None:
        """The answer of a call that is given so many seconds; None when the cache isn't to be asked, or fails."""
        timeout = self._timeout()
        if timeout is None:
            return None
        try:
            return await call(timeout)
        except TimeoutError:
            self._record_failure(None, timeout)
        except MetaExtractError as error:
            self._record_failure(error, timeout)
        return None

    def _lease(self, group: result_pb2.ResultGroup, token: int) -> HeldLease:
        times = Limits.lease_seconds, self._timeout_seconds
        return HeldLease(self._client, group.keys[0], token, times, self._metadata())

    def _give_back(
        self,
        groups: Sequence[result_pb2.ResultGroup],
        response: result_pb2.AcquireResultResponse,
        start: int,
    ) -> None:
        """Releases the leases of a caller who has gone, or the next one would wait until they lapse."""
        for group, acquisition in zip(groups, response.acquisitions[start:], strict=False):
            if acquisition.lease_token:
                self._lease(group, acquisition.lease_token).give_back()

    def _linger(self) -> float:
        if self._is_crowded():
            return Limits.linger_seconds
        return Limits.brief_linger_seconds if self._under_way >= Limits.many_files else 0.0

    async def _send_gets(self, keys: Sequence[ModuleKey]) -> result_pb2.BatchGetResultsResponse:
        return await self._client.get_results(
            [key_to_wire(key) for key in keys], self._timeout_seconds, self._metadata()
        )

    async def _send_acquisitions(
        self, groups: Sequence[result_pb2.ResultGroup]
    ) -> result_pb2.AcquireResultResponse:
        return await self._client.acquire_results(
            groups, 0, Limits.lease_seconds, self._timeout_seconds, self._metadata()
        )

    async def _send_puts(self, entries: Sequence[result_pb2.ResultEntry]) -> None:
        await self._client.put_results(list(entries), self._timeout_seconds, self._metadata())

    def _own_lines(self) -> _Lines:
        """The calls of the current call's tenant: what goes together is one tenant's."""
        tenant = current_call.get().tenant
        lines = self._lines.get(tenant)
        if lines is None:
            lines = self._lines[tenant] = _Lines(
                Coalescer(self._send_gets, linger_seconds=self._linger),
                Coalescer(self._send_acquisitions, linger_seconds=self._linger, on_unclaimed=self._give_back),
                Coalescer(
                    self._send_puts,
                    max_weight=Limits.max_put_bytes,
                    weigh=_weight,
                    linger_seconds=self._linger,
                ),
            )
            if len(self._lines) > Limits.max_tenants:  # what waits in it is still answered
                self._lines.popitem(last=False)
        else:
            self._lines.move_to_end(tenant)
        return lines

    def _metadata(self) -> tuple[tuple[str, str | bytes], ...]:
        call = current_call.get()
        whose = ((self._tenant_header, call.tenant),) if self._tenant_header else ()
        traced = tracing.headers()
        return (
            (*whose, *traced, (REQUEST_ID_HEADER, call.request_id)) if call.request_id else (*whose, *traced)
        )

    def _timeout(self) -> float | None:
        """Seconds that the cache gets now; None when it shouldn't be asked."""
        if self._clock() < self._paused_until:
            return None
        remaining = current_call.get().remaining_seconds()
        if remaining is None:
            return self._timeout_seconds
        # Deadlines don't cross hops by themselves; half of what is left stays for reading the file.
        return min(self._timeout_seconds, remaining / 2) if remaining > 0 else None

    def _record_failure(self, error: MetaExtractError | None, timeout: float) -> None:
        """Pauses asking, unless it was only the caller's own deadline that was too short; None is that it passed."""
        if isinstance(error, (InvalidRequestError, ForbiddenError)):
            return  # one caller's request; others' are as good as before
        if not (error is None or isinstance(error, DeadlineError)) or timeout >= self._timeout_seconds:
            self._pause()

    def _pause(self) -> None:
        self.failures_total += 1
        self._paused_until = self._clock() + self._pause_seconds


def _weight(entries: Sequence[result_pb2.ResultEntry]) -> int:
    return sum(max(Limits.min_put_weight, len(entry.value)) for entry in entries)
