"""Signs of life go on whatever the document holds, and each job has snapshots of its own."""

from __future__ import annotations

import socket
import time

from extractor_service.document import Document, Field, Rational
from extractor_service.sources.blocks import BlockCachedSource
from extractor_service.sources.descriptor import BytesSource
from extractor_service.workers.frames import FrameBuffer, Kind
from extractor_service.workers.heartbeat import Heartbeat


def frames_for(connection, seconds):
    """The kinds of the frames that come within `seconds`."""
    buffer, kinds = FrameBuffer(), []
    stop_at = time.monotonic() + seconds
    while (remaining := stop_at - time.monotonic()) > 0:
        connection.settimeout(remaining)
        try:
            kinds += [kind for kind, _, _ in buffer.feed(connection.recv(65536))]
        except TimeoutError:
            break
    return kinds


def document_of(count, value=1):
    document = Document()
    for index in range(count):
        document.add("exif", Field(f"Tag{index}", value))
    return document


def test_a_document_that_cannot_be_encoded_costs_the_snapshot_only():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        heartbeat = Heartbeat(theirs)
        heartbeat.start(BlockCachedSource(BytesSource(b"")), document_of(1, Rational(1 << 80, 1)))
        kinds = frames_for(ours, 1.2)
        heartbeat.stop()
    assert kinds.count(Kind.ALIVE) >= 2


def test_a_short_job_after_a_long_one_has_its_own_snapshots():
    ours, theirs = socket.socketpair()
    source = BlockCachedSource(BytesSource(b""))
    with ours, theirs:
        heartbeat = Heartbeat(theirs)
        heartbeat.start(source, document_of(3000))
        assert Kind.SNAPSHOT in frames_for(ours, 1.2)
        heartbeat.stop()
        heartbeat.start(source, document_of(10))
        assert Kind.SNAPSHOT in frames_for(ours, 1.5)
        heartbeat.stop()
