"""What the workers' jail costs: a worker's start with and without it, and a file, in turns."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from typing import TYPE_CHECKING

from extractor_service.workers.pool import WorkerPool
from extractor_service.workers.protocol import Job
from tests.samples import PHOTOS
from tests.support.evidence import Evidence

if TYPE_CHECKING:
    from pathlib import Path

_COMMAND = (sys.executable, "-m", "extractor_service.workers")
_ROUNDS = 15
_STARTS = 12
_FILES = 150
_MODULES = ("metadata", "composite", "common")


def run(name: str) -> Evidence:
    evidence = Evidence(name)
    starts, files, cpu = asyncio.run(_measure())
    for what, figures in (
        ("a worker's start and first file", starts),
        ("a file, wall", files),
        ("a file, CPU", cpu),
    ):
        inside, outside = figures
        evidence.paired(
            "a photograph",
            what,
            "us",
            inside,
            outside,
            "without a jail",
            "" if "start" in what else "<= 1.05",
        )
    return evidence


async def _measure() -> tuple[tuple[list[float], list[float]], ...]:
    pools = [WorkerPool(_COMMAND, 1, 512 * 2**20, profile=profile) for profile in ("reader", "none")]
    for pool in pools:
        await pool.start()
    photo = PHOTOS[0]
    starts: tuple[list[float], list[float]] = ([], [])
    files: tuple[list[float], list[float]] = ([], [])
    cpu: tuple[list[float], list[float]] = ([], [])
    try:
        for number in range(_ROUNDS + 1):
            order = (0, 1) if number % 2 else (1, 0)
            for side in order:
                pool = pools[side]
                begun = time.perf_counter()
                for _ in range(_STARTS):
                    for each in pool._idle:
                        each.close()
                    pool._idle.clear()
                    await _one(pool, photo)
                start = (time.perf_counter() - begun) / _STARTS
                begun, spent = time.perf_counter(), 0.0
                for _ in range(_FILES):
                    spent += await _one(pool, photo)
                if number:  # the first round warms
                    starts[side].append(start * 1e6)
                    files[side].append((time.perf_counter() - begun) / _FILES * 1e6)
                    cpu[side].append(spent / _FILES * 1e6)
    finally:
        for pool in pools:
            await pool.close()
    return starts, files, cpu


async def _one(pool: WorkerPool, photo: Path) -> float:
    descriptor = os.open(photo, os.O_RDONLY)
    try:
        result = await pool.run(Job("jpeg", _MODULES, photo.stat().st_size, 20.0), descriptor)
    finally:
        os.close(descriptor)
    assert result.cpu_seconds is not None
    return result.cpu_seconds
