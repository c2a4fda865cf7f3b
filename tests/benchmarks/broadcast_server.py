"""The reference of `broadcast`: a queue per subscriber, and SetPressureOverride puts a message into each."""

from __future__ import annotations

import asyncio
import json
import sys
import time

import uvloop
from grpc import aio

from metaextract.cache.v1 import admin_pb2, admin_pb2_grpc, pressure_pb2, pressure_pb2_grpc


class Pressure(pressure_pb2_grpc.PressureServiceServicer):
    def __init__(self):
        self.queues: set[asyncio.Queue] = set()
        self.state = pressure_pb2.PressureState(
            epoch="0123456789abcdef", revision=0, level=1, score_ratio=0.5, valid_for_seconds=6, replica="bare:1",
            signals=[pressure_pb2.PressureSignal(name=name, used_bytes=10**9, limit_bytes=10**10, ratio=0.1, level=1) for name in ("host", "memory_stalls", "io_stalls")],
        )  # fmt: skip

    async def WatchPressure(self, request, context):
        queue = asyncio.Queue()
        self.queues.add(queue)
        try:
            yield pressure_pb2.WatchPressureResponse(state=self.state)
            while True:
                yield await queue.get()
        finally:
            self.queues.discard(queue)


class Admin(admin_pb2_grpc.CacheAdminServiceServicer):
    def __init__(self, pressure):
        self._pressure = pressure

    async def SetPressureOverride(self, request, context):
        state = self._pressure.state
        state.level, state.revision, state.sampled_at = request.level, state.revision + 1, time.time()
        message = pressure_pb2.WatchPressureResponse(state=state)
        for queue in self._pressure.queues:
            queue.put_nowait(message)
        return admin_pb2.SetPressureOverrideResponse(state=state)


async def main() -> None:
    server = aio.server(options=(("grpc.so_reuseport", 0),))
    pressure = Pressure()
    pressure_pb2_grpc.add_PressureServiceServicer_to_server(pressure, server)
    admin_pb2_grpc.add_CacheAdminServiceServicer_to_server(Admin(pressure), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(json.dumps({"message": "ready", "port": port}), file=sys.stderr, flush=True)
    await server.wait_for_termination()


if __name__ == "__main__":
    uvloop.run(main())
