"""Scientific files of a hundred thousand parts, read in place: memory over idle, time, and a Problem that says what was left out."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from extractor_service.sources.content import SETTLE_SECONDS
from metaextract.document.v1 import document_pb2
from metaextract_client import ExtractorClient
from metaextract_client.render import outcome_name
from tests.golden.foreign import SCIENCE
from tests.support import large_science as large
from tests.support.evidence import Evidence
from tests.support.processes import PeakMemory, start_cache, start_extractor

if TYPE_CHECKING:
    from collections.abc import Callable

_CASES: dict[str, tuple[str, float, Callable[[Path], None]]] = {
    "HDF5 of 1,000,000 objects": ("h5", 5, lambda path: large.write_hdf5(path, 1_000_000)),
    "HDF5 of 2,000 references": ("h5", 0.5, lambda path: large.write_hdf5(path, 0, 0, 2000)),
    "DICOM of 100,000 elements": ("dcm", 5, lambda path: large.write_dicom_of_parts(path, 100_000, 0)),
    "DICOM of 300,000 items": ("dcm", 5, lambda path: large.write_dicom_of_parts(path, 10, 300_000)),
    "FITS of 30,000 HDUs": ("fits", 5, lambda path: large.write_fits(path, 30_000, 0)),
    "Parquet of 20,000 columns": ("parquet", 5, lambda path: large.write_parquet_of_columns(path, 20_000, 5)),
}
_WHOLE = frozenset({"HDF5 of 2,000 references"})
"""Nothing of it is left out but the values of one list."""


def run(name: str) -> Evidence:
    """One pair for each, whose worker has read a small HDF5 file."""
    evidence = Evidence(name)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "files"
        root.mkdir()
        for number, (case, (suffix, most_seconds, write)) in enumerate(_CASES.items()):
            path = root / f"huge.{suffix}"
            write(path)
            time.sleep(SETTLE_SECONDS + 0.1)
            with (
                start_cache(Path(folder) / f"cache-{number}") as cache,
                start_extractor(cache.address, METAEXTRACT_FILE_ROOTS=str(root)) as extractor,
                ExtractorClient(extractor.address) as client,
            ):
                client.extract_file(SCIENCE / "h5py-latest.h5")
                with PeakMemory(extractor.pid, cache.pid, interval_seconds=0.005) as memory:
                    answer = client.extract_uri(path.as_uri(), timeout=60)
            document = answer.document
            limits = [each for each in document.problems if each.kind == document_pb2.PROBLEM_KIND_LIMIT]
            fields = sum(len(section.fields) for section in document.sections)
            evidence.single(case, "size", "MB", path.stat().st_size / 1e6)
            evidence.single(case, "fields", "count", fields, ">= 10")
            evidence.single(case, "elapsed", "s", answer.info.elapsed_seconds, f"< {most_seconds}")
            evidence.single(case, "peak PSS over idle", "MiB", sum(memory.over_idle_mib()), "<= 64")
            if case not in _WHOLE:
                evidence.single(case, "a Problem says that it is cut", "0/1", float(bool(limits)), "== 1")
            lost = outcome_name(document.outcome) not in {"OK", "PARTIAL"}
            evidence.single(case, "lost", "0/1", float(lost), "== 0")
            path.unlink()
    return evidence
