"""`kill -9` of the cache in the middle of 1,000 puts, three times; extraction goes on meanwhile."""

from __future__ import annotations

import hashlib
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from metaextract.cache.v1 import result_pb2
from metaextract.extractor.v1 import extractor_pb2
from metaextract_client import CacheClient, ExtractorClient, MetaExtractError
from metaextract_client.render import cache_status_name, outcome_name
from tests.samples import PHOTOS
from tests.support.evidence import Evidence
from tests.support.processes import start_cache, start_extractor

_PUTS = 1000
_ROUNDS = 3


def key(number: int, round_number: int) -> result_pb2.ResultKey:
    return result_pb2.ResultKey(
        space="verified", content_id=f"b3:{round_number}-{number:064x}", module="metadata", version="1"
    )


def value(number: int, round_number: int) -> bytes:
    """4 KB or so that follow from the key, so that any other bytes are seen."""
    seed = hashlib.sha256(f"{round_number}/{number}".encode()).digest()
    return seed * (100 + number % 60)


class Extractions:
    """Extracts photographs in a loop, in a thread; counts what came of it."""

    def __init__(self, address: str) -> None:
        self.ok = 0
        self.failed: list[str] = []
        self.statuses: dict[str, int] = {}
        self._address = address
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        refresh = extractor_pb2.ExtractOptions(cache_mode=extractor_pb2.CACHE_MODE_REFRESH)
        with ExtractorClient(self._address) as client:
            number = 0
            while not self._stop.is_set():
                number += 1
                try:
                    document, info = client.extract_file(PHOTOS[number % len(PHOTOS)], refresh, timeout=20)
                except MetaExtractError as error:
                    self.failed.append(str(error))
                    continue
                status = cache_status_name(info.cache_status)
                self.statuses[status] = self.statuses.get(status, 0) + 1
                if outcome_name(document.outcome) in {"OK", "PARTIAL"}:
                    self.ok += 1
                else:
                    self.failed.append(outcome_name(document.outcome))


def put_until_killed(cache, round_number: int, kill_after: int) -> set[int]:
    """Numbers acknowledged with DISK; the cache is killed once `kill_after` of them were."""
    acknowledged: set[int] = set()
    with CacheClient(cache.address) as client, ThreadPoolExecutor(8) as executor:

        def put(number: int) -> None:
            entry = result_pb2.ResultEntry(key=key(number, round_number), value=value(number, round_number))
            try:
                outcome = client.put_result(entry, timeout=5)
            except MetaExtractError:
                return
            if outcome.status == result_pb2.PUT_STATUS_DISK:
                acknowledged.add(number)

        futures = [executor.submit(put, number) for number in range(_PUTS)]
        while len(acknowledged) < kill_after:
            time.sleep(0.0005)
        cache.kill()
        for future in futures:
            future.result()
    return acknowledged


def run(name: str) -> Evidence:
    evidence = Evidence(name)
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder) / "cache"
        cache = start_cache(directory)
        port = cache.port
        with start_extractor(cache.address) as extractor, Extractions(extractor.address) as extractions:
            for round_number in range(_ROUNDS):
                acknowledged = put_until_killed(cache, round_number, kill_after=300 + 100 * round_number)
                time.sleep(0.5)  # extraction without a cache
                started = time.monotonic()
                cache = start_cache(directory, port=port)
                restart_seconds = time.monotonic() - started
                lost, corrupt, extra = check(cache, round_number, acknowledged)
                case = f"round {round_number + 1}"
                evidence.single(
                    case, "acknowledged with DISK before the kill", "count", len(acknowledged), "> 0"
                )
                evidence.single(case, "put, but never answered", "count", _PUTS - len(acknowledged), "> 0")
                evidence.single(case, "acknowledged and lost", "count", lost, "== 0")
                evidence.single(case, "served with wrong bytes", "count", corrupt, "== 0")
                evidence.single(case, "there without an acknowledgement", "count", extra)
                evidence.single(case, "restart until ready", "s", restart_seconds, "<= 5")
            time.sleep(0.5)
        cache.stop()
    print(
        f"  extractions meanwhile: {extractions.ok} fine, {extractions.statuses}, failed {extractions.failed[:3]}"
    )
    evidence.single("extraction meanwhile", "documents", "count", extractions.ok, "> 0")
    evidence.single("extraction meanwhile", "failed", "count", len(extractions.failed), "== 0")
    evidence.single(
        "extraction meanwhile",
        "with the cache UNAVAILABLE",
        "count",
        extractions.statuses.get("UNAVAILABLE", 0),
        "> 0",
    )
    return evidence


def check(cache, round_number: int, acknowledged: set[int]) -> tuple[int, int, int]:
    """Lost, corrupt, and present without acknowledgement."""
    lost = corrupt = extra = 0
    with CacheClient(cache.address) as client:
        for number in range(_PUTS):
            lookup = client.get_result(key(number, round_number))
            if not lookup.found:
                lost += number in acknowledged
            elif lookup.value != value(number, round_number):
                corrupt += 1
            elif number not in acknowledged:
                extra += 1
    return lost, corrupt, extra
