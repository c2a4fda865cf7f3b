"""The front's side of one worker: sends a job, collects results, kills it when it is late."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from extractor_service.document import Outcome
from extractor_service.modules.base import Part
from extractor_service.modules.registry import BY_NAME
from extractor_service.sources.base import SourceError
from extractor_service.sources.spans import Span
from extractor_service.workers.child import EXIT_OUT_OF_MEMORY
from extractor_service.workers.protocol import (
    KILL_AFTER_RATIO,
    MAX_KILL_AFTER_SECONDS,
    STARVED_RATIO,
    FrameBuffer,
    Job,
    JobResult,
    Loss,
    ModuleResult,
    ProtocolError,
    encode_frame,
    encode_job,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from extractor_service.sources.base import Puller
    from extractor_service.workers.forks import Template

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_MIN_KILL_AFTER_SECONDS = 0.1  # of short limits, a fifth would kill workers that were about to answer
_LOWEST_NICENESS = 19  # an eighth of the usual worker's weight; SCHED_IDLE's fortieth would be a standstill
_HOLD_STEP_SECONDS = 0.01  # how late it is noticed that others have begun to wait for the worker
# SIGKILL isn't ours there, so it is the kernel's, for memory, or somebody's.
_SENT_FROM_OUTSIDE = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGKILL})
_LOOKS, _LOOK_SECONDS = 4, 0.003
_SPENT = frozenset({Outcome.TIMEOUT.value, Outcome.OUT_OF_MEMORY.value})


class WorkerDiedIdleError(Exception):
    """The worker was dead before it began: the job may be given to another one."""


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
        self._tell: Callable[[bytes], None] = _nobody
        self._cpu_seconds = 0.0  # of the jobs before

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
            frame = encode_job(job)
            sent = socket.send_fds(self._connection, [frame], [descriptor])
            if sent < len(frame):
                await self._loop.sock_sendall(self._connection, frame[sent:])
        except OSError as error:
            self.kill()
            raise WorkerDiedIdleError(str(error)) from error
        result, began_at = JobResult(was_fresh=self.jobs_done == 0), self._loop.time()
        self._tell = puller.found if puller is not None else _nobody
        started = False
        buffer = FrameBuffer()
        try:
            grace = min(
                MAX_KILL_AFTER_SECONDS, max(_MIN_KILL_AFTER_SECONDS, job.parse_seconds * KILL_AFTER_RATIO)
            )
            stall_seconds += grace
            ends_at = self._loop.time() + job.parse_seconds + grace
            async with asyncio.timeout_at(min(ends_at, self._loop.time() + stall_seconds)) as limit:
                while True:
                    data = await self._loop.sock_recv(self._connection, 256 * 1024)
                    if not data:
                        raise ConnectionResetError("the worker closed its socket")
                    for header, payload in buffer.feed(data):
                        started = True
                        if puller is not None and header.get("kind") == "need":
                            if result.arrival is not None or result.pulls >= job.max_pulls:
                                raise ProtocolError("a question too many")
                            await self._bring(_spans(header, job.size_bytes), puller, result)
                            continue
                        if self._take(header, payload, result, job):
                            return result
                    if result.has_progressed:
                        result.has_progressed = False
                        limit.reschedule(min(ends_at, self._loop.time() + stall_seconds))
        except TimeoutError:
            stalled = self._loop.time() < ends_at - grace
            message = (
                f"killed: no progress for {stall_seconds:.1f} s" if stalled else "killed: it ran out of time"
            )
            result.failure, result.failure_message = Outcome.TIMEOUT.value, message
            is_starved = await self._is_starved(self._loop.time() - began_at)
            result.loss = Loss.OUTSIDE if is_starved else Loss.SPENT
        except (OSError, ProtocolError) as error:
            if not started:
                self.kill()
                raise WorkerDiedIdleError(str(error)) from error
            result.failure, result.failure_message, result.loss = await self._autopsy(error)
        finally:
            if result.failure is not None or not started:
                self.kill()
            if result.arrival is not None and (result.failure is not None or not result.is_parked):
                result.arrival.cancel()
                result.arrival = None
        _keep_snapshot(result, job)
        return result

    def resident_bytes(self) -> int:
        """Its memory; 0 when it has gone."""
        try:
            pages = int(Path(f"/proc/{self.pid}/statm").read_text(encoding="ascii").split()[1])
        except (OSError, ValueError, IndexError):
            return 0
        return pages * _PAGE_BYTES

    def kill(self) -> None:
        """Ends the worker at once."""
        if self.is_usable:
            self.is_usable = False
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            self._connection.close()

    def demote(self) -> None:
        """Lets others of its kind go first, for good: without privileges nobody can take that back."""
        self.is_demoted = True
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, self.pid, _LOWEST_NICENESS)

    def close(self) -> None:
        """Lets the worker end by itself: it sees the closed socket."""
        if self.is_usable:
            self.is_usable = False
            self._connection.close()

    async def _bring(self, spans: list[Span], puller: Puller, result: JobResult) -> None:
        """Answers the worker once the ranges are there, or after a moment, to have it back."""
        result.has_progressed = True
        result.pulls += 1
        arrival = asyncio.ensure_future(puller.supply(spans))
        result.arrival = arrival
        asked_at = self._loop.time()
        while not arrival.done() and (left := asked_at + puller.hold_seconds() - self._loop.time()) > 0:
            await asyncio.wait({arrival}, timeout=min(left, _HOLD_STEP_SECONDS))
        answer: dict[str, Any] = {"kind": "park"}
        if arrival.done():
            result.arrival = None
            error = arrival.exception()
            if error is not None and not isinstance(error, SourceError):
                raise error
            answer = {"kind": "have"} if error is None else {"kind": "failed", "message": str(error)[:300]}
        await self._loop.sock_sendall(self._connection, encode_frame(answer))

    def _take(self, header: dict[str, Any], payload: bytes, result: JobResult, job: Job) -> bool:
        """Whether the frame ended the job.

        Raises:
            ProtocolError: it isn't what a correct worker sends: a worker that a file has taken over may send anything.
        """
        try:
            return self._take_known(header, payload, result, job)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise ProtocolError(f"frame {header.get('kind')!r}: {error!r}") from error

    def _take_known(self, header: dict[str, Any], payload: bytes, result: JobResult, job: Job) -> bool:
        kind = header["kind"]
        if kind == "module":
            name, done = str(header["name"]), len(result.modules)
            if done >= len(job.modules) or job.modules[done] != name:
                raise ValueError(f"module {name!r} out of turn")
            result.modules.append(
                ModuleResult(
                    name=name,
                    outcome=Outcome(header["outcome"]).value,
                    fragment=payload,
                    elapsed_seconds=float(header["elapsed_seconds"]),
                    source_bytes_read=int(header["source_bytes_read"]),
                    is_complete=bool(header["is_complete"]),
                )
            )
            result.has_progressed = True
            self._tell(payload)
        elif kind == "alive":
            progress = int(header["progress"])
            result.has_progressed = result.has_progressed or progress != result.progress
            result.progress = progress
        elif kind == "snapshot":
            result.snapshot = payload
            result.has_progressed = True
            self._tell(payload)
        elif kind == "parked":
            result.is_parked = True
            result.cpu_seconds = max(0.0, float(header["cpu_seconds"]))
            self._cpu_seconds += result.cpu_seconds
            self.idle_since = time.monotonic()
            return True
        elif kind == "end":
            result.source_bytes_read = int(header["source_bytes_read"])
            result.source_reads = int(header["source_reads"])
            result.memory_bytes = int(header["memory_bytes"])
            result.cpu_seconds = max(0.0, float(header["cpu_seconds"]))
            self._cpu_seconds += result.cpu_seconds
            self.jobs_done += 1
            self.idle_since = time.monotonic()
            if header["recycle"] or any(module.outcome in _SPENT for module in result.modules):
                self.close()
            return True
        elif kind != "started":
            raise ValueError("unknown kind")
        return False

    async def _autopsy(self, error: Exception) -> tuple[int, str, Loss]:
        """The outcome, what is said of it, and how the worker was lost."""
        if isinstance(error, ProtocolError):
            return Outcome.CRASHED.value, f"the worker sent nonsense: {error}", Loss.CRASH
        status = await self._template.exit_status(self.pid)
        self.is_usable = False
        self._connection.close()
        if status is None:
            return Outcome.CRASHED.value, "the worker was lost", Loss.OUTSIDE
        if os.WIFSIGNALED(status):
            number = os.WTERMSIG(status)
            if number == signal.SIGKILL:
                return Outcome.OUT_OF_MEMORY.value, "the worker was killed by the system", Loss.OUTSIDE
            message = f"the worker died of {signal.Signals(number).name}"
            return (
                Outcome.CRASHED.value,
                message,
                Loss.OUTSIDE if number in _SENT_FROM_OUTSIDE else Loss.CRASH,
            )
        if os.WEXITSTATUS(status) == EXIT_OUT_OF_MEMORY:
            return Outcome.OUT_OF_MEMORY.value, "the worker ran out of memory", Loss.SPENT
        return Outcome.CRASHED.value, f"the worker exited with {os.WEXITSTATUS(status)}", Loss.CRASH

    async def _is_starved(self, seconds: float) -> bool:
        """Whether a late worker could have gone on, and wasn't let: it got no CPU, waits for a disk, or was stopped."""
        try:
            process = psutil.Process(self.pid)
            times = process.cpu_times()
            if times.user + times.system - self._cpu_seconds >= STARVED_RATIO * seconds:
                return False
            for _ in range(_LOOKS):  # one that sleeps now and then may be seen running once
                status = process.status()
                if status in {psutil.STATUS_DISK_SLEEP, psutil.STATUS_STOPPED}:
                    return True
                if status != psutil.STATUS_RUNNING:
                    return False
                await asyncio.sleep(_LOOK_SECONDS)
        except psutil.Error:
            return False
        return True


def _nobody(fragment: bytes) -> None:
    """Takes what nobody asked to be told."""


def _spans(header: dict[str, Any], size_bytes: int) -> list[Span]:
    """The ranges that a worker asks for.

    Raises:
        ProtocolError: it isn't a list of ranges.
    """
    try:
        spans = [Span(int(offset), int(length)) for offset, length in header["spans"]]
    except (KeyError, TypeError, ValueError) as error:
        raise ProtocolError(f"spans: {error!r}") from error
    if any(span.offset < 0 or span.length <= 0 or span.end > size_bytes for span in spans):
        raise ProtocolError("spans beyond the file")
    return spans


def _keep_snapshot(result: JobResult, job: Job) -> None:
    """What a lost worker had found when it last told."""
    first = job.modules[0] if job.modules and not result.modules else ""
    if result.failure is None or not result.snapshot or not first:
        return
    module = BY_NAME.get(first)
    if module is not None and module.writes is Part.SECTIONS:  # what a snapshot has
        result.modules.append(ModuleResult(first, result.failure, result.snapshot, is_complete=False))
