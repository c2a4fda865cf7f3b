"""Real templates, real forks, real signals."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from pathlib import Path

import psutil
import pytest

from extractor_service.document import Outcome
from extractor_service.workers.forks import Template
from extractor_service.workers.pool import Limits, WorkerPool
from extractor_service.workers.protocol import Job, Loss
from tests.faults.hostile import make
from tests.golden import images, science

pytestmark = pytest.mark.servers
MIB = 2**20
COMMAND = (sys.executable, "-m", "tests.faults.hostile_workers")


@pytest.fixture
async def pool():
    pool = WorkerPool(COMMAND, 2, 512 * MIB)
    await pool.start()
    yield pool
    await pool.close()


async def run(pool, data, format_name, parse_seconds=5.0, modules=("metadata", "common")):
    descriptor = os.memfd_create("test")
    try:
        os.write(descriptor, data)
        return await pool.run(Job(format_name, modules, len(data), parse_seconds), descriptor)
    finally:
        os.close(descriptor)


async def until(holds):
    while not holds():
        await asyncio.sleep(0.01)


def outcomes(result):
    return [Outcome(module.outcome).name for module in result.modules]


async def test_jobs_run_and_workers_are_reused(pool):
    for _ in range(5):
        result = await run(pool, images.jpeg(), "jpeg")
        assert outcomes(result) == ["OK", "OK"] and result.source_bytes_read > 0
    assert len(pool._idle) == 1 and pool._idle[0].jobs_done == 5


async def test_jobs_run_side_by_side_up_to_the_limit(pool):
    results = await asyncio.gather(*(run(pool, science.fits(), "fits") for _ in range(10)))
    assert all(outcomes(result) == ["OK", "OK"] for result in results)
    assert len(pool._idle) == 2


async def test_a_file_waits_for_a_template_that_others_kill(pool):
    ends_at = time.monotonic() + 2

    async def kill() -> int:
        kills = 0
        while time.monotonic() < ends_at:
            for child in psutil.Process().children():
                with contextlib.suppress(psutil.Error):
                    if "tests.faults.hostile_workers" in child.cmdline():
                        child.kill()
                        kills += 1
            await asyncio.sleep(0.01)
        return kills

    killing = asyncio.create_task(kill())
    await asyncio.sleep(0)
    result = await run(pool, images.jpeg(), "jpeg")
    assert outcomes(result) == ["OK", "OK"] and time.monotonic() > ends_at
    assert await killing > Limits.attempts


async def test_a_template_that_ends_by_itself_is_not_waited_for(monkeypatch):
    pool = WorkerPool(COMMAND, 2, 512 * MIB)
    await pool.start()
    pool._command = (sys.executable, "-c", "raise SystemExit(3)")
    pool._template.close()
    began_at = time.monotonic()
    result = await run(pool, images.jpeg(), "jpeg")
    assert result.failure == Outcome.CRASHED.value and time.monotonic() - began_at < 5
    await pool.close()


@pytest.mark.parametrize(
    ("action", "failure", "reports"),
    [
        ("hang", None, ["TIMEOUT", "OK"]),
        ("hang-deaf", "TIMEOUT", ["TIMEOUT"]),
        ("allocate", None, ["OUT_OF_MEMORY", "OK"]),
        ("segfault", "CRASHED", []),
        ("exit", "CRASHED", []),
        ("kill", "OUT_OF_MEMORY", []),
        ("nonsense", "CRASHED", []),
        ("raise", None, ["PARTIAL", "OK"]),
        ("swallow-time", None, ["TIMEOUT", "OK"]),
        ("swallow-memory", None, ["OUT_OF_MEMORY", "OK"]),
    ],
)
async def test_a_hostile_job_costs_itself_alone(pool, action, failure, reports):
    result = await run(pool, make(action), "hostile", parse_seconds=1.0)
    assert (None if result.failure is None else Outcome(result.failure).name) == failure
    assert outcomes(result) == reports
    if result.modules:
        assert b"Action" in result.modules[0].fragment, "what was found before stays"
        assert not any(module.is_complete for module in result.modules), "and is never taken for the whole"
    assert outcomes(await run(pool, images.jpeg(), "jpeg")) == ["OK", "OK"]


@pytest.mark.parametrize("action", ["hang-deaf", "hang-frozen"])
async def test_a_job_without_progress_is_ended_long_before_its_time(action):
    pool = WorkerPool(COMMAND, 1, 512 * 2**20, stall_seconds=0.8)
    await pool.start()
    try:
        started_at = time.monotonic()
        result = await run(pool, make(action), "hostile", parse_seconds=20.0)
        assert time.monotonic() - started_at < 10
        assert result.failure == Outcome.TIMEOUT.value and "no progress" in result.failure_message
        assert outcomes(await run(pool, images.jpeg(), "jpeg")) == ["OK", "OK"]
    finally:
        await pool.close()


async def test_a_slow_job_that_goes_on_is_left_alone():
    pool = WorkerPool(COMMAND, 1, 512 * 2**20, stall_seconds=0.8)
    await pool.start()
    try:
        result = await run(pool, make("slow"), "hostile", parse_seconds=20.0)
        assert result.failure is None and outcomes(result) == ["OK", "OK"]
    finally:
        await pool.close()


async def test_a_worker_that_died_idle_is_replaced_unseen(pool):
    await run(pool, images.jpeg(), "jpeg")
    os.kill(pool._idle[0].pid, signal.SIGKILL)
    await asyncio.sleep(0.05)
    assert outcomes(await run(pool, images.jpeg(), "jpeg")) == ["OK", "OK"]


async def test_a_dead_template_is_replaced(pool):
    await run(pool, images.jpeg(), "jpeg")
    pool._template._process.kill()
    await asyncio.sleep(0.1)
    for _ in range(3):
        assert outcomes(await run(pool, images.jpeg(), "jpeg")) == ["OK", "OK"]


def has_died(pid):
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:  # also when it goes while it is being looked at
        return True


async def test_cancelling_kills_the_worker_and_frees_the_place(pool):
    tasks = [asyncio.create_task(run(pool, make("hang"), "hostile", 30)) for _ in range(2)]
    await asyncio.sleep(0.3)
    workers = [worker.pid for worker in pool._busy]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert len(workers) == 2
    for pid in workers:
        for _ in range(100):
            if has_died(pid):
                break
            await asyncio.sleep(0.02)
        else:
            raise AssertionError("the worker lives on")
    assert outcomes(await run(pool, images.jpeg(), "jpeg")) == ["OK", "OK"]


async def test_whoever_leaves_before_its_worker_is_there_leaves_it_to_the_next(pool, monkeypatch):
    forks = []

    async def fork(template, *words, before=Template.fork):
        forks.append(template)
        return await before(template, *words)

    monkeypatch.setattr(Template, "fork", fork)
    template = await pool._get_template()
    os.kill(template._process.pid, signal.SIGSTOP)  # as slow as on a busy machine
    for _ in range(20):
        callers = [asyncio.create_task(run(pool, images.jpeg(), "jpeg")) for _ in range(2)]
        await asyncio.sleep(0.01)
        for each in callers:
            each.cancel()
        await asyncio.gather(*callers, return_exceptions=True)
    os.kill(template._process.pid, signal.SIGCONT)
    result = await run(pool, images.jpeg(), "jpeg")
    assert outcomes(result) == ["OK", "OK"] and result.was_fresh
    await asyncio.wait_for(until(lambda: len(pool._idle) == 2), 5)
    assert len(forks) == 2 and pool.started_total == 2


async def test_a_worker_that_nobody_has_used_yet_is_fresh(pool):
    await run(pool, images.jpeg(), "jpeg")
    used = pool._idle[0]
    pool._idle.append(await pool._births.next())
    fresh = pool._warm(needs_fresh=True)
    assert fresh is not None and fresh.jobs_done == 0 and pool._idle == [used]
    assert pool._warm(needs_fresh=True) is None and pool._idle == [used]
    fresh.kill()


async def test_workers_see_nothing_of_grpc_and_little_else(pool):
    await run(pool, images.jpeg(), "jpeg")
    worker = psutil.Process(pool._idle[0].pid)
    maps = {Path(region.path).name for region in worker.memory_maps()}
    assert not any("cygrpc" in name for name in maps), "workers never import gRPC"
    assert worker.num_fds() <= 6
    assert not any("h5py" in region.path for region in worker.memory_maps()), "libraries load on first use"


async def test_closing_leaves_no_process(pool):
    await run(pool, images.jpeg(), "jpeg")
    template = pool._template._process.pid
    children = psutil.Process(template).children()
    await pool.close()
    _, alive = psutil.wait_procs(children, timeout=5)
    assert not alive and not psutil.pid_exists(template)


@pytest.mark.parametrize(
    ("action", "loss"),
    [
        ("segfault", Loss.CRASH),
        ("exit", Loss.CRASH),
        ("nonsense", Loss.CRASH),
        ("kill", Loss.OUTSIDE),
        ("hang-deaf", Loss.SPENT),
    ],
)
async def test_how_a_worker_was_lost_is_told(pool, action, loss):
    result = await run(pool, make(action), "hostile", parse_seconds=1.0)
    assert result.loss is loss and result.was_fresh and not result.is_excused


async def test_a_stopped_worker_is_nobodys_fault(pool):
    running = asyncio.create_task(run(pool, make("hang-frozen"), "hostile", 1.0))
    while not pool._busy:
        await asyncio.sleep(0.02)
    os.kill(next(iter(pool._busy)).pid, signal.SIGSTOP)
    result = await running
    assert result.failure == Outcome.TIMEOUT.value and result.loss is Loss.OUTSIDE


async def test_a_job_can_have_the_machine_to_itself(pool, monkeypatch):
    descriptor = os.memfd_create("test")
    data = images.jpeg()
    os.write(descriptor, data)
    job = Job("jpeg", ("metadata", "common"), len(data), 5.0)
    slow = [asyncio.create_task(run(pool, make("slow"), "hostile", 20.0)) for _ in range(2)]
    await asyncio.sleep(0.2)
    monkeypatch.setattr(Limits, "clearing_seconds", 0.1)
    late = await pool.run_alone(job, descriptor, None, "a")
    assert not late.was_alone and outcomes(late) == ["OK", "OK"], "who waits in vain is served all the same"
    monkeypatch.setattr(Limits, "clearing_seconds", 30.0)
    monkeypatch.setattr(Limits, "alone_seconds", 30.0)  # a fork may take its time on a busy machine
    result = await pool.run_alone(job, descriptor, None, "a")
    assert result.was_alone and result.was_fresh and all(each.done() for each in slow)
    assert (await pool.run_alone(job, descriptor, None, "a")).was_alone
    assert not (await pool.run_alone(job, descriptor, None, "a")).was_alone, (
        "three times, and no more for now"
    )
    os.close(descriptor)
    assert outcomes(await run(pool, data, "jpeg")) == ["OK", "OK"], "all places are free again"


async def test_one_that_takes_long_doesnt_keep_the_others_waiting(pool, monkeypatch):
    monkeypatch.setattr(Limits, "alone_seconds", 0.3)
    descriptor = os.memfd_create("test")
    data = make("slow")
    os.write(descriptor, data)
    alone = asyncio.create_task(
        pool.run_alone(Job("hostile", ("metadata",), len(data), 20.0), descriptor, None, "a")
    )
    await asyncio.sleep(0.1)
    started_at = time.monotonic()
    assert outcomes(await run(pool, images.jpeg(), "jpeg")) == ["OK", "OK"]
    assert time.monotonic() - started_at < 2 and not alone.done()
    result = await alone
    assert not result.was_alone and outcomes(result) == ["OK"]
    os.close(descriptor)


async def test_a_long_job_of_a_heavy_owner_goes_slower(pool):
    running = asyncio.create_task(run(pool, make("slow"), "hostile", 20.0))
    await asyncio.sleep(0.2)
    worker = next(iter(pool._busy))
    assert pool.demote(0.1, lambda owner: True) and not worker.is_demoted, "who is spared goes on as before"
    pool.demote(0.1, lambda owner: False)
    assert worker.is_demoted and psutil.Process(worker.pid).nice() == 19
    result = await running
    assert result.was_demoted and not pool._idle, "and works for nobody else"


@pytest.mark.parametrize(
    "path", sorted((Path(__file__).parents[3] / "tests/fuzz/hangs").glob("*")), ids=lambda path: path.stem
)
async def test_a_library_that_never_returns_is_ended(path):
    """Found by fuzzing; HDF5 walks a global heap whose free object has no size for ever."""
    pool = WorkerPool(COMMAND, 1, 512 * 2**20, stall_seconds=0.8)
    await pool.start()
    try:
        for _ in range(12):  # a worker that other tests starved isn't blamed: then once more
            result = await run(pool, path.read_bytes(), path.suffix[1:], parse_seconds=20.0)
            assert result.failure == Outcome.TIMEOUT.value
            if result.loss is not Loss.OUTSIDE:
                break
        assert result.loss is Loss.SPENT
    finally:
        await pool.close()
