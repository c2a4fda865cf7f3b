"""Sessions with scientific files of gigabytes on the client's disk: bytes, round trips, time, memory; and streams that can't seek."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from metaextract_client.render import outcome_name
from tests.benchmarks.pulling import least_blocks
from tests.golden.foreign import SCIENCE
from tests.support import large_science as large
from tests.support.evidence import Evidence
from tests.support.one_session import measured

if TYPE_CHECKING:
    from collections.abc import Callable

MIB, GB = 2**20, 10**9
_BLOCK_BYTES = 16 * 1024
_PREFETCH_BYTES = 128 * 1024

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
            answer = session.answer
            assert outcome_name(answer.document.outcome) == "OK", answer.document.problems
            moved = answer.info.moved_bytes
            allowed = 1.5 * least_blocks(path) * _BLOCK_BYTES + 2 * _PREFETCH_BYTES
            evidence.single(case, "size", "MB", path.stat().st_size / 1e6)
            evidence.single(case, "moved", "KiB", moved / 1024)
            evidence.single(case, "moved / block rule", "ratio", moved / allowed, "<= 1")
            evidence.single(case, "round trips, offer included", "count", answer.info.round_trips + 1)
            evidence.single(case, "elapsed, first", "ms", session.first_seconds * 1000, "< 500")
            evidence.single(case, "elapsed, warm", "ms", session.warm_seconds * 1000)
            evidence.single(case, "peak PSS over idle", "MiB", sum(session.over_idle_mib), "<= 32")
            path.unlink()
    return evidence
