"""Every element, card, attribute and type against the field's readers, which read the whole file.

The oracles give their facts by the keys of our documents (`science_oracles.py`); they run in build/oracles/science, one process a
family. The files are the corpus' and those that `python -m tests.tools.science` makes by foreign writers.
"""

from __future__ import annotations

import base64
import json
import math
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from extractor_service.depth import DocumentLimits
from extractor_service.document import Document, Rational, Struct
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.identification.identify import identify_source, named
from extractor_service.formats.registry import BY_NAME
from extractor_service.sources.blocks import BlockCachedSource
from extractor_service.sources.descriptor import BytesSource
from tests.support import corpus
from tests.support.evidence import Evidence
from tests.tools import science

if TYPE_CHECKING:
    from collections.abc import Iterator

_ORACLE = Path(__file__).with_name("science_oracles.py")
_SECONDS = 600
FAMILIES = (
    "dicom", "fits", "hdf5", "netcdf", "nifti", "parquet", "arrow", "grib", "bufr", "orc", "avro", "mat", "npy", "zarr", "safetensors", "gguf", "onnx",
    "jcamp", "mzml", "segy", "las_well", "geotiff",
)  # fmt: skip
_OF_CORPUS = frozenset({"dicom", "fits", "hdf5", "netcdf", "parquet", "arrow"})
_TOLERANCE = 1e-6
_FULL = DocumentLimits(max_fields=500_000, max_total_bytes=64 * 1024 * 1024, max_items=1_000_000)
JUDGED: dict[str, str] = {
    "pydicom-tests__SC_rgb_gdcm_KY.dcm: dicom||ImageType|value": "a blank at a value's end pads it (PS3.5, 6.2); pydicom keeps it in lists",
    "pydicom-tests__SC_rgb_jpeg_lossy_gdcm.dcm: dicom||ImageType|value": "the same",
    "astropy__group_invalid.fits": "astropy makes a header of random groups valid before it shows it",
    "pyfive__dim_scales.hdf5: hdf5|/|/dset1|dimensions": "an axis with two scales; h5py's shorthand is asked for the first",
    "template-old-polar.grib: grib|Message1|Field|true_latitude": "60 degrees south where the south pole is the centre (edition 1, table D)",
    "corners-icon.dcm: dicom||IconImageSequence|value": "pixels of an icon in fragments; the oracle only says that there are some",
    "corners-names.dcm: dicom||OtherPatientNames|value": "each value begins in the first character set (PS3.5, 6.1.2.5.3); pydicom goes on in the last one",
    "corners.h5: hdf5|/|/bf16|type": "NumPy has no bfloat16, so h5py shows what it turns it into",
    "corners.h5: hdf5|/|/int12|type": "NumPy has no integer of 12 bits",
    "corners.nc: hdf5|/lat|units": "HDF5 calls that variable _nc4_non_coord_lat",
    "corners.nc: hdf5|/lat|standard_name": "the same",
    "corners.onnx: model|Model|TensorCount": "the oracle leaves out sparse weights and those of branches",
    "corners.onnx: model|Model|Input#1|shape": "a dimension without a name",
    "corners.onnx: model|Model|Output|shape": "no shape is not the shape of one number",
    "obspy.sgy: segy|Text|TextHeader": "a text of ASCII, which segyio takes for EBCDIC",
    "obspy-le.sgy: segy|Text|TextHeader": "the same",
    "lasio-1.2.las: well|Parameters|MUD": "the last colon of a line ends the value (LAS 2.0, 5.4)",
    "lasio-2.las: well|Parameters|MUD": "the same",
    "netcdf-c__ref_nc_test_netcdf4_4_0.nc: hdf5|/|Gc": "bytes that aren't UTF-8 stay bytes; netCDF4 puts a replacement character",
    "netcdf-c__ref_nc_test_netcdf4_4_0.nc: hdf5|/d|c": "the same",
}
"""Where the oracle is wrong, or knows less: a file, or one key of it, and why. These count as equal."""


def files(family: str) -> list[Path]:
    """Those that an oracle of the family may read."""
    found = [path for path in science.made() if path.parent.name == family]
    folder = corpus.corpus()
    if folder is not None and family in _OF_CORPUS and (folder / family).is_dir():
        found += sorted((folder / family).iterdir())
    return found


def run(name: str) -> Evidence:
    """Compares; what differs is printed."""
    evidence = Evidence(name)
    if not science.PYTHON.exists():
        print(f"{science.PYTHON} isn't there: nothing was measured")
        return evidence
    for family in FAMILIES:
        compared = equal = judged = refused = 0
        for path, answer in _answers(family, files(family)).items():
            if "refused" in answer:
                refused += 1
                print(f"  {family}: {Path(path).name} is refused: {answer['refused']}")
                continue
            for key, theirs, mine in _compared(Path(path), answer["facts"]):
                same = _same(mine, theirs)
                why = (
                    JUDGED.get(Path(path).name)
                    or JUDGED.get(f"{Path(path).name}: {key}")
                    or JUDGED.get(f"{family}: {key.rpartition('|')[2]}")
                )
                compared += 1
                equal += same or why is not None
                judged += not same and why is not None
                if not same:
                    print(
                        f"  {family}: {Path(path).name}: {key}: ours {mine!r:.110}, theirs {theirs!r:.110}{f' ({why})' if why else ''}"
                    )
        evidence.single(family, "files", "count", len(files(family)))
        evidence.single(family, "files that the oracle refuses", "count", refused)
        evidence.single(family, "facts compared", "count", compared)
        if compared:
            evidence.single(family, "of which the oracle is wrong", "count", judged)
            evidence.single(family, "equal", "%", 100 * equal / compared, "== 100")
    return evidence


