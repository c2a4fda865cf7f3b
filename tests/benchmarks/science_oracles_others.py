"""What the field's readers say of weather, models and instruments; see `science_oracles.py`."""

from __future__ import annotations

import contextlib
import json
import subprocess
from pathlib import Path

import numpy as np
from science_oracles_facts import Facts


def grib(path: str) -> Facts:
    import eccodes as ec

    facts = Facts()
    grid = {
        "ni": "Ni",
        "nj": "Nj",
        "first_latitude": "latitudeOfFirstGridPointInDegrees",
        "first_longitude": "longitudeOfFirstGridPointInDegrees",
        "last_latitude": "latitudeOfLastGridPointInDegrees",
        "last_longitude": "longitudeOfLastGridPointInDegrees",
        "di_degrees": "iDirectionIncrementInDegrees",
        "dj_degrees": "jDirectionIncrementInDegrees",
        "parallels": "N",
        "pentagonal_j": "J",
        "pentagonal_k": "K",
        "pentagonal_m": "M",
    }
    both = {
        "centre": "centre",
        "sub_centre": "subCentre",
        "binary_scale": "binaryScaleFactor",
        "decimal_scale": "decimalScaleFactor",
        "bits_per_value": "bitsPerValue",
        "reference_value": "referenceValue",
        "bitmap": "bitmapPresent",
        "message_bytes": "totalLength",
    }
    two = {
        "discipline": "discipline",
        "category": "parameterCategory",
        "number": "parameterNumber",
        "product_template": "productDefinitionTemplateNumber",
        "grid_template": "gridDefinitionTemplateNumber",
        "packing_template": "dataRepresentationTemplateNumber",
        "level_type": "typeOfFirstFixedSurface",
        "tables_version": "tablesVersion",
        "points": "numberOfDataPoints",
        "values": "numberOfCodedValues",
        "forecast_time": "forecastTime",
        "perturbation_number": "perturbationNumber",
        "ensemble_size": "numberOfForecastsInEnsemble",
        "percentile": "percentileValue",
        "constituent_type": "constituentType",
        "rotation_degrees": "angleOfRotationInDegrees",
        "interval_end": "yearOfEndOfOverallTimeInterval",
        "true_latitude": "LaDInDegrees",
        "earth_radius_meters": "radius",
    }
    one = {
        "number": "indicatorOfParameter",
        "level_type": "indicatorOfTypeOfLevel",
        "grid_template": "dataRepresentationType",
        "tables_version": "table2Version",
        "process_id": "generatingProcessIdentifier",
        "perturbation_number": "perturbationNumber",
        "ensemble_size": "numberOfForecastsInEnsemble",
        "number_in_average": "numberIncludedInAverage",
        "true_latitude": "LaDInDegrees",
        "rotation_degrees": "angleOfRotationInDegrees",
    }
    number = 0
    with Path(path).open("rb") as file:
        while (handle := ec.codes_grib_new_from_file(file)) is not None:
            number += 1
            edition = ec.codes_get(handle, "edition")
            told = {}
            for name, key in {**both, **grid, **(two if edition == 2 else one)}.items():
                with contextlib.suppress(Exception):
                    value = (
                        ec.codes_get(handle, key, float)
                        if name.endswith(("itude", "degrees")) or name == "reference_value"
                        else ec.codes_get_long(handle, key)
                    )
                    if value is not None and value not in {ec.CODES_MISSING_LONG, ec.CODES_MISSING_DOUBLE}:
                        told[name] = value
            _adjusted(ec, handle, edition, told)
            day, hour = ec.codes_get(handle, "dataDate"), ec.codes_get(handle, "dataTime")
            told["reference_time"] = (
                f"{day // 10000:04d}-{day // 100 % 100:02d}-{day % 100:02d}T{hour // 100:02d}:{hour % 100:02d}:00Z"
            )
            kind = ec.codes_get(handle, "gridType")
            if kind in {"lambert", "polar_stereographic", "mercator"}:
                told = {
                    name: value
                    for name, value in told.items()
                    if name
                    not in {
                        "last_latitude",
                        "last_longitude",
                        "ni",
                        "nj",
                        "di_degrees",
                        "dj_degrees",
                        "parallels",
                    }
                }
                told["ni"], told["nj"] = (
                    ec.codes_get_long(handle, "Ni" if kind == "mercator" else "Nx"),
                    ec.codes_get_long(handle, "Nj" if kind == "mercator" else "Ny"),
                )
            if not kind.endswith(("ll", "gg")) and kind not in {"lambert", "polar_stereographic", "mercator"}:
                told = {
                    name: value
                    for name, value in told.items()
                    if name not in grid or name.startswith("pentagonal")
                }
            if "gg" not in kind:
                told.pop("parallels", None)
            if not kind.startswith("sh"):
                told = {name: value for name, value in told.items() if not name.startswith("pentagonal")}
            if kind.startswith("reduced"):
                told = {name: value for name, value in told.items() if name not in {"ni", "di_degrees"}}
            if "gg" in kind:
                told.pop("dj_degrees", None)
            if (
                not ec.codes_get_long(handle, "ijDirectionIncrementGiven")
                if ec.codes_is_defined(handle, "ijDirectionIncrementGiven")
                else True
            ):
                told.pop("di_degrees", None), told.pop("dj_degrees", None)
            if edition == 2 and told.get("packing_template") in {
                4,
                200,
            }:  # has none of these; it makes them up
                for each in ("binary_scale", "decimal_scale", "bits_per_value", "reference_value"):
                    told.pop(each, None)
            if edition == 2 and told.get("level_type") == 255:
                told.pop("level_type")
            facts.put("grib", f"Message{number}", "Field", told)
            ec.codes_release(handle)
    facts.put("grib", "File", "MessageCount", number)
    return facts


