"""Scientific files that ask for endless work, or state what can't be: each costs little, and nothing wrong is told.

Found by attacks on the readers; before their limits, each of the first kind took seconds or gigabytes.
"""

from __future__ import annotations

import io
import json
import resource
import struct
import time
import zlib
from datetime import date

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor_service.document import Document, LimitExceededError, ProblemKind
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.containers.datasets import matlab, npy, orc, parquet
from extractor_service.formats.containers.dicom import file as dicom
from extractor_service.formats.containers.fits import file as fits
from extractor_service.formats.containers.hdf5 import file as hdf5
from extractor_service.formats.containers.models import gguf, onnx, safetensors
from extractor_service.formats.containers.science import cf, jcamp, las_well, mzml, nifti
from extractor_service.formats.containers.science.octets import moment
from extractor_service.formats.reading import unpack
from extractor_service.formats.reading.shapes import count_of
from extractor_service.modules.base import Part
from extractor_service.sources.blocks import BlockCachedSource
from extractor_service.sources.descriptor import BytesSource
from extractor_service.workers import encode
from tests.golden import science
from tests.support.protobuf import varint

_MOST_SECONDS = 12.0  # of processor; the dearest took 5.1 s on a machine at less than half of its usual speed
_MOST_KIBIBYTES = 100 * 1024


def read(parse, data: bytes) -> Document:
    document = Document()
    try:
        parse(BlockCachedSource(BytesSource(data)), document)
    except LimitExceededError as error:
        document.problem("", ProblemKind.LIMIT, str(error))
    except CorruptFileError as error:
        document.problem("", ProblemKind.DAMAGED, str(error))
    encode.encode_part(Part.SECTIONS, document, document.problems)
    return document


def message(*fields: tuple[int, int | bytes]) -> bytes:
    """A protobuf message."""
    out = b""
    for number, value in fields:
        is_number = isinstance(value, int)
        out += varint(number << 3 | (0 if is_number else 2))
        out += varint(value) if is_number else varint(len(value)) + value
    return out


def an_array(descr: str, shape: str = "(3,)") -> bytes:
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\2\0" + struct.pack("<I", len(header)) + header


def tensors(header: object) -> bytes:
    data = json.dumps(header).encode()
    return struct.pack("<Q", len(data)) + data