def _answers(family: str, paths: list[Path]) -> dict[str, Any]:
    told = subprocess.run(
        [science.PYTHON, "-W", "ignore", "-B", _ORACLE, family], input="\n".join(map(str, paths)), capture_output=True,
        text=True, timeout=_SECONDS, check=False
    )  # fmt: skip
    if told.returncode:
        print(f"  {family}: {told.stderr[-500:]}")
        return {}
    answers: dict[str, Any] = json.loads(told.stdout)
    return answers


def document_of(path: Path) -> Document:
    """Ours, at full depth."""
    source = BlockCachedSource(BytesSource(path.read_bytes()))
    kind = named(identify_source(source), path.name).type.reader
    document = Document(limits=_FULL)
    if kind:
        try:
            BY_NAME[kind].load()(source, document)
        except CorruptFileError as error:
            print(f"  {path.name}: {error}")
    return document


def _compared(path: Path, facts: dict[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    ours = dict(_flat(document_of(path)))
    for key, theirs in facts.items():
        place = key
        if key.startswith("dicom|"):  # a value, and the tag out of the note
            place = key.removesuffix("|value").removesuffix("|tag")
            if key.endswith("|tag"):
                yield key, theirs, ours.get(f"{place}|tag", "(missing)")
                continue
        yield key, theirs, ours.get(place, "(missing)")


def _flat(document: Document) -> Iterator[tuple[str, Any]]:
    met: dict[str, int] = {}
    for section, fields in document.sections.items():
        for field in fields:
            key = f"{section}|{field.group}|{field.name}"
            met[key] = met.get(key, -1) + 1
            if met[key]:
                key = f"{key}#{met[key]}"
            value = _plain(field.value)
            if section == "dicom":
                yield f"{key}|tag", field.note.partition(" ")[0]
                if field.name in {"PixelData", "FloatPixelData"}:
                    value = "(pixels)"
            if value is None and field.text.endswith("bytes)"):
                value = field.text
            if isinstance(field.value, Struct) and section not in {"fits"}:
                for name, each in value.items():
                    yield f"{key}|{name}", each
            yield key, value


def _plain(value: Any) -> Any:
    if isinstance(value, Struct):
        return {name: _plain(each) for name, each in value.entries}
    if isinstance(value, Rational):
        return value.real()
    if isinstance(value, bytes):
        return {"bytes": base64.b64encode(value).decode()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def _same(mine: Any, theirs: Any) -> bool:
    """Whether they mean the same: numbers but for rounding, a list of one and its element, names of columns and their structs."""
    if (
        isinstance(mine, list)
        and mine
        and isinstance(mine[0], dict)
        and isinstance(theirs, list)
        and theirs
        and isinstance(theirs[0], str)
    ):
        return [each.get("name") for each in mine] == theirs
    if isinstance(mine, list) and isinstance(theirs, list):
        if len(mine) != len(theirs):
            return False
        if mine and all(isinstance(each, str) for each in (*mine, *theirs)):
            return mine == theirs or sorted(set(mine)) == sorted(set(theirs))
        return all(_same(one, other) for one, other in zip(mine, theirs, strict=True))
    if isinstance(theirs, list) and len(theirs) == 1 and not isinstance(mine, list):
        return _same(mine, theirs[0])
    if isinstance(mine, list) and len(mine) == 1 and not isinstance(theirs, list):
        return _same(mine[0], theirs)
    if isinstance(mine, dict) and isinstance(theirs, dict):
        return mine.keys() == theirs.keys() and all(_same(mine[each], theirs[each]) for each in mine)
    if isinstance(mine, (int, float)) and isinstance(theirs, (int, float)):
        return math.isclose(mine, theirs, rel_tol=_TOLERANCE, abs_tol=1e-9)
    if (
        isinstance(mine, (int, float)) != isinstance(theirs, (int, float))
        and mine is not None
        and theirs is not None
    ):
        one, other = _number(mine), _number(theirs)
        return one is not None and other is not None and math.isclose(one, other, rel_tol=_TOLERANCE)
    if mine in {None, ""} if isinstance(mine, (str, type(None))) else False:
        return theirs in (None, "", [])
    return mine == theirs or (
        isinstance(mine, str) and isinstance(theirs, str) and mine.split() == theirs.split()
    )


def _number(value: Any) -> float | None:
    if isinstance(value, (int, float)):
        return float(value)
    return (
        float(value)
        if isinstance(value, str) and re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", value.strip())
        else None
    )
