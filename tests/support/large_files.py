"""Sparse files of gigabytes: real headers, data that takes no disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.golden.science import BLOCK, header

if TYPE_CHECKING:
    from pathlib import Path


def write_fits(path: Path, size_bytes: int) -> None:
    """A FITS file of about `size_bytes`: a primary header, a huge image, and a small table behind it."""
    rows = size_bytes // BLOCK * BLOCK // 4096 // 2880 * 2880
    primary = header(
        [
            "SIMPLE  =                    T",
            "BITPIX  =                   16",
            "NAXIS   =                    2",
            "NAXIS1  =                 2048",
            f"NAXIS2  = {rows:>20}",
            "EXTEND  =                    T",
            "OBJECT  = 'Large field'",
            "TELESCOP= 'Golden  '",
            *(f"KEY{number:<5}= {number:>20} / one of many" for number in range(150)),
        ]
    )
    table = header(
        [
            "XTENSION= 'BINTABLE'",
            "BITPIX  =                    8",
            "NAXIS   =                    2",
            "NAXIS1  =                    8",
            "NAXIS2  =                    0",
            "PCOUNT  =                    0",
            "GCOUNT  =                    1",
            "TFIELDS =                    0",
            "EXTNAME = 'LAST    '",
        ]
    )
    with path.open("wb") as file:
        file.write(primary)
        file.seek(2048 * 2 * rows, 1)
        file.write(table)


def write_hdf5(path: Path, size_bytes: int, datasets: int = 222) -> None:
    """An HDF5 file of about `size_bytes`: one huge dataset, and many small ones with attributes."""
    import h5py

    with h5py.File(path, "w") as file:
        file.create_dataset("huge", (size_bytes // 8,), "f8")
        file["huge"][-1] = 1.0  # allocates it, as a hole
        for number in range(datasets):
            group = file.require_group(f"run{number % 20}")
            data = group.create_dataset(f"data{number}", (100,), "i4")
            data.attrs["unit"] = "counts"
            data.attrs["number"] = number


def fits_header(name: str, size_bytes: int) -> bytes:
    """The header of a FITS file of `size_bytes`, whose data is an image of a byte per pixel; differs by `name`.

    What is left to a whole block is cut off, as many writers do.
    """
    cards = [
        "SIMPLE  =                    T",
        "BITPIX  =                    8",
        "NAXIS   =                    1",
        f"NAXIS1  = {size_bytes - BLOCK:>20}",
        f"OBJECT  = '{name:<8}'",
    ]
    return header(cards)
