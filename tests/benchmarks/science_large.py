"""Sessions with scientific files of gigabytes on the client's disk: bytes, round trips, time, memory; and streams that can't seek."""

from __future__ import annotations

import os
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from extractor_service.document import Document
from extractor_service.formats.identification.identify import identify_source
from extractor_service.sources.blocks import BlockCachedSource
from extractor_service.sources.descriptor import DescriptorSource
from metaextract_client import NEVER, ExtractorClient
from metaextract_client.session_options import SessionOptions
from tests.benchmarks.large_session import tell_costs
from tests.golden.foreign import SCIENCE
from tests.support import large_science as large
from tests.support.evidence import Evidence
from tests.support.one_session import measured
from tests.support.processes import PeakMemory, start_cache, start_extractor

if TYPE_CHECKING:
    from collections.abc import Callable

    from metaextract_client.extraction import Extraction
    from metaextract_client.session_options import SessionProgress

MIB, GB = 2**20, 10**9

CASES: dict[str, tuple[str, Callable[[Path], None]]] = {
    "DICOM, 4.2 GB": ("dcm", lambda path: large.write_dicom(path, 4_199_999_998)),
    "FITS, 5 GB": ("fits", lambda path: large.write_fits(path, 3, 5 * GB // 3)),
    "HDF5, 5 GB": ("h5", lambda path: large.write_hdf5(path, 200, 5 * GB)),
    "netCDF, 5 GB": ("nc", lambda path: large.write_netcdf(path, 5 * GB)),
    "Parquet, 5 GB": ("parquet", lambda path: large.write_parquet(path, SCIENCE / "polars.parquet", 5 * GB)),
    "GRIB, 5 GB": (
        "grib2",
        lambda path: large.write_grib(path, (SCIENCE / "gdal.grb2").read_bytes(), 20, 250_000_000),
    ),
}

STREAMS: dict[str, tuple[str, Callable[[Path], None]]] = {
    "FITS, 5 GB, a pipe": ("fits", lambda path: large.write_fits(path, 3, 5 * GB // 3)),
    "HDF5, 5 GB, a pipe": ("h5", lambda path: large.write_hdf5(path, 200, 5 * GB)),
}


def run(name: str) -> Evidence:
    """One pair for each file, so that "over idle" has its whole cost; its workers have read one small HDF5 file."""
    evidence = Evidence(name)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for number, (case, (suffix, write)) in enumerate(CASES.items()):
            path = root / f"large.{suffix}"
            write(path)
            time.sleep(2.1)  # until the file's times tell its states apart
            session = measured(path, root / f"cache-{number}", SCIENCE / "h5py-latest.h5")
            tell_costs(evidence, case, path, session)
            path.unlink()
        for case, (suffix, write) in STREAMS.items():
            path = root / f"stream.{suffix}"
            write(path)
            _stream(evidence, case, path, root / f"cache-{suffix}-stream")
            path.unlink()
    return evidence


def _stream(evidence: Evidence, case: str, path: Path, cache_folder: Path) -> None:
    """A pipe, which can't go back, in chunks of a mebibyte."""
    told: list[SessionProgress] = []
    with (
        start_cache(cache_folder) as cache,
        start_extractor(cache.address) as extractor,
        ExtractorClient(extractor.address, NEVER) as client,
    ):
        client.extract_file(SCIENCE / "h5py-latest.h5")
        reading, writing = os.pipe()

        def feed() -> None:
            with os.fdopen(writing, "wb") as pipe, path.open("rb") as file:
                while data := file.read(MIB):
                    pipe.write(data)

        threading.Thread(target=feed, daemon=True).start()
        with PeakMemory(extractor.pid, cache.pid, interval_seconds=0.02) as memory:
            started = time.perf_counter()
            answer = client.extract_session(
                f"/dev/fd/{reading}", session=SessionOptions(on_progress=told.append)
            )
            elapsed = time.perf_counter() - started
        os.close(reading)
    fields = answer.document.sections[0].fields
    groups = {field.group for field in fields}
    is_same = _facts(answer) == _facts_of(path)
    evidence.single(case, "size", "MB", path.stat().st_size / 1e6)
    evidence.single(case, "elapsed, hashed on the way", "s", elapsed)
    evidence.single(case, "groups", "count", len(groups))
    evidence.single(case, "the document is that of the file", "0/1", float(is_same), "== 1")
    evidence.single(case, "words on progress", "count", len(told), ">= 5")
    evidence.single(case, "peak PSS over idle", "MiB", sum(memory.over_idle_mib()), "<= 32")


def _facts(answer: Extraction) -> list[tuple[str, str, str]]:
    return [(s.name, f.group, f.name) for s in answer.document.sections for f in s.fields]


def _facts_of(path: Path) -> list[tuple[str, str, str]]:
    document = Document()
    found = DescriptorSource(os.open(path, os.O_RDONLY), path.stat().st_size)
    identify_source(found).format.load()(BlockCachedSource(found), document)
    return [(s, f.group, f.name) for s, fields in document.sections.items() for f in fields]
