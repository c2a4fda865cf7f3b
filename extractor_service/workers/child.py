"""The worker: takes one job after another, runs its modules, sends each result as soon as it is there."""

from __future__ import annotations

import os
import signal
import sys
import time
from typing import TYPE_CHECKING, NamedTuple

from extractor_service.depth import Depth
from extractor_service.document import (
    Document,
    HardLimitError,
    LimitExceededError,
    Outcome,
    Position,
    Problem,
    ProblemKind,
)
from extractor_service.formats.base import CorruptFileError
from extractor_service.modules.base import CostClass, ModuleContext
from extractor_service.modules.pixels.decode import Pixels
from extractor_service.sources.base import PullLimitError, SourceError
from extractor_service.sources.blocks import BlockCachedSource
from extractor_service.sources.descriptor import DescriptorSource
from extractor_service.sources.pulled import ParkedError, PulledSource
from extractor_service.sources.shallow import DepthReachedError, ShallowSource
from extractor_service.sources.spans import SpanSet
from extractor_service.workers import encode
from extractor_service.workers.frames import MAX_PAYLOAD_BYTES, Kind, ask, pack, receive_job
from extractor_service.workers.heartbeat import Heartbeat
from extractor_service.workers.protocol import KILL_AFTER_RATIO

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping
    from types import FrameType

    from extractor_service.formats.base import Format
    from extractor_service.modules.base import Module
    from extractor_service.sources.base import ByteSource
    from extractor_service.workers.isolation import OwnMemory
    from extractor_service.workers.protocol import Job

# Half of the default address space: what a large file grew is given back.
_RECYCLE_RESIDENT_BYTES = 256 * 1024 * 1024
EXIT_OUT_OF_MEMORY = 77  # any status that Python, shells and signals (128 and more) don't use
# Half of the grace past the limit: the other half is for sending, before the kill.
_DERIVING_RATIO = KILL_AFTER_RATIO / 2
_MAX_DERIVING_SECONDS = 0.2  # deriving takes about 0.2 ms as a rule (measured); the rest is for load
TELLS_UNREAD = sys.platform == "linux"
"""Whether a peer that dies with an unread job is told from one that had taken it: by ECONNRESET (`unix_release_sock`, net/unix)."""
_running: list[bool] = []
"""Not empty while a module runs: only then may the time limit interrupt."""
_expired: list[bool] = []
"""Not empty once the running module's time is up."""


class TimeLimitError(BaseException):
    """The job's time is up. Not an Exception: parsers that survive anything must not survive this."""


class Skills(NamedTuple):
    """What a worker can do."""

    formats: Mapping[str, Format]
    modules: Mapping[str, Module]


def serve(connection: socket.socket, skills: Skills, memory: OwnMemory) -> None:
    """Works until the front closes the connection. Every barrier is up by then: what is read here comes from strangers."""
    signal.signal(signal.SIGALRM, _on_alarm)
    heartbeat = Heartbeat(connection)
    growth = Growth(memory)
    while (received := receive_job(connection)) is not None:
        job, descriptor = received
        if not TELLS_UNREAD:
            heartbeat.send(pack(Kind.STARTED))
        try:
            _run_job(job, descriptor, connection, heartbeat, skills, growth)
        finally:
            heartbeat.stop()
            os.close(descriptor)


class Growth:
    """How much a worker has grown since its start."""

    def __init__(self, memory: OwnMemory) -> None:
        self._memory = memory
        self._at_start = memory.resident_bytes()

    def measure(self) -> tuple[int, bool]:
        """Bytes gained, and whether the worker is too large to be kept."""
        resident = self._memory.resident_bytes()
        return max(0, resident - self._at_start), resident > _RECYCLE_RESIDENT_BYTES


