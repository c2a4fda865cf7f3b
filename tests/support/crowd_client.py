"""Many watches that come back: ADDRESS COUNT STOPPED. Prints JSON lines.

{"all": [revision, median, last]} when every reading watch has a revision; {"joined": [times]} when all are connected (again).
A watch obeys `reconnect_after_seconds`, resumes at its revision, and retries like an extractor.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import time

import uvloop
from grpc import aio

from extractor_service.results.reconnect import RetryDelay
from metaextract.cache.v1 import pressure_pb2, pressure_pb2_grpc

_STREAMS = 100  # on a connection, as many as gRPC allows without asking


class Crowd:
    def __init__(self, address: str, count: int, stopped: int) -> None:
        self.stopped = stopped
        self.expected = count
        """How many are to join next: at first all, afterwards those that read."""
        self.readers = count - stopped
        options = [("grpc.use_local_subchannel_pool", 1), ("grpc.initial_reconnect_backoff_ms", 100), ("grpc.max_reconnect_backoff_ms", 500)]  # fmt: skip
        self.stubs = [
            pressure_pb2_grpc.PressureServiceStub(aio.insecure_channel(address, options=options))
            for _ in range(max(1, count // _STREAMS))
        ]
        self.heard: dict[tuple[str, int], list[float]] = {}
        self.joined: list[float] = []

    async def watch(self, number: int) -> None:
        epoch, revision, delay = "", 0, RetryDelay()
        while True:
            pause = None
            try:
                request = pressure_pb2.WatchPressureRequest(epoch=epoch, after_revision=revision)
                first = True
                async for event in self.stubs[number % len(self.stubs)].WatchPressure(request):
                    epoch, revision = event.state.epoch, event.state.revision
                    if first:
                        first = False
                        delay.reset()
                        self.record_joined()
                        if number < self.stopped:
                            await asyncio.Event().wait()  # reads nothing more
                    if event.draining:
                        pause = event.reconnect_after_seconds
                    elif not event.heartbeat:
                        self.record_heard(epoch, revision)
            except aio.AioRpcError:
                pass
            if pause is None:
                await delay.wait()
            else:
                await asyncio.sleep(pause)

    def record_joined(self) -> None:
        self.joined.append(time.time())
        if len(self.joined) == self.expected:
            print(json.dumps({"joined": self.joined}), flush=True)
            self.joined, self.expected = [], self.readers

    def record_heard(self, epoch: str, revision: int) -> None:
        times = self.heard.setdefault((epoch, revision), [])
        times.append(time.time())
        if len(times) == self.readers:
            print(json.dumps({"all": [revision, statistics.median(times), times[-1]]}), flush=True)


async def main(address: str, count: int, stopped: int) -> None:
    crowd = Crowd(address, count, stopped)
    await asyncio.gather(*(crowd.watch(number) for number in range(count)))


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], *map(int, sys.argv[2:])))
