"""Frames between front and workers, over Unix sockets: version, kind, the kind's numbers, then bytes of any length.

Packed and not JSON, which took 8 % of a worker's time and as much of the front's for a photograph (measured). Never pickle or marshal
towards the front: a worker that a hostile file has taken over must not be able to run code there.
"""

from __future__ import annotations

import socket
import struct
from enum import IntEnum
from functools import lru_cache
from typing import TYPE_CHECKING

from extractor_service.sources.base import SourceError
from extractor_service.workers.protocol import Job, ProtocolError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Numbers = tuple[int | float, ...]
    Frame = tuple[int, Numbers, bytes]

_VERSION = 1  # of this layout: a template that was started from newer code says so instead of nonsense
# Above a full document's 16 MiB as protobuf; larger results fail their module.
MAX_PAYLOAD_BYTES = 32 * 1024 * 1024
_RECEIVE_BYTES = 65536  # at once; a job with its ranges is far below it, as a rule
_MOST_MEMOISED = 256  # kinds of jobs: formats times sets of modules, of which few are in use at a time
_HEAD = struct.Struct("<BBI")
_SPAN = struct.Struct("<QQ")


class Kind(IntEnum):
    """What a frame says."""

    JOB = 1
    """To the worker, with a descriptor."""
    HAVE = 2
    """To the worker: the ranges that it asked for are there."""
    PARK = 3
    """To the worker: they don't come soon, the job is given up."""
    FAILED = 4
    """To the worker: they can't be had; why."""
    STARTED = 5
    """The worker has the job. Only where the kernel doesn't tell an unread one."""
    MODULE = 6
    """One module's result."""
    ALIVE = 7
    """How far it has come."""
    SNAPSHOT = 8
    """What has been found so far."""
    NEED = 9
    """Asks for ranges."""
    PARKED = 10
    """The job was given up, as asked."""
    END = 11
    """The job is done."""


_NUMBERS = {
    # size, seconds, depth, pulls, read ahead, has ranges, takes hints, has a position, latitude, longitude, ranges
    Kind.JOB: struct.Struct("<QdBIQ???ddI"),
    Kind.HAVE: struct.Struct("<"),
    Kind.PARK: struct.Struct("<"),
    Kind.FAILED: struct.Struct("<"),
    Kind.STARTED: struct.Struct("<"),
    Kind.MODULE: struct.Struct("<BB?dQ"),  # its place in the job, outcome, is complete, seconds, bytes read
    Kind.ALIVE: struct.Struct("<Q"),
    Kind.SNAPSHOT: struct.Struct("<"),
    Kind.NEED: struct.Struct("<"),
    Kind.PARKED: struct.Struct("<d"),  # CPU seconds
    Kind.END: struct.Struct("<QQdQ?"),  # bytes read, reads, CPU seconds, bytes of memory, is worn
}
_LAYOUTS = [_NUMBERS.get(kind) for kind in range(max(Kind) + 1)]  # type: ignore[call-overload]


def pack(kind: Kind, *numbers: float, payload: bytes = b"") -> bytes:
    """The frame as bytes."""
    return _HEAD.pack(_VERSION, kind, len(payload)) + _NUMBERS[kind].pack(*numbers) + payload


def pack_job(job: Job) -> bytes:
    """The frame of a job."""
    present, position = job.present, job.position
    latitude, longitude = position or (0.0, 0.0)
    text = _job_text(job.format, job.modules, job.digest_algorithms, job.mime_type)
    return pack(
        Kind.JOB,
        job.size_bytes,
        job.parse_seconds,
        job.depth,
        job.max_pulls,
        job.read_ahead_bytes,
        present is not None,
        job.takes_hints,
        position is not None,
        latitude,
        longitude,
        len(present or ()),
        payload=pack_spans(present) + text if present else text,
    )


def unpack_job(numbers: Numbers, payload: bytes) -> Job:
    """The job of a frame."""
    size, seconds, depth, pulls, ahead, has_ranges, hints, has_position, latitude, longitude, count = numbers
    end = int(count) * _SPAN.size
    format_name, modules, algorithms, mime_type = _job_parts(payload[end:])
    return Job(
        format_name,
        modules,
        int(size),
        seconds,
        algorithms,
        int(depth),
        unpack_spans(payload[:end]) if has_ranges else None,
        int(pulls),
        int(ahead),
        bool(hints),
        mime_type,
        (latitude, longitude) if has_position else None,
    )


