"""Redis killed, paused, partitioned and flushed under load; a Cluster that loses a master.

Two cache replicas share it. No call may fail and no wrong value may be served; what it costs is the tail of latency,
and how long values put at one replica aren't seen at the other.
"""

from __future__ import annotations

import itertools
import random
import tempfile
import threading
import time
from pathlib import Path

from metaextract.cache.v1 import result_pb2
from metaextract_client import CacheClient, MetaExtractError
from tests.support.evidence import Evidence
from tests.support.processes import start_cache
from tests.support.redis_server import Proxy, RedisServer, cluster

_QUIET_SECONDS = 4.0
_KEYS = 2000
_LOADERS = 4
_RECOVERY_LIMIT_SECONDS = 20.0
_FRESH = itertools.count(10**6)


def value(number: int) -> bytes:
    return random.Random(number).randbytes(500 + number % 3000)


def key(number: int) -> result_pb2.ResultKey:
    return result_pb2.ResultKey(space="verified", content_id=f"b3:{number:064x}", module="m", version="1")


class Load:
    """Gets, and puts what is missing, at both replicas; keeps time and count of everything."""

    def __init__(self, addresses: list[str]) -> None:
        self.seconds: list[float] = []
        self.failed: list[str] = []
        self.wrong = 0
        self._addresses = addresses
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(number,)) for number in range(_LOADERS)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def take(self) -> list[float]:
        seconds, self.seconds = self.seconds, []
        return seconds

    def _run(self, worker: int) -> None:
        rng = random.Random(worker)
        with CacheClient(self._addresses[worker % len(self._addresses)]) as client:
            while not self._stop.is_set():
                number = rng.randrange(_KEYS)
                started = time.perf_counter()
                try:
                    lookup = client.get_result(key(number), timeout=10)
                    if lookup.found:
                        self.wrong += lookup.value != value(number)
                    if not lookup.found or rng.random() < 0.1:
                        entry = result_pb2.ResultEntry(
                            key=key(number), value=value(number), cost_seconds=0.05
                        )
                        client.put_result(entry, timeout=10)
                except MetaExtractError as error:
                    self.failed.append(str(error))
                self.seconds.append(time.perf_counter() - started)


def p99_ms(seconds: list[float]) -> float:
    return 1000 * sorted(seconds)[int(len(seconds) * 0.99)]


def seconds_until_shared(clients, limit_seconds: float = _RECOVERY_LIMIT_SECONDS) -> float:
    """Until a value that is put at one replica is found at the other."""
    started = time.monotonic()
    while time.monotonic() - started < limit_seconds:
        number = next(_FRESH)  # never asked for before, or it might lie in memory
        clients[0].put_result(result_pb2.ResultEntry(key=key(number), value=b"shared", cost_seconds=1))
        if clients[1].get_result(key(number)).found:
            return time.monotonic() - started
        time.sleep(0.02)
    return limit_seconds


def run(name: str) -> Evidence:
    evidence = Evidence(name)
    with RedisServer() as server, Proxy(server.port) as proxy:
        url = f"redis://127.0.0.1:{proxy.port}/0"

        def killed():
            server.kill()
            time.sleep(_QUIET_SECONDS)
            server.start()

        def paused():
            server.pause()
            time.sleep(10)
            server.resume()

        def partitioned():
            proxy.cut()
            time.sleep(_QUIET_SECONDS)
            proxy.mend()

        def flushed():
            with server.client() as client:
                client.flushall()
            time.sleep(2)

        chaos(
            evidence,
            url,
            {
                "killed, 4 s": killed,
                "SIGSTOP, 10 s": paused,
                "partitioned, 4 s": partitioned,
                "flushed": flushed,
            },
        )
    with cluster() as (servers, url):

        def master_lost():
            servers[0].kill()
            time.sleep(_QUIET_SECONDS)

        chaos(evidence, url, {"Cluster, a master lost": master_lost})
    return evidence


def chaos(evidence, url: str, events: dict) -> None:
    with tempfile.TemporaryDirectory() as folder:
        settings = {
            "METAEXTRACT_CACHE_REDIS_URL": url,
            # Hardly any memory and no disk at the second replica: it depends on Redis.
            "METAEXTRACT_CACHE_MEMORY_BYTES": str(2 * 2**20),
        }
        with (
            start_cache(Path(folder) / "a", **settings) as first,
            start_cache(None, **settings) as second,
            CacheClient(first.address) as one,
            CacheClient(second.address) as other,
        ):
            assert seconds_until_shared([one, other]) < 2
            with Load([first.address, second.address]) as load:
                time.sleep(_QUIET_SECONDS)
                for event, happen in events.items():
                    load.take()
                    time.sleep(_QUIET_SECONDS)
                    before = load.take()
                    happen()
                    recovery = seconds_until_shared([one, other])
                    during = load.take()
                    print(
                        f"  {event}: p99 {p99_ms(before):.1f} -> {p99_ms(during):.1f} ms, longest"
                        f" {1000 * max(during):.0f} ms, shared again after {recovery:.2f} s, failed {load.failed[:2]}"
                    )
                    evidence.single(event, "calls meanwhile", "count", len(during), "> 100")
                    evidence.single(event, "failed calls", "count", len(load.failed), "== 0")
                    evidence.single(event, "wrong values", "count", load.wrong, "== 0")
                    evidence.single(event, "p99 before", "ms", p99_ms(before))
                    evidence.single(event, "p99 meanwhile", "ms", p99_ms(during))
                    evidence.single(event, "longest call meanwhile", "ms", 1000 * max(during))
                    evidence.single(
                        event, "shared again after its end", "s", recovery, f"< {_RECOVERY_LIMIT_SECONDS:g}"
                    )
                    load.failed.clear()