def an_orc(footer: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    chunk = packer.compress(footer) + packer.flush()
    body = (len(chunk) << 1).to_bytes(3, "little") + chunk
    tail = message((1, len(body)), (2, 1), (3, 1 << 20), (4, 0), (6, 6), (8000, b"ORC"))
    return b"ORC" + body + tail + bytes((len(tail),))


def long_paths() -> bytes:
    names = [message((1, 12), (2, 1), (3, b"n" * 1_000_000))]
    children = [(2, 2 + each) for each in range(5000)] + [(3, b"x")] * 5000
    names.append(message((1, 12), *children))
    return an_orc(b"".join(message((4, each)) for each in names + [message((1, 3))] * 5000))


def a_parquet(footer: bytes) -> bytes:
    return b"PAR1" + footer + struct.pack("<I", len(footer)) + b"PAR1"


def a_dicom(element: bytes) -> bytes:
    syntax = b"1.2.840.10008.1.2.1\0"
    meta = struct.pack("<HH2sH", 2, 0x10, b"UI", len(syntax)) + syntax
    return bytes(128) + b"DICM" + struct.pack("<HH2sHI", 2, 0, b"UL", 4, len(meta)) + meta + element


def a_weight(*dimensions: int) -> bytes:
    weight = message((1, b"".join(map(varint, dimensions))), (2, 1), (8, b"w"))
    return message((1, 8), (7, message((5, weight))), (8, message((2, 18))))


def an_hdf5_with_a_huge_heap() -> bytes:
    stream = io.BytesIO()
    with h5py.File(stream, "w", libver="earliest") as file:
        file.create_group("a")
    data = bytearray(stream.getvalue())
    struct.pack_into("<Q", data, 40, 1 << 39)
    struct.pack_into("<Q", data, data.index(b"HEAP") + 8, 1500 << 20)
    return bytes(data)


def a_deep_type() -> bytes:
    stream, kind = io.BytesIO(), h5py.h5t.STD_I8LE
    for _ in range(2000):
        kind = h5py.h5t.vlen_create(kind)
    with h5py.File(stream, "w", libver="latest") as file:
        kind.commit(file.id, b"t")
    return stream.getvalue()


def attributes_of_a_shared_type() -> bytes:
    stream, row = io.BytesIO(), np.dtype([(f"{each:x}", "i1") for each in range(2000)])
    with h5py.File(stream, "w", libver="latest") as file:
        file["t"] = row
        kind, space = h5py.h5t.open(file.id, b"t"), h5py.h5s.create(h5py.h5s.NULL)
        for each in range(120):
            h5py.h5a.create(file.id, b"%d" % each, kind, space)
    return stream.getvalue()


def flags_that_inflate() -> bytes:
    data = zlib.compress(struct.pack("<IIII", 14, 60_000, 6, 59_984) + bytes(59_984))
    return b"MATLAB 5.0".ljust(124) + b"\0\1IM" + (struct.pack("<II", 15, len(data)) + data) * 5000


def continued(count: int) -> bytes:
    cards = ["SIMPLE  =                    T", "BITPIX  =                    8", "NAXIS   =                    0", "LONG    = 'a&'"]  # fmt: skip
    return science.header([*cards, *[f"CONTINUE  '{'b' * 60}&'"] * count, "CONTINUE  'c'"])


@pytest.mark.parametrize(
    ("parse", "data"),
    [
        (npy.parse, lambda: an_array("('<f4', (1000000000, 'a'))")),
        (npy.parse, lambda: an_array("[" + "{}," * 40_000 + "]")),
        (orc.parse, long_paths),
        (orc.parse, lambda: an_orc(b"\x22\x00" * 4_000_000)),
        (parquet.parse, lambda: a_parquet(b"\x99\xfc" + varint(3_000_000) + bytes(3_000_000))),
        (safetensors.parse, lambda: tensors({"a": {"dtype": "F32", "shape": [10**4000] * 200, "data_offsets": [0, 4]}})),
        (gguf.parse, lambda: b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 1) + b"k" + struct.pack("<IIQ", 9, 8, 4_000_000) + bytes(32_000_000)),
        (onnx.parse, lambda: a_weight(*[2**64 - 1] * 90_000)),
        (las_well.parse, lambda: b"~V\n VERS. 2.0 : x\n~W\n" + b" " * 3000 + b"x\n~A\n"),
        (jcamp.parse, lambda: b"##TITLE= x\n" + b"##=\n" * 1_000_000),
        (jcamp.parse, lambda: b"##TITLE= x\n##A= " + b"1" * 100_000 + b"x\n##END=\n"),
        (mzml.parse, lambda: b"<mzML><fileContent>" + b"<cvParam/>" * 200_000 + b"</fileContent></mzML>"),
        (matlab.parse, flags_that_inflate),
        (fits.parse, lambda: continued(20_000)),
        (fits.parse, lambda: science.header(["SIMPLE  =                    T", "BITPIX  =                    8", "NAXIS   =                  999", *[f"NAXIS{each:<3d}= {2**63:>20d}" for each in range(1, 1000)]])),
        (dicom.parse, lambda: a_dicom(struct.pack("<HH2sH", 0x18, 0x50, b"DS", 60_000) + b"1" * 59_999 + b"x")),
        (dicom.parse, lambda: a_dicom(struct.pack("<HH2sH", 8, 5, b"CS", 18) + b"\\ISO 2022 IR 87   " + b" " + struct.pack("<HH2sHI", 0x40, 0xA160, b"UT", 0, 600_000) + b"\x1b$B\x1b(B" * 100_000)),
        (hdf5.parse, an_hdf5_with_a_huge_heap),
        (hdf5.parse, a_deep_type),
        (hdf5.parse, attributes_of_a_shared_type),
    ],
)  # fmt: skip
def test_a_small_file_costs_little(parse, data):
    made = data()
    before, most = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    document = read(parse, made)
    assert time.process_time() - before < _MOST_SECONDS
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - most < _MOST_KIBIBYTES
    assert document.field_count < 30_000


def test_a_length_without_an_end_costs_nothing():
    before = time.process_time()
    with pytest.raises(ValueError, match="32 bits"):
        unpack.snappy(b"\xff" * 4_000_000, 1000)
    assert time.process_time() - before < 1


def test_names_in_deep_groups_are_looked_for_a_few_times():
    deep = "g/" * 60
    words = " ".join(f"v{each}" for each in range(16_000))
    found = [
        cf.Variable(f"{deep}a{each}", ["x"], {"standard_name": "s", "coordinates": words})
        for each in range(10)
    ]
    found.append(cf.Variable("g/" * 55 + "v3", ["x"], {"units": "degrees_north"}))
    document, before = Document(), time.process_time()
    cf.summarize(document, {}, found)
    assert time.process_time() - before < 1
    kinds = {dict(each.value.entries)["name"]: each.name for each in document.sections["cf"]}
    assert kinds["g/" * 55 + "v3"] == "Coordinate", "and found in a group above"


def test_a_string_of_many_cards_is_joined_once():
    value = read(fits.parse, continued(1000)).find("fits", "LONG").value
    assert value == "a" + "b" * 60_000 + "c"


