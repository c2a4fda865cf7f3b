"""The pool: at most so many workers, forked on demand, reused while warm, ended when idle or worn."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

from extractor_service.document import Outcome
from extractor_service.modules.base import READER
from extractor_service.workers.births import Births
from extractor_service.workers.forks import Template, WorkerStartError
from extractor_service.workers.protocol import JobResult, Loss
from extractor_service.workers.sandbox.probes import NO_SANDBOX
from extractor_service.workers.worker import Worker, WorkerDiedIdleError
from service_runtime.bucket import Bucket

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from extractor_service.sources.base import Puller
    from extractor_service.workers.protocol import Job

_log = logging.getLogger(__name__)


class Limits:
    """Of `WorkerPool`."""

    max_jobs_per_worker = 2000  # slow leaks end with it; a fork of 13 ms is nothing over so many
    idle_seconds = 30.0  # memory of idle workers against forks when the next burst comes
    attempts = 3  # a template that starts no worker three times won't by trying on
    # But one that others kill may, when they have done: it takes a second to start, and a file isn't to blame.
    killed_seconds = 20.0
    moment_seconds = 0.02  # between the ends of two processes, of which one dies with the other
    # Until all others are done; most files take milliseconds, and a long one may go on.
    clearing_seconds = 2.0
    # A file that kills does so at once, as a rule; one that reads on is let, beside the others.
    alone_seconds = 2.0
    # Of kinds that are seldom needed: their memory against half a second's start
    template_idle_seconds = 60.0
    clearings_per_minute = 3.0  # a fifth of the time at worst; three at once tell a killer


class WorkerPool:
    """Runs jobs in isolated processes. Start it with :meth:`start`."""

    def __init__(
        self,
        command: Sequence[str],
        max_workers: int,
        memory_bytes: int,
        stall_seconds: float = 10.0,
        *,
        profile: str = "reader",
        kind: str = READER,
    ) -> None:
        """`command` starts the template; `memory_bytes` is what one worker may use above its start; `profile` names its jail,
        "none" is none; `kind` is what its workers do.

        A worker that makes no progress for `stall_seconds` is ended.
        """
        self.sandbox = NO_SANDBOX
        """What the workers' jail is worth; known once started."""
        self.kind = kind
        self._profile = profile
        self._used_at = time.monotonic()
        self._command = command
        self._memory_bytes = memory_bytes
        self._stall_seconds = stall_seconds
        self._max_workers = max_workers
        self._slots = asyncio.Semaphore(max_workers)
        self._clearing = asyncio.Lock()
        self._clearings = Bucket(Limits.clearings_per_minute, time.monotonic())
        self._idle: list[Worker] = []
        self._births = Births(self._bear, self._idle.append)
        self._busy: set[Worker] = set()
        self._template: Template | None = None
        self._starting = asyncio.Lock()
        self._sweeper: asyncio.Task[None] | None = None
        self.started_total = 0
        self.lost: Counter[str] = Counter(dict.fromkeys((loss.name for loss in Loss), 0))
        """Workers that ended while they read, by cause."""

    @property
    def states(self) -> dict[str, int]:
        """How many workers are what."""
        return {"idle": len(self._idle), "busy": len(self._busy)}

    @property
    def told(self) -> dict[str, Any]:
        """What the template said of itself."""
        return self._template.told if self._template is not None else {}

    def resident_bytes(self) -> int:
        """Memory of all workers, what they share counted for each."""
        return sum(worker.resident_bytes() for worker in (*self._idle, *self._busy))

    async def start(self) -> None:
        """Starts the template, so that the first request doesn't wait for it, and tries its workers' jail.

        Raises:
            WorkerStartError: it doesn't start.
        """
        template = await self._get_template()
        if self._profile != "none":
            self.sandbox = await template.probe()
        self._sweeper = asyncio.create_task(self._sweep())

    async def run(
        self,
        job: Job,
        descriptor: int,
        puller: Puller | None = None,
        *,
        needs_fresh: bool = False,
        owner: str = "",
    ) -> JobResult:
        """What became of the job. A worker that was dead before it began is replaced, a few times.

        Cancelling kills the worker: nobody waits for its answer any more. `needs_fresh`: by one that has read nothing yet.
        `owner`: for whom, see `demote`.
        """
        async with self._slots:
            return await self._run(job, descriptor, puller, needs_fresh=needs_fresh, owner=owner)

    def demote(self, seconds: float, is_spared: Callable[[str], bool]) -> bool:
        """Lets jobs that have run for longer than `seconds` go slower from now on, but those of owners that are spared; whether any
        job runs that may yet have to.
        """
        began_before = time.monotonic() - seconds
        for worker in self._busy:
            if not worker.is_demoted and worker.began_at < began_before and not is_spared(worker.owner):
                worker.demote()
        return any(not worker.is_demoted for worker in self._busy)

    async def run_alone(self, job: Job, descriptor: int, puller: Puller | None, owner: str) -> JobResult:
        """The same by a fresh worker, while no other works; `was_alone` tells whether that could be had.

        The others wait for a moment only, and not often: who could make them would have them stand still.
        """
        now = time.monotonic()
        if self._clearing.locked() or self._clearings.wait_seconds(1, now) > 0:
            return await self.run(job, descriptor, puller, needs_fresh=True, owner=owner)
        self._clearings.take(1, now)
        async with self._clearing, contextlib.AsyncExitStack() as others:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(Limits.clearing_seconds):
                    for _ in range(self._max_workers - 1):
                        await others.enter_async_context(self._slots)
                    await self._slots.acquire()
                try:
                    return await self._run_ahead(others, job, descriptor, puller, owner)
                finally:
                    self._slots.release()
        return await self.run(job, descriptor, puller, needs_fresh=True, owner=owner)

    async def _run_ahead(
        self,
        others: contextlib.AsyncExitStack,
        job: Job,
        descriptor: int,
        puller: Puller | None,
        owner: str,
    ) -> JobResult:
        """Runs the job while `others` are held back, which go on when it takes longer than a moment."""
        working = asyncio.ensure_future(self._run(job, descriptor, puller, needs_fresh=True, owner=owner))
        try:
            await asyncio.wait({working}, timeout=Limits.alone_seconds)
            is_alone = working.done()
            await others.aclose()
            result = await working
        finally:
            working.cancel()
        result.was_alone = is_alone
        return result

    async def _run(
        self, job: Job, descriptor: int, puller: Puller | None, *, needs_fresh: bool, owner: str = ""
    ) -> JobResult:
        failures, patient_until = 0, time.monotonic() + Limits.killed_seconds
        while failures < Limits.attempts:
            is_patient = time.monotonic() < patient_until
            try:
                worker = await self._take(needs_fresh=needs_fresh)
            except WorkerStartError as error:
                _log.warning("no worker", extra={"error": str(error)})
                failures += not (error.was_killed and is_patient)
                continue
            worker.owner, worker.began_at = owner, time.monotonic()
            try:
                result = await worker.run(job, descriptor, self._stall_seconds, puller)
            except WorkerDiedIdleError:
                # One that had worked before has only died waiting, and one whose template was killed with that, of which we may
                # hear a moment later.
                await asyncio.sleep(Limits.moment_seconds)
                failures += worker.jobs_done == 0 and (worker.has_living_template or not is_patient)
                continue
            except BaseException:
                worker.kill()
                raise
            finally:
                self._busy.discard(worker)
            if result.loss is not None:
                self.lost[result.loss.name] += 1
            result.was_demoted = worker.is_demoted
            self._give_back(worker)
            result.memory_bytes = min(max(0, result.memory_bytes), self._memory_bytes)
            return result
        return JobResult(
            failure=Outcome.CRASHED.value, failure_message="no worker could be started", is_excused=True
        )

    async def close(self) -> None:
        """Ends all workers and the template."""
        if self._sweeper is not None:
            self._sweeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._sweeper
        self._births.close()
        for worker in [*self._idle, *self._busy]:
            worker.kill()
        if self._template is not None:
            self._template.close()

    async def _take(self, *, needs_fresh: bool) -> Worker:
        worker = self._warm(needs_fresh=needs_fresh) or await self._births.next()
        self._busy.add(worker)
        return worker

    def _warm(self, *, needs_fresh: bool) -> Worker | None:
        """One that is idle; None when there is none."""
        spared: list[Worker] = []
        found = None
        while self._idle and found is None:
            worker = self._idle.pop()
            if not worker.has_living_template:
                worker.kill()
            elif worker.is_usable and needs_fresh and worker.jobs_done:
                spared.append(worker)
            elif worker.is_usable:
                found = worker
        self._idle += reversed(spared)
        return found

    async def _bear(self) -> Worker:
        template = await self._get_template()
        pid, connection = await template.fork()
        self.started_total += 1
        return Worker(pid, connection, template)

    def _give_back(self, worker: Worker) -> None:
        if worker.jobs_done >= Limits.max_jobs_per_worker or worker.is_demoted:
            worker.close()
        if worker.is_usable:
            self._idle.append(worker)

    async def _get_template(self) -> Template:
        async with self._starting:
            if self._template is None or not self._template.is_alive:
                self._template = None
                self._template = await Template.start(
                    self._command, self._memory_bytes, self._profile, self.kind
                )
            self._used_at = time.monotonic()
            return self._template

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(Limits.idle_seconds / 3)
            oldest = time.monotonic() - Limits.idle_seconds
            for worker in [worker for worker in self._idle if worker.idle_since < oldest]:
                self._idle.remove(worker)
                worker.close()
            is_unused = self.kind != READER and not self._idle and not self._busy
            if is_unused and self._used_at < time.monotonic() - Limits.template_idle_seconds:
                self._retire()

    def _retire(self) -> None:
        """Ends the template: the next job starts another."""
        if self._template is not None and not self._starting.locked():
            self._template.close()
            self._template = None
