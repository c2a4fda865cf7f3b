"""Runs a job in a worker, within the limits. If a range was slow, it runs again from what has come meanwhile."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from extractor_service.backoff.policies.base import LatencySample
from extractor_service.backoff.tickets import ticket_of_call
from extractor_service.depth import Depth
from extractor_service.document import Outcome
from extractor_service.extraction.blame import MAX_ATTEMPTS, deserves_retry, is_guilty, was_starved
from extractor_service.modules.base import READER
from extractor_service.sources.base import SourceError
from extractor_service.workers.protocol import KILL_AFTER_RATIO, Job, JobResult, Loss
from service_runtime.errors import DeadlineError
from service_runtime.memory.levels import PressureLevel
from service_runtime.telemetry import current_call

if TYPE_CHECKING:
    from extractor_service.backoff.state import BackoffState
    from extractor_service.extraction.blame import Witness
    from extractor_service.extraction.estimates import Plan, Planner
    from extractor_service.extraction.options import ExtractionOptions
    from extractor_service.formats.base import Format
    from extractor_service.sources.base import Input, Puller
    from extractor_service.workers.pool import WorkerPool
    from extractor_service.workers.pools import WorkerPools

_ENDLESS_PULLS = 1 << 31
"""Most, of a stream that passes: nobody is asked, and nothing is waited for but what comes anyway."""


class About(NamedTuple):
    """What a job is about, besides its file: who does it, and where the content was created."""

    kind: str = READER
    mime_type: str = ""
    position: tuple[float, float] | None = None


FILE = About()


class Limits:
    """Of `WorkerJobs`."""

    # Kept of the caller's deadline for assembling and sending the reply; of short ones a part: 0.25 s of a second would be too
    # much of it.
    reply_seconds = 0.25
    reply_ratio = 0.1  # as above
    # At NORMAL, half of it at ELEVATED: fewer round trips against bytes for nothing.
    read_ahead_bytes = 128 * 1024
    least_parse_seconds = 0.05  # after waiting for ranges there is always time to parse what has come
    demote_seconds = 0.1  # nearly every file is done by then
    hold_seconds = 0.1  # a pull at 20 ms distance took 28 ms (measured); slower ones park
    crowded_hold_seconds = 0.002  # a pull on one host took 0.5 to 1.9 ms (measured); others park


class WorkerJobs:
    """Jobs in workers: admitted by plan, measured afterwards."""

    def __init__(
        self,
        pools: WorkerPools,
        backoff: BackoffState,
        planner: Planner,
        max_round_trips: int,
        witness: Witness,
    ) -> None:
        self._pools = pools
        self._witness = witness
        self._backoff = backoff
        self._planner = planner
        self._max_round_trips = max_round_trips
        self._demoting: asyncio.TimerHandle | None = None

    async def run(
        self,
        source: Input,
        file_format: Format | None,
        modules: tuple[str, ...],
        options: ExtractionOptions,
        parse_seconds: float,
        about: About = FILE,
    ) -> JobResult:
        """What became of it.

        Raises:
            OverloadedError: there is no place.
            DeadlineError: no time is left to begin.
            WorkerStartError: there are no workers of that kind, and none can be started.
        """
        pool = await self._pools.get(about.kind)
        puller = source.puller
        format_name = file_format.name if file_format is not None else ""
        if puller is not None:
            puller.hold_seconds = self._hold_seconds
        self._backoff.limiter.check_size(source.size_bytes if puller is None else 0, options.work)
        plan = self._planner.plan(
            file_format, source.size_bytes, source.inline_bytes, options.depth, about.kind
        )
        ticket = ticket_of_call(options.work, plan.memory_bytes)
        job = Job(
            format_name,
            modules,
            source.size_bytes,
            parse_seconds,
            options.digest_algorithms,
            options.depth.value,
            mime_type=about.mime_type,
            position=about.position,
        )
        left_seconds, left_pulls = parse_seconds, self._max_round_trips
        is_passing = puller is not None and puller.is_passing
        while True:
            if puller is not None:
                job = replace(
                    job,
                    parse_seconds=min(left_seconds, usable_seconds(left_seconds)),
                    present=tuple(puller.present),
                    max_pulls=_ENDLESS_PULLS if is_passing else left_pulls,
                    read_ahead_bytes=0 if is_passing else self._read_ahead_bytes(),
                    takes_hints=not is_passing,
                )
            started_at = time.monotonic()
            async with self._backoff.limiter.slot(ticket):
                in_flight, began_at = self._backoff.limiter.in_flight, time.monotonic()
                told: float | None = None
                try:
                    self._watch_heavy()
                    result = await self._run(pool, job, source, puller, parse_seconds, ticket.caller)
                    told = result.cpu_seconds
                finally:  # whoever hangs up has used it all the same
                    seconds = time.monotonic() - began_at
                    # What a worker says of itself is taken for no more than the time that has passed.
                    spent = seconds if told is None else min(told, seconds)
                    self._backoff.accounts.charge_cpu(ticket.tenant, spent)
                    self._backoff.cpu.charge(ticket.caller, spent)
            if result.arrival is None:
                break
            # The worker is free again, the place as well. Time in the queue is ours, not the file's.
            left_seconds = max(Limits.least_parse_seconds, left_seconds - (time.monotonic() - started_at))
            left_pulls -= result.pulls
            await _arrived(result.arrival)
        self._observe(source, plan, options.depth, (format_name, about.kind), result, seconds, in_flight)
        return result

    async def _run(
        self,
        pool: WorkerPool,
        job: Job,
        source: Input,
        puller: Puller | None,
        parse_seconds: float,
        caller: str,
    ) -> JobResult:
        """The job's result; a lost worker that may be another's fault is replaced, and the file told from the storm."""
        result = await pool.run(job, source.descriptor(), puller, owner=caller)
        witness, reader = self._witness, source.content_id or object()
        if result.loss is None:
            witness.clear(reader)
            result.is_excused = was_starved(result, job.parse_seconds)
            return result
        attempts, pulls, was_quiet = 1, result.pulls, False
        witness.record(time.monotonic(), result, reader)
        # Of a stream that passes, too: what was asked for is kept, and nothing passes while nobody has asked for more.
        while attempts < MAX_ATTEMPTS and deserves_retry(result):
            try:
                again = replace(job, parse_seconds=usable_seconds(parse_seconds))
            except DeadlineError:
                break
            if puller is not None:
                left = max(1, again.max_pulls - pulls)
                again = replace(again, present=tuple(puller.present), max_pulls=left)
            scene = witness.look()
            if result.loss is Loss.OUTSIDE:
                result = await pool.run_alone(again, source.descriptor(), puller, caller)
            else:
                result = await pool.run(again, source.descriptor(), puller, needs_fresh=True, owner=caller)
            pulls += result.pulls
            result.pulls, result.cpu_seconds = (
                pulls,
                None,
            )  # the attempts' together: what they took is known by the clock
            if result.loss is None:
                witness.clear(reader)
                return result
            attempts += 1
            witness.record(time.monotonic(), result, reader)
            was_quiet = witness.was_quiet(time.monotonic(), scene, reader)
            if witness.is_suspicious(reader):
                return result
            if is_guilty(result, was_quiet=was_quiet):
                break
        result.is_excused = not is_guilty(result, was_quiet=was_quiet)
        return result

    def _watch_heavy(self) -> None:
        """Sees to it that long jobs of heavy callers go slower while others are there."""
        if self._demoting is None and self._backoff.cpu.is_contended:
            loop = asyncio.get_running_loop()
            self._demoting = loop.call_later(Limits.demote_seconds / 2, self._demote)

    def _demote(self) -> None:
        self._demoting = None
        if self._pools.demote(Limits.demote_seconds, self._backoff.cpu.is_light):
            self._watch_heavy()

    def _observe(
        self,
        source: Input,
        plan: Plan,
        depth: Depth,
        of: tuple[str, str],
        result: JobResult,
        seconds: float,
        in_flight: int,
    ) -> None:
        format_name, kind = of
        if source.puller is None and kind == READER:  # the time of a distant file is the link's
            self._backoff.observe(
                LatencySample(format_name, seconds, in_flight, failed=result.failure is not None)
            )
        is_whole = all(module.outcome == Outcome.OK.value for module in result.modules)
        if result.failure is None and (is_whole or depth is Depth.FAST):
            self._planner.observe(
                format_name, plan, seconds, result.source_bytes_read, result.memory_bytes, depth, kind
            )

    def _hold_seconds(self) -> float:
        """A thousand slow clients must stop nobody: a worker waits for a range, but hardly while others wait for it."""
        return Limits.hold_seconds if not self._backoff.limiter.queued else Limits.crowded_hold_seconds

    def _read_ahead_bytes(self) -> int:
        level = self._backoff.level()
        return 0 if level >= PressureLevel.HIGH else Limits.read_ahead_bytes >> level


async def _arrived(arrival: asyncio.Future[None]) -> None:
    """Returns when the ranges have come, or can't: then the worker asks again, and is told."""
    try:
        await arrival
    except SourceError:
        return
    except BaseException:
        arrival.cancel()
        raise


def usable_seconds(parse_seconds: float) -> float:
    """Seconds that a parse may take: its own limit, or what the caller's deadline leaves; raises DeadlineError."""
    remaining = current_call.get().remaining_seconds()
    if remaining is None:
        return parse_seconds
    usable = remaining - min(Limits.reply_seconds, remaining * Limits.reply_ratio)
    if usable <= 0:
        raise DeadlineError("no time is left to read the file")
    # The worker stops itself at its limit; one that can't is killed somewhat later, which must still be in time.
    return min(parse_seconds, usable / (1 + KILL_AFTER_RATIO))