@pytest.mark.parametrize(
    ("shape", "count"), [([], 1), ([3, 4], 12), ([0, 5], 0), ((2**40, 2**10), 2**50), ([1] * 64, 1)]
)
def test_elements_are_counted(shape, count):
    assert count_of(shape) == count


@pytest.mark.parametrize("shape", [[-1], [True], ["3"], [2.0], [2**63], [2**40, 2**40], [1] * 65, [None]])
def test_shapes_that_no_array_has(shape):
    with pytest.raises(ValueError, match=r"dimension|array"):
        count_of(shape)


@pytest.mark.parametrize(
    ("parse", "data", "names"),
    [
        (safetensors.parse, tensors({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0.5, 1.5]}}), {"a"}),
        (safetensors.parse, tensors({"a": {"dtype": "F32", "shape": [1], "data_offsets": [9, 5]}}), {"a"}),
        (safetensors.parse, tensors({"a": {"dtype": "F32", "shape": ["1"], "data_offsets": [0, 4]}}), {"a"}),
        (npy.parse, an_array("[('a', '<f4', (-5,))]"), {"DataSize"}),
        (npy.parse, an_array("'<f4'", "(True, 3)"), {"Shape", "DataSize"}),
        (onnx.parse, a_weight(2**64 - 1, 3), {"w"}),
        (nifti.parse, struct.pack("<i36xb7x8h", 348, 0, 3, -5, 4, 3, 1, 1, 1, 1).ljust(344, b"\0") + b"n+1\0" + bytes(4), {"Shape"}),
        (parquet.parse, a_parquet(b"\x15\x02\x19\x1c\x48\x01r\x15\x00\x00\x16\x0d\x00"), {"RowCount"}),
    ],
)  # fmt: skip
def test_what_can_t_be_is_a_problem_and_no_value(parse, data, names):
    document = read(parse, data)
    assert document.problems
    told = {field.name for fields in document.sections.values() for field in fields}
    assert not told & names, told


def test_brackets_in_a_name_are_no_nesting():
    document = read(npy.parse, an_array("[('" + "(" * 60 + "', '<f4'), ('A1L', '<i2')]"))
    names = [dict(each.entries)["name"] for each in document.find("numpy", "Columns").value]
    assert names == ["(" * 60, "A1L"], "and 1L in a name is no number of Python 2"


@given(st.dates(), st.integers(0, 23), st.integers(0, 59))
def test_times_of_a_calendar_are_told(day: date, hour, minute):
    assert (
        moment(day.year, day.month, day.day, hour, minute, 0)
        == f"{day.isoformat()}T{hour:02d}:{minute:02d}:00Z"
    )


@pytest.mark.parametrize(
    "wrong", [(2023, 2, 29, 0, 0, 0), (-93, 3, 23, 12, 0, 0), (0, 1, 1, 0, 0, 0), (2024, 1, 1, 24, 0, 0)]
)
def test_times_of_no_calendar_are_none(wrong):
    assert moment(*wrong) is None


def test_a_reference_point_beyond_the_pole_is_a_problem():
    cards = [
        "SIMPLE  =                    T",
        "BITPIX  =                    8",
        "NAXIS   =                    0",
    ]
    sky = ["CTYPE1  = 'RA---TAN'", "CTYPE2  = 'DEC--TAN'", "CRVAL1  =                1E999", "CRVAL2  =                  500", "CDELT1  =                 -0.1", "CDELT2  =                  0.1"]  # fmt: skip
    document = read(fits.parse, science.header([*cards, *sky]))
    assert "wcs" not in document.sections and document.problems


def test_dicom_sequences_that_never_end_are_told_by_their_depth():
    """3,000 levels once ended as a RecursionError."""
    from extractor_service.formats.registry import BY_NAME
    from tests.golden import science as samples

    item = struct.pack("<HH2sHI", 0x0008, 0x1140, b"SQ", 0, 0xFFFFFFFF) + struct.pack(
        "<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF
    )
    document = Document()
    BY_NAME["dicom"].load()(BytesSource(samples.dicom() + item * 3000), document)
    assert [problem for problem in document.problems if "nested deeper than 100" in problem.message]
    assert not [problem for problem in document.problems if "recursion" in problem.message]


def test_nothing_is_told_of_a_footer_behind_damaged_row_groups():
    version, row_groups, of_no_kind, created_by = b"\x15\x02", b"\x39\x1c", b"\x1f", b"\x28\x01x\x00"
    document = read(parquet.parse, a_parquet(version + row_groups + of_no_kind + created_by))
    names = {field.name for field in document.sections["parquet"]}
    assert "Version" in names and "CreatedBy" not in names, "where it would stand isn't known"
    assert [problem.message[:10] for problem in document.problems] == ["row groups"]
