"""Pings every 10 s, as meshes and many clients send them, on connections without a call: gRPC's default closes after two of them."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.support.evidence import ROOT, Evidence
from tests.support.processes import start_cache

_SECONDS = int(os.environ.get("SECONDS") or 90)
_PINGS = (
    ("grpc.keepalive_time_ms", 10_000), ("grpc.keepalive_timeout_ms", 5_000), ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0), ("grpc.use_local_subchannel_pool", 1),
)  # fmt: skip


def _python(address: str) -> int:
    """Connections that were lost."""
    lost, was_ready = [0], [False]
    with grpc.insecure_channel(address, options=_PINGS) as channel:

        def look(state: grpc.ChannelConnectivity) -> None:
            lost[0] += was_ready[0] and state is not grpc.ChannelConnectivity.READY
            was_ready[0] = state is grpc.ChannelConnectivity.READY

        health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())
        channel.subscribe(look, try_to_connect=True)
        time.sleep(_SECONDS)
        health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())
        channel.unsubscribe(look)
    return lost[0]


def _go(address: str) -> int:
    command = ["go", "run", "./cmd/keepalive", address, str(_SECONDS)]
    return int(
        subprocess.run(
            command, cwd=ROOT / "clients" / "go", check=True, capture_output=True, text=True
        ).stdout
    )


def _java(address: str) -> int:
    source = Path(__file__).parent / "keepalive_java"
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(source / "pom.xml", folder)
        path = Path(folder) / "classpath"
        subprocess.run(
            ["mvn", "-q", "-B", "dependency:build-classpath", f"-Dmdep.outputFile={path}"],
            cwd=folder,
            check=True,
            capture_output=True,
        )
        command = ["java", "-cp", path.read_text(), str(source / "Keepalive.java"), address, str(_SECONDS)]
        return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def run(name: str) -> Evidence:
    evidence = Evidence(name)
    clients = {"Python": _python}
    if shutil.which("go"):
        clients["Go"] = _go
    if shutil.which("mvn") and shutil.which("java"):
        clients["Java"] = _java
    lost: dict[str, int] = {}
    # Without a drain: connections don't come of age, and what closes one is the pings.
    with start_cache() as cache:
        threads = [
            threading.Thread(
                target=lambda language=language, client=client: lost.update({language: client(cache.address)})
            )
            for language, client in clients.items()
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    for language in clients:
        evidence.single(
            f"{language}, {_SECONDS} s", "connections lost", "count", lost.get(language, -1), "== 0"
        )
    return evidence
