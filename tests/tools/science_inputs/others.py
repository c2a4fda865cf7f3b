"""Models and instruments by the field's own writers; see `writers.py`."""

from __future__ import annotations

import contextlib
import io
import os
from pathlib import Path

import numpy as np
from common import RNG


def safetensors__writers(folder: Path) -> None:
    from safetensors.numpy import save_file

    save_file(
        {"weight": np.zeros((3, 4), "f4"), "bias": np.zeros(4, "f2"), "ids": np.arange(5)},
        folder / "small.safetensors",
        metadata={"format": "pt", "author": "Ada"},
    )
    save_file({f"layers.{n}.w": np.zeros((8, 8), "f4") for n in range(100)}, folder / "layers.safetensors")


def gguf__writers(folder: Path) -> None:
    import gguf

    for order, name in ((gguf.GGUFEndian.LITTLE, "little"), (gguf.GGUFEndian.BIG, "big")):
        writer = gguf.GGUFWriter(folder / f"{name}.gguf", "llama", endianess=order)
        (
            writer.add_name("Tiny"),
            writer.add_author("Ada"),
            writer.add_block_count(2),
            writer.add_context_length(128),
        )
        (
            writer.add_file_type(1),
            writer.add_float32("x.rate", 0.5),
            writer.add_bool("x.flag", True),
            writer.add_array("tokenizer.ggml.tokens", [f"t{n}" for n in range(500)]),
        )
        writer.add_array("x.numbers", [1, 2, 3])
        writer.add_tensor("token_embd.weight", np.zeros((16, 8), "f4"))
        writer.add_tensor("output.weight", np.zeros((8, 16), "f2"))
        (
            writer.write_header_to_file(),
            writer.write_kv_data_to_file(),
            writer.write_tensors_to_file(),
            writer.close(),
        )


def onnx__writers(folder: Path) -> None:
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 4])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 3])
    weight, bias = (
        numpy_helper.from_array(np.zeros((4, 3), "f4"), "w"),
        numpy_helper.from_array(np.zeros(3, "f4"), "b"),
    )
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["h"]),
        helper.make_node("Add", ["h", "b"], ["z"]),
        helper.make_node("Relu", ["z"], ["y"]),
    ]
    model = helper.make_model(
        helper.make_graph(nodes, "tiny", [x], [y], [weight, bias], doc_string="a graph"),
        producer_name="maker",
        producer_version="1.0",
        opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)],
    )
    model.model_version, model.domain, model.doc_string = 3, "org.example", "a model"
    helper.set_model_props(model, {"author": "Ada"})
    onnx.save(model, folder / "small.onnx")
    bare = helper.make_model(
        helper.make_graph(
            [helper.make_node("Identity", ["x"], ["y"])],
            "bare",
            [x],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 4])],
        )
    )
    onnx.save(bare, folder / "bare.onnx")


