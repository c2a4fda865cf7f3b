"""Volumes of the brain: NIfTI-1, NIfTI-2, Analyze 7.5, FreeSurfer's MGH; fields by the names of their headers.

nifti.nimh.nih.gov (nifti1.h, nifti2.h); Mayo Clinic, "ANALYZE 7.5 File Format"; surfer.nmr.mgh.harvard.edu, "MghFormat".
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from extractor_service.document import ByteRange, Field, ProblemKind, Struct
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.reading import charsets, records
from extractor_service.formats.reading.damage import Surviving, tolerant
from extractor_service.formats.reading.reader import Reader
from extractor_service.formats.reading.records import Entry, Place
from extractor_service.formats.reading.shapes import count_of

if TYPE_CHECKING:
    from extractor_service.document import Document, Value
    from extractor_service.sources.base import ByteSource

SECTION = "nifti"
_TYPES = {
    0: "Unknown", 1: "bool", 2: "uint8", 4: "int16", 8: "int32", 16: "float32", 32: "complex64", 64: "float64", 128: "RGB24",
    256: "int8", 512: "uint16", 768: "uint32", 1024: "int64", 1280: "uint64", 1536: "float128", 1792: "complex128",
    2048: "complex256", 2304: "RGBA32",
}  # fmt: skip
_BITS = {1: 1, 2: 8, 4: 16, 8: 32, 16: 32, 32: 64, 64: 64, 128: 24, 256: 8, 512: 16, 768: 32, 1024: 64, 1280: 64, 1536: 128, 1792: 128, 2048: 256, 2304: 32}  # fmt: skip
_INTENTS = {
    0: "None", 2: "Correlation", 3: "T test", 4: "F test", 5: "Z score", 6: "Chi2", 7: "Beta", 8: "Binomial", 9: "Gamma",
    10: "Poisson", 11: "Normal", 12: "Noncentral F test", 13: "Noncentral chi2", 14: "Logistic", 15: "Laplace", 16: "Uniform",
    17: "Noncentral T test", 18: "Weibull", 19: "Chi", 20: "Inverse Gaussian", 21: "Extreme value", 22: "P value",
    23: "Log P value", 24: "Log10 P value", 1001: "Estimate", 1002: "Label", 1003: "NeuroName", 1004: "General matrix",
    1005: "Symmetric matrix", 1006: "Displacement vector", 1007: "Vector", 1008: "Point set", 1009: "Triangle",
    1010: "Quaternion", 1011: "Dimensionless", 2001: "Time series", 2002: "Node index", 2003: "RGB vector", 2004: "RGBA vector",
    2005: "Shape", 2006: "FSL FNIRT displacement field", 2007: "FSL cubic spline coefficients",
    2008: "FSL DCT coefficients", 2009: "FSL quadratic spline coefficients", 2016: "FSL TOPUP cubic spline coefficients",
    2017: "FSL TOPUP quadratic spline coefficients", 2018: "FSL TOPUP field",
}  # fmt: skip
_FORMS = {0: "Unknown", 1: "Scanner", 2: "Aligned", 3: "Talairach", 4: "MNI 152", 5: "Template"}
_SLICES = {0: "Unknown", 1: "Sequential increasing", 2: "Sequential decreasing", 3: "Alternating increasing", 4: "Alternating decreasing", 5: "Alternating increasing 2", 6: "Alternating decreasing 2"}  # fmt: skip
_SPACE = {0: "unknown", 1: "m", 2: "mm", 3: "um"}
_TIME = {0: "unknown", 8: "s", 16: "ms", 24: "us", 32: "Hz", 40: "ppm", 48: "rad/s"}
_EXTENSIONS = {
    0: "Ignored", 2: "DICOM", 4: "AFNI", 6: "Comment", 8: "XCEDE", 10: "JIM dimension info", 12: "Workflow", 14: "FreeSurfer",
    16: "pypickle", 18: "MIND", 20: "b-value", 22: "Spherical direction", 24: "DT component", 26: "Spherical harmonic degree and order",
    28: "Voxbo", 30: "Caret", 32: "CIFTI", 34: "Variable frame timing", 36: "Unassigned", 38: "Eval", 40: "MATLAB", 42: "Quantiphyse", 44: "MRS",
}  # fmt: skip
_NIFTI_1 = (
    Entry("sizeof_hdr", "i"), Entry("data_type", "10s"), Entry("db_name", "18s"), Entry("extents", "i"), Entry("session_error", "h"),
    Entry("regular", "1s"), Entry("dim_info", "B"), Entry("dim", "8h"), Entry("intent_p1", "f"), Entry("intent_p2", "f"),
    Entry("intent_p3", "f"), Entry("intent_code", "h", _INTENTS), Entry("datatype", "h", _TYPES), Entry("bitpix", "h"),
    Entry("slice_start", "h"), Entry("pixdim", "8f"), Entry("vox_offset", "f"), Entry("scl_slope", "f"), Entry("scl_inter", "f"),
    Entry("slice_end", "h"), Entry("slice_code", "b", _SLICES), Entry("xyzt_units", "b"), Entry("cal_max", "f"), Entry("cal_min", "f"),
    Entry("slice_duration", "f"), Entry("toffset", "f"), Entry("glmax", "i"), Entry("glmin", "i"), Entry("descrip", "80s"),
    Entry("aux_file", "24s"), Entry("qform_code", "h", _FORMS), Entry("sform_code", "h", _FORMS), Entry("quatern_b", "f"),
    Entry("quatern_c", "f"), Entry("quatern_d", "f"), Entry("qoffset_x", "f"), Entry("qoffset_y", "f"), Entry("qoffset_z", "f"),
    Entry("srow_x", "4f"), Entry("srow_y", "4f"), Entry("srow_z", "4f"), Entry("intent_name", "16s"), Entry("magic", "4s"),
)  # fmt: skip
_NIFTI_2 = (
    Entry("sizeof_hdr", "i"), Entry("magic", "4s"), Entry("eol_check", "4b"), Entry("datatype", "h", _TYPES), Entry("bitpix", "h"),
    Entry("dim", "8q"), Entry("intent_p1", "d"), Entry("intent_p2", "d"), Entry("intent_p3", "d"), Entry("pixdim", "8d"),
    Entry("vox_offset", "q"), Entry("scl_slope", "d"), Entry("scl_inter", "d"), Entry("cal_max", "d"), Entry("cal_min", "d"),
    Entry("slice_duration", "d"), Entry("toffset", "d"), Entry("slice_start", "q"), Entry("slice_end", "q"), Entry("descrip", "80s"),
    Entry("aux_file", "24s"), Entry("qform_code", "i", _FORMS), Entry("sform_code", "i", _FORMS), Entry("quatern_b", "d"),
    Entry("quatern_c", "d"), Entry("quatern_d", "d"), Entry("qoffset_x", "d"), Entry("qoffset_y", "d"), Entry("qoffset_z", "d"),
    Entry("srow_x", "4d"), Entry("srow_y", "4d"), Entry("srow_z", "4d"), Entry("slice_code", "i", _SLICES), Entry("xyzt_units", "i"),
    Entry("intent_code", "i", _INTENTS), Entry("intent_name", "16s"), Entry("dim_info", "b"), Entry("", "15x"),
)  # fmt: skip
_ORIENTATIONS = {0: "Transverse unflipped", 1: "Coronal unflipped", 2: "Sagittal unflipped", 3: "Transverse flipped", 4: "Coronal flipped", 5: "Sagittal flipped"}  # fmt: skip
_ANALYZE = (
    Entry("sizeof_hdr", "i"), Entry("data_type", "10s"), Entry("db_name", "18s"), Entry("extents", "i"), Entry("session_error", "h"),
    Entry("regular", "1s"), Entry("hkey_un0", "1s"), Entry("dim", "8h"), Entry("vox_units", "4s"), Entry("cal_units", "8s"),
    Entry("unused1", "h"), Entry("datatype", "h", _TYPES), Entry("bitpix", "h"), Entry("dim_un0", "h"), Entry("pixdim", "8f"),
    Entry("vox_offset", "f"), Entry("funused1", "f"), Entry("funused2", "f"), Entry("funused3", "f"), Entry("cal_max", "f"),
    Entry("cal_min", "f"), Entry("compressed", "i"), Entry("verified", "i"), Entry("glmax", "i"), Entry("glmin", "i"),
    Entry("descrip", "80s"), Entry("aux_file", "24s"), Entry("orient", "b", _ORIENTATIONS), Entry("originator", "10s"),
    Entry("generated", "10s"), Entry("scannum", "10s"), Entry("patient_id", "10s"), Entry("exp_date", "10s"), Entry("exp_time", "10s"),
    Entry("hist_un0", "3s"), Entry("views", "i"), Entry("vols_added", "i"), Entry("start_field", "i"), Entry("field_skip", "i"),
    Entry("omax", "i"), Entry("omin", "i"), Entry("smax", "i"), Entry("smin", "i"),
)  # fmt: skip
_MOST_EXTENSIONS, _MOST_TEXT_BYTES = 200, 64 * 1024
_TEXTS = frozenset({4, 6, 8, 12, 32, 44})  # extensions that are XML or text


@tolerant(SECTION)
def parse(source: ByteSource, document: Document) -> None:
    """The header with its meanings, derived sizes, and extensions."""
    reader = Reader(source)
    volume(reader, document, is_whole=True)


def volume(reader: Reader, document: Document, *, is_whole: bool) -> None:
    """The header that `reader` begins with; `is_whole`: whether the file's length says whether data is missing."""
    head = reader.some(0, 540)
    order, entries, size = _kind(head)
    if len(head) < size:
        raise CorruptFileError("the header is cut")
    put = Place(document, SECTION, "Header")
    told = records.add(head, entries, order, put)
    document.add(SECTION, Field("ByteOrder", "little" if order == "<" else "big", group="Volume"))
    is_analyze = entries is _ANALYZE
    kind = "Analyze 7.5" if is_analyze else "NIfTI-2" if entries is _NIFTI_2 else "NIfTI-1"
    document.add(SECTION, Field("Format", kind, group="Volume"))
    _derive(document, told, is_analyze=is_analyze)
    magic = str(told.get("magic", ""))
    if is_analyze or magic.startswith("ni"):  # the voxels are in a file beside it
        return
    begin = int(told["vox_offset"]) if isinstance(told["vox_offset"], (int, float)) and math.isfinite(told["vox_offset"]) else 0  # fmt: skip
    with Surviving(document, SECTION, "extensions", size):
        _extensions(reader, document, size, order, min(max(begin, 0), reader.length))
    shape, bits = _shape(told), told["bitpix"]
    if is_whole and isinstance(bits, int) and begin + math.prod(shape) * bits // 8 > reader.length:
        missing = begin + math.prod(shape) * bits // 8
        document.problem(SECTION, ProblemKind.TRUNCATED, f"{missing} bytes are stated, {reader.length} are there", begin)  # fmt: skip


