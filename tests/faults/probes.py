"""The probes of the manifests, made as kubelet makes them, while all CPUs are taken and the pressure is CRITICAL: none may fail."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import NamedTuple

import grpc
import yaml
from grpc_health.v1 import health_pb2, health_pb2_grpc

from metaextract.cache.v1 import pressure_pb2
from metaextract_client import CacheClient
from tests.support.evidence import Evidence
from tests.support.processes import start_cache, start_extractor
from tests.support.steady_load import SteadyLoad

_SECONDS = float(os.environ.get("SECONDS") or 60)
_BASE = Path(__file__).parents[2] / "docker" / "kubernetes" / "base"
_KINDS = ("startupProbe", "readinessProbe", "livenessProbe")


class _Probe(NamedTuple):
    name: str
    service: str
    period_seconds: float
    timeout_seconds: float


def _probes(manifest: str) -> list[_Probe]:
    """As the manifest writes them."""
    for document in yaml.safe_load_all((_BASE / manifest).read_text()):
        if document["kind"] in {"Deployment", "StatefulSet"}:
            (container,) = document["spec"]["template"]["spec"]["containers"]
            return [
                _Probe(
                    f"{container['name']} {kind}",
                    container[kind]["grpc"]["service"],
                    container[kind]["periodSeconds"],
                    container[kind]["timeoutSeconds"],
                )
                for kind in _KINDS
            ]
    raise ValueError(manifest)


class _Kubelet:
    """Makes one probe, by a new connection each time."""

    def __init__(self, probe: _Probe, address: str) -> None:
        self.probe = probe
        self.seconds: list[float] = []
        self.failed: list[str] = []
        self._address = address
        self._stop = threading.Event()
        self.thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        while not self._stop.is_set():
            begin = time.monotonic()
            try:
                with grpc.insecure_channel(
                    self._address, options=[("grpc.use_local_subchannel_pool", 1)]
                ) as channel:
                    request = health_pb2.HealthCheckRequest(service=self.probe.service)
                    answer = health_pb2_grpc.HealthStub(channel).Check(
                        request, timeout=self.probe.timeout_seconds
                    )
                if answer.status != health_pb2.HealthCheckResponse.SERVING:
                    self.failed.append("NOT_SERVING")
            except grpc.RpcError as error:
                self.failed.append(error.code().name)
            self.seconds.append(time.monotonic() - begin)
            self._stop.wait(max(0.0, self.probe.period_seconds - (time.monotonic() - begin)))

    def stop(self) -> None:
        self._stop.set()
        self.thread.join()


def run(name: str) -> Evidence:
    evidence = Evidence(name)
    burners = []
    with (
        start_cache() as cache,
        start_extractor(cache.address) as extractor,
        CacheClient(cache.address) as admin,
    ):
        admin.set_pressure_override(pressure_pb2.PRESSURE_LEVEL_CRITICAL, _SECONDS + 30)
        kubelets = [
            _Kubelet(probe, process.address)
            for manifest, process in (("cache.yaml", cache), ("extractor.yaml", extractor))
            for probe in _probes(manifest)
        ]
        try:
            burners = [
                subprocess.Popen([sys.executable, "-c", "while True: pass"])
                for _ in range(2 * (os.cpu_count() or 1))
            ]
            with SteadyLoad(
                extractor.address, seconds=_SECONDS, per_second=50, cached=False, timeout_seconds=30
            ) as load:
                for kubelet in kubelets:
                    kubelet.thread.start()
                time.sleep(_SECONDS)
                for kubelet in kubelets:
                    kubelet.stop()
                load.finish()
        finally:
            for burner in burners:
                burner.kill()
                burner.wait()
    print(
        f"  {2 * (os.cpu_count() or 1)} busy processes beside a load of 50 extractions a second: {load.codes()}"
    )
    for kubelet in kubelets:
        probe = kubelet.probe
        print(
            f"  {probe.name:<26} {len(kubelet.seconds)} probes, slowest {max(kubelet.seconds):.2f} s of {probe.timeout_seconds} s, failed {kubelet.failed}"
        )
        evidence.single(probe.name, "failed", "count", len(kubelet.failed), "== 0")
        evidence.single(
            probe.name, "slowest / its timeout", "ratio", max(kubelet.seconds) / probe.timeout_seconds
        )
    return evidence
