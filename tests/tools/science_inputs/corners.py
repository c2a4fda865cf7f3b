"""What readers overlook: one file for each corner of a format that a review found read wrongly, or not at all."""

from __future__ import annotations

import datetime as dt
import struct
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

_LAS_3 = """~Version
VERS. 3.0 : CWLS LOG ASCII STANDARD -VERSION 3.0
WRAP. NO :
DLM. COMMA :
~Well
STRT.M 1670.0 : First
STOP.M 1669.75 : Last
STEP.M -0.25 : Step
NULL. -999.25 : Null
UWI. 00123456789012345 : UNIQUE WELL ID
API. 0012345678 : API
~Parameter
RUN. 1 {I} : Run number
~Core_Parameters[1]
C_SRS. TEST {S} : Core source
~Core_Definition[1]
CORET.M {F} : Core top
~Core_Data[1] | Core_Definition[1]
1
~Log_Definition
DEPT.M {F} : Depth
DT.US/M 123 450 {F} : Sonic
~Log_Data | Log_Definition
1670.0,123.45
1669.75,123.45
"""


def hdf5__corners(folder: Path) -> None:
    import h5py

    with h5py.File(folder / "corners.h5", "w") as file:
        data = file.create_dataset("d", data=np.arange(4))
        colours = h5py.enum_dtype({"RED": 0, "GREEN": 1}, basetype="i1")
        row = np.dtype([("x", "f4"), ("e", colours), ("b", "?")])
        rows = np.zeros((2, 2), row)
        rows["e"], rows["x"], rows["b"] = 1, [[1, 2], [3, 4]], True
        data.attrs.create("rows", rows, dtype=row)
        data.attrs.create("colours", np.array([0, 1, 1], "i1"), dtype=colours)
        data.attrs["complex"] = np.array([1 + 2j, 3 + 4j])
        data.attrs["references"] = np.array([data.ref, file.ref], dtype=h5py.ref_dtype)
        space = h5py.h5s.create_simple((3,))
        kind = h5py.h5t.IEEE_F32LE.copy()
        kind.set_fields(15, 7, 8, 0, 7), kind.set_precision(16), kind.set_size(2), kind.set_ebias(127)
        h5py.h5d.create(file.id, b"bf16", kind, space)
        kind = h5py.h5t.STD_I16LE.copy()
        kind.set_precision(12)
        h5py.h5d.create(file.id, b"int12", kind, space)
        layout = h5py.VirtualLayout((2, 4), "f4")
        for number, name in enumerate("ab"):
            layout[number] = h5py.VirtualSource(f"{name}.h5", "/x", (4,))
        file.create_virtual_dataset("virtual", layout, fillvalue=-1)
        file.create_dataset("external", (10,), "f4", external=[("raw.bin", 0, 40)])
        file["hard"] = file["d"]


def netcdf__corners(folder: Path) -> None:
    import netCDF4

    with netCDF4.Dataset(folder / "corners.nc", "w") as file:
        file.Conventions = "CF-1.8"
        for name, size in (("time", None), ("y", 3), ("x", 4), ("nv", 2), ("strlen", 5), ("station", 2), ("lev", 2), ("lat", 2)):  # fmt: skip
            file.createDimension(name, size)

        def variable(name: str, kind: str, dimensions: tuple[str, ...], **attributes: object) -> None:
            file.createVariable(name, kind, dimensions).setncatts(attributes)

        variable(
            "time", "f8", ("time",), units="days since 2000-01-01", bounds="time_bnds", standard_name="time"
        )
        file["time"][:] = [0, 1]
        variable("time_bnds", "f8", ("time", "nv"))
        variable("x", "f8", ("x",), units="m", standard_name="projection_x_coordinate")
        variable("lev", "f4", ("lev",), units="hPa", standard_name="air_pressure")
        variable("lon", "f8", ("y", "x"), units="degrees_east", standard_name="longitude")
        variable("lat", "f8", ("y", "x"), units="degrees_north", standard_name="latitude")
        variable("crs", "i4", (), grid_mapping_name="lambert_conformal_conic", standard_parallel=[30.0, 60.0])
        variable("area", "f4", ("y", "x"), units="m2", standard_name="cell_area")
        variable("height", "f8", (), units="m", positive="up", standard_name="height")
        told = {"coordinates": "lat lon height", "grid_mapping": "crs: x y", "cell_measures": "area: area"}
        variable("tas", "f4", ("time", "y", "x"), units="K", standard_name="air_temperature", **told)
        variable("station", "S1", ("station", "strlen"))
        group = file.createGroup("g1")
        group.createDimension("z", 2)
        group.createVariable("z", "f4", ("z",)).setncatts({"units": "m", "positive": "down"})
        group.createVariable("q", "f4", ("time", "z")).setncatts(
            {"units": "1", "standard_name": "specific_humidity"}
        )


