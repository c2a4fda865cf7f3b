"""Scientific files per CPU second: the engine against the best reader of each family, which tells the same things.

The readers live in build/oracles/science (`python -m tests.tools.science` says what belongs there). Interleaved rounds, warm
processes. Small files on purpose: with large ones both would wait for the disk.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.workers.template import quiet_collector
from tests.benchmarks import science_complete
from tests.benchmarks.documents_speed import rate, read_all, their_pass
from tests.support.evidence import Evidence
from tests.tools import science

if TYPE_CHECKING:
    from pathlib import Path

_ROUNDS = 5
_PASSES = range(3, 200)
_PASS_SECONDS = 0.2  # of the reader, a round: two small files three times were read in a millisecond, and their ratio was chance
_MOST_BYTES = 1024 * 1024
# By family: the reader, our goal, and what it does with a file: all that it has, as plain values.
_NETCDF = """
import netCDF4
def one(path):
    def told(g):
        return [(d, len(v)) for d, v in g.dimensions.items()], [(v, x.dimensions, x.shape, str(x.dtype), [(a, x.getncattr(a)) for a in x.ncattrs()]) for v, x in g.variables.items()], [(a, g.getncattr(a)) for a in g.ncattrs()], [told(i) for i in g.groups.values()]
    with netCDF4.Dataset(path) as file:
        return told(file)
"""
_FAMILIES = {
    "dicom": ("pydicom", ">= 1", """
import pydicom, warnings
warnings.simplefilter("ignore")
def told(data):
    return [(str(e.tag), e.VR, e.keyword, [told(i) for i in e.value] if e.VR == "SQ" else str(e.value)) for e in data]
def one(path):
    data = pydicom.dcmread(path, stop_before_pixels=True, force=True)
    return told(data.file_meta), told(data)
"""),
    "fits": ("astropy", ">= 1", """
import warnings
warnings.simplefilter("ignore")
from astropy.io import fits
def one(path):
    with fits.open(path, disable_image_compression=True, memmap=True) as hdus:
        return [[(c.keyword, c.value, c.comment) for c in h.header.cards] for h in hdus]
"""),
    "hdf5": ("h5py", ">= 0.8", """
import h5py
def one(path):
    found = []
    def visit(name, o):
        found.append((name, getattr(o, "shape", None), str(getattr(o, "dtype", "")), getattr(o, "chunks", None), getattr(o, "compression", None), getattr(o, "maxshape", None)))
        for key in o.attrs:
            try: found.append((key, o.attrs[key]))
            except Exception: pass
    with h5py.File(path, "r") as file:
        for key in file.attrs: found.append((key, file.attrs[key]))
        file.visititems(visit)
    return found
"""),
    "netcdf, classic": ("netCDF4", ">= 1", _NETCDF),
    "netcdf, 4": ("netCDF4", ">= 0.8", _NETCDF),
    "nifti": ("nibabel", ">= 1", """
import nibabel
def one(path):
    header = nibabel.load(path).header
    return [(k, header[k].tolist()) for k in header.keys()]
"""),
    "parquet": ("pyarrow", ">= 1", """
import pyarrow.parquet as pq
def one(path):
    meta = pq.read_metadata(path)
    return meta.to_dict(), meta.metadata, [str(meta.schema.column(i)) for i in range(meta.num_columns)]
"""),
    "arrow": ("pyarrow", ">= 1", """
import pyarrow as pa
def told(f):
    return (f.name, str(f.type), f.nullable, f.metadata, [told(f.type.field(i)) for i in range(f.type.num_fields)] if not pa.types.is_map(f.type) else 0)
def one(path):
    with open(path, "rb") as stream:
        is_file = stream.read(6) == b"ARROW1"
    with pa.memory_map(path) as stream:
        if is_file:
            r = pa.ipc.open_file(stream)
            return [told(f) for f in r.schema], r.schema.metadata, r.num_record_batches, sum(r.get_batch(i).num_rows for i in range(r.num_record_batches))
        r = pa.ipc.open_stream(stream)
        return [told(f) for f in r.schema], r.schema.metadata, sum(b.num_rows for b in r)
"""),
    "grib": ("eccodes", ">= 1", """
import eccodes as ec
KEYS = "edition centre subCentre tablesVersion dataDate dataTime stepUnits forecastTime parameterCategory parameterNumber shortName name units typeOfLevel level gridType numberOfDataPoints Ni Nj latitudeOfFirstGridPointInDegrees longitudeOfFirstGridPointInDegrees latitudeOfLastGridPointInDegrees longitudeOfLastGridPointInDegrees packingType bitsPerValue referenceValue binaryScaleFactor decimalScaleFactor totalLength".split()
def get(h, k):
    try: return ec.codes_get(h, k)
    except Exception: return None
def one(path):
    found = []
    with open(path, "rb") as file:
        while (h := ec.codes_grib_new_from_file(file, headers_only=True)) is not None:
            found.append([get(h, k) for k in KEYS])
            ec.codes_release(h)
    return found
