"""Admits work, makes some of it wait a little, refuses the rest early with a delay that spreads the herd."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import deque
from typing import TYPE_CHECKING

from service_runtime.errors import OverloadedError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from extractor_service.backoff.policy import Decision


class Limiter:
    """A semaphore whose size follows a decision, with a bounded queue and bounded waiting.

    Attributes:
        in_flight: work that runs.
        refused_total: work refused since the start.
    """

    def __init__(
        self,
        decide: Callable[[], Decision],
        *,
        max_queue: int,
        max_wait_seconds: float,
        jitter: random.Random | None = None,
    ) -> None:
        self._decide = decide
        self._max_queue = max_queue
        self._max_wait_seconds = max_wait_seconds
        self._jitter = jitter or random.Random()
        self._waiters: deque[asyncio.Future[None]] = deque()
        self.in_flight = 0
        self.refused_total = 0

    @property
    def queued(self) -> int:
        """Work that waits."""
        return len(self._waiters)

    def check_size(self, size_bytes: int) -> None:
        """Refuses a file that is too large for the present pressure.

        Raises:
            OverloadedError: come back later.
        """
        decision = self._decide()
        if decision.refuse_above_bytes is not None and size_bytes > decision.refuse_above_bytes:
            raise self._refusal(
                decision, f"under pressure, files above {decision.refuse_above_bytes} bytes are refused"
            )

    @contextlib.asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Holds a place while the block runs; waits for one, but not long.

        Raises:
            OverloadedError: the queue is full, or the wait was too long.
        """
        await self._acquire()
        try:
            yield
        finally:
            self.in_flight -= 1
            self.wake()

    def wake(self) -> None:
        """Lets waiting work in as far as the decision now allows; to be called when it may have changed."""
        free = self._decide().concurrency - self.in_flight
        while free > 0 and self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                self.in_flight += 1  # on the waiter's behalf, so that nobody overtakes it
                waiter.set_result(None)
                free -= 1

    async def _acquire(self) -> None:
        decision = self._decide()
        if not self._waiters and self.in_flight < decision.concurrency:
            self.in_flight += 1
            return
        if len(self._waiters) >= self._max_queue:
            raise self._refusal(decision, f"{len(self._waiters)} requests are waiting already")
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        try:
            async with asyncio.timeout(self._max_wait_seconds):
                await waiter
        except BaseException as error:
            if waiter.done() and not waiter.cancelled():  # admitted at the very moment of giving up
                self.in_flight -= 1
                self.wake()
            else:
                with contextlib.suppress(ValueError):
                    self._waiters.remove(waiter)
            if isinstance(error, TimeoutError):
                raise self._refusal(
                    self._decide(), f"no place became free within {self._max_wait_seconds:g} s"
                ) from None
            raise

    def _refusal(self, decision: Decision, message: str) -> OverloadedError:
        self.refused_total += 1
        delay = decision.retry_after_seconds * self._jitter.uniform(0.75, 1.5)
        return OverloadedError(message, delay)