def _run_job(
    job: Job,
    descriptor: int,
    connection: socket.socket,
    heartbeat: Heartbeat,
    skills: Skills,
    growth: Growth,
) -> None:
    cpu_before = time.process_time()
    local = DescriptorSource(descriptor, job.size_bytes)
    pulled = None
    if job.present is not None:
        pulled = PulledSource(
            local,
            SpanSet(job.present),
            lambda spans: ask(connection, heartbeat.send, spans),
            max_pulls=job.max_pulls,
            read_ahead_bytes=job.read_ahead_bytes,
            takes_hints=job.takes_hints,
        )
    source = BlockCachedSource(pulled or local)
    depth = Depth(job.depth)
    document = Document(limits=depth.limits)
    heartbeat.start(source, document)
    context = ModuleContext(
        skills.formats.get(job.format),
        job.digest_algorithms,
        depth,
        None if job.position is None else Position(*job.position),
        job.mime_type,
        Pixels(source, job.mime_type),
    )
    stop_at = time.monotonic() + job.parse_seconds
    deriving_seconds = min(_MAX_DERIVING_SECONDS, job.parse_seconds * _DERIVING_RATIO)
    incomplete: set[str] = set()
    pending: list[bytes] = []
    for place, name in enumerate(job.modules):
        module = skills.modules[name]
        if module.reads:
            document.make_room()
        # It reads the file again, which may be the end of this process.
        if pending and module.cost_class is not CostClass.DERIVED:
            heartbeat.send(b"".join(pending))
            pending.clear()
        done = _run_module(module, source, document, context, stop_at, deriving_seconds)
        if pulled is not None and pulled.is_parked:
            heartbeat.stop()
            cpu_seconds = time.process_time() - cpu_before
            heartbeat.send(pack(Kind.PARKED, cpu_seconds))
            return
        # What is derived from a part is itself a part.
        is_complete = done.is_complete and incomplete.isdisjoint(module.reads)
        if not is_complete:
            incomplete.add(name)
        numbers = place, done.outcome.value, is_complete, done.elapsed_seconds, done.source_bytes_read
        pending.append(pack(Kind.MODULE, *numbers, payload=done.fragment))
    gained, is_worn = growth.measure()
    cpu_seconds = time.process_time() - cpu_before
    # An answer that comes when nobody waits any more would be taken for the next job's.
    is_worn = is_worn or (pulled is not None and pulled.is_interrupted)
    pending.append(pack(Kind.END, source.bytes_read, source.reads, cpu_seconds, gained, is_worn))
    heartbeat.stop()
    heartbeat.send(b"".join(pending))


class _Done(NamedTuple):
    """What a module came to."""

    outcome: Outcome
    is_complete: bool
    elapsed_seconds: float
    source_bytes_read: int
    fragment: bytes


