"""A worker is not trusted, and one that is late, dead or mute is told apart. The other end is this test."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from pathlib import Path
from types import SimpleNamespace

import pytest

from extractor_service.document import Outcome
from extractor_service.workers.frames import Kind, pack
from extractor_service.workers.protocol import Job, Loss
from extractor_service.workers.worker import Worker, WorkerDiedIdleError

JOB = Job("jpeg", ("metadata", "common"), 100, 30.0)
NOBODY = 2**22 + 1  # above any pid
MODULE = pack(Kind.MODULE, 0, 1, True, 0.5, 7, payload=b"found")
END = pack(Kind.END, 10, 2, 0.25, 4096, False)


class Pair:
    """A worker's two ends."""

    def __init__(self) -> None:
        ours, self.far = socket.socketpair()
        ours.setblocking(False)
        self.far.setblocking(False)

        async def exit_status(pid):
            return None

        self.worker = Worker(NOBODY, ours, SimpleNamespace(is_alive=True, exit_status=exit_status))

    async def run(self, answer, job=JOB, stall_seconds=10.0, puller=None):
        """What the job came to when the worker answers so."""
        with Path(os.devnull).open("rb") as file:
            running = asyncio.create_task(self.worker.run(job, file.fileno(), stall_seconds, puller))
            await asyncio.get_running_loop().sock_recv(self.far, 65536)
            if answer is None:
                self.far.close()
            else:
                self.far.sendall(answer)
            return await running


@pytest.fixture
async def pair():
    pair = Pair()
    yield pair
    pair.worker.close()
    pair.far.close()


async def test_a_job_is_answered(pair):
    common = pack(Kind.MODULE, 1, 2, False, 0.125, 0)
    result = await pair.run(MODULE + common + END)
    assert [(each.name, each.outcome, each.is_complete) for each in result.modules] == [
        ("metadata", 1, True),
        ("common", 2, False),
    ]
    assert result.modules[0].fragment == b"found" and result.modules[0].source_bytes_read == 7
    assert (result.source_bytes_read, result.source_reads, result.memory_bytes) == (10, 2, 4096)
    assert result.cpu_seconds == 0.25 and result.failure is None and result.was_fresh
    assert pair.worker.is_usable and pair.worker.jobs_done == 1
    assert not (await pair.run(MODULE + common + END)).was_fresh


@pytest.mark.parametrize(
    "answer",
    [
        pack(Kind.JOB, 0, 0, 0, 0, 0, False, False, False, 0, 0, 0),
        pack(Kind.HAVE),
        pack(Kind.MODULE, 1, 1, True, 0, 0),
        pack(Kind.MODULE, 0, 99, True, 0, 0),
        MODULE + MODULE,
        MODULE + pack(Kind.MODULE, 1, 1, True, 0, 0) + pack(Kind.MODULE, 2, 1, True, 0, 0),
        pack(Kind.NEED, payload=struct.pack("<QQ", 0, 1)),
        b"Nonsense!",
    ],
    ids=["a job", "an answer", "out of turn", "no outcome", "twice", "too many", "a question", "noise"],
)
async def test_a_worker_is_not_trusted(pair, answer):
    result = await pair.run(answer)
    assert result.failure == Outcome.CRASHED.value and result.loss is Loss.CRASH
    assert "nonsense" in result.failure_message and not pair.worker.is_usable


@pytest.mark.parametrize("spans", [[(0, 0)], [(99, 2)], [(2**63, 2**63)]])
async def test_a_worker_asks_for_nothing_beyond_the_file(pair, spans):
    puller = SimpleNamespace(supply=None, hold_seconds=lambda: 1.0, found=lambda fragment: None)
    job = Job("jpeg", ("metadata",), 100, 30.0, max_pulls=3)
    payload = b"".join(struct.pack("<QQ", *span) for span in spans)
    result = await pair.run(pack(Kind.NEED, payload=payload), job, puller=puller)
    assert result.loss is Loss.CRASH and "beyond the file" in result.failure_message


@pytest.mark.parametrize("seconds", [-1.0, float("nan"), float("inf")])
async def test_times_that_cant_be_are_none(pair, seconds):
    module = pack(Kind.MODULE, 0, 1, True, seconds, 0)
    result = await pair.run(module + pack(Kind.END, 0, 0, seconds, 0, False))
    assert result.modules[0].elapsed_seconds == 0.0 and result.cpu_seconds == 0.0


async def test_a_worker_that_takes_a_job_and_dies_is_the_jobs(pair):
    result = await pair.run(None)
    assert result.failure == Outcome.CRASHED.value and result.loss is Loss.OUTSIDE


async def test_a_worker_that_dies_with_the_job_unread_had_not_begun(pair):
    with Path(os.devnull).open("rb") as file:
        running = asyncio.create_task(pair.worker.run(JOB, file.fileno(), 10.0))
        await asyncio.sleep(0.01)
        pair.far.close()
        with pytest.raises(WorkerDiedIdleError):
            await running
    assert not pair.worker.is_usable


async def test_a_worker_that_speaks_unasked_is_ended(pair):
    pair.far.sendall(END)
    await asyncio.sleep(0.01)
    assert not pair.worker.is_usable


async def test_a_worker_without_progress_is_late(pair):
    late = await pair.run(MODULE, Job("jpeg", ("metadata", "common"), 100, 0.5), stall_seconds=0.05)
    assert late.failure == Outcome.TIMEOUT.value and "no progress for 0." in late.failure_message
    assert [each.name for each in late.modules] == ["metadata"]


async def test_progress_gives_more_time(pair):
    async def go_on():
        for progress in range(1, 8):
            await asyncio.sleep(0.05)
            pair.far.sendall(pack(Kind.ALIVE, progress))
        pair.far.sendall(MODULE + pack(Kind.MODULE, 1, 1, True, 0, 0) + END)

    with Path(os.devnull).open("rb") as file:
        running = asyncio.create_task(
            pair.worker.run(
                Job("jpeg", ("metadata", "common"), 100, 5.0), file.fileno(), 0.15 - 1.0
            )  # less the grace
        )
        await asyncio.get_running_loop().sock_recv(pair.far, 65536)
        await go_on()
        result = await running
    assert result.failure is None and result.progress == 7
