"""The loop that joins sampler, classifier, budget policy and broadcaster."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import secrets
import time
from typing import TYPE_CHECKING

from cache_service.entry import RemovalCause
from cache_service.pressure.broadcaster import PressureBroadcaster
from cache_service.pressure.state import PressureState, SignalState
from service_runtime.memory.levels import PressureLevel

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from cache_service.entry import Budget
    from cache_service.pressure.policy import TierBudgetPolicy
    from service_runtime.memory.classifier import Classifier
    from service_runtime.memory.release import TrimLimiter
    from service_runtime.memory.sampler import Reading, Sampler

    SetBudget = Callable[[Budget, RemovalCause], Awaitable[None]]

_log = logging.getLogger(__name__)


class PressureMonitor:
    """Knows the pressure, and makes the memory tier obey it."""

    def __init__(
        self,
        sampler: Sampler,
        classifier: Classifier,
        policy: TierBudgetPolicy,
        set_budget: SetBudget,
        trim: TrimLimiter,
        *,
        sample_seconds: float,
        heartbeat_seconds: float,
    ) -> None:
        self._sampler = sampler
        self._classifier = classifier
        self._policy = policy
        self._set_budget = set_budget
        self._trim = trim
        self._sample_seconds = sample_seconds
        self._override: tuple[PressureLevel, float] | None = None
        self._budget: Budget | None = None
        self._resizing = asyncio.Lock()
        self._trim_pending = False
        self._valid_for_seconds = 3 * heartbeat_seconds  # two heartbeats may be lost
        self._epoch = secrets.token_hex(8)
        self.level_changes = 0
        self.budget_adjustments = 0
        self.broadcaster = PressureBroadcaster(self._observe(time.monotonic(), None), heartbeat_seconds)

    async def run(self) -> None:
        """Samples until cancelled. A failing step is logged and tried again: the loop outlives its errors."""
        while True:
            try:
                await self.step(time.monotonic())
            except Exception:  # noqa: BLE001 - whatever it is, the loop must go on
                _log.exception("pressure step failed")
            await asyncio.sleep(self._sample_seconds)

    async def step(self, now: float) -> None:
        """One sample: publishes the state, then fits the memory tier to it."""
        before = self.broadcaster.state
        state = self._observe(now, before)
        if state.level != before.level:
            self.level_changes += 1
            _log.info(
                "pressure level changed",
                extra={
                    "from_level": before.level.name,
                    "to_level": state.level.name,
                    "score_ratio": round(state.score_ratio, 4),
                    "overridden": state.overridden,
                },
            )
        self.broadcaster.publish(state)
        await self._fit(now, state.level)

    async def set_override(self, level: PressureLevel | None, duration_seconds: float) -> PressureState:
        """The state after pretending `level` for a while; None ends it. The tier has been fitted on return."""
        now = time.monotonic()
        self._override = None if level is None else (level, now + duration_seconds)
        await self.step(now)
        return self.broadcaster.state

    def _observe(self, now: float, before: PressureState | None) -> PressureState:
        sample = self._sampler.sample()
        level = self._classifier.update(now, sample.ratio, failed=sample.failed)
        if self._override is not None and now >= self._override[1]:
            self._override = None
        overridden = self._override is not None
        if self._override is not None:
            level = self._override[0]
        state = PressureState(
            epoch=self._epoch,
            revision=0 if before is None else before.revision,
            level=level,
            score_ratio=sample.ratio or 0.0,
            slope_ratio_per_second=self._classifier.slope_per_second(),
            seconds_to_next_level=self._classifier.seconds_to_next_level(),
            signals=tuple(self._judge(reading) for reading in sample.readings),
            valid_for_seconds=self._valid_for_seconds,
            overridden=overridden,
            sampled_at=time.time(),
        )
        if before is not None and (level, overridden) != (before.level, before.overridden):
            state = dataclasses.replace(state, revision=before.revision + 1)
        return state

    def _judge(self, reading: Reading) -> SignalState:
        ratio = reading.ratio
        return SignalState(reading, None if ratio is None else self._classifier.thresholds.level(ratio))

    async def _fit(self, now: float, level: PressureLevel) -> None:
        async with self._resizing:
            budget = self._policy.update(now, level)
            before = self._budget
            if budget != before:
                self.budget_adjustments += before is not None
                await self._set_budget(budget, RemovalCause.PRESSURE)
                self._budget = budget  # only now: one that was cancelled is done again
                self._trim_pending |= before is not None and _is_smaller(budget, before)
        if self._trim_pending and self._trim.due(now, urgent=level is PressureLevel.CRITICAL):
            self._trim_pending = False
            await asyncio.to_thread(self._trim.run)


def _is_smaller(budget: Budget, before: Budget) -> bool:
    return budget.bytes < before.bytes or 0 < budget.entries < (before.entries or budget.entries + 1)
