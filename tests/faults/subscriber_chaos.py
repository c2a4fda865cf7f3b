"""1,000 subscribers of which 100 stop reading, 50 more that are killed, and a cache that restarts: what the others notice."""

from __future__ import annotations

import itertools
import statistics
import time
from collections import Counter

from metaextract.cache.v1 import pressure_pb2
from metaextract_client import CacheClient
from tests.support.crowd import Crowd
from tests.support.evidence import Evidence
from tests.support.processes import ServiceProcess, pss_bytes, start_cache

_SUBSCRIBERS = 1000
_STOPPED = 100
_KILLED = 50
_CHANGES = 400
_ROUNDS = 9
_levels = itertools.cycle((pressure_pb2.PRESSURE_LEVEL_HIGH, pressure_pb2.PRESSURE_LEVEL_ELEVATED))
_SETTINGS = {"METAEXTRACT_PRESSURE_HEARTBEAT_SECONDS": "60"}
# As the broadcaster spreads them: half a second, and a second for 200 watchers.
_WINDOW_SECONDS = 1.5 + (_SUBSCRIBERS + _KILLED) / 200


def run(name: str) -> Evidence:
    evidence = Evidence(name)
    cache = start_cache(**_SETTINGS)
    crowds = []
    try:
        with CacheClient(cache.address) as client:
            quiet = Crowd(cache.address, _SUBSCRIBERS - _STOPPED)
            undisturbed = latencies(client, quiet)
            quiet.kill()
            crowd = Crowd(cache.address, _SUBSCRIBERS, _STOPPED)
            victims = Crowd(cache.address, _KILLED)
            crowds = [crowd, victims]
            time.sleep(1)
            before = pss_bytes(cache.pid)
            with_stopped = latencies(client, crowd)
            for _ in range(_CHANGES):  # more than any window holds
                client.set_pressure_override(next(_levels), 600)
            grown = pss_bytes(cache.pid) - before
            victims.kill()
            with_killed = latencies(client, crowd)
        for case, values in (("100 stopped readers", with_stopped), ("and 50 killed", with_killed)):
            evidence.paired(
                case, "change to the last of 900", "ms", values, undisturbed, "none stopped", "<= 1.5"
            )
        evidence.single(
            "100 stopped readers", f"memory after {_CHANGES} changes", "MiB", grown / 2**20, "<= 5"
        )
        cache = restart(evidence, cache, crowd)
    finally:
        for each in crowds:
            each.kill()
        cache.kill()
    return evidence


def latencies(client: CacheClient, crowd: Crowd) -> list[float]:
    """Milliseconds from a change to the last reading subscriber."""
    values = []
    for _ in range(_ROUNDS):
        started = time.time()
        state = client.set_pressure_override(next(_levels), 600)
        values.append((crowd.heard(state.revision) - started) * 1000)
        time.sleep(0.1)
    return values


def restart(evidence: Evidence, cache: ServiceProcess, crowd: Crowd) -> ServiceProcess:
    port, stopped_at = cache.port, time.time()
    cache.stop(30)
    again = start_cache(port=port, **_SETTINGS)
    ready_at = time.time()
    joined = sorted(at - stopped_at for at in crowd.joined())
    # A second more: those whose moment came before the cache was back try again within a second or two.
    evidence.single("restart", "cache away", "s", ready_at - stopped_at)
    evidence.single("restart", "last of 900 is back", "s", joined[-1], f"<= {_WINDOW_SECONDS + 3:g}")
    # Those who had waited for the cache come at its return; the rest at their own moments.
    later = [at for at in joined if at > ready_at - stopped_at + 1.5]
    bins = Counter(int(at / 0.25) for at in later)
    mean = statistics.mean(bins.values()) if bins else 0.0
    evidence.single("restart", "most in 0.25 s / mean, later", "ratio", max(bins.values()) / mean, "<= 3")
    every = Counter(int(at / 0.25) for at in joined)
    evidence.single("restart", "most in 0.25 s, of all", "count", max(every.values()), "<= 225")
    with CacheClient(again.address) as client:
        values = latencies(client, crowd)
    evidence.single("restart", "change to the last of 900", "ms", statistics.median(values))
    return again
