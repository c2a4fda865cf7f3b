"""Jobs that hang, allocate 4 GiB, or crash: typed outcomes, and the next request is served."""

from __future__ import annotations

import time

from metaextract.extractor.v1 import extractor_pb2
from metaextract_client import ExtractorClient
from metaextract_client.render import cache_status_name, outcome_name
from tests.faults.hostile import make
from tests.samples import PHOTOS
from tests.support.evidence import Evidence
from tests.support.processes import family, start_cache, start_extractor, wait_until

EXPECTED = {
    "hang": "TIMEOUT",
    "hang-deaf": "TIMEOUT",
    "allocate": "OUT_OF_MEMORY",
    "segfault": "CRASHED",
    "exit": "CRASHED",
    "kill": "OUT_OF_MEMORY",
    "raise": "PARTIAL",
    "nonsense": "CRASHED",
}
_PARSE_SECONDS = 1.0


def run(name: str) -> Evidence:
    evidence = Evidence(name)
    options = extractor_pb2.ExtractOptions(parse_seconds=_PARSE_SECONDS)
    bypass = extractor_pb2.ExtractOptions(cache_mode=extractor_pb2.CACHE_MODE_BYPASS)
    photo = PHOTOS[0]
    with (
        start_cache() as cache,
        start_extractor(cache.address, "tests.faults.hostile_extractor") as extractor,
        ExtractorClient(extractor.address) as client,
    ):
        client.extract_file(photo, bypass)
        for action, expected in EXPECTED.items():
            data = make(action)
            started = time.monotonic()
            document, info = client.extract_bytes(data, f"{action}.hostile", options, timeout=30)
            seconds = time.monotonic() - started
            found = outcome_name(document.outcome)
            messages = "; ".join(problem.message for problem in document.problems)
            print(f"  {action:<10} {found:<14} {seconds:6.2f} s  {messages}")
            evidence.single(action, f"outcome is {expected}", "0/1", float(found == expected), "== 1")
            evidence.single(action, "time to the answer", "s", seconds, f"<= {_PARSE_SECONDS + 2}")
            started = time.monotonic()
            following, _ = client.extract_file(photo, bypass)
            evidence.single(
                action, "next request is OK", "0/1", float(outcome_name(following.outcome) == "OK"), "== 1"
            )
            evidence.single(action, "next request took", "s", time.monotonic() - started, "<= 1")
            again = client.extract_bytes(data, "", options, timeout=30) if expected != "PARTIAL" else None
            if again is not None:
                # A lost worker is remembered for a moment; what ended by itself is tried again.
                same = outcome_name(again.document.outcome) == found
                evidence.single(action, "asked again: the same outcome", "0/1", float(same), "== 1")
                print(f"             asked again: {cache_status_name(again.info.cache_status)}")
            assert info.content_id
        # Of the whole zoo only the template and idle workers are left: nothing leaks.
        wait_until(lambda: len(family(extractor.pid)) <= 2 + 2, 5)
        evidence.single(
            "afterwards", "processes besides front, template", "count", len(family(extractor.pid)) - 2, "<= 2"
        )
    return evidence
