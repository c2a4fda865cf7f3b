"""Two extractors and their cache are restarted, one after the other, under 200 calls a second that nobody repeats: how many fail."""

from __future__ import annotations

import contextlib
import os
import time
from collections import Counter
from typing import NamedTuple

from tests.support.evidence import Evidence
from tests.support.processes import ServiceProcess, start_cache, start_extractor
from tests.support.proxies import Proxy, free_port, program
from tests.support.steady_load import SteadyLoad, now

_SECONDS = float(os.environ.get("SECONDS") or 36)  # six restarts, one after the other; the load lasts as long
_PER_SECOND = float(os.environ.get("PER_SECOND") or 200)
_QUIET_SECONDS = 3.0  # before the first restart
_DRAIN_SECONDS = "3"  # the default is 10
_RESTARTS = 2  # of every replica, at least


class _Way(NamedTuple):
    name: str
    proxy: str = ""
    cached: bool = True
    killed: bool = False


_WAYS = [
    *(_Way(f"direct, cache {use}", "", cached) for use, cached in (("used", True), ("bypassed", False))),
    *(
        _Way(f"{proxy}, cache {use}", proxy, cached)
        for proxy in ("nginx", "haproxy", "envoy")
        for use, cached in (("used", True), ("bypassed", False))
    ),
    _Way("direct, kill -9, stock retries", "", killed=True),
    *(
        _Way(f"{proxy}, kill -9, stock retries", proxy, killed=True)
        for proxy in ("nginx", "haproxy", "envoy")
    ),
]


class _Pair:
    """Two extractors with a cache, each on a port that it keeps."""

    def __init__(self, proxy: str) -> None:
        # HAProxy 2.6 loses the trailers that come with the end of a connection (docker/proxies/haproxy.cfg).
        self._age_seconds = "3600" if proxy == "haproxy" else "0"
        self.ports = [free_port() for _ in range(3)]
        self._stack = contextlib.ExitStack()
        self._replicas: list[ServiceProcess] = []

    def __enter__(self) -> _Pair:
        for number in range(3):
            self._replicas.append(self._start(number))
        return self

    def __exit__(self, *_: object) -> None:
        for replica in reversed(self._replicas):
            replica.kill()

    def _start(self, number: int) -> ServiceProcess:
        extra = {
            "METAEXTRACT_DRAIN_SECONDS": _DRAIN_SECONDS,
            "METAEXTRACT_CONNECTION_AGE_SECONDS": self._age_seconds,
        }
        if number == 0:
            return start_cache(port=self.ports[0], **extra)
        return start_extractor(f"127.0.0.1:{self.ports[0]}", port=self.ports[number], **extra)

    def restart(self, number: int, *, killed: bool) -> float:
        """Seconds that it took to stop."""
        begin = time.monotonic()
        if killed:
            self._replicas[number].kill()
        else:
            self._replicas[number].stop(60)
        took = time.monotonic() - begin
        self._replicas[number] = self._start(number)
        return took


def _run(way: _Way, evidence: Evidence) -> None:
    # Behind HAProxy, whose connections don't come of age, each restart takes the whole drain.
    seconds = max(_SECONDS, 45.0) if way.proxy == "haproxy" else _SECONDS
    with _Pair(way.proxy) as pair, contextlib.ExitStack() as stack:
        if way.proxy:
            proxy = stack.enter_context(Proxy(way.proxy, (pair.ports[1], pair.ports[2])))
            target = proxy.address
            time.sleep(1.5)  # its health checks
        else:
            target = f"ipv4:127.0.0.1:{pair.ports[1]},127.0.0.1:{pair.ports[2]}"
        load = stack.enter_context(
            SteadyLoad(
                target, seconds=seconds + _QUIET_SECONDS, per_second=_PER_SECOND, round_robin=True, retries=way.killed,
                cached=way.cached,
            )
        )  # fmt: skip
        time.sleep(_QUIET_SECONDS)
        since, restarts, stops = now(), Counter(), []
        while now() - since < seconds - 6:  # the last one ends under load as well
            for number in (1, 2, 0):
                if now() - since < seconds - 6:
                    stops.append(pair.restart(number, killed=way.killed))
                    restarts[number] += 1
                    time.sleep(
                        1.5
                    )  # a proxy's health checks see that it is back, as a rollout waits for readiness
        load.finish()
        words = Counter((call.code, call.details[-90:]) for call in load.failed)
        print(
            f"  {way.name:<34} {len(load.calls)} calls: {load.codes()}; restarts {dict(restarts)}, stops {max(stops):.1f} s at most",
            *(f"\n    {count} {what}" for what, count in words.most_common(4)),
            flush=True,
        )
        evidence.single(way.name, "failed calls", "count", len(load.failed), "== 0")
        evidence.single(
            way.name, "restarts of every replica", "count", min(restarts.values()), f">= {_RESTARTS}"
        )
        before, during = load.p99_seconds(until=since), load.p99_seconds(since=since)
        evidence.single(way.name, "p99 during / before", "ratio", during / before)


def run(name: str) -> Evidence:
    evidence = Evidence(name)
    only = os.environ.get("WAY", "")
    for way in _WAYS:
        if only not in way.name:
            continue
        if way.proxy and program(way.proxy) is None:
            print(f"  {way.name}: {way.proxy} isn't installed")
            continue
        _run(way, evidence)
    return evidence