"""),
    "bufr": ("eccodes", ">= 1", """
import eccodes as ec
KEYS = "edition bufrHeaderCentre bufrHeaderSubCentre updateSequenceNumber dataCategory masterTablesVersionNumber typicalYear typicalMonth typicalDay typicalHour numberOfSubsets observedData compressedData totalLength".split()
def get(h, k):
    try: return ec.codes_get(h, k)
    except Exception: return None
def one(path):
    found = []
    with open(path, "rb") as file:
        while (h := ec.codes_bufr_new_from_file(file)) is not None:
            found.append([get(h, k) for k in KEYS] + [ec.codes_get_array(h, "unexpandedDescriptors")])
            ec.codes_release(h)
    return found
"""),
    "orc": ("pyorc", ">= 1", """
import pyorc
def one(path):
    with open(path, "rb") as file:
        r = pyorc.Reader(file)
        return str(r.schema), len(r), r.num_of_stripes, r.user_metadata, [(c.statistics) for c in [r[i] for i in range(len(r.selected_schema.fields) + 1)]], [s.bytes_offset for s in r.iter_stripes()]
"""),
    "avro": ("fastavro", ">= 1", """
import fastavro, json
def one(path):
    with open(path, "rb") as file:
        r = fastavro.block_reader(file)
        return r.metadata, json.loads(r.metadata["avro.schema"]), sum(b.num_records for b in r)
"""),
    "mat": ("scipy", ">= 1", """
from scipy.io import whosmat
def one(path):
    return whosmat(path)
"""),
    "npy": ("numpy", ">= 1", """
import numpy as np
def one(path):
    if path.endswith("z"):
        with np.load(path, allow_pickle=False) as z: return [(n, z[n].shape, z[n].dtype) for n in z.files]
    a = np.load(path, mmap_mode="r" )
    return a.shape, a.dtype.str, a.flags.f_contiguous
"""),
    "safetensors": ("safetensors", ">= 1", """
from safetensors import safe_open
def one(path):
    with safe_open(path, "np") as f:
        return f.metadata(), [(n, f.get_slice(n).get_dtype(), f.get_slice(n).get_shape()) for n in f.keys()]
"""),
    "gguf": ("gguf", ">= 1", """
import gguf
def one(path):
    r = gguf.GGUFReader(path)
    return [(n, f.contents()) for n, f in r.fields.items()], [(t.name, t.shape, t.tensor_type) for t in r.tensors]
"""),
    "onnx": ("onnx", ">= 1", """
import onnx
def one(path):
    m = onnx.load(path, load_external_data=False)
    return m.producer_name, [(i.name, i.dims, i.data_type) for i in m.graph.initializer], [n.op_type for n in m.graph.node]
"""),
    "jcamp": ("jcamp", ">= 1", "import jcamp\ndef one(path): return jcamp.readfile(path)\n"),
    "mzml": ("pyteomics", ">= 1", """
from pyteomics import mzml
def one(path):
    told = []
    for kind in ("software", "instrumentConfiguration"):
        with mzml.MzML(path) as file:
            told += list(file.iterfind(kind))
    return told
"""),
    "segy": ("segyio", ">= 1", """
import segyio
def one(path):
    order = "little" if open(path, "rb").read(3226)[3224:] in {b"\\x01\\x00", b"\\x05\\x00"} else "big"
    with segyio.open(path, ignore_geometry=True, endian=order) as f:
        return dict(f.bin), dict(f.header[0]), f.text[0], f.tracecount
"""),
    "las_well": ("lasio", ">= 1", "import lasio\ndef one(path): return lasio.read(path, ignore_data=True).header\n"),
}  # fmt: skip


def run(name: str) -> Evidence:
    """Interleaved rounds, over the files that the reader reads."""
    evidence = Evidence(name)
    quiet_collector()  # as in a worker
    for family, (reader, goal, code) in _FAMILIES.items():
        files = _files(family)
        seconds, readable = (
            their_pass(code, files, 1, science.PYTHON) if files and science.PYTHON.exists() else (0.0, [])
        )
        chosen = [path for path in files if str(path) in set(readable)]
        if not chosen:
            print(f"{family}: not compared with {reader}: no files, or it reads none")
            continue
        read_all(chosen)
        passes = min(max(_PASSES.start, int(_PASS_SECONDS / max(seconds, 1e-6))), _PASSES.stop)
        ours, theirs = [], []
        for _ in range(_ROUNDS):
            ours.append(rate(chosen, passes))
            theirs.append(len(chosen) / max(their_pass(code, chosen, passes, science.PYTHON)[0], 1e-9))
        evidence.paired(
            f"{family}, {len(chosen)} files", "files per CPU second", "1/s", ours, theirs, reader, goal
        )
    return evidence


def _files(family: str) -> list[Path]:
    name, _, kind = family.partition(", ")
    files = [path for path in science_complete.files(name) if path.stat().st_size < _MOST_BYTES]
    if kind:
        files = [path for path in files if (path.read_bytes()[:3] == b"CDF") == (kind == "classic")]
    return files
