"""Sends signs of life while a job runs. They tell how far it has come, and now and then what has been found so far.

A thread of the worker sends them, so that a reader that never returns still tells what it knows; one that holds the
interpreter (a C library in an endless loop) falls silent, which is a sign too. The front ends a worker that makes no
progress long before its time is up, and keeps the last snapshot.
"""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from typing import TYPE_CHECKING

from extractor_service.modules.base import Part
from extractor_service.workers import encode
from extractor_service.workers.frames import Kind, pack

if TYPE_CHECKING:
    import socket

    from extractor_service.document import Document
    from extractor_service.sources.blocks import BlockCachedSource

BEAT_SECONDS = 0.25  # well below the 10 s of a stall; a thread's wake-up costs next to nothing
_SNAPSHOT_SECONDS = 0.5  # how old fields of a killed job may be, against encoding all of them again
_STACK_BYTES = 256 * 1024  # it only encodes and sends; threads otherwise reserve 8 MiB


class Heartbeat:
    """Beats on `connection` between `start` and `stop` of each job. Everything a worker sends goes through `send`."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        self._running = threading.Event()
        self._job: tuple[BlockCachedSource, Document] | None = None
        threading.stack_size(_STACK_BYTES)  # its default counts against the worker's address space
        threading.Thread(target=self._beat, daemon=True).start()

    def send(self, data: bytes) -> None:
        """Sends whole frames; never in between those of the thread."""
        with self._lock:
            self._connection.sendall(data)

    def start(self, source: BlockCachedSource, document: Document) -> None:
        """Begins to tell about a job."""
        self._job = (source, document)
        self._running.set()

    def stop(self) -> None:
        """Says nothing more about it."""
        self._running.clear()
        with self._lock:  # a beat on its way is through
            self._job = None

    def _beat(self) -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})  # the time limit is the main thread's
        known = None
        snapshot_at, fields = 0.0, 0
        while True:
            self._running.wait()
            time.sleep(BEAT_SECONDS)
            job, now = self._job, time.monotonic()
            if job is None:
                continue
            if job is not known:
                known, snapshot_at, fields = job, now, 0
            source, document = job
            progress = source.reads + source.hits + document.field_count
            frames = [pack(Kind.ALIVE, progress)]
            if now - snapshot_at >= _SNAPSHOT_SECONDS and document.field_count > fields:
                snapshot_at, fields = now, document.field_count
                # What can't be encoded, or has no memory left, costs the snapshot; the beats go on.
                with contextlib.suppress(Exception):
                    frames.append(pack(Kind.SNAPSHOT, payload=_snapshot(document)))
            with self._lock:
                if self._job is job:
                    try:
                        self._connection.sendall(b"".join(frames))
                    except OSError:
                        return


def _snapshot(document: Document) -> bytes:
    """The sections as they are now; the reader may be adding to them meanwhile, so copies are encoded."""
    sections = {name: list(fields) for name, fields in list(document.sections.items())}
    part = type(document)(document.limits, sections)
    return encode.encode_part(Part.SECTIONS, part, list(document.problems))
