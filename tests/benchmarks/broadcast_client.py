"""Many watches of one server: ADDRESS COUNT CONNECTIONS STOPPED. A line for each revision, when all who read have it."""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import time

import uvloop
from grpc import aio

from metaextract.cache.v1 import pressure_pb2, pressure_pb2_grpc


async def main(address: str, count: int, connections: int, stopped: int) -> None:
    channels = [
        aio.insecure_channel(address, options=[("grpc.use_local_subchannel_pool", 1)])
        for _ in range(connections)
    ]
    stubs = [pressure_pb2_grpc.PressureServiceStub(channel) for channel in channels]
    heard: dict[int, list[float]] = {}
    subscribed = asyncio.Semaphore(0)
    asleep = asyncio.Event()

    async def watch(number: int) -> None:
        call = stubs[number % connections].WatchPressure(
            pressure_pb2.WatchPressureRequest(subscriber=str(number))
        )
        first = True
        async for event in call:
            if first:
                first = False
                subscribed.release()
                if number < stopped:
                    await asleep.wait()  # reads nothing more
                continue
            if event.heartbeat:
                continue
            times = heard.setdefault(event.state.revision, [])
            times.append(time.time())
            if len(times) == count - stopped:
                print(json.dumps([statistics.median(times), times[-1]]), flush=True)

    tasks = [asyncio.create_task(watch(number)) for number in range(count)]
    for _ in range(count):
        await subscribed.acquire()
    print("subscribed", flush=True)
    await asyncio.gather(*tasks)


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], *map(int, sys.argv[2:])))
