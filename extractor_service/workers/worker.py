"""The front's side of one worker: sends a job, collects results, kills it when it is late."""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import signal
import socket
import time
from functools import partial
from typing import TYPE_CHECKING

from extractor_service.document import Outcome
from extractor_service.modules.base import Part
from extractor_service.modules.registry import BY_NAME
from extractor_service.sources.base import SourceError
from extractor_service.sources.spans import Span
from extractor_service.workers import autopsy
from extractor_service.workers.child import TELLS_UNREAD
from extractor_service.workers.frames import FrameBuffer, Kind, pack, pack_job, unpack_spans
from extractor_service.workers.protocol import (
    KILL_AFTER_RATIO,
    MAX_KILL_AFTER_SECONDS,
    Job,
    JobResult,
    Loss,
    ModuleResult,
    ProtocolError,
)
from service_runtime.memory.resident import resident_bytes

if TYPE_CHECKING:
    from extractor_service.sources.base import Puller
    from extractor_service.workers.forks import Template
    from extractor_service.workers.frames import Numbers

_MIN_KILL_AFTER_SECONDS = 0.1  # of short limits, a fifth would kill workers that were about to answer
_LOWEST_NICENESS = 19  # an eighth of the usual worker's weight; SCHED_IDLE's fortieth would be a standstill
_HOLD_STEP_SECONDS = 0.01  # how late it is noticed that others have begun to wait for the worker
_RECEIVE_BYTES = 256 * 1024  # a document of 300 fields is a tenth of it
_OUTCOMES = frozenset(each.value for each in Outcome)
_SPENT = frozenset({Outcome.TIMEOUT.value, Outcome.OUT_OF_MEMORY.value})


class WorkerDiedIdleError(Exception):
    """The worker was dead before it began: the job may be given to another one."""


class _Run:
    """One job under way."""

    def __init__(
        self, job: Job, puller: Puller | None, times: tuple[float, float, float], done: asyncio.Future[None]
    ) -> None:
        """`times`: when the worker is to stop, when it is killed, and how long it may make no progress."""
        self.job = job
        self.puller = puller
        self.stops_at, self.ends_at, self.stall_seconds = times
        self.done = done
        """Set when the job has ended; its exception is why the worker is given up."""
        self.result = JobResult()
        self.buffer = FrameBuffer()
        self.has_begun = False
        self.late_at = 0.0
        """When the worker is given up, unless it makes progress before."""
        self.timer: asyncio.TimerHandle | None = None
        self.bringing: asyncio.Task[None] | None = None


