"""When and whether a call is made again: what the server says first, then growing delays within a budget.

- A refusal with `grpc-retry-pushback-ms` or RetryInfo is obeyed to the millisecond: the server has spread its callers.
- Other failures wait 0.2 s, doubled up to 5 s, jittered, and cost a token of a bucket of ten, of which each success gives a
  tenth back; at half, nothing is tried again (gRFC A6). So a dying server isn't buried in second attempts.
- When less than half of the calls of the last two minutes were accepted, some are refused here, before they cost
  anybody anything: probability (requests - 2 * accepts) / (requests + 1) (Site Reliability Engineering, chapter 21).
"""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import grpc

from metaextract_client.errors import MetaExtractError, OverloadedError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import TypeVar

    T = TypeVar("T")

_WINDOW_SECONDS = 120.0  # two minutes, as in Site Reliability Engineering, chapter 21
_BUCKET_SECONDS = 5.0  # 24 or so counters instead of a time per call; the window is off by 5 s
_ACCEPT_FACTOR = 2.0  # K of that chapter: twice what the server accepts may be sent to it
_LEAST_REQUESTS = 20  # in the window; fewer prove nothing, and a single failure would throttle
_MOST_RATIO = 0.9  # one in ten is let through to find out that the server is back


@dataclass(frozen=True)
class RetryPolicy:
    """How often and how patiently."""

    max_attempts: int = 5
    """Attempts at one call, the first included."""
    first_seconds: float = 0.2
    """Delay before the second attempt, where the server names none."""
    most_seconds: float = 5.0
    """Longest delay, where the server names none."""
    most_advised_seconds: float = 120.0
    """Longest delay that is obeyed where the server names one; a longer one ends the call."""
    budget_tokens: float = 10.0
    """Failures in a row that all calls of a client may have before none is tried again."""
    throttles: bool = True
    """Whether calls are refused here while the server refuses most of them."""


NEVER = RetryPolicy(max_attempts=1, throttles=False)


class RetryBudget:
    """A token bucket for all calls of a client; safe between threads."""

    def __init__(self, tokens: float) -> None:
        self._most = self._tokens = tokens
        self._lock = threading.Lock()

    def record_success(self) -> None:
        """Ten successes pay for one failure."""
        with self._lock:
            self._tokens = min(self._most, self._tokens + 0.1)

    def record_failure(self) -> None:
        """Takes a token."""
        with self._lock:
            self._tokens = max(0.0, self._tokens - 1)

    @property
    def allows(self) -> bool:
        """Whether more than half is left."""
        return self._tokens > self._most / 2


class AdaptiveThrottle:
    """Requests and accepts of the last two minutes; safe between threads. Time is passed in."""

    def __init__(self) -> None:
        self._buckets: deque[list[float]] = deque()  # begin, requests, accepts
        self._lock = threading.Lock()

    def record(self, now: float, *, accepted: bool) -> None:
        """A request was made, or refused here."""
        with self._lock:
            if not self._buckets or now - self._buckets[-1][0] >= _BUCKET_SECONDS:
                self._buckets.append([now, 0, 0])
            self._buckets[-1][1] += 1
            self._buckets[-1][2] += accepted

    def refusal_ratio(self, now: float) -> float:
        """The probability with which a request should be refused here."""
        with self._lock:
            while self._buckets and self._buckets[0][0] < now - _WINDOW_SECONDS:
                self._buckets.popleft()
            requests = sum(bucket[1] for bucket in self._buckets)
            accepts = sum(bucket[2] for bucket in self._buckets)
        if requests < _LEAST_REQUESTS:
            return 0.0
        # Never all: what is refused here counts as well, and somebody has to find out that the server is back.
        return min(_MOST_RATIO, max(0.0, (requests - _ACCEPT_FACTOR * accepts) / (requests + 1)))


DEFAULT_RETRY = RetryPolicy()


