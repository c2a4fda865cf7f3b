"""Frames between front and workers, and between front and template, over Unix sockets.

A frame is two 32-bit lengths, a JSON header and a binary payload. Never pickle: a worker that a hostile file has
taken over must not be able to run code in the front.
"""

from __future__ import annotations

import json
import socket
import struct
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

from extractor_service.document import Depth
from extractor_service.sources.base import SourceError

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Sequence

_LENGTHS = struct.Struct(">II")
# The worker ends its own work at the time limit and keeps what it has; one that is still silent so much later is
# killed.
KILL_AFTER_RATIO = 0.2
MAX_KILL_AFTER_SECONDS = 1.0  # of long limits, a fifth would keep a worker that hangs for too long
STARVED_RATIO = 0.25
"""Of its time a job that could run has had a CPU; one with less was hardly let run, and is late through no fault of its own."""
MAX_HEADER_BYTES = 1024 * 1024  # JSON with the ranges at hand; a worker taken over may claim 4 GiB
# Above a full document's 16 MiB as protobuf; larger results fail their module.
MAX_PAYLOAD_BYTES = 32 * 1024 * 1024


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


def encode_frame(header: dict[str, Any], payload: bytes = b"") -> bytes:
    """The frame as bytes."""
    text = json.dumps(header, separators=(",", ":")).encode()
    return _LENGTHS.pack(len(text), len(payload)) + text + payload


def encode_job(job: Job) -> bytes:
    """The frame of a job."""
    return encode_frame(
        {
            "kind": "job",
            "format": job.format,
            "modules": job.modules,
            "size_bytes": job.size_bytes,
            "parse_seconds": job.parse_seconds,
            "digest_algorithms": job.digest_algorithms,
            "depth": job.depth,
            "present": job.present,
            "max_pulls": job.max_pulls,
            "read_ahead_bytes": job.read_ahead_bytes,
            "takes_hints": job.takes_hints,
            "mime_type": job.mime_type,
            "position": job.position,
        }
    )


def decode_job(header: dict[str, Any]) -> Job:
    """The job of a frame's header."""
    return Job(
        format=str(header["format"]),
        modules=tuple(header["modules"]),
        size_bytes=int(header["size_bytes"]),
        parse_seconds=float(header["parse_seconds"]),
        digest_algorithms=tuple(header["digest_algorithms"]),
        depth=int(header["depth"]),
        present=None if header["present"] is None else tuple(map(tuple, header["present"])),
        max_pulls=int(header["max_pulls"]),
        read_ahead_bytes=int(header["read_ahead_bytes"]),
        takes_hints=bool(header["takes_hints"]),
        mime_type=str(header["mime_type"]),
        position=None if header["position"] is None else tuple(map(float, header["position"])),  # type: ignore[arg-type]
    )


class FrameBuffer:
    """Turns a stream of bytes into frames."""

    def __init__(self) -> None:
        self._data = bytearray()

    def feed(self, data: bytes) -> list[tuple[dict[str, Any], bytes]]:
        """The frames that `data` completes; raises ProtocolError on nonsense."""
        self._data += data
        frames = []
        while (frame := self._next()) is not None:
            frames.append(frame)
        return frames

    def _next(self) -> tuple[dict[str, Any], bytes] | None:
        if len(self._data) < _LENGTHS.size:
            return None
        header_bytes, payload_bytes = _LENGTHS.unpack_from(self._data)
        if header_bytes > MAX_HEADER_BYTES or payload_bytes > MAX_PAYLOAD_BYTES:
            raise ProtocolError(f"frame of {header_bytes} + {payload_bytes} bytes")
        start = _LENGTHS.size
        end = start + header_bytes + payload_bytes
        if len(self._data) < end:
            return None
        try:
            header = json.loads(self._data[start : start + header_bytes])
        except (ValueError, RecursionError) as error:
            raise ProtocolError("header isn't JSON") from error
        payload = bytes(self._data[start + header_bytes : end])
        del self._data[:end]
        if not isinstance(header, dict):
            raise ProtocolError("header isn't an object")
        return header, payload


def receive_job(connection: socket.socket) -> tuple[Job, int] | None:
    """The next job and its descriptor, blocking; None when the front has gone."""
    data, descriptors, _, _ = socket.recv_fds(connection, 65536, 1)
    if not data:
        return None
    buffer = FrameBuffer()
    frames = buffer.feed(data)
    while not frames:
        more = connection.recv(65536)
        if not more:
            return None
        frames = buffer.feed(more)
    header, _ = frames[0]
    if not descriptors or header.get("kind") != "job":
        raise ProtocolError("a job with a descriptor is expected")
    return decode_job(header), descriptors[0]


def ask(connection: socket.socket, send: Callable[[bytes], None], spans: Sequence[tuple[int, int]]) -> bool:
    """Asks the front for ranges of the file, and blocks. True: they are there; False: the job is to be given up.

    Raises:
        SourceError: they can't be had.
    """
    send(encode_frame({"kind": "need", "spans": spans}))
    buffer = FrameBuffer()
    frames: list[tuple[dict[str, Any], bytes]] = []
    while not frames:
        data = connection.recv(65536)
        if not data:
            return False  # the front has gone; the next read tells
        frames = buffer.feed(data)
    answer = frames[0][0].get("kind")
    if answer == "failed":
        raise SourceError(str(frames[0][0].get("message", "")))
    return answer == "have"
