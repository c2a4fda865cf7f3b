"""Calls at a steady rate from a process of its own: `python -m tests.support.steady_client` with a job as JSON on standard input.

Prints one JSON line when it is connected, and one at the end: each call's time, duration and code.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time

import grpc
from grpc import aio

from metaextract.extractor.v1 import extractor_pb2, extractor_pb2_grpc
from metaextract_client.channel import SERVICE_CONFIG
from tests.samples import PHOTOS

_POLICIES = {False: [{"pick_first": {}}], True: [{"round_robin": {}}]}


def _options(job: dict) -> list[tuple[str, object]]:
    """As a stock client has them: what never left it or wasn't taken in is sent again, `retries` or not (gRFC A6)."""
    config = dict(SERVICE_CONFIG) if job["retries"] else {}
    config["loadBalancingConfig"] = _POLICIES[job["round_robin"]]
    return [
        ("grpc.service_config", json.dumps(config)),
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.min_reconnect_backoff_ms", 100),
        ("grpc.max_reconnect_backoff_ms", 500),
        ("grpc.use_local_subchannel_pool", 1),
    ]


async def _run(job: dict) -> None:
    photo = PHOTOS[0].read_bytes()
    channels = [aio.insecure_channel(job["target"], options=_options(job)) for _ in range(job["channels"])]
    stubs = [extractor_pb2_grpc.ExtractorServiceStub(channel) for channel in channels]
    calls: list[tuple[float, float, str, str]] = []

    async def call(number: int) -> None:
        content = photo if job["cached"] else photo + os.urandom(8)
        request = extractor_pb2.ExtractRequest(
            inline={"data": content, "name": "a.jpg"}, options={"cache_mode": 1 if job["cached"] else 3}
        )
        started_at, details = time.time(), ""
        begin = time.monotonic()
        try:
            answer = await stubs[number % len(stubs)].Extract(request, timeout=job["timeout_seconds"])
            code = "OK" if answer.document.HasField("common") else "WRONG"
        except grpc.RpcError as error:
            code, details = error.code().name, error.details()
        calls.append((started_at, time.monotonic() - begin, code, details))

    await asyncio.gather(*(call(number) for number in range(len(stubs))))
    calls.clear()
    print(json.dumps("connected"), flush=True)
    tasks, begin = [], time.monotonic()
    for number in range(int(job["seconds"] * job["per_second"])):
        await asyncio.sleep(begin + number / job["per_second"] - time.monotonic())
        tasks.append(asyncio.create_task(call(number)))
    await asyncio.gather(*tasks)
    print(json.dumps(calls), flush=True)
    for channel in channels:
        await channel.close()


if __name__ == "__main__":
    import uvloop

    uvloop.run(_run(json.loads(sys.stdin.readline())))
