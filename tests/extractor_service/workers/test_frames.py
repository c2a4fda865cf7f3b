"""Frames come whole however they are cut, say what was said, and nonsense is told from them."""

from __future__ import annotations

import os
import socket
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor_service.sources.base import SourceError
from extractor_service.workers.frames import (
    FrameBuffer,
    Kind,
    ask,
    pack,
    pack_job,
    pack_spans,
    receive_job,
    unpack_job,
    unpack_spans,
)
from extractor_service.workers.protocol import Job, ProtocolError

JOB = Job("jpeg", ("metadata", "common"), 5, 1.5, ("sha1", "md5"))
names = st.text("abcdefgh_-.0123456789", min_size=1, max_size=12)
spans = st.lists(st.tuples(st.integers(0, 2**63), st.integers(0, 2**63)), max_size=5).map(tuple)
jobs = st.builds(
    Job,
    st.just("") | names,
    st.lists(names, max_size=4).map(tuple),
    st.integers(0, 2**63),
    st.floats(0, 1e6),
    st.lists(names, max_size=3).map(tuple),
    st.integers(1, 3),
    st.none() | spans,
    st.integers(0, 2**31),
    st.integers(0, 2**40),
    st.booleans(),
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20),
    st.none() | st.tuples(st.floats(-90, 90), st.floats(-180, 180)),
)


@given(jobs)
def test_a_job_arrives_as_it_was_sent(job):
    ((kind, numbers, payload),) = FrameBuffer().feed(pack_job(job))
    assert kind == Kind.JOB and unpack_job(numbers, payload) == job


def test_a_media_type_of_a_files_own_words_spoils_no_job():
    ((_, numbers, payload),) = FrameBuffer().feed(pack_job(replace(JOB, mime_type="a\0b\n\ud800")))
    assert unpack_job(numbers, payload).modules == JOB.modules


def test_frames_survive_any_cutting():
    data = pack(Kind.SNAPSHOT, payload=b"payload") + pack(Kind.ALIVE, 7) + pack(Kind.HAVE)
    for size in range(1, len(data) + 1):
        buffer, frames = FrameBuffer(), []
        for start in range(0, len(data), size):
            frames += buffer.feed(data[start : start + size])
        assert frames == [(Kind.SNAPSHOT, (), b"payload"), (Kind.ALIVE, (7,), b""), (Kind.HAVE, (), b"")]


@pytest.mark.parametrize(
    "data",
    [
        b"\xff" * 8,
        b"\x02" + pack(Kind.HAVE)[1:],
        b"\x01\x00\0\0\0\0",
        b"\x01\x63\0\0\0\0",
        pack(Kind.SNAPSHOT)[:2] + b"\xff" * 4,
    ],
    ids=["noise", "another version", "kind 0", "kind 99", "4 GiB"],
)
def test_nonsense_is_an_error(data):
    with pytest.raises(ProtocolError):
        FrameBuffer().feed(data)


def test_half_a_range_is_nonsense():
    assert unpack_spans(pack_spans([(1, 2), (3, 4)])) == ((1, 2), (3, 4))
    with pytest.raises(ProtocolError):
        unpack_spans(b"x" * 17)


def test_words_that_no_front_sends_are_nonsense():
    ((_, numbers, _),) = FrameBuffer().feed(pack_job(JOB))
    for words in (b"", b"jpeg", b"jpeg\0image/jpeg\0many", b"\xff\0\0" + b"1"):
        with pytest.raises(ProtocolError):
            unpack_job(numbers, words)


def test_a_job_comes_with_its_descriptor():
    ours, theirs = socket.socketpair()
    with ours, theirs, Path(os.devnull).open("rb") as file:
        job = replace(JOB, present=tuple((number, 1) for number in range(8000)))
        frame = pack_job(job)
        assert len(frame) > 65536, "more than is received at once"
        ours.setblocking(True)
        sending = threading.Thread(
            target=lambda: ours.sendall(frame[socket.send_fds(ours, [frame], [file.fileno()]) :])
        )
        sending.start()
        received = receive_job(theirs)
        sending.join()
        assert received is not None and received[0] == job
        os.close(received[1])
        ours.sendall(pack(Kind.HAVE))
        with pytest.raises(ProtocolError):
            receive_job(theirs)
        ours.close()
        assert receive_job(theirs) is None


@pytest.mark.parametrize(
    ("answer", "found"), [(pack(Kind.HAVE), True), (pack(Kind.PARK), False), (b"", False)]
)
def test_a_question_is_answered(answer, found):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall(answer)
        if not answer:
            ours.shutdown(socket.SHUT_WR)
        assert ask(theirs, theirs.sendall, [(1, 2)]) is found
        ((kind, _, payload),) = FrameBuffer().feed(ours.recv(1024))
        assert kind == Kind.NEED and unpack_spans(payload) == ((1, 2),)


def test_what_cant_be_had_is_told():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall(pack(Kind.FAILED, payload=b"gone"))
        with pytest.raises(SourceError, match="gone"):
            ask(theirs, theirs.sendall, [(1, 2)])


def test_a_large_result_in_many_pieces_is_put_together_once():
    payload = os.urandom(8 * 2**20)
    data = pack(Kind.SNAPSHOT, payload=payload) + pack(Kind.ALIVE, 7)
    buffer, frames = FrameBuffer(), []
    for start in range(0, len(data), 64 * 1024):
        frames += buffer.feed(data[start : start + 64 * 1024])
    assert [kind for kind, _, _ in frames] == [Kind.SNAPSHOT, Kind.ALIVE]
    assert frames[0][2] == payload and not buffer._rest