def _adjusted(ec, handle, edition, told) -> None:
    """What ecCodes computes although the message doesn't say it goes; times and fractions as we write them."""
    if "interval_end" in told:
        told["interval_end"] = "{:04d}-{:02d}-{:02d}T{:02d}:{:02d}:{:02d}Z".format(
            *(
                ec.codes_get_long(handle, f"{part}OfEndOfOverallTimeInterval")
                for part in ("year", "month", "day", "hour", "minute", "second")
            )
        )
    if not told.get("number_in_average") or ec.codes_get_long(handle, "timeRangeIndicator") < 51:
        told.pop("number_in_average", None)
    if edition == 1 and not told.get("ensemble_size"):
        told.pop("ensemble_size", None), told.pop("perturbation_number", None)
    has_shape = edition == 2 and ec.codes_is_defined(handle, "shapeOfTheEarth")
    if not has_shape or ec.codes_get_long(handle, "shapeOfTheEarth") != 1:
        told.pop("earth_radius_meters", None)
    kind = ec.codes_get(handle, "gridType")
    if kind not in {"mercator", "polar_stereographic", "lambert"} or (edition == 1 and kind == "lambert"):
        told.pop("true_latitude", None)


def bufr(path: str) -> Facts:
    import eccodes as ec

    facts = Facts()
    keys = {
        "edition": "edition",
        "message_bytes": "totalLength",
        "centre": "bufrHeaderCentre",
        "sub_centre": "bufrHeaderSubCentre",
        "update_sequence": "updateSequenceNumber",
        "category": "dataCategory",
        "international_sub_category": "internationalDataSubCategory",
        "local_sub_category": "dataSubCategory",
        "master_table_version": "masterTablesVersionNumber",
        "local_table_version": "localTablesVersionNumber",
        "subsets": "numberOfSubsets",
        "observed": "observedData",
        "compressed": "compressedData",
    }
    number = 0
    with Path(path).open("rb") as file:
        while (handle := ec.codes_bufr_new_from_file(file)) is not None:
            number += 1
            told = {}
            for name, key in keys.items():
                with contextlib.suppress(Exception):
                    told[name] = ec.codes_get_long(handle, key)
            told["descriptors"] = [
                f"{each:06d}" for each in ec.codes_get_array(handle, "unexpandedDescriptors")
            ]
            stamp = [
                ec.codes_get_long(handle, f"typical{each}") for each in ("Month", "Day", "Hour", "Minute")
            ]
            year = ec.codes_get_long(handle, "typicalYear") if told["edition"] == 4 else None
            if year is not None:
                told["time"] = (
                    f"{year:04d}-{stamp[0]:02d}-{stamp[1]:02d}T{stamp[2]:02d}:{stamp[3]:02d}:{ec.codes_get_long(handle, 'typicalSecond'):02d}Z"
                )
            facts.put("bufr", f"Message{number}", "Message", told)
            ec.codes_release(handle)
    facts.put("bufr", "File", "MessageCount", number)
    return facts