class Worker:
    """A forked worker. Used by one job at a time."""

    def __init__(self, pid: int, connection: socket.socket, template: Template) -> None:
        self.pid = pid
        self.idle_since = time.monotonic()
        self.jobs_done = 0
        self.is_usable = True
        self.is_demoted = False
        self.owner = ""
        """For whom it works."""
        self.began_at = 0.0
        """When it got its present job, by the monotonic clock."""
        self._connection = connection
        self._template = template
        self._loop = asyncio.get_running_loop()
        self._run: _Run | None = None
        self._cpu_seconds = 0.0  # of the jobs before
        self._loop.add_reader(connection.fileno(), self._on_readable)

    @property
    def has_living_template(self) -> bool:
        """False when the worker is dead or dying: workers don't outlive their template."""
        return self._template.is_alive

    async def run(
        self, job: Job, descriptor: int, stall_seconds: float, puller: Puller | None = None
    ) -> JobResult:
        """What became of the job; never raises for what the file did to the worker.

        `puller` brings ranges that the worker asks for. What takes longer than a moment ends the job: the result then
        has nothing but an `arrival`.

        Raises:
            WorkerDiedIdleError: nothing was begun.
        """
        try:
            frame = pack_job(job)
            sent = socket.send_fds(self._connection, [frame], [descriptor])
            if sent < len(frame):
                await self._loop.sock_sendall(self._connection, frame[sent:])
        except OSError as error:
            self.kill()
            raise WorkerDiedIdleError(str(error)) from error
        now = self._loop.time()
        grace = min(
            MAX_KILL_AFTER_SECONDS, max(_MIN_KILL_AFTER_SECONDS, job.parse_seconds * KILL_AFTER_RATIO)
        )
        times = now + job.parse_seconds, now + job.parse_seconds + grace, stall_seconds + grace
        run = self._run = _Run(job, puller, times, self._loop.create_future())
        result = run.result
        result.was_fresh = self.jobs_done == 0
        run.late_at = min(run.ends_at, now + run.stall_seconds)
        run.timer = self._loop.call_at(run.late_at, self._on_time, run)
        try:
            await run.done
        except TimeoutError as error:
            result.failure, result.failure_message = Outcome.TIMEOUT.value, str(error)
            is_starved = await autopsy.is_starved(self.pid, self._cpu_seconds, self._loop.time() - now)
            result.loss = Loss.OUTSIDE if is_starved else Loss.SPENT
        except (OSError, ProtocolError) as error:
            if not run.has_begun:
                raise WorkerDiedIdleError(str(error)) from error
            if not isinstance(error, ProtocolError):
                self.close()  # it is dead: its number may be another process's by now
            result.failure, result.failure_message, result.loss = await autopsy.cause_of(
                error, partial(self._template.exit_status, self.pid)
            )
        finally:
            self._run = None
            run.timer.cancel()
            if run.bringing is not None:
                run.bringing.cancel()
            if result.failure is not None or not run.has_begun:
                self.kill()
            if result.arrival is not None and (result.failure is not None or not result.is_parked):
                result.arrival.cancel()
                result.arrival = None
        _keep_snapshot(result, job)
        return result

    def _on_readable(self) -> None:
        """Takes what the worker sends. Called by the loop, so that a job wakes its task once and not for every frame."""
        try:
            data = self._connection.recv(_RECEIVE_BYTES)
        except BlockingIOError:
            return
        except OSError as error:
            self._lose(error)
            return
        run = self._run
        if run is None or run.done.done():  # dead, or it speaks when it wasn't asked
            self.kill()
            return
        if not data:
            run.has_begun = run.has_begun or TELLS_UNREAD
            self._lose(ConnectionResetError("the worker closed its socket"))
            return
        try:
            for kind, numbers, payload in run.buffer.feed(data):
                run.has_begun = True
                if kind == Kind.NEED:
                    self._need(run, payload)
                elif self._take(kind, numbers, payload, run):
                    run.done.set_result(None)
                    return
        except ProtocolError as error:
            run.has_begun = True
            self._lose(error)
            return
        if run.result.has_progressed:
            run.result.has_progressed = False
            run.late_at = min(run.ends_at, self._loop.time() + run.stall_seconds)

    def _lose(self, error: Exception) -> None:
        """The worker is given up, by whoever waits for its job."""
        with contextlib.suppress(OSError, ValueError):
            self._loop.remove_reader(self._connection.fileno())
        if self._run is None:
            self.kill()
        elif not self._run.done.done():
            self._run.done.set_exception(error)

    def _on_time(self, run: _Run) -> None:
        """Looks whether the worker is late; one that makes progress has got more time meanwhile."""
        now = self._loop.time()
        if run.done.done():
            return
        if now < run.late_at:
            run.timer = self._loop.call_at(run.late_at, self._on_time, run)
            return
        message = (
            f"killed: no progress for {run.stall_seconds:.1f} s"
            if now < run.stops_at
            else "killed: it ran out of time"
        )
        self._lose(TimeoutError(message))

    def resident_bytes(self) -> int:
        """Its memory; 0 when it has gone."""
        return resident_bytes(self.pid)

    def kill(self) -> None:
        """Ends the worker at once."""
        if self.is_usable:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            self.close()

    def demote(self) -> None:
        """Lets others of its kind go first, for good: without privileges nobody can take that back."""
        self.is_demoted = True
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, self.pid, _LOWEST_NICENESS)

    def close(self) -> None:
        """Lets the worker end by itself: it sees the closed socket."""
        if self.is_usable:
            self.is_usable = False
            self._loop.remove_reader(self._connection.fileno())
            self._connection.close()

    def _need(self, run: _Run, payload: bytes) -> None:
        """Answers a question for ranges, in a task of its own.

        Raises:
            ProtocolError: nobody may ask, or not that.
        """
        if run.puller is None or run.result.arrival is not None or run.result.pulls >= run.job.max_pulls:
            raise ProtocolError("a question too many")
        spans = [Span(*each) for each in unpack_spans(payload)]
        if any(span.length <= 0 or span.end > run.job.size_bytes for span in spans):
            raise ProtocolError("spans beyond the file")
        run.bringing = self._loop.create_task(self._bring(spans, run.puller, run))
        run.bringing.add_done_callback(lambda task: self._brought(run, task))

    def _brought(self, run: _Run, task: asyncio.Task[None]) -> None:
        if run.bringing is task:
            run.bringing = None
        if not task.cancelled() and (error := task.exception()) is not None and not run.done.done():
            run.done.set_exception(error)

    async def _bring(self, spans: list[Span], puller: Puller, run: _Run) -> None:
        """Answers the worker once the ranges are there, or after a moment, to have it back."""
        result = run.result
        result.has_progressed = True
        result.pulls += 1
        arrival = asyncio.ensure_future(puller.supply(spans))
        result.arrival = arrival
        asked_at = self._loop.time()
        while not arrival.done() and (left := asked_at + puller.hold_seconds() - self._loop.time()) > 0:
            await asyncio.wait({arrival}, timeout=min(left, _HOLD_STEP_SECONDS))
        answer = pack(Kind.PARK)
        if arrival.done():
            result.arrival = None
            error = arrival.exception()
            if error is not None and not isinstance(error, SourceError):
                raise error
            answer = (
                pack(Kind.HAVE) if error is None else pack(Kind.FAILED, payload=str(error)[:300].encode())
            )
        await self._loop.sock_sendall(self._connection, answer)

    def _take(self, kind: int, numbers: Numbers, payload: bytes, run: _Run) -> bool:
        """Whether the frame ended the job.

        Raises:
            ProtocolError: it isn't what a correct worker sends: a worker that a file has taken over may send anything.
        """
        result, job = run.result, run.job
        if kind == Kind.MODULE:
            place, (outcome, is_complete, seconds, bytes_read) = int(numbers[0]), numbers[1:]
            if place != len(result.modules) or place >= len(job.modules) or outcome not in _OUTCOMES:
                raise ProtocolError(f"module {place} out of turn, or outcome {outcome}")
            result.modules.append(
                ModuleResult(
                    job.modules[place],
                    int(outcome),
                    payload,
                    _sane(seconds),
                    int(bytes_read),
                    bool(is_complete),
                )
            )
            result.has_progressed = True
            self._tell(run, payload)
        elif kind == Kind.ALIVE:
            progress = int(numbers[0])
            result.has_progressed = result.has_progressed or progress != result.progress
            result.progress = progress
        elif kind == Kind.SNAPSHOT:
            result.snapshot = payload
            result.has_progressed = True
            self._tell(run, payload)
        elif kind == Kind.PARKED:
            result.is_parked = True
            self._count(result, numbers[0])
            return True
        elif kind == Kind.END:
            bytes_read, reads, cpu_seconds, memory_bytes, is_worn = numbers
            result.source_bytes_read, result.source_reads = int(bytes_read), int(reads)
            result.memory_bytes = int(memory_bytes)
            self._count(result, cpu_seconds)
            self.jobs_done += 1
            if is_worn or any(module.outcome in _SPENT for module in result.modules):
                self.close()
            return True
        elif kind != Kind.STARTED:
            raise ProtocolError(f"a frame of kind {kind}")
        return False

    def _tell(self, run: _Run, fragment: bytes) -> None:
        if run.puller is not None:
            run.puller.found(fragment)

    def _count(self, result: JobResult, cpu_seconds: float) -> None:
        result.cpu_seconds = _sane(cpu_seconds)
        self._cpu_seconds += result.cpu_seconds
        self.idle_since = time.monotonic()


def _sane(seconds: float) -> float:
    """Seconds that a worker has told, where they are any."""
    return seconds if 0 <= seconds < math.inf else 0.0


def _keep_snapshot(result: JobResult, job: Job) -> None:
    """What a lost worker had found when it last told."""
    first = job.modules[0] if job.modules and not result.modules else ""
    if result.failure is None or not result.snapshot or not first:
        return
    module = BY_NAME.get(first)
    if module is not None and module.writes is Part.SECTIONS:  # what a snapshot has
        result.modules.append(ModuleResult(first, result.failure, result.snapshot, is_complete=False))
