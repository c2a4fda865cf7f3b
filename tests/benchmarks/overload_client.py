"""The load generator of `overload`: random arrivals at a rate, or a closed loop; one process, one CPU."""

from __future__ import annotations

import asyncio
import math
import random
import sys
import time
from typing import NamedTuple

import uvloop
from grpc import StatusCode, aio

from metaextract.extractor.v1 import extractor_pb2, extractor_pb2_grpc
from metaextract_client.channel import options
from tests.faults.hostile import make

WARM_UP_SECONDS = COOL_DOWN_SECONDS = 0.5
MOST_SECONDS = 60.0  # of a closed loop: what isn't done by then isn't waited for
_JOB = "work"
"""A file whose describing is so much work, counted and not timed."""


class Counts:
    def __init__(self) -> None:
        self.good = 0.0
        """Jobs, of those at the edges of the time the part within: they end in clumps, as many as are done side by side."""
        self.refused = self.late = 0


class Window(NamedTuple):
    """The time that counts, by the monotonic clock."""

    start: float
    end: float

    def share(self, ended_at: float, seconds: float) -> float:
        """Of a job that took so long, what was done within."""
        began_at = ended_at - seconds
        within = min(ended_at, self.end) - max(began_at, self.start)
        return max(0.0, within) / seconds if seconds > 0 else 0.0


ALWAYS = Window(-math.inf, math.inf)


async def call(stub, counts: Counts, window: Window, deadline: float) -> bool:
    """Whether it was answered."""
    request = extractor_pb2.ExtractRequest(
        inline=extractor_pb2.InlineSource(data=make(_JOB), name="job.hostile")
    )
    try:
        answer = await stub.Extract(request, timeout=deadline)
    except aio.AioRpcError as error:
        if window.start <= time.monotonic() <= window.end:
            if error.code() == StatusCode.RESOURCE_EXHAUSTED:
                counts.refused += 1
            else:
                counts.late += 1
        return False
    now = time.monotonic()
    # The worker's own word: what waited before isn't work.
    counts.good += window.share(now, sum(each.elapsed_seconds for each in answer.document.modules))
    return True


async def closed_loop(stub, callers: int, jobs: int, deadline: float) -> tuple[Counts, float]:
    """So many jobs, by callers that wait for nothing else; the seconds until all are done, in which the CPU was never idle."""
    counts, started_at = Counts(), time.monotonic()
    left = iter(range(jobs))

    async def loop():
        for _ in left:
            while time.monotonic() - started_at < MOST_SECONDS:
                if await call(stub, counts, ALWAYS, deadline):
                    break

    await asyncio.gather(*(loop() for _ in range(callers)))
    return counts, time.monotonic() - started_at


async def arrivals(stub, per_second: float, seconds: float, deadline: float) -> tuple[Counts, float]:
    """What becomes of calls at random moments. The first moment fills the queue, in the last one what was begun before ends as it
    began; neither is counted.
    """
    counts, tasks, at = Counts(), set(), time.monotonic()
    window = Window(at + WARM_UP_SECONDS, at + WARM_UP_SECONDS + seconds)
    while at < window.end + COOL_DOWN_SECONDS:
        at += random.expovariate(per_second)
        await asyncio.sleep(max(0, at - time.monotonic()))
        task = asyncio.create_task(call(stub, counts, window, deadline))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
    await asyncio.gather(*tasks)
    return counts, seconds


async def main(address: str) -> None:
    loop = asyncio.get_running_loop()
    async with aio.insecure_channel(address, options=options(address, retries=False)) as channel:
        stub = extractor_pb2_grpc.ExtractorServiceStub(channel)
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            kind, *numbers = line.split()
            first, second, deadline = map(float, numbers)
            if kind == "closed":
                counts, seconds = await closed_loop(stub, int(first), int(second), deadline)
            else:
                counts, seconds = await arrivals(stub, first, second, deadline)
            print(counts.good, counts.refused, counts.late, seconds, flush=True)


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1]))