def safetensors(path: str) -> Facts:
    from safetensors import safe_open

    facts = Facts()
    with safe_open(path, "np") as file:
        for key, value in (file.metadata() or {}).items():
            facts.put("model", "Metadata", key, value)
        for name in list(file.keys()):
            part = file.get_slice(name)
            facts.put("model", "Tensors", name, {"type": part.get_dtype(), "shape": list(part.get_shape())})
        facts.put("model", "Model", "TensorCount", len(list(file.keys())))
    return facts


def gguf_(path: str) -> Facts:
    import gguf

    facts = Facts()
    reader = gguf.GGUFReader(path)
    for name, field in reader.fields.items():
        if name.startswith("GGUF."):
            continue
        value = field.contents()
        facts.put("model", "Metadata", name, value[:100] if isinstance(value, list) else value)
    for tensor in reader.tensors:
        facts.put(
            "model",
            "Tensors",
            tensor.name,
            {"type": tensor.tensor_type.name, "shape": [int(each) for each in tensor.shape]},
        )
    return facts


def onnx_(path: str) -> Facts:
    import onnx

    facts = Facts()
    model = onnx.load(path)
    for name, value in (
        ("IRVersion", model.ir_version),
        ("ProducerName", model.producer_name),
        ("ProducerVersion", model.producer_version),
        ("Domain", model.domain),
        ("ModelVersion", model.model_version),
        ("Description", model.doc_string),
        ("GraphName", model.graph.name),
        ("NodeCount", len(model.graph.node)),
        ("TensorCount", len(model.graph.initializer)),
    ):
        if value or name in {"NodeCount", "TensorCount"}:
            facts.put("model", "Model", name, value)
    for each in model.opset_import:
        facts.put("model", "Model", "OperatorSet", f"{each.domain or 'ai.onnx'} {each.version}")
    for each in model.metadata_props:
        facts.put("model", "Metadata", each.key, each.value)
    for each in model.graph.initializer:
        facts.put(
            "model",
            "Tensors",
            each.name,
            {"shape": list(each.dims), "type": onnx.TensorProto.DataType.Name(each.data_type).lower()},
        )
    for label, values in (("Input", model.graph.input), ("Output", model.graph.output)):
        for each in values:
            kind = each.type.tensor_type
            facts.put(
                "model",
                "Model",
                label,
                {
                    "name": each.name,
                    "type": onnx.TensorProto.DataType.Name(kind.elem_type).lower(),
                    "shape": [
                        one.dim_value if one.HasField("dim_value") else one.dim_param
                        for one in kind.shape.dim
                    ],
                },
            )
    return facts


def jcamp_(path: str) -> Facts:
    import jcamp

    facts = Facts()
    told = jcamp.readfile(path)
    for key, value in told.items():
        if key in {"x", "y", "filename", "children", "end", "xydata"} or isinstance(value, np.ndarray):
            continue
        facts.put("jcamp", "Block1", key.upper(), value)
    return facts