def onnx__layers(folder: Path) -> None:
    """Of the size of a small network that people use: 12 layers, 0.8 MB."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    nodes, weights = [], []
    for layer in range(12):
        weights.append(
            numpy_helper.from_array(RNG.normal(size=(128, 128)).astype("f4"), f"layer{layer}.weight")
        )
        weights.append(numpy_helper.from_array(np.zeros(128, "f4"), f"layer{layer}.bias"))
        nodes.append(
            helper.make_node("Gemm", [f"h{layer}", weights[-2].name, weights[-1].name], [f"g{layer}"])
        )
        nodes.append(helper.make_node("Relu", [f"g{layer}"], [f"h{layer + 1}"]))
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 128]) for name in ("h0", "h12")]
    graph = helper.make_graph(nodes, "layers", ends[:1], ends[1:], weights)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)]), folder / "layers.onnx")


def jcamp__spectrum(folder: Path) -> None:
    """As many points as an infrared spectrum has that a library hands out."""
    import jcamp

    x = np.arange(400.0, 4001.0)
    data = {"title": "Acetone", "data type": "INFRARED SPECTRUM", "origin": "lab", "owner": "Ada", "xunits": "1/CM", "yunits": "TRANSMITTANCE", "x": x, "y": np.cos(x / 300) ** 2, "npoints": len(x), "firstx": 400.0, "lastx": 4000.0, "xfactor": 1.0, "yfactor": 1e-4, "deltax": 1.0, "cas registry no": "67-64-1"}  # fmt: skip
    os.chdir(folder)
    with contextlib.redirect_stdout(io.StringIO()):  # it prints each line
        jcamp.writefile("jcamp-ir.jdx", data)


def jcamp__writers(folder: Path) -> None:
    import jcamp

    x = np.linspace(400, 4000, 50)
    data = {
        "title": "Water",
        "data type": "INFRARED SPECTRUM",
        "origin": "lab",
        "owner": "Ada",
        "xunits": "1/CM",
        "yunits": "ABSORBANCE",
        "x": x,
        "y": np.sin(x / 500) ** 2,
        "npoints": 50,
        "firstx": 400.0,
        "lastx": 4000.0,
        "xfactor": 1.0,
        "yfactor": 1e-4,
        "deltax": float(x[1] - x[0]),
    }
    os.chdir(folder)
    jcamp.writefile("jcamp.jdx", data)
    jcamp.writefile(
        "jcamp-ms.jdx",
        {
            **data,
            "title": "Ethanol",
            "data type": "MASS SPECTRUM",
            "cas registry no": "64-17-5",
            "molform": "C2 H6 O",
        },
    )


def mzml__psims(folder: Path) -> None:
    from psims.mzml.writer import MzMLWriter

    for name in ("psims", "psims-2"):
        with MzMLWriter(str(folder / f"{name}.mzML"), close=True) as out:
            out.controlled_vocabularies()
            out.file_description(
                ["MS1 spectrum", "MSn spectrum"],
                [
                    {
                        "id": "RAW1",
                        "name": "a.raw",
                        "location": "file:///data",
                        "params": ["Thermo RAW format"],
                    }
                ],
            )
            out.sample_list([{"id": "S1", "name": "Sample one"}])
            out.software_list([{"id": "psims-writer", "version": "0.1.2", "params": ["python-psims"]}])
            source, analyzer, detector = (
                out.Source(1, ["electrospray ionization"]),
                out.Analyzer(2, ["orbitrap"]),
                out.Detector(3, ["inductive detector"]),
            )
            out.instrument_configuration_list(
                [
                    out.InstrumentConfiguration(
                        id="IC1", component_list=[source, analyzer, detector], params=["LTQ Orbitrap"]
                    )
                ]
            )
            out.data_processing_list(
                [
                    out.DataProcessing(
                        [
                            out.ProcessingMethod(
                                order=1, software_reference="psims-writer", params=["Conversion to mzML"]
                            )
                        ],
                        id="DP1",
                    )
                ]
            )
            with (
                out.run(id="run1", instrument_configuration="IC1", start_time="2024-02-29T01:02:03Z"),
                out.spectrum_list(count=3),
            ):
                for number in range(3):
                    out.write_spectrum(
                        np.arange(5.0),
                        np.arange(5.0),
                        id=f"scan={number + 1}",
                        params=["MS1 Spectrum", {"ms level": 1}],
                    )


def segy__segyio(folder: Path) -> None:
    import segyio

    for form, order in ((1, "big"), (5, "big"), (5, "little")):
        spec = segyio.spec()
        spec.format, spec.sorting, spec.samples, spec.ilines, spec.xlines, spec.endian = (
            form,
            2,
            np.arange(0, 200, 4),
            np.arange(1, 4),
            np.arange(10, 15),
            order,
        )
        with segyio.create(str(folder / f"segyio-{form}-{order}.sgy"), spec) as file:
            file.text[0] = segyio.tools.create_text_header(
                {1: "CLIENT ACME", 2: "LINE 7", 40: "END TEXTUAL HEADER"}
            )
            file.bin.update(
                {
                    segyio.BinField.JobID: 7,
                    segyio.BinField.Interval: 4000,
                    segyio.BinField.MeasurementSystem: 1,
                    segyio.BinField.SEGYRevision: 1,
                }
            )
            for number in range(15):
                file.trace[number] = np.zeros(50, "f4")
                file.header[number] = {
                    189: number // 5 + 1,
                    193: number % 5 + 10,
                    73: 1000 + number,
                    77: 2000,
                    71: -100,
                    115: 50,
                    117: 4000,
                }


def segy__obspy(folder: Path) -> None:
    from obspy import Stream, Trace

    stream = Stream([Trace(np.zeros(100, "f4"), {"sampling_rate": 250.0}) for _ in range(3)])
    stream.write(
        str(folder / "obspy.sgy"),
        format="SEGY",
        data_encoding=5,
        byteorder=">",
        textual_header_encoding="ASCII",
    )
    stream.write(str(folder / "obspy-le.sgy"), format="SEGY", data_encoding=1, byteorder="<")


def las_well__lasio(folder: Path) -> None:
    import lasio

    las = lasio.LASFile()
    las.well["WELL"].value, las.well["COMP"].value, las.well["FLD"].value = (
        "Any et al 12-34",
        "ACME OIL",
        "WILDCAT",
    )
    las.well["UWI"].value, las.well["DATE"].value = "100123401234W500", "2024-02-29"
    las.params["BHT"] = lasio.HeaderItem("BHT", "DEGC", 35.5, "Bottom hole temperature")
    las.params["MUD"] = lasio.HeaderItem("MUD", "", "GEL CHEM", "Mud type: old")
    las.other = "First remark\nSecond remark"
    las.append_curve("DEPT", np.arange(100.0, 110.0, 0.5), unit="M", descr="Depth")
    las.append_curve("GR", np.arange(20.0), unit="GAPI", descr="Gamma ray", value="45 310 01 00")
    for version in (1.2, 2):
        las.write(str(folder / f"lasio-{version}.las"), version=version)
