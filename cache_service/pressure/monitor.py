"""Joins what memory says, the tiers' budgets, the history and the broadcaster."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from typing import TYPE_CHECKING, NamedTuple

from cache_service.entries.entry import RemovalCause
from cache_service.pressure.broadcaster import PressureBroadcaster
from cache_service.pressure.history import PressureHistory
from cache_service.pressure.peers import Peers
from cache_service.pressure.policy import disk_target_ratio
from cache_service.pressure.state import PressureChange, PressureState, SignalState
from service_runtime.memory.levels import PressureLevel
from service_runtime.repeated import RepeatedErrors

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from cache_service.entries.entry import Budget
    from cache_service.pressure.peers import Peer
    from cache_service.pressure.policy import TierBudgetPolicy
    from service_runtime.memory.levels import Thresholds
    from service_runtime.memory.monitor import MemoryMonitor, Observation
    from service_runtime.memory.release import TrimLimiter

    SetBudget = Callable[[Budget, RemovalCause], Awaitable[None]]
    CleanDisk = Callable[[float], Awaitable[None]]

_log = logging.getLogger(__name__)
_failures = RepeatedErrors(_log, "a step of the pressure loop failed")
_CLEAN_SECONDS = 30.0  # a clean-up scans and vacuums the disk tier; it mustn't run all the time
_SAVE_SECONDS = 15.0  # of history that a kill loses, against one small file written so often


class _Judgement(NamedTuple):
    """What is made of an observation."""

    level: PressureLevel
    overridden: bool
    fleet_level: PressureLevel
    peers: tuple[Peer, ...]

    def is_known_by(self, state: PressureState) -> bool:
        """Whether it is no news to those who know `state`."""
        return (self.level, self.overridden, self.fleet_level) == (
            state.level,
            state.overridden,
            state.fleet_level,
        )


class Actions(NamedTuple):
    """What obeys the pressure."""

    set_budget: SetBudget
    trim: TrimLimiter
    """Gives freed memory back to the system."""
    clean_disk: CleanDisk | None = None


class PressureMonitor:
    """Knows the pressure, and makes the tiers obey it."""

    def __init__(
        self,
        memory: MemoryMonitor,
        policy: TierBudgetPolicy,
        actions: Actions,
        *,
        heartbeat_seconds: float,
        replica: str = "",
        history_path: Path | None = None,
    ) -> None:
        self._memory = memory
        self._policy = policy
        self._set_budget, self._trim, self._clean_disk = actions
        self._cleaned_at = 0.0
        self._cleaning: asyncio.Task[None] | None = None
        self._fitting: asyncio.Task[None] | None = None
        self._saving: asyncio.Task[None] | None = None
        self._latest: Observation | None = None
        self._override: tuple[PressureLevel, float] | None = None
        self._budget: Budget | None = None
        self._resizing = asyncio.Lock()
        self._trim_pending = False
        self._replica = replica
        self._valid_for_seconds = 3 * heartbeat_seconds  # two heartbeats may be lost
        self._epoch = secrets.token_hex(8)
        self._history_path = history_path
        self._saved_at = time.monotonic()
        self.peers = Peers()
        self.history = PressureHistory()
        if history_path is not None:
            self.history.load(history_path, time.time())
        self.level_changes = 0
        self.budget_adjustments = 0
        now = time.monotonic()
        observation = memory.observe(now)
        self._announced = self._state(observation, self._judge(observation), 0)
        self.broadcaster = PressureBroadcaster(self._announced, heartbeat_seconds, self.history)

    async def run(self) -> None:
        """Samples until cancelled; then saves the history."""
        try:
            await self._memory.run(self._follow)
        finally:
            for task in (self._cleaning, self._fitting, self._saving):
                if task is not None:
                    task.cancel()
            self._save()

    async def step(self, now: float) -> None:
        """One sample, at once: publishes what is new, then fits the tiers to it."""
        observation = self._memory.observe(now)
        self._announce(observation)
        await self._fit(observation)

    async def _follow(self, observation: Observation) -> None:
        """Publishes what is new; the tiers follow beside it, for a disk that hangs mustn't keep a level secret."""
        self._announce(observation)
        self._latest = observation
        if self._fitting is None or self._fitting.done():
            self._fitting = asyncio.create_task(self._fit_to_latest())
        if observation.at - self._saved_at >= _SAVE_SECONDS and (self._saving is None or self._saving.done()):
            self._saved_at = observation.at
            self._saving = asyncio.create_task(asyncio.to_thread(self._save))

    async def _fit_to_latest(self) -> None:
        while self._latest is not None:
            observation, self._latest = self._latest, None
            try:
                await self._fit(observation)
            except Exception as error:  # noqa: BLE001 - the next observation is another try
                _failures.log(error)

    def _announce(self, observation: Observation) -> None:
        before = self._announced
        judgement = self._judge(observation)
        if judgement.is_known_by(before):
            self.broadcaster.refresh(lambda: self._state(observation, judgement, before.revision))
        else:
            state = self._announced = self._state(observation, judgement, before.revision + 1)
            if state.level != before.level:
                self._record_change(before, state)
            self.broadcaster.publish(state)
        self.history.record(time.time(), judgement.level, observation.score)

    @property
    def thresholds(self) -> Thresholds:
        """Where levels begin."""
        return self._memory.classifier.thresholds

    async def set_override(self, level: PressureLevel | None, duration_seconds: float) -> PressureState:
        """The state after pretending `level` for a while; None ends it. The tier has been fitted on return."""
        now = time.monotonic()
        self._override = None if level is None else (level, now + duration_seconds)
        await self.step(now)
        return self.broadcaster.state

    async def set_thresholds(self, thresholds: Thresholds) -> PressureState:
        """The state by other thresholds, which count until the next restart."""
        self._memory.classifier.thresholds = thresholds
        await self.step(time.monotonic())
        return self.broadcaster.state

    def _judge(self, observation: Observation) -> _Judgement:
        now = observation.at
        if self._override is not None and now >= self._override[1]:
            self._override = None
        overridden = self._override is not None
        level = self._override[0] if self._override is not None else observation.level
        peers = self.peers.live(now)
        return _Judgement(level, overridden, max((level, *(peer.level for peer in peers))), peers)

    def _state(self, observation: Observation, judgement: _Judgement, revision: int) -> PressureState:
        thresholds = observation.thresholds
        return PressureState(
            epoch=self._epoch,
            revision=revision,
            level=judgement.level,
            score_ratio=observation.score,
            slope_ratio_per_second=observation.slope_per_second,
            seconds_to_next_level=observation.seconds_to_next_level,
            signals=tuple(
                SignalState(reading, reading.level(thresholds))
                for reading in observation.sample.ordered(thresholds)
            ),
            valid_for_seconds=self._valid_for_seconds,
            overridden=judgement.overridden,
            sampled_at=time.time() - max(0.0, time.monotonic() - observation.at),
            cause="override" if judgement.overridden else observation.cause,
            eviction_target_bytes=self._policy.eviction_target_bytes(judgement.level),
            replica=self._replica,
            fleet_level=judgement.fleet_level,
            peers=judgement.peers,
        )

    def _record_change(self, before: PressureState, state: PressureState) -> None:
        self.level_changes += 1
        self.history.changes.append(
            PressureChange(
                state.revision, state.sampled_at, before.level, state.level, state.cause, state.score_ratio
            )
        )
        _log.info(
            "pressure level changed",
            extra={
                "from_level": before.level.name,
                "to_level": state.level.name,
                "cause": state.cause,
                "score_ratio": round(state.score_ratio, 4),
                "slope_ratio_per_second": round(state.slope_ratio_per_second, 4),
                "seconds_to_next_level": state.seconds_to_next_level,
                "overridden": state.overridden,
                "revision": state.revision,
                "watchers": self.broadcaster.watcher_count,
                "eviction_target_bytes": state.eviction_target_bytes,
            },
        )

    async def _fit(self, observation: Observation) -> None:
        now = observation.at
        async with self._resizing:
            level = self._announced.level  # the latest word, should another fit have gone before
            budget = self._policy.update(now, level, observation.headroom_bytes)
            before = self._budget
            if budget != before:
                self.budget_adjustments += before is not None
                await self._set_budget(budget, RemovalCause.PRESSURE)
                self._budget = budget  # only now: one that was cancelled is done again
                self._trim_pending |= before is not None and _is_smaller(budget, before)
        if self._trim_pending and self._trim.due(now, urgent=level is PressureLevel.CRITICAL):
            self._trim_pending = False
            await asyncio.to_thread(self._trim.run)
        self._tidy_disk(level, observation)

    def _tidy_disk(self, level: PressureLevel, observation: Observation) -> None:
        """Starts a clean-up of the disk tier where it is due; sampling doesn't wait for it."""
        if self._clean_disk is None or (self._cleaning is not None and not self._cleaning.done()):
            return
        disk = next((reading for reading in observation.sample.readings if reading.name == "disk"), None)
        ratio = disk_target_ratio(level, disk.level(observation.thresholds) if disk is not None else None)
        if ratio is not None and observation.at - self._cleaned_at >= _CLEAN_SECONDS:
            self._cleaned_at = observation.at
            self._cleaning = asyncio.create_task(self._clean(self._clean_disk, ratio))

    @staticmethod
    async def _clean(clean_disk: CleanDisk, ratio: float) -> None:
        try:
            await clean_disk(ratio)
        except Exception as error:  # noqa: BLE001 - a failing disk is the disk tier's affair
            _log.warning("the disk tier couldn't be cleaned up", extra={"error": repr(error)})

    def _save(self) -> None:
        if self._history_path is not None:
            self.history.save(self._history_path)


def _is_smaller(budget: Budget, before: Budget) -> bool:
    return budget.bytes < before.bytes or 0 < budget.entries < (before.entries or budget.entries + 1)
