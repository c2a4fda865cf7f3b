"""Scientific files of a hundred thousand parts, read in place: memory over idle, time, and a Problem that says what was left out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.faults.huge import Case, compared
from tests.golden.foreign import SCIENCE
from tests.support import large_science as large

if TYPE_CHECKING:
    from tests.support.evidence import Evidence

_CASES = {
    "HDF5 of 1,000,000 objects": Case(".h5", lambda path: large.write_hdf5(path, 1_000_000)),
    "HDF5 of 2,000 references": Case(
        ".h5", lambda path: large.write_hdf5(path, 0, 0, 2000), 0.5, is_whole=True
    ),
    "DICOM of 100,000 elements": Case(".dcm", lambda path: large.write_dicom_of_parts(path, 100_000, 0)),
    "DICOM of 300,000 items": Case(".dcm", lambda path: large.write_dicom_of_parts(path, 10, 300_000)),
    "FITS of 30,000 HDUs": Case(".fits", lambda path: large.write_fits(path, 30_000, 0)),
    "Parquet of 20,000 columns": Case(
        ".parquet", lambda path: large.write_parquet_of_columns(path, 20_000, 5)
    ),
}


def run(name: str) -> Evidence:
    """See `compared`."""
    return compared(name, _CASES, SCIENCE / "h5py-latest.h5", 10)