def _kind(head: bytes) -> tuple[str, tuple[Entry, ...], int]:
    for order in "<>":
        first = int.from_bytes(head[:4], "little" if order == "<" else "big")
        if first == 348 and head[344:348] in {b"n+1\0", b"ni1\0"}:
            return order, _NIFTI_1, 348
        if first == 348:
            return order, _ANALYZE, 348
        if first == 540:
            return order, _NIFTI_2, 540
    raise CorruptFileError("no NIfTI header")


def _shape(told: dict[str, Value]) -> list[int]:
    dim = told["dim"]
    if not isinstance(dim, list) or not isinstance(dim[0], int) or not 1 <= dim[0] <= 7:
        raise ValueError(f"dimensions {dim}")
    shape = [each for each in dim[1 : dim[0] + 1] if isinstance(each, int)]
    count_of(shape)
    return shape


def _derive(document: Document, told: dict[str, Value], *, is_analyze: bool) -> None:
    """Shape, spacing and units, as people ask for them."""

    def put(name: str, value: Value, text: str = "", unit: str = "") -> None:
        document.add(SECTION, Field(name, value, text, unit, group="Volume"))

    shape = _shape(told)
    put("Shape", [*shape])
    pixdim = told["pixdim"]
    if isinstance(pixdim, list):
        put("VoxelSize", pixdim[1 : min(4, len(shape) + 1)])
        units = told.get("xyzt_units")
        unit = _TIME.get(units & 0x38, "") if isinstance(units, int) else ""
        if len(shape) > 3 and shape[3] > 1 and unit in {"s", "ms", "us"}:
            put("RepetitionTime", pixdim[4], "", unit)
    kind, bits = told["datatype"], told["bitpix"]
    if isinstance(kind, int) and kind in _BITS and bits != _BITS[kind]:
        document.problem(SECTION, ProblemKind.DAMAGED, f"{bits} bits a voxel, and type {_TYPES[kind]}")
    if is_analyze:
        return
    orientation = _orientation(told)
    if orientation:
        put("Orientation", orientation)
    units = told["xyzt_units"]
    if isinstance(units, int):
        put("SpatialUnit", _SPACE.get(units & 7, f"unknown ({units & 7})"))
        put("TimeUnit", _TIME.get(units & 0x38, f"unknown ({units & 0x38})"))
    info = told["dim_info"]
    if isinstance(info, int) and info & 0x3F:
        for name, shift in (("FrequencyDimension", 0), ("PhaseDimension", 2), ("SliceDimension", 4)):
            put(name, info >> shift & 3)