def pack_spans(spans: Sequence[tuple[int, int]]) -> bytes:
    """Ranges as bytes."""
    return b"".join([_SPAN.pack(*span) for span in spans])


def unpack_spans(data: bytes) -> tuple[tuple[int, int], ...]:
    """The ranges.

    Raises:
        ProtocolError: it isn't a list of ranges.
    """
    if len(data) % _SPAN.size:
        raise ProtocolError(f"ranges of {len(data)} bytes")
    return tuple((offset, length) for offset, length in _SPAN.iter_unpack(data))


class FrameBuffer:
    """Turns a stream of bytes into frames."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._needed = 0
        """Bytes with which the next frame is whole, or its head, where that hasn't come."""

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that `data` completes; raises ProtocolError on nonsense."""
        if self._rest:  # a document of 16 MiB comes in many pieces, and is put together once
            self._rest += data
            if len(self._rest) < self._needed:
                return []
            data = bytes(self._rest)
            self._rest = bytearray()
        frames: list[Frame] = []
        self._needed = _HEAD.size
        at, end = 0, len(data)
        while end - at >= _HEAD.size:
            version, kind, payload_bytes = _HEAD.unpack_from(data, at)
            layout = _LAYOUTS[kind] if kind < len(_LAYOUTS) else None
            if version != _VERSION or layout is None or payload_bytes > MAX_PAYLOAD_BYTES:
                raise ProtocolError(f"a frame of version {version}, kind {kind} and {payload_bytes} bytes")
            start = at + _HEAD.size + layout.size
            following = start + payload_bytes
            if following > end:
                self._needed = following - at
                break
            payload = data[start:following] if payload_bytes else b""
            frames.append((kind, layout.unpack_from(data, at + _HEAD.size), payload))
            at = following
        if at < end:
            self._rest += data[at:]
        return frames


def receive_job(connection: socket.socket) -> tuple[Job, int] | None:
    """The next job and its descriptor, blocking; None when the front has gone."""
    data, descriptors, _, _ = socket.recv_fds(connection, _RECEIVE_BYTES, 1)
    if not data:
        return None
    found = _one(connection, data)
    if found is None:
        return None
    kind, numbers, payload = found
    if not descriptors or kind != Kind.JOB:
        raise ProtocolError("a job with a descriptor is expected")
    return unpack_job(numbers, payload), descriptors[0]


def ask(connection: socket.socket, send: Callable[[bytes], None], spans: Sequence[tuple[int, int]]) -> bool:
    """Asks the front for ranges of the file, and blocks. True: they are there; False: the job is to be given up.

    Raises:
        SourceError: they can't be had.
    """
    send(pack(Kind.NEED, payload=pack_spans(spans)))
    found = _one(connection, b"")
    if found is None:
        return False  # the front has gone; the next read tells
    kind, _, payload = found
    if kind == Kind.FAILED:
        raise SourceError(payload.decode("utf-8", "replace"))
    return kind == Kind.HAVE


def _one(connection: socket.socket, data: bytes) -> Frame | None:
    """The next frame, of which `data` has come; None when the front has gone."""
    buffer = FrameBuffer()
    frames = buffer.feed(data)
    while not frames:
        data = connection.recv(_RECEIVE_BYTES)
        if not data:
            return None
        frames = buffer.feed(data)
    return frames[0]


@lru_cache(_MOST_MEMOISED)
def _job_text(
    format_name: str, modules: tuple[str, ...], algorithms: tuple[str, ...], mime_type: str
) -> bytes:
    """What jobs of a kind have in common. A media type may be a file's own words; the others are ours."""
    words = (format_name, mime_type.replace("\0", ""), str(len(modules)), *modules, *algorithms)
    return "\0".join(words).encode("utf-8", "replace")


@lru_cache(_MOST_MEMOISED)
def _job_parts(text: bytes) -> tuple[str, tuple[str, ...], tuple[str, ...], str]:
    try:
        format_name, mime_type, count, *names = text.decode().split("\0")
        modules = int(count)
    except ValueError as error:
        raise ProtocolError("a job's words") from error
    return format_name, tuple(names[:modules]), tuple(names[modules:]), mime_type
