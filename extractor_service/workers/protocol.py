"""What front and workers tell each other: jobs, results, and how a worker was lost. `frames` has their bytes."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from extractor_service.depth import Depth

if TYPE_CHECKING:
    import asyncio

# The worker ends its own work at the time limit and keeps what it has; one that is still silent so much later is
# killed.
KILL_AFTER_RATIO = 0.2
MAX_KILL_AFTER_SECONDS = 1.0  # of long limits, a fifth would keep a worker that hangs for too long
STARVED_RATIO = 0.25
"""Of its time a job that could run has had a CPU; one with less was hardly let run, and is late through no fault of its own."""


class Loss(Enum):
    """How a worker was lost."""

    CRASH = 1
    """By what it did; another file before may have spoilt it."""
    SPENT = 2
    """It used up what it may use, by its own work."""
    OUTSIDE = 3
    """Somebody else ended or starved it, or the kernel did, for memory: whose fault that is, one loss doesn't say."""


class ProtocolError(Exception):
    """The other side sent what no correct peer sends."""


@dataclass(frozen=True)
class Job:
    """Work for a worker; the file comes as a descriptor beside it."""

    format: str
    """Name of the format; "" for an unknown one."""
    modules: tuple[str, ...]
    size_bytes: int
    parse_seconds: float
    digest_algorithms: tuple[str, ...] = ()
    depth: int = Depth.STANDARD.value
    present: tuple[tuple[int, int], ...] | None = None
    """The ranges that the descriptor has; None: all. The worker asks for others."""
    max_pulls: int = 0
    """How often it may ask."""
    read_ahead_bytes: int = 0
    """Most that it may ask for beyond what is read."""
    takes_hints: bool = True
    """Whether it may ask for what a reader only foretells: of a stream that passes, what lies before is gone then."""
    mime_type: str = ""
    """By the bytes."""
    position: tuple[float, float] | None = None
    """Latitude and longitude that modules kept by place are about."""


@dataclass(frozen=True)
class ModuleResult:
    """What one module produced: its outcome, and its part of the document, encoded."""

    name: str
    outcome: int
    fragment: bytes
    elapsed_seconds: float = 0.0
    source_bytes_read: int = 0
    is_complete: bool = True
    """False when time, memory or a source error cut it short: never to be cached."""


@dataclass
class JobResult:
    """What became of a job. `failure` is set when the worker was lost; the finished modules are there."""

    modules: list[ModuleResult] = field(default_factory=list)
    failure: int | None = None
    failure_message: str = ""
    loss: Loss | None = None
    """How the worker was lost."""
    was_fresh: bool = False
    """Whether it had done nothing before."""
    was_demoted: bool = False
    """Whether it was slowed down, for others' sake."""
    was_alone: bool = False
    """Whether no other worker worked meanwhile."""
    is_excused: bool = False
    """Whether the machine, and not the file, is to blame for the failure."""
    source_bytes_read: int = 0
    source_reads: int = 0
    cpu_seconds: float | None = None
    """What the worker says that it took; None when it was lost."""
    memory_bytes: int = 0
    """Resident memory that the worker has gained since its start."""
    snapshot: bytes = b""
    """What had been found when the worker last told; kept when it is lost."""
    progress: int = 0
    has_progressed: bool = False
    is_parked: bool = False
    pulls: int = 0
    """Times that the worker asked for ranges."""
    arrival: asyncio.Future[None] | None = None
    """Set when the worker was given back because a range doesn't come soon: done when it has come, and the job can be
    run again. Nothing else of the result counts."""