def mat__corners(folder: Path) -> None:
    import h5py
    import scipy.io
    import scipy.sparse

    path = folder / "corners-73.mat"
    with h5py.File(path, "w", userblock_size=512) as file:

        def told(item: object, **attributes: object) -> None:
            for name, value in attributes.items():
                item.attrs[f"MATLAB_{name}"] = np.bytes_(value) if isinstance(value, str) else value

        told(
            file.create_dataset("empty", data=np.array([0, 3], "u8")),
            **{"class": "double", "empty": np.uint8(1)},
        )
        told(file.create_dataset("text", data=np.array([[104], [105]], "u2")), **{"class": "char"})
        told(file.create_group("record"), **{"class": "struct"})
        told(file["record"].create_dataset("a", data=np.ones((1, 1))), **{"class": "double"})
        sparse = file.create_group("sparse")
        told(sparse, **{"class": "double", "sparse": np.uint64(5)})
        sparse["jc"], sparse["ir"], sparse["data"] = (
            np.arange(5, dtype="u8"),
            np.arange(4, dtype="u8"),
            np.ones(4),
        )
    with path.open("r+b") as raw:
        raw.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64, Created on: Mon Jan 01 00:00:00 2024 HDF5 schema 1.00 .".ljust(124) + b"\0\x02IM")  # fmt: skip
    eye = scipy.sparse.csc_matrix(np.eye(3))
    values = {"big": np.array([[2**60]]), "complex": np.array([[1 + 2j]]), "sparse": eye, "logical": eye.astype(bool), "nd": np.zeros((2, 3, 4)), "rows": np.arange(6.0).reshape(2, 3), "text": "héllo", "cells": np.array([[1, "x"]], dtype=object)}  # fmt: skip
    scipy.io.savemat(folder / "corners-5.mat", values, do_compression=True)
    scipy.io.savemat(folder / "corners-4.mat", {"rows": values["rows"], "sparse": eye}, format="4")


def onnx__corners(folder: Path) -> None:
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    def value(name: str, shape: object = None) -> object:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    inner = numpy_helper.from_array(np.zeros((100,), "f4"), "w2")
    then = helper.make_graph([helper.make_node("Add", ["X", "w2"], ["y"])], "then", [], [value("y")], [inner])
    other = helper.make_graph([helper.make_node("Relu", ["X"], ["y2"])], "else", [], [value("y2")])
    kept = numpy_helper.from_array(np.ones(2, "f4"), "sw")
    sparse = helper.make_sparse_tensor(kept, numpy_helper.from_array(np.array([1, 2]), "si"), [10])
    graph = helper.make_graph(
        [helper.make_node("If", ["c"], ["z"], then_branch=then, else_branch=other)],
        "g",
        [helper.make_tensor_value_info("c", TensorProto.BOOL, []), value("X", ["N", 3, None])],
        [value("z")],
        [numpy_helper.from_array(np.zeros((3, 4), "f4"), "w")],
        sparse_initializer=[sparse],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)]), folder / "corners.onnx")


def segy__corners(folder: Path) -> None:
    text = ("C 1 X".ljust(80) + "C".ljust(80) * 39).encode("cp500")

    def head(order: str, revision: bytes, texts: int, more: int = 0) -> bytes:
        data = bytearray(400)
        for at, value in ((3217, 2000), (3221, 4), (3225, 5), (3227, 1), (3505, texts), (3507, more)):
            struct.pack_into(f"{order}h", data, at - 3201, value)
        data[300:302] = revision
        if revision[0] == 2:
            struct.pack_into(f"{order}I", data, 96, 16909060)
        return bytes(data)

    def trace(order: str, number: int, more: int = 0) -> bytes:
        data = bytearray(240)
        struct.pack_into(f"{order}i", data, 0, number)
        struct.pack_into(f"{order}HH", data, 114, 4, 2000)
        return bytes(data) + bytes(240 * more) + bytes(16)

    for name, order, revision, texts, more in (("swapped", "<", b"\2\0", 0, 0), ("texts", ">", b"\1\0", -1, 0), ("headers", ">", b"\2\0", 0, 1)):  # fmt: skip
        stanzas = b"".join(
            each.ljust(3200).encode("cp500") for each in ("((OGP:abc))", "((SEG: EndText))") if texts
        )
        data = text + head(order, revision, texts, more) + stanzas
        (folder / f"corners-{name}.sgy").write_bytes(
            data + b"".join(trace(order, each, more) for each in (1, 2, 3))
        )


