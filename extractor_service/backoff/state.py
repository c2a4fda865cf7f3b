"""Ties view, policy and limiter together, and explains them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from extractor_service.backoff.limiter import Limiter
from extractor_service.backoff.view import PressureView

if TYPE_CHECKING:
    from collections.abc import Callable

    from extractor_service.backoff.policy import BackoffPolicy, Decision
    from service_runtime.memory.levels import PressureLevel


class Term(NamedTuple):
    """One term of the concurrency limit."""

    name: str
    limit: int
    binding: bool


class BackoffState:
    """The limiter, and the pressure that it follows."""

    def __init__(
        self,
        policy: BackoffPolicy,
        configured_concurrency: int,
        *,
        max_queue: int,
        max_wait_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.policy = policy
        self.view = PressureView()
        self._configured = configured_concurrency
        self._clock = clock
        self.limiter = Limiter(self.decide, max_queue=max_queue, max_wait_seconds=max_wait_seconds)

    def level(self) -> PressureLevel:
        """The level that is obeyed now."""
        return self.view.level(self._clock())

    def decide(self) -> Decision:
        """What is allowed now."""
        return self.policy.decide(self.level(), self._configured)

    def terms(self) -> list[Term]:
        """The terms of the concurrency limit; the smallest binds, the configured one when equal."""
        allowed = self.decide().concurrency
        pressure_binds = allowed < self._configured
        return [
            Term("configured", self._configured, not pressure_binds),
            Term("pressure", allowed, pressure_binds),
        ]
