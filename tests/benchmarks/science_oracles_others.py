"""What the field's readers say of weather, models and instruments; see `science_oracles.py`."""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np
from science_oracles_facts import Facts


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