class Retrier:
    """Makes calls again. One per client, so that budget and throttle see all its calls."""

    def __init__(
        self,
        policy: RetryPolicy = DEFAULT_RETRY,
        clock: Callable[[], float] = time.monotonic,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self.policy = policy
        self.budget = RetryBudget(policy.budget_tokens)
        self.throttle = AdaptiveThrottle()
        self._clock = clock
        self._draw = draw

    def run(self, call: Callable[[float | None], T], timeout: float | None, *, repeatable: bool = True) -> T:
        """What `call` answers within `timeout` seconds in all; it is told how many are left.

        Raises:
            MetaExtractError: the last attempt's, when there are to be no more.
        """
        attempts = _Attempts(self, timeout, repeatable=repeatable)
        while True:
            try:
                attempts.begin()
                result = call(attempts.remaining_seconds())
            except MetaExtractError as error:
                time.sleep(attempts.failed(error))
            else:
                attempts.succeeded()
                return result

    async def run_async(
        self, call: Callable[[float | None], Awaitable[T]], timeout: float | None, *, repeatable: bool = True
    ) -> T:
        """See `run`."""
        attempts = _Attempts(self, timeout, repeatable=repeatable)
        while True:
            try:
                attempts.begin()
                result = await call(attempts.remaining_seconds())
            except MetaExtractError as error:
                await asyncio.sleep(attempts.failed(error))
            else:
                attempts.succeeded()
                return result

    def delay(self, error: MetaExtractError, attempt: int) -> float | None:
        """Seconds to wait after attempt number `attempt` failed; None: it isn't to be made again."""
        if attempt >= self.policy.max_attempts or not isinstance(error, OverloadedError | UnavailableError):
            return None
        if isinstance(error, OverloadedError) and error.is_own_limit:
            return None
        if isinstance(error, OverloadedError) and error.is_advised:
            seconds = error.retry_after_seconds
            return seconds if 0 <= seconds <= self.policy.most_advised_seconds else None
        if not self.budget.allows:
            return None
        most = min(self.policy.most_seconds, self.policy.first_seconds * 2.0 ** (attempt - 1))
        return float(most * (0.8 + 0.4 * self._draw()))

    def refuses(self) -> bool:
        """Whether this request is to be refused here."""
        return self.policy.throttles and self._draw() < self.throttle.refusal_ratio(self._clock())

    def now(self) -> float:
        """The clock's time."""
        return self._clock()


class _Attempts:
    """The attempts at one call."""

    def __init__(self, retrier: Retrier, timeout: float | None, *, repeatable: bool) -> None:
        self._retrier = retrier
        self._deadline_at = None if timeout is None else retrier.now() + timeout
        self._repeatable = repeatable
        self._count = 0
        self._is_local = False

    def begin(self) -> None:
        """Counts an attempt; raises OverloadedError when it is refused here."""
        self._count += 1
        self._is_local = self._retrier.refuses()
        if self._is_local:
            raise OverloadedError(
                "the server refuses most calls; this one wasn't sent",
                grpc.StatusCode.RESOURCE_EXHAUSTED,
                "CLIENT_THROTTLED",
            )

    def remaining_seconds(self) -> float | None:
        """Time left for the call."""
        return None if self._deadline_at is None else max(0.001, self._deadline_at - self._retrier.now())

    def succeeded(self) -> None:
        """The server did it."""
        self._retrier.budget.record_success()
        self._retrier.throttle.record(self._retrier.now(), accepted=True)

    def failed(self, error: MetaExtractError) -> float:
        """Seconds to wait before the next attempt; raises `error` when there is to be none."""
        retrier = self._retrier
        is_overload = isinstance(error, OverloadedError) and not error.is_own_limit
        if not isinstance(error, UnavailableError):  # nobody was reached, so there is nobody to spare
            retrier.throttle.record(retrier.now(), accepted=not is_overload)
        is_advised = isinstance(error, OverloadedError) and error.is_advised
        if isinstance(error, OverloadedError | UnavailableError) and not (self._is_local or is_advised):
            retrier.budget.record_failure()
        delay = retrier.delay(error, self._count) if self._repeatable or self._is_local else None
        remaining = self.remaining_seconds()
        if delay is None or (remaining is not None and delay >= remaining):
            raise error
        return delay
