"""Scientific files in the situation of a public report, and a second one of each kind. See `test_reported.py`."""

import io
import time

import h5py
import numpy as np
import pytest

from extractor_service.document import Document, ProblemKind, Struct
from extractor_service.formats.containers.dicom import file as dicom
from extractor_service.formats.containers.fits import file as fits
from extractor_service.formats.containers.hdf5 import file as hdf5
from extractor_service.sources.blocks import BlockCachedSource
from extractor_service.sources.descriptor import BytesSource
from tests.extractor_service.formats.test_reported import FOLDER
from tests.golden import science


def read(parse, data: bytes) -> Document:
    document = Document()
    parse(BlockCachedSource(BytesSource(data)), document)
    return document


def reported(name: str) -> bytes:
    (path,) = FOLDER.glob(f"{name}*")
    return path.read_bytes()


def test_s01a_dicom_without_a_preamble():
    document = read(dicom.parse, reported("S01a"))
    assert (
        document.find("dicom", "PatientName").value == "TEST^NAME"
        and document.find("dicom", "Modality").value == "MR"
    )
    assert not document.problems
    data = science.dicom()[132:]  # the same of another file, whose meta information comes first
    assert read(dicom.parse, data).find("dicom", "PatientID").value == "G-1"


def test_s02a_a_chain_that_promises_more():
    document = read(fits.parse, reported("S02a"))
    assert document.find("fits", "OBSERVER").value == "DJN, DJJ"
    cards = [
        "SIMPLE  =                    T",
        "BITPIX  =                    8",
        "NAXIS   =                    0",
    ]
    data = science.header(
        [
            *cards,
            "LONG    = 'first &'",
            "CONTINUE  'second & third&'",
            "CONTINUE  '' / done",
            "LONE    = 'Black & White&'",
        ]
    )
    document = read(fits.parse, data)
    assert document.find("fits", "LONG").value == "first second & third"
    assert document.find("fits", "LONE").value == "Black & White&", (
        "nothing continues it: it is literal (4.2.1.2)"
    )


def test_s02h_a_keyword_without_a_blank():
    document = read(fits.parse, reported("S02h"))
    names = {field.name for field in document.sections["fits"]}
    assert not any("=" in name for name in names)
    assert any("TEMP=-12.5" in problem.message for problem in document.problems)
    data = science.header(
        [
            "SIMPLE  =                    T",
            "BITPIX  =                    8",
            "NAXIS   =                    0",
            "GAIN=1.5",
            "NAME    = 'no end",
            "AIRMASS =1.25",
        ]
    )
    document = read(fits.parse, data)
    assert document.find("fits", "AIRMASS").value == 1.25, "the keyword's eight characters are there"
    assert document.find("fits", "NAME") is None and len(document.problems) == 2


def test_s03a_an_enumeration_is_its_members():
    document = read(hdf5.parse, reported("S03a"))
    field = document.find("hdf5", "enum")
    assert field.value == "GREEN" and field.raw == 1 and "GREEN=1" in field.note
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        kind = h5py.enum_dtype({"Clear": 0, "Cumulus": 1, "Missing": 255}, basetype="u1")
        file.create_dataset("clouds", (3,), kind).attrs.create("_FillValue", [255, 7], dtype=kind)
    document = read(hdf5.parse, buffer.getvalue())
    assert document.find("hdf5", "_FillValue").value == ["Missing", "Unknown (7)"]
    told = dict(document.find("hdf5", "/clouds").value.entries)
    assert told["type"] == "enum of uint8" and told["members"] == Struct(
        (("Clear", 0), ("Cumulus", 1), ("Missing", 255))
    )


def test_thousands_of_references_are_counted():
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        scale = file.create_dataset("x", data=np.arange(4.0))
        scale.make_scale("x")
        for number in range(300):
            file.create_dataset(f"v{number}", (4,), "f4").dims[0].attach_scale(scale)
        file.attrs.create("list", np.array([scale.ref] * 2000, object), dtype=h5py.ref_dtype)
    started = time.process_time()
    document = read(hdf5.parse, buffer.getvalue())
    assert time.process_time() - started < 5  # it was 12 to 17 s
    assert document.find("hdf5", "list").text == "(2000 references)"
    assert document.find("hdf5", "REFERENCE_LIST").text == "(300 references)"
    assert dict(document.find("hdf5", "/v7").value.entries)["dimensions"] == ["/x"]


@pytest.mark.parametrize("kind", ["cut", "checksum", "object"])
def test_damage_in_hdf5_costs_the_part_that_it_is_in(kind):
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", libver="latest") as file:
        file.attrs["title"] = "golden"
        for number in range(20):
            file.create_group(f"group{number}").attrs["n"] = number
    data = bytearray(buffer.getvalue())
    if kind == "cut":
        data = data[:-20]
    elif kind == "checksum":
        data[44] ^= 0xFF
    else:
        place = data.rindex(b"OHDR")
        data[place + 20] ^= 0xFF
    document = read(hdf5.parse, bytes(data))
    assert document.find("hdf5", "title").value == "golden"
    found = [field for field in document.sections["hdf5"] if field.name == "n"]
    assert 15 <= len(found) <= 20 and document.problems
    assert all(problem.kind in {ProblemKind.DAMAGED, ProblemKind.TRUNCATED} for problem in document.problems)
