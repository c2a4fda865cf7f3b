"""Start-up on a node that has hardly any CPU to give: ready in the end, with one line while waiting, and work is done."""

from __future__ import annotations

import time

from metaextract_client import ExtractorClient
from metaextract_client.render import outcome_name
from tests.samples import PHOTOS
from tests.support import cgroup, processes
from tests.support.evidence import Evidence
from tests.support.processes import start_cache, start_extractor

_PERCENTS = (2, 5, 10, 20)
_PATIENCE_SECONDS = 180.0


def run(name: str) -> Evidence:
    evidence = Evidence(name)
    processes.START_SECONDS = _PATIENCE_SECONDS
    with start_cache() as cache:
        for percent in _PERCENTS:
            try:
                group = cgroup.CpuCgroup(percent)
            except OSError as error:
                print(f"  no CPU cgroup can be made here: {error}")
                return evidence
            case, started_at = f"{percent} % of a CPU", time.monotonic()
            with group, start_extractor(cache.address, inside=group) as extractor:
                ready_seconds = time.monotonic() - started_at
                with ExtractorClient(extractor.address) as client:
                    document = client.extract_file(PHOTOS[0], timeout=120).document
                told = [line for line in extractor.log if "little CPU" in line]
                wrong = [line for line in extractor.log if '"level": "error"' in line or "Traceback" in line]
                print(f"  {case}: ready after {ready_seconds:.1f} s, {len(told)} lines of waiting")
                evidence.single(case, "until ready", "s", ready_seconds, f"<= {_PATIENCE_SECONDS}")
                evidence.single(case, "lines of waiting", "count", len(told), "<= 1")
                evidence.single(case, "errors and tracebacks", "count", len(wrong), "== 0")
                is_ok = outcome_name(document.outcome) == "OK"
                evidence.single(case, "a photograph is OK", "0/1", float(is_ok), "== 1")
                extractor.kill()
    return evidence
