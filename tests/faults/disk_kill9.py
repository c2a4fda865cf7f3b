"""`kill -9` of the cache at random moments under write load, twenty times: nothing acknowledged with DISK is lost."""

from __future__ import annotations

import random
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from metaextract.cache.v1 import result_pb2
from metaextract_client import CacheClient, MetaExtractError
from tests.faults.cache_kill9 import key, value
from tests.support.evidence import Evidence
from tests.support.processes import start_cache

_ROUNDS = 20
_WRITERS = 8


def run(name: str) -> Evidence:
    evidence = Evidence(name)
    rng = random.Random(9)
    acknowledged: set[tuple[int, int]] = set()
    lost = wrong = unanswered = 0
    restarts = []
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder) / "cache"
        for round_number in range(_ROUNDS):
            started = time.monotonic()
            # Hardly any memory: what is read comes from the disk.
            cache = start_cache(directory, METAEXTRACT_CACHE_MEMORY_BYTES=str(2**20))
            restarts.append(time.monotonic() - started)
            lost_now, wrong_now = check(cache, sorted(acknowledged))
            lost, wrong = lost + lost_now, wrong + wrong_now
            stored, failed = write_until_killed(cache, round_number, rng.uniform(0.05, 1.0))
            acknowledged |= stored
            unanswered += failed
            print(
                f"  round {round_number + 1}: {len(stored)} acknowledged, {failed} not; {lost} lost, {wrong} wrong so far"
            )
        cache = start_cache(directory)
        lost_now, wrong_now = check(cache, sorted(acknowledged))
        lost, wrong = lost + lost_now, wrong + wrong_now
        cache.stop()
    evidence.single("20 kills", "acknowledged with DISK", "count", len(acknowledged), "> 1000")
    evidence.single("20 kills", "on their way when it died", "count", unanswered, "> 0")
    evidence.single("20 kills", "acknowledged and lost", "count", lost, "== 0")
    evidence.single("20 kills", "served with wrong bytes", "count", wrong, "== 0")
    evidence.single("20 kills", "slowest restart until ready", "s", max(restarts), "<= 5")
    return evidence


def write_until_killed(cache, round_number: int, seconds: float) -> tuple[set[tuple[int, int]], int]:
    """The entries acknowledged with DISK, and the number of puts that failed."""
    stored: set[tuple[int, int]] = set()
    failed = []
    stop = threading.Event()

    def write(writer: int) -> None:
        with CacheClient(cache.address) as client:
            number = writer
            while not stop.is_set():
                entry = result_pb2.ResultEntry(
                    key=key(number, round_number), value=value(number, round_number)
                )
                try:
                    outcome = client.put_result(entry, timeout=5)
                except MetaExtractError:
                    failed.append(number)
                    return
                if outcome.status == result_pb2.PUT_STATUS_DISK:
                    stored.add((round_number, number))
                number += _WRITERS

    with ThreadPoolExecutor(_WRITERS) as executor:
        futures = [executor.submit(write, writer) for writer in range(_WRITERS)]
        time.sleep(seconds)
        cache.kill()
        stop.set()
        for future in futures:
            future.result()
    return stored, len(failed)


def check(cache, entries: list[tuple[int, int]]) -> tuple[int, int]:
    """Of the entries, those lost and those with wrong bytes."""
    lost = wrong = 0
    with CacheClient(cache.address) as client:
        for start in range(0, len(entries), 500):
            part = entries[start : start + 500]
            lookups = client.get_results([key(number, round_number) for round_number, number in part]).lookups
            for (round_number, number), lookup in zip(part, lookups, strict=True):
                lost += not lookup.found
                wrong += lookup.found and lookup.value != value(number, round_number)
    return lost, wrong