def _orientation(told: dict[str, Value]) -> str:
    """Where each axis of voxels leads: right or left, anterior or posterior, superior or inferior (nifti1.h, methods 2 and 3)."""
    rows: list[list[float]] = []
    if isinstance(told["sform_code"], int) and told["sform_code"] > 0:
        rows = [[float(each) for each in row[:3] if isinstance(each, (int, float))] for name in ("srow_x", "srow_y", "srow_z") if isinstance(row := told[name], list)]  # fmt: skip
    elif isinstance(told["qform_code"], int) and told["qform_code"] > 0:
        b, c, d = (
            float(each)
            for name in ("quatern_b", "quatern_c", "quatern_d")
            if isinstance(each := told[name], (int, float))
        )
        a = math.sqrt(max(0.0, 1 - b * b - c * c - d * d))
        pixdim = told["pixdim"]
        hand = (
            -1.0
            if isinstance(pixdim, list) and isinstance(pixdim[0], (int, float)) and pixdim[0] < 0
            else 1.0
        )
        rows = [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c) * hand],
            [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b) * hand],
            [2 * (b * d - a * c), 2 * (c * d + a * b), (a * a + d * d - b * b - c * c) * hand],
        ]
    if len(rows) != 3 or any(len(row) != 3 or not all(map(math.isfinite, row)) for row in rows):
        return ""
    letters, left = "", [0, 1, 2]
    for axis in range(3):
        column = [abs(rows[each][axis]) for each in left]
        largest = left[column.index(max(column))]
        if not rows[largest][axis]:
            return ""
        letters += ("RL", "AP", "SI")[largest][rows[largest][axis] < 0]
        left.remove(largest)
    return letters


def _extensions(reader: Reader, document: Document, at: int, order: str, end: int) -> None:
    if at + 4 > end or not reader.u8(at):
        return
    at += 4
    inner = reader.view(0, big_endian=order == ">")
    for _ in range(_MOST_EXTENSIONS):
        if at + 8 > end:
            return
        size, code = inner.unpack("ii", at)
        if size < 16 or at + size > end:
            document.problem(SECTION, ProblemKind.DAMAGED, f"an extension of {size} bytes", at)
            return
        entries: list[tuple[str, Value]] = [("code", code), ("size_bytes", size)]
        if code in _TEXTS:
            text = charsets.text(inner.exact(at + 8, min(size - 8, _MOST_TEXT_BYTES)).rstrip(b"\0"))
            entries.append(("text", text))
        label = _EXTENSIONS.get(code, f"Unknown ({code})")
        document.add(
            SECTION,
            Field("Extension", Struct(tuple(entries)), label, group="Volume", origin=ByteRange(at, size)),
        )
        at += size
    document.problem(SECTION, ProblemKind.LIMIT, f"more than {_MOST_EXTENSIONS} extensions", at)