def _run_module(
    module: Module,
    source: BlockCachedSource,
    document: Document,
    context: ModuleContext,
    stop_at: float,
    deriving_seconds: float,
) -> _Done:
    """What it came to, with its encoded part of the document."""
    started_at, bytes_before = time.monotonic(), source.bytes_read
    section = context.format.name if context.format is not None else ""
    outcome, is_complete = Outcome.OK, True
    problems_before = len(document.problems)
    _expired.clear()
    shallow: ShallowSource | None = None
    if context.depth is Depth.FAST and not module.needs_whole_file:
        is_headed = context.format is not None and context.format.is_headed
        shallow = ShallowSource(source, has_tail=not is_headed)
    try:
        _with_time_limit(module, shallow or source, document, context, stop_at, deriving_seconds)
    except DepthReachedError:
        pass  # said below, as libraries turn it into what they like
    except TimeLimitError:
        _stop_timer()
        _expired.append(True)
    except ParkedError:
        is_complete = False
    except MemoryError:
        outcome, is_complete = Outcome.OUT_OF_MEMORY, False
    except LimitExceededError as error:
        is_last = context.depth is Depth.FULL or isinstance(error, HardLimitError)
        more = "" if is_last else "; DEPTH_FULL keeps more"
        document.problem(section, ProblemKind.LIMIT, f"{error}{more}")
    except CorruptFileError as error:
        outcome = Outcome.CORRUPT
        if _is_out_of_memory(error):
            outcome, is_complete = Outcome.OUT_OF_MEMORY, False
        else:
            document.problem(section, ProblemKind.DAMAGED, str(error))
    except PullLimitError:
        is_complete = False
    except SourceError as error:
        is_complete = False
        document.problem(section, ProblemKind.READER, f"the source failed: {error}")
    except Exception as error:  # noqa: BLE001 - a defect in a reader costs its module, no more
        document.problem(section, ProblemKind.READER, f"{module.name}: {type(error).__name__}: {error}"[:500])
        outcome, is_complete = Outcome.PARTIAL if document.sections else Outcome.CORRUPT, False
        if _is_out_of_memory(error):
            outcome = Outcome.OUT_OF_MEMORY
    if shallow is not None and shallow.reached_at is not None:
        outcome, is_complete = Outcome.PARTIAL, True
        del document.problems[problems_before:]  # a file isn't damaged because it wasn't read
        message = f"DEPTH_FAST ends at {shallow.reached_at}: DEPTH_STANDARD reads on"
        document.problem(section, ProblemKind.LIMIT, message, shallow.reached_at)
    if source.error is not None:  # libraries turn I/O errors into "corrupt file"
        is_complete = False
        outcome = Outcome.PARTIAL
        if isinstance(source.error, PullLimitError):
            document.problem(section, ProblemKind.LIMIT, str(source.error))
    if _expired:  # seen here, since C++ libraries swallow the exception and call the file damaged
        outcome, is_complete = Outcome.TIMEOUT, False
        document.problem(section, ProblemKind.LIMIT, f"{module.name} ran out of time")
    if outcome is Outcome.OUT_OF_MEMORY:
        document.problem(section, ProblemKind.LIMIT, f"{module.name} ran out of memory")
    if outcome is Outcome.OK and len(document.problems) > problems_before:
        outcome = Outcome.PARTIAL
    seconds, read = time.monotonic() - started_at, source.bytes_read - bytes_before
    try:
        fragment = encode.encode_part(module.writes, document, document.problems[problems_before:])
        if len(fragment) > MAX_PAYLOAD_BYTES:
            raise ValueError(f"a result of {len(fragment)} bytes")
    except Exception as error:  # noqa: BLE001 - a value that can't be encoded costs its module, no more
        problem = Problem(
            section, ProblemKind.READER, f"{module.name}: {type(error).__name__}: {error}"[:500]
        )
        return _Done(Outcome.CORRUPT, False, seconds, read, encode.encode_part((), Document(), [problem]))
    return _Done(outcome, is_complete, seconds, read, fragment)


def _with_time_limit(
    module: Module,
    source: ByteSource,
    document: Document,
    context: ModuleContext,
    stop_at: float,
    deriving_seconds: float,
) -> None:
    # A module that reads others works on what they found, which takes a moment even when the time is up; half of what
    # the front allows before it kills.
    remaining = max(
        stop_at - time.monotonic(), deriving_seconds if module.cost_class is CostClass.DERIVED else 0.0
    )
    if remaining <= 0:
        raise TimeLimitError
    try:
        _running.append(True)
        signal.setitimer(signal.ITIMER_REAL, remaining, 0.05)  # again, should a callback swallow the first
        module.run(source, document, context)
    finally:
        _stop_timer()


def _stop_timer() -> None:
    """No alarm interrupts what comes after; one that is on its way may interrupt this itself."""
    while _running:
        try:
            _running.clear()
        except TimeLimitError:
            continue
    signal.setitimer(signal.ITIMER_REAL, 0)


def _on_alarm(number: int, frame: FrameType | None) -> None:
    del number, frame
    if _running:
        _expired.append(True)
        raise TimeLimitError


def _is_out_of_memory(error: BaseException | None) -> bool:
    """Whether a MemoryError is behind `error`: libraries like to call it a damaged file."""
    while error is not None:
        if isinstance(error, MemoryError):
            return True
        error = error.__cause__ or error.__context__
    return False
