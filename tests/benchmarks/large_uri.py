"""2 GiB FITS and HDF5 files by `file://` URI: bytes read, and memory of all processes over idle."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from extractor_service.sources.content import SETTLE_SECONDS
from metaextract_client import ExtractorClient
from metaextract_client.render import cache_status_name, outcome_name
from tests.support import large_files
from tests.support.evidence import Evidence
from tests.support.processes import PeakMemory, start_cache, start_extractor

_SIZE = 2 * 2**30


def run(name: str) -> Evidence:
    evidence = Evidence(name)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "files"
        root.mkdir()
        large_files.write_fits(root / "large.fits", _SIZE)
        large_files.write_hdf5(root / "large.h5", _SIZE)
        time.sleep(SETTLE_SECONDS + 0.1)
        for path in sorted(root.iterdir()):
            # A pair of its own for each file: "over idle" then includes loading the format's library.
            with (
                start_cache(Path(folder) / f"cache-{path.suffix}") as cache,
                start_extractor(cache.address, METAEXTRACT_FILE_ROOTS=str(root)) as extractor,
                ExtractorClient(extractor.address) as client,
            ):
                with PeakMemory(extractor.pid, cache.pid, interval_seconds=0.005) as memory:
                    answer = client.extract_uri(path.as_uri())
                again = client.extract_uri(path.as_uri())
            fields = sum(len(section.fields) for section in answer.document.sections)
            assert outcome_name(answer.document.outcome) == "OK", answer.document.problems
            assert cache_status_name(again.info.cache_status) == "HIT"
            case = f"{path.name}, {path.stat().st_size / 2**30:.1f} GiB"
            evidence.single(case, "fields", "count", fields)
            evidence.single(
                case, "bytes read, whole blocks", "MiB", answer.info.source_bytes_read / 2**20, "< 2"
            )
            evidence.single(case, "reads", "count", answer.info.source_reads)
            evidence.single(case, "peak PSS over idle, all", "MiB", sum(memory.over_idle_mib()), "< 40")
            for part in ("front", "worker"):
                evidence.single(case, f"peak RSS, {part}", "MiB", memory.peak_rss_bytes[part] / 2**20)
            evidence.single(case, "elapsed, first", "ms", answer.info.elapsed_seconds * 1000)
            evidence.single(case, "elapsed, cached", "ms", again.info.elapsed_seconds * 1000)
    return evidence