def nifti__corners(folder: Path) -> None:
    import nibabel

    for name, unit in (("milliseconds", "msec"), ("hertz", "hz")):
        image = nibabel.Nifti1Image(np.zeros((4, 5, 6, 7), "i2"), np.diag([-2, 2, 3, 1]))
        image.header.set_xyzt_units("mm", unit)
        image.header["pixdim"][4] = 2000
        image.to_filename(folder / f"corners-{name}.nii")


def avro__corners(folder: Path) -> None:
    import fastavro

    schema = {
        "type": "record",
        "name": "R",
        "namespace": "n",
        "fields": [
            {"name": "when", "type": ["null", {"type": "long", "logicalType": "timestamp-millis"}], "default": None},
            {"name": "amount", "type": ["null", {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}], "default": None},
            {"name": "days", "type": {"type": "array", "items": {"type": "int", "logicalType": "date"}}},
            {"name": "day", "type": {"type": "int", "logicalType": "date"}},
            {"name": "child", "type": ["null", "n.R"], "default": None},
        ],
    }  # fmt: skip
    row = {"when": None, "amount": None, "days": [], "day": dt.date(2020, 1, 1), "child": None}
    with (folder / "corners.avro").open("wb") as file:
        fastavro.writer(file, fastavro.parse_schema(schema), [row])


def las_well__corners(folder: Path) -> None:
    (folder / "corners-3.las").write_text(_LAS_3)


def dicom__corners(folder: Path) -> None:
    import pydicom
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.encaps import encapsulate
    from pydicom.sequence import Sequence
    from pydicom.uid import ExplicitVRLittleEndian, JPEGBaseline8Bit

    def blank(syntax: str) -> Dataset:
        data = Dataset()
        data.file_meta = FileMetaDataset()
        data.file_meta.TransferSyntaxUID = syntax
        data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
        data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID = "1.2.3"
        return data

    def pixels(data: Dataset) -> None:
        data.add_new(0x7FE00010, "OB", encapsulate([b"\xff\xd8\xff\xd9"]))
        data["PixelData"].is_undefined_length = True

    data = blank(ExplicitVRLittleEndian)
    data.SpecificCharacterSet = ["ISO 2022 IR 100", "ISO 2022 IR 144", "ISO 2022 IR 126"]
    data.PatientName = "Buc^Jérôme=Люкceмбypг=Διονυσιος"
    data.OtherPatientNames = [data.PatientName] * 2
    data.DeidentificationMethod = ["M1", "M2"]
    pydicom.dcmwrite(folder / "corners-names.dcm", data, enforce_file_format=True)
    data, icon = blank(JPEGBaseline8Bit), Dataset()
    icon.Rows = icon.Columns = 2
    icon.BitsAllocated = 8
    pixels(icon), pixels(data)
    data.IconImageSequence = Sequence([icon])
    data.add_new(0x00880904, "LO", "after the icon")
    pydicom.dcmwrite(folder / "corners-icon.dcm", data, enforce_file_format=True)


def fits__corners(folder: Path) -> None:
    from astropy.io import fits

    def write(name: str, **cards: object) -> None:
        image = fits.PrimaryHDU(np.zeros((4, 5), "f4"))
        image.header.update({"CRPIX1": 2.0, "CRPIX2": 2.0, "CRVAL1": 10.0, "CRVAL2": -30.0, **cards})
        image.writeto(folder / f"corners-{name}.fits", overwrite=True)

    tan = {"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CDELT1": -0.01, "CDELT2": 0.01}
    write("swapped", **{**tan, "CTYPE1": "DEC--TAN", "CTYPE2": "RA---TAN", "CRVAL1": -30.0, "CRVAL2": 10.0})
    write("arcseconds", **{**tan, "CUNIT1": "arcsec", "CUNIT2": "arcsec", "CDELT1": -36.0, "CDELT2": 36.0, "CRVAL1": 36000.0, "CRVAL2": -108000.0})  # fmt: skip
    write("rotated", **tan, CROTA2=30.0)
    write("sun", CTYPE1="HPLN-TAN", CTYPE2="HPLT-TAN", CUNIT1="arcsec", CUNIT2="arcsec", CDELT1=0.6, CDELT2=0.6, CRVAL1=0.0, CRVAL2=0.0)  # fmt: skip
