"""What the field's readers say of scientific files, reading the whole file; run by build/oracles/science/bin/python.

    python science_oracles.py FAMILY < PATHS > JSON

Per file either {"facts": {key: value}} or {"refused": why}. A key is "section|group|name" as our document has it, or with "|entry"
for one entry of a struct; a name that comes several times has "#1", "#2" … behind it. Values are plain JSON."""

from __future__ import annotations

import json
import sys
import warnings

import science_oracles_arrays as arrays
import science_oracles_grids as grids
import science_oracles_others as others
import science_oracles_tables as tables

FAMILIES = {
    "dicom": arrays.dicom, "fits": arrays.fits, "hdf5": arrays.hdf5, "netcdf": arrays.netcdf, "nifti": arrays.nifti, "parquet": tables.parquet, "arrow": tables.arrow,
    "orc": tables.orc, "avro": tables.avro, "mat": tables.mat, "npy": tables.numpy_, "zarr": tables.zarr_, "grib": grids.grib, "bufr": others.bufr,
    "safetensors": others.safetensors, "gguf": others.gguf_, "onnx": others.onnx_, "jcamp": others.jcamp_, "mzml": others.mzml, "segy": others.segy, "las_well": others.las_well, "geotiff": grids.geotiff,
}  # fmt: skip


def main() -> None:
    family = FAMILIES[sys.argv[1]]
    warnings.simplefilter("ignore")
    answers = {}
    for path in sys.stdin.read().splitlines():
        try:
            answers[path] = {"facts": family(path).done()}
        except Exception as error:  # noqa: BLE001 - what readers raise is their affair
            answers[path] = {"refused": f"{type(error).__name__}: {str(error)[:150]}"}
    json.dump(answers, sys.stdout, default=str)


if __name__ == "__main__":
    main()