def mzml(path: str) -> Facts:
    from lxml import etree
    from pyteomics import mzml as reader

    facts = Facts()
    with reader.MzML(path) as file:
        facts.put("mzml", "Run", "SpectrumCount", sum(1 for _ in file))
    with reader.MzML(path) as file:
        facts.put(
            "mzml",
            "File",
            "mzMLVersion",
            str(file.version_info[0]) if isinstance(file.version_info, tuple) else str(file.version_info),
        )
    name = lambda each: etree.QName(each).localname
    for element in etree.parse(path).iter():
        if not isinstance(element.tag, str):
            continue
        if name(element) in {
            "software",
            "sample",
            "sourceFile",
            "instrumentConfiguration",
            "cv",
            "processingMethod",
            "run",
        }:
            label = name(element)[:1].upper() + name(element)[1:]
            told = dict(element.attrib)
            for term in element:
                if isinstance(term.tag, str) and name(term) in {"cvParam", "userParam"}:
                    told[term.get("name")] = term.get("value") or term.get("accession", "")
            facts.put("mzml", label, label, told)
    return facts


def segy(path: str) -> Facts:
    import segyio

    facts = Facts()
    order = "little" if Path(path).read_bytes()[3224:3226] in {b"\x01\x00", b"\x05\x00"} else "big"
    with segyio.open(path, ignore_geometry=True, endian=order) as file:
        for key, value in file.bin.items():
            name = str(key)
            if name in {
                "JobID",
                "LineNumber",
                "ReelNumber",
                "Traces",
                "AuxTraces",
                "Interval",
                "IntervalOriginal",
                "Samples",
                "SamplesOriginal",
                "Format",
                "EnsembleFold",
                "SortingCode",
                "VerticalSum",
                "SweepFrequencyStart",
                "SweepFrequencyEnd",
                "SweepLength",
                "Sweep",
                "SweepChannel",
                "SweepTaperStart",
                "SweepTaperEnd",
                "Taper",
                "CorrelatedTraces",
                "BinaryGainRecovery",
                "AmplitudeRecovery",
                "MeasurementSystem",
                "ImpulseSignalPolarity",
                "VibratoryPolarity",
                "TraceFlag",
                "ExtendedHeaders",
            }:
                facts.put("segy", "Binary", name, value)
        facts.put("segy", "File", "TraceCount", file.tracecount)
        header = file.header[0]
        names = {
            1: "TraceSequenceLine",
            5: "TraceSequenceFile",
            9: "FieldRecord",
            21: "CDP",
            37: "Offset",
            71: "SourceGroupScalar",
            73: "SourceX",
            77: "SourceY",
            115: "SampleCount",
            117: "SampleInterval",
            189: "Inline",
            193: "Crossline",
            181: "CDPX",
            185: "CDPY",
        }
        for at, name in names.items():
            facts.put("segy", "FirstTrace", name, header[at])
        text = file.text[0]
        lines = [
            text[at : at + 80].decode("latin-1").replace("\0", " ").replace("\x80", " ").rstrip()
            for at in range(0, 3200, 80)
        ]
        facts.put("segy", "Text", "TextHeader", lines)
    return facts


def las_well(path: str) -> Facts:
    import lasio

    facts = Facts()
    las = lasio.read(path, ignore_data=True)
    for group, section in (("Version", las.version), ("Well", las.well), ("Parameters", las.params)):
        for item in section:
            facts.put("well", group, item.original_mnemonic, item.value)
    for item in las.curves:
        facts.put(
            "well",
            "Curves",
            item.original_mnemonic,
            {"unit": item.unit, "code": str(item.value), "description": item.descr},
        )
    facts.put("well", "Other", "Remarks", las.other)
    return facts


def geotiff(path: str) -> Facts:
    """By gdalinfo, a program of GDAL."""
    facts = Facts()
    told = json.loads(subprocess.run(["gdalinfo", "-json", path], capture_output=True, check=True).stdout)
    if "geoTransform" in told:
        facts.put("geotiff", "Summary", "GeoTransform", told["geoTransform"])
        corners = [place for name, place in told["cornerCoordinates"].items() if name != "center"]
        xs, ys = zip(*corners, strict=True)
        facts.put("geotiff", "Summary", "Bounds", [min(xs), min(ys), max(xs), max(ys)])
    code = told.get("stac", {}).get("proj:epsg")
    if code:
        facts.put("geotiff", "Summary", "CRS", f"EPSG:{code}")
    facts.put("exif", "IFD0", "ImageWidth", told["size"][0])
    facts.put("exif", "IFD0", "ImageHeight", told["size"][1])
    return facts
