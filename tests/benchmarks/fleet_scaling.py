"""N extractors and M caches that share a Redis Cluster, each in a namespace of its own with its share of a CPU.

What they do together against their number; a model of it, fitted on three layouts and judged on two others; what it costs that equal files
aren't routed to one replica; and one of each killed in turn.

All layouts stand at once and are loaded in turn, a few windows each, and the medians count: one after another, each was measured at
another speed of the machine, and the model was 0.5 to 1.3 off by that. Starting has no limit: at a tenth of a CPU, on cold caches, it
took 84 s.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import statistics
import subprocess
import tempfile
import time
from typing import NamedTuple

import grpc
from grpc import aio

from metaextract.extractor.v1 import extractor_pb2, extractor_pb2_grpc
from metaextract_client.channel import SERVICE_CONFIG
from tests.samples import PHOTOS
from tests.support.evidence import ROOT, Evidence
from tests.support.namespaces import Host, Network
from tests.support.processes import CACHE, EXTRACTOR, ServiceProcess, cpu_seconds, wait_until
from tests.support.redis_server import CLI, SERVER

_SECONDS = float(os.environ.get("SECONDS") or 6)
_ROUNDS = 5
_WARM_SECONDS = 5.0  # without limits: known files are known, and workers have loaded their readers
_SETTLE_SECONDS = 2.0  # with them, before each window
_EXTRACTOR_PERCENT, _CACHE_PERCENT, _REDIS_PERCENT = 18, 10, 10
_NEW_RATIO = 0.5  # of the files, which nobody has seen
_PER_EXTRACTOR = 24  # calls at once
_PLOT = ROOT / "tests" / "benchmarks" / "fleet_scaling.png"
_CONTENTS = 200


class _Layout(NamedTuple):
    extractors: int
    caches: int
    percent: int = _EXTRACTOR_PERCENT

    @property
    def words(self) -> str:
        return f"{self.extractors} extractors of {self.percent} %, {self.caches} caches"


_FITTED = (_Layout(1, 1), _Layout(2, 1), _Layout(3, 1))
_JUDGED = (_Layout(3, 2), _Layout(2, 2, 26))


class _Result(NamedTuple):
    per_second: float
    extractor_cpu: float
    """Seconds a call."""
    cache_cpu: float
    failed: int


class _Fleet:
    """Redis for all layouts, and the services of one."""

    def __init__(self, stack: contextlib.ExitStack) -> None:
        self._network = stack.enter_context(Network())
        self._stack = stack
        self.redis = [self._network.host(_REDIS_PERCENT) for _ in range(6)]
        self.redis_processes = [self._start_redis(host) for host in self.redis]
        nodes = [f"{host.address}:6379" for host in self.redis]
        for host in self.redis:
            wait_until(
                lambda host=host: (
                    subprocess.run([CLI, "-h", host.address, "ping"], capture_output=True).stdout == b"PONG\n"
                ),
                20,
            )
        create = [CLI, "--cluster", "create", *nodes, "--cluster-replicas", "1", "--cluster-yes"]
        made = subprocess.run(create, capture_output=True, text=True)
        assert made.returncode == 0, made.stdout
        self._url = "redis+cluster://" + ",".join(nodes)

    def _start_redis(self, host: Host) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            host.command(
                SERVER, "--port", "6379", "--bind", host.address, "--protected-mode", "no", "--save", "", "--appendonly", "no",
                "--cluster-enabled", "yes", "--cluster-node-timeout", "2000", "--cluster-config-file", "nodes.conf", "--dir", self._stack.enter_context(tempfile.TemporaryDirectory()),
            ),
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        self._stack.callback(process.kill)
        return process

    @contextlib.contextmanager
    def layout(self, layout: _Layout):
        with contextlib.ExitStack() as stack:
            caches = [self._network.host(_CACHE_PERCENT) for _ in range(layout.caches)]
            extractors = [self._network.host(layout.percent) for _ in range(layout.extractors)]
            running = Running(caches, extractors, self._url)
            stack.callback(running.kill)
            for number in range(layout.caches):
                running.start_cache(number)
            for number in range(layout.extractors):
                running.start_extractor(number)
            for host in running.hosts:
                host.cpu.lift()
            asyncio.run(_load(running, _WARM_SECONDS))
            for host in running.hosts:
                host.cpu.limit()
            yield running


class Running:
    """The services of a layout."""

    def __init__(self, caches: list[Host], extractors: list[Host], redis_url: str) -> None:
        self.cache_hosts, self.extractor_hosts, self._redis_url = caches, extractors, redis_url
        self.caches: dict[int, ServiceProcess] = {}
        self.extractors: dict[int, ServiceProcess] = {}

    @property
    def hosts(self) -> list[Host]:
        return [*self.cache_hosts, *self.extractor_hosts]

    @property
    def target(self) -> str:
        return "ipv4:" + ",".join(f"{host.address}:50051" for host in self.extractor_hosts)

    def start_cache(self, number: int) -> None:
        host = self.cache_hosts[number]
        host.cpu.lift()
        self.caches[number] = ServiceProcess(
            CACHE, host, METAEXTRACT_CACHE_ADDRESS=f"{host.address}:50052", METAEXTRACT_ALLOW_PLAINTEXT="true",
            METAEXTRACT_CACHE_REDIS_URL=self._redis_url, METAEXTRACT_CACHE_REDIS_PREFIX=f"fleet-{id(self)}",
        )  # fmt: skip
        host.cpu.limit()

    def start_extractor(self, number: int) -> None:
        host, cache = self.extractor_hosts[number], self.cache_hosts[number % len(self.cache_hosts)]
        host.cpu.lift()
        self.extractors[number] = ServiceProcess(
            EXTRACTOR, host, METAEXTRACT_EXTRACTOR_ADDRESS=f"{host.address}:50051", METAEXTRACT_ALLOW_PLAINTEXT="true",
            METAEXTRACT_CACHE_ADDRESS=f"{cache.address}:50052", METAEXTRACT_QUEUE_SECONDS="10",
        )  # fmt: skip
        host.cpu.limit()

    def cpu_seconds(self) -> tuple[float, float]:
        """What extractors, and what caches have used."""
        extractors, caches = (
            sum(cpu_seconds(each.pid) for each in some.values()) for some in (self.extractors, self.caches)
        )
        return extractors, caches

    def kill(self) -> None:
        for process in (*self.extractors.values(), *self.caches.values()):
            process.kill()


async def _load(
    running: Running, seconds: float, *, new_ratio: float = _NEW_RATIO, sticky: bool = False
) -> _Result:
    """As many calls as they can do; a call that fails is made again by gRPC."""
    import json

    photo = PHOTOS[0].read_bytes()
    config = {**SERVICE_CONFIG, "loadBalancingConfig": [{"round_robin": {}}]}
    config.pop("retryThrottling")
    options = [
        ("grpc.service_config", json.dumps(config)),
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.max_reconnect_backoff_ms", 500),
    ]
    targets = [f"{host.address}:50051" for host in running.extractor_hosts] if sticky else [running.target]
    channels = [aio.insecure_channel(target, options=options) for target in targets]
    stubs = [extractor_pb2_grpc.ExtractorServiceStub(channel) for channel in channels]
    done = failed = 0
    ends_at = time.monotonic() + seconds

    async def caller() -> None:
        nonlocal done, failed
        while time.monotonic() < ends_at:
            is_new = random.random() < new_ratio
            content = random.getrandbits(60) if is_new else random.randrange(_CONTENTS)
            request = extractor_pb2.ExtractRequest(
                inline={"data": photo + content.to_bytes(8, "big"), "name": "a.jpg"}
            )
            try:
                await stubs[content % len(stubs)].Extract(request, timeout=20)
                done += 1
            except grpc.RpcError as error:
                failed += 1
                print("   ", error.code(), error.details())

    before = running.cpu_seconds()
    begin = time.monotonic()
    await asyncio.gather(*(caller() for _ in range(_PER_EXTRACTOR * len(running.extractor_hosts))))
    took = time.monotonic() - begin
    after = running.cpu_seconds()
    for channel in channels:
        await channel.close(None)
    costs = [(late - early) / max(1, done) for early, late in zip(before, after, strict=True)]
    return _Result(done / took, costs[0], costs[1], failed)


def _measured(fleet: _Fleet) -> dict[_Layout, _Result]:
    """Of each layout the medians of its windows."""
    windows: dict[_Layout, list[_Result]] = {layout: [] for layout in (*_FITTED, *_JUDGED)}
    with contextlib.ExitStack() as stack:
        running = {layout: stack.enter_context(fleet.layout(layout)) for layout in windows}
        for _ in range(_ROUNDS):
            for layout, found in windows.items():
                asyncio.run(_load(running[layout], _SETTLE_SECONDS))
                found.append(asyncio.run(_load(running[layout], _SECONDS)))
    results = {}
    for layout, found in windows.items():
        result = results[layout] = _Result(
            statistics.median(each.per_second for each in found),
            statistics.median(each.extractor_cpu for each in found),
            statistics.median(each.cache_cpu for each in found),
            sum(each.failed for each in found),
        )
        print(
            f"  {layout.words}: {result.per_second:.1f} a second ({min(found)[0]:.1f}–{max(found)[0]:.1f}); CPU a call"
            f" {result.extractor_cpu * 1e3:.2f} ms at extractors, {result.cache_cpu * 1e3:.2f} ms at caches",
            flush=True,
        )
    return results


def run(name: str) -> Evidence:
    evidence = Evidence(name)
    if os.geteuid() or not SERVER:
        print("  root and redis-server are needed")
        return evidence
    with contextlib.ExitStack() as stack:
        fleet = _Fleet(stack)
        _model(evidence, _measured(fleet))
        _routing(evidence, fleet)
        _kills(evidence, fleet)
    return evidence


def _model(evidence: Evidence, measured: dict[_Layout, _Result]) -> None:
    """Calls a second = share x least(extractors' CPU / cost there, caches' CPU / cost there)."""
    extractor_cost = sum(measured[each].extractor_cpu for each in _FITTED) / len(_FITTED)
    cache_cost = sum(measured[each].cache_cpu for each in _FITTED) / len(_FITTED)

    def bound(layout: _Layout) -> float:
        return min(
            layout.extractors * layout.percent / 100 / extractor_cost,
            layout.caches * _CACHE_PERCENT / 100 / cache_cost,
        )

    share = sum(measured[each].per_second / bound(each) for each in _FITTED) / len(_FITTED)
    print(
        f"  model: {share:.2f} x min(extractor CPU / {extractor_cost * 1e3:.2f} ms, cache CPU / {cache_cost * 1e3:.2f} ms)"
    )
    evidence.single("model", "CPU of extractors a call", "ms", extractor_cost * 1e3)
    evidence.single("model", "CPU of caches a call", "ms", cache_cost * 1e3)
    evidence.single("model", "share of it that is reached", "ratio", share)
    for layout, result in measured.items():
        expected = share * bound(layout)
        error = abs(expected - result.per_second) / result.per_second
        evidence.single(layout.words, "calls a second", "1/s", result.per_second)
        evidence.single(layout.words, "failed", "count", result.failed, "== 0")
        evidence.single(
            layout.words, "error of the model", "ratio", error, "<= 0.2" if layout in _JUDGED else ""
        )
    one, three = measured[_FITTED[0]].per_second, measured[_FITTED[2]].per_second
    evidence.single("3 extractors / 1", "calls a second", "ratio", three / one)
    _plot([measured[each].per_second for each in _FITTED], [share * bound(each) for each in _FITTED])


def _plot(measured: list[float], expected: list[float]) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(5, 3))
    numbers = range(1, len(measured) + 1)
    axes.plot(numbers, measured, "o-", label="measured")
    axes.plot(numbers, expected, "x--", label="model")
    axes.set(
        xlabel=f"extractors, each {_EXTRACTOR_PERCENT} % of a CPU",
        ylabel="files a second",
        xticks=list(numbers),
        ylim=(0, None),
    )
    axes.legend()
    figure.tight_layout()
    figure.savefig(_PLOT, dpi=110)


def _routing(evidence: Evidence, fleet: _Fleet) -> None:
    """Known files at two replicas: each at any, and each at one."""
    anywhere, routed = [], []
    with fleet.layout(_Layout(2, 2)) as running:
        for _ in range(3):
            anywhere.append(asyncio.run(_load(running, 3.0, new_ratio=0)).per_second)
            routed.append(asyncio.run(_load(running, 3.0, new_ratio=0, sticky=True)).per_second)
    evidence.paired(
        "2 replicas, known files",
        "calls a second, routed by content",
        "1/s",
        routed,
        anywhere,
        "at any replica",
        "< 1.2",
    )


def _kills(evidence: Evidence, fleet: _Fleet) -> None:
    with fleet.layout(_Layout(3, 2)) as running:

        async def all_of_it() -> _Result:
            load = asyncio.create_task(_load(running, 16.0))
            await asyncio.sleep(3)
            for kind in ("extractor", "cache", "redis"):
                if kind == "redis":
                    fleet.redis_processes[0].kill()
                else:
                    processes, start = (
                        (running.extractors, running.start_extractor)
                        if kind == "extractor"
                        else (running.caches, running.start_cache)
                    )
                    processes[0].kill()
                    await asyncio.to_thread(start, 0)
                await asyncio.sleep(1)
            return await load

        result = asyncio.run(all_of_it())
    evidence.single(
        "one of each killed in turn", "calls that failed in the end", "count", result.failed, "== 0"
    )
    evidence.single("one of each killed in turn", "calls a second", "1/s", result.per_second)
