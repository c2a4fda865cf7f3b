"""Ties view, policy, ramp, ledger and limiters together, and explains them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from extractor_service.backoff.advice import RetryAdvice
from extractor_service.backoff.ledger import ByteLedger
from extractor_service.backoff.limiter import Fairness, Limiter
from extractor_service.backoff.load import LoadMeter
from extractor_service.backoff.policies.base import LatencySample, Pressure, Term, share
from extractor_service.backoff.ramp import Ramp
from extractor_service.backoff.shares import CpuShares, PlaceShares
from extractor_service.backoff.view import PressureView
from service_runtime.backoff_table import WorkClass
from service_runtime.identity.accounts import Accounts

if TYPE_CHECKING:
    from collections.abc import Callable

    from extractor_service.backoff.load import Load
    from extractor_service.backoff.policies.base import BackoffPolicy, Decision
    from service_runtime.backoff_table import BackoffTable
    from service_runtime.memory.levels import PressureLevel
    from service_runtime.memory.monitor import Observation


class Limits(NamedTuple):
    """What is configured."""

    concurrency: int
    queue: int
    wait_seconds: float
    uploads: int
    inflight_bytes: int
    sessions: int = 1024  # as METAEXTRACT_MAX_SESSIONS: each holds 192 KiB while it waits for its client
    # For callers whom others keep waiting: three times as many parses again, since those others' are slowed down for them (with
    # as many again, four attackers had them all), and a quarter of uploads and sessions, which take memory.
    spare_parses_ratio: float = 3.0
    spare_places_ratio: float = 0.25  # as above


class _Standing(NamedTuple):
    """A decision that holds for a while."""

    decision: Decision
    version: int
    made_at: float
    holds_until: float


class BackoffState:
    """The limiters, and the pressure that they follow."""

    def __init__(
        self,
        policy: BackoffPolicy,
        limits: Limits,
        table: BackoffTable,
        *,
        instance: str = "",
        follows_cache_table: bool = True,
        accounts: Accounts | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`follows_cache_table`: the cache's table replaces `table`; an extractor with a file of its own keeps it."""
        self.policy = policy
        self.accounts = accounts or Accounts()
        self.instance = instance
        self.view = PressureView()
        self.table = table
        self.local: Observation | None = None
        self._limits = limits
        self._follows_cache_table = follows_cache_table
        self._clock = clock
        self._ramp = Ramp(instance, limits.concurrency)
        self._uploads_ramp = Ramp(instance, limits.uploads)
        self._sessions_ramp = Ramp(instance, limits.sessions)
        self._meter = LoadMeter(clock())
        self._decided: dict[tuple[PressureLevel, PressureLevel], Decision] = {}
        self._standing: _Standing | None = None
        self.ledger = ByteLedger(limits.inflight_bytes)
        self.cpu = CpuShares(clock)
        self.upload_places, self.session_places = PlaceShares(), PlaceShares()
        self.limiter = Limiter(
            self.decide,
            self.ledger,
            max_queue=limits.queue,
            max_wait_seconds=limits.wait_seconds,
            on_change=self._record_demand,
            fairness=Fairness(
                self.accounts.holding("parse"), self.cpu, limits.spare_parses_ratio, self.cpu.refuse
            ),
        )
        self.uploads = Limiter(
            self.decide_uploads,
            self.ledger,
            max_queue=limits.queue,
            max_wait_seconds=limits.wait_seconds,
            advice=RetryAdvice(),
            fairness=Fairness(
                self.accounts.holding("upload"),
                self.upload_places,
                limits.spare_places_ratio,
                self.cpu.refuse,
            ),
        )
        self.sessions = Limiter(
            self.decide_sessions,
            self.ledger,
            max_queue=limits.queue,
            max_wait_seconds=limits.wait_seconds,
            advice=RetryAdvice(),
            fairness=Fairness(
                self.accounts.holding("session"),
                self.session_places,
                limits.spare_places_ratio,
                self.cpu.refuse,
            ),
        )

    def level(self) -> PressureLevel:
        """The level that is obeyed now."""
        return self.view.level(self._clock())

    def decide(self) -> Decision:
        """What is allowed now, by every term. A file asks a dozen times: it stands until a level changes or time changes one."""
        now, standing = self._clock(), self._standing
        if (
            standing is not None
            and standing.made_at <= now <= standing.holds_until
            and standing.version == self.view.version
        ):
            return standing.decision
        self._standing = None
        decision = self._decide(now)
        ramped = decision.concurrency
        if decision.sheds:
            ramped = self._ramp.limit(now, decision.concurrency, self.table)
        if ramped >= decision.concurrency:
            self._standing = _Standing(decision, self.view.version, now, self.view.holds_until(now))
            return decision
        return decision._replace(
            terms=(*decision.terms, Term("ramp", ramped)),
            limits={work: min(limit, ramped) for work, limit in decision.limits.items()},
        )

    def decide_uploads(self) -> Decision:
        """How many uploads may be received at once: the same shares, of another number."""
        return self._decide_places(self._limits.uploads, self._uploads_ramp)

    def decide_sessions(self) -> Decision:
        """How many sessions may be open at once: likewise."""
        return self._decide_places(self._limits.sessions, self._sessions_ramp)

    def _decide_places(self, count: int, ramp: Ramp) -> Decision:
        now = self._clock()
        decision = self._decide(now)
        if not decision.sheds:
            return decision._replace(limits=dict.fromkeys(WorkClass, 1_000_000))
        limits = {
            work: share(row, count, floor=int(work is WorkClass.INTERACTIVE))
            for work, row in decision.rows.items()
        }
        ramped = ramp.limit(now, limits[WorkClass.INTERACTIVE], self.table)
        return decision._replace(
            terms=(), limits={work: min(limit, ramped) for work, limit in limits.items()}
        )

    def hear_table(self, table: BackoffTable) -> None:
        """The cache's table counts from now on, unless this extractor has its own."""
        if self._follows_cache_table:
            self.take_table(table)

    def take_table(self, table: BackoffTable) -> None:
        """The table that counts from now on."""
        self.table = table
        self._forget()
        self.wake()

    def wake(self) -> None:
        """Lets waiting work in; to be called when the pressure may have changed."""
        self.limiter.wake()
        self.uploads.wake()
        self.sessions.wake()
        self._record_demand()

    def observe(self, sample: LatencySample) -> None:
        """A parse has ended."""
        if self.policy.observe(sample, self._limits.concurrency):
            self._forget()

    def record_call(self, *, failed: bool) -> None:
        """A call has ended; refusals count as failures."""
        self._meter.record_call(self._clock(), failed=failed)

    def load(self) -> Load:
        """What balancers are told."""
        return self._meter.load(self._clock())

    def _forget(self) -> None:
        """What was decided is decided anew."""
        self._decided.clear()
        self._standing = None

    def _decide(self, now: float) -> Decision:
        """The policy's decision; made once while nothing changes, for a refusal asks half a dozen times."""
        cache, local = self.view.cache_level_to_obey(now), self.view.local_level
        key = (cache, local)
        decision = self._decided.get(key)
        if decision is None:
            decision = self.policy.decide(Pressure(cache, local, self.table), self._limits.concurrency)
            self._decided[key] = decision
        return decision

    def _record_demand(self) -> None:
        demand = self.limiter.in_flight + self.limiter.queued
        self._meter.record_demand(self._clock(), demand / self.decide().concurrency)
