"""What the field's readers say of tables and arrays; see `science_oracles.py`."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path

import numpy as np
from science_oracles_facts import Facts


def parquet(path: str) -> Facts:
    import pyarrow.parquet as pq

    facts = Facts()
    file = pq.ParquetFile(path)
    meta = file.metadata
    for name, value in (
        ("RowCount", meta.num_rows),
        ("RowGroupCount", meta.num_row_groups),
        ("ColumnCount", meta.num_columns),
        ("CreatedBy", meta.created_by or None),
        ("FooterSize", meta.serialized_size),
    ):
        if value is not None:
            facts.put("parquet", "File", name, value)
    for key, value in (meta.metadata or {}).items():
        if key != b"ARROW:schema":
            facts.put("parquet", "Metadata", key.decode(), value.decode("utf-8", "replace"))
    schema = meta.schema
    for number in range(meta.num_columns):
        column = schema.column(number)
        told = {"type": column.physical_type}
        logical = json.loads(column.logical_type.to_json())
        kind = logical["Type"]
        if kind != "None":
            zone = "UTC" if logical.get("isAdjustedToUTC") else "local"
            unit = {"milliseconds": "MILLIS", "microseconds": "MICROS", "nanoseconds": "NANOS"}.get(
                logical.get("timeUnit"), ""
            )
            told["logical_type"] = {
                "Int": f"{'INT' if logical.get('isSigned') else 'UINT'}({logical.get('bitWidth')})", "Decimal": f"DECIMAL({logical.get('precision')}, {logical.get('scale')})",
                "Time": f"TIME({unit}, {zone})", "Timestamp": f"TIMESTAMP({unit}, {zone})",
            }.get(kind, kind.upper())  # fmt: skip
        if column.physical_type == "FIXED_LEN_BYTE_ARRAY":
            told["length_bytes"] = column.length
        if column.converted_type != "NONE":
            told["converted_type"] = column.converted_type
        facts.put("parquet", "Schema", column.path, told)
    for group in range(meta.num_row_groups):
        row_group = meta.row_group(group)
        facts.put(
            "parquet",
            "RowGroups",
            f"RowGroup{group}",
            {"rows": row_group.num_rows, "total_bytes": row_group.total_byte_size},
        )
        for number in range(row_group.num_columns):
            chunk = row_group.column(number)
            told = {
                "codec": chunk.compression,
                "values": chunk.num_values,
                "compressed_bytes": chunk.total_compressed_size,
                "uncompressed_bytes": chunk.total_uncompressed_size,
                "data_page_offset": chunk.data_page_offset,
                "encodings": sorted(chunk.encodings),
            }
            if chunk.has_dictionary_page and chunk.dictionary_page_offset:
                told["dictionary_page_offset"] = chunk.dictionary_page_offset
            if chunk.compression == "LZ4":  # its name for LZ4_RAW as well
                told.pop("codec")
            statistics = chunk.statistics
            if statistics is not None:
                if statistics.has_null_count:
                    told["nulls"] = statistics.null_count
                if statistics.has_min_max and not str(statistics.logical_type).upper().startswith(
                    ("FLOAT16", "UUID")
                ):  # bytes to it
                    with contextlib.suppress(Exception):
                        told["min"], told["max"] = _statistic(statistics.min), _statistic(statistics.max)
            facts.put("parquet", f"RowGroup{group}", chunk.path_in_schema, told)
    return facts


def _statistic(value: object) -> object:
    if hasattr(value, "isoformat"):
        text = value.isoformat().replace("+00:00", "Z")
        if "." in text and hasattr(value, "microsecond"):
            body, zone = (text[:-1], "Z") if text.endswith("Z") else (text, "")
            text = body.rstrip("0") + zone
        return text
    return value if isinstance(value, (bytes, bool, int, float)) else str(value)


def arrow(path: str) -> Facts:
    import pyarrow as pa

    facts = Facts()
    data = Path(path).read_bytes()
    if data[:6] == b"ARROW1":
        file = pa.ipc.open_file(io.BytesIO(data))
        facts.put("arrow", "File", "RecordBatchCount", file.num_record_batches)
        with contextlib.suppress(Exception):
            facts.put(
                "arrow",
                "File",
                "RowCount",
                sum(file.get_batch(number).num_rows for number in range(file.num_record_batches)),
            )
    else:
        file = pa.ipc.open_stream(io.BytesIO(data))
        with contextlib.suppress(Exception):
            batches = list(file)
            facts.put("arrow", "File", "RecordBatchCount", len(batches))
            facts.put("arrow", "File", "RowCount", sum(each.num_rows for each in batches))
    schema = file.schema
    facts.put("arrow", "File", "ColumnCount", len(schema))
    for key, value in (schema.metadata or {}).items():
        facts.put("arrow", "Metadata", key.decode(), value.decode("utf-8", "replace"))

    def walk(field, prefix: str) -> None:
        place = f"{prefix}.{field.name}" if prefix else field.name
        kind, told = field.type, {"nullable": field.nullable}
        if isinstance(kind, pa.DictionaryType):
            told |= {"dictionary_index": str(kind.index_type), "ordered": kind.ordered}
            kind = kind.value_type
        told["type"] = (
            str(kind)
            if not kind.num_fields
            else str(kind).split("<")[0]
            + (f"[{kind.list_size}]" if pa.types.is_fixed_size_list(kind) else "")
        )
        for key, value in (field.metadata or {}).items():
            told[f"metadata:{key.decode()}"] = value.decode("utf-8", "replace")
        facts.put("arrow", "Schema", place, told)
        if pa.types.is_map(kind):
            return
        for number in range(kind.num_fields):
            walk(kind.field(number), place)

    for each in schema:
        if isinstance(each.type, pa.BaseExtensionType):
            each = each.with_type(each.type.storage_type)
        walk(each, "")
    return facts


def orc(path: str) -> Facts:
    import pyorc

    facts = Facts()
    with Path(path).open("rb") as file:
        reader = pyorc.Reader(file)
        facts.put("orc", "File", "RowCount", len(reader))
        facts.put("orc", "File", "Compression", reader.compression.name)
        facts.put("orc", "File", "StripeCount", reader.num_of_stripes)
        facts.put("orc", "File", "RowIndexStride", reader.row_index_stride)
        facts.put("orc", "File", "FileVersion", ".".join(map(str, reader.format_version)))
        facts.put("orc", "File", "SoftwareVersion", reader.software_version.rpartition(" ")[2])
        for key, value in reader.user_metadata.items():
            facts.put("orc", "Metadata", key, value.decode())

        def walk(kind, place: str) -> None:
            name = type(kind).__name__
            base = {
                "Int": "int",
                "BigInt": "bigint",
                "String": "string",
                "Double": "double",
                "Float": "float",
                "Boolean": "boolean",
                "Timestamp": "timestamp",
                "TimestampInstant": "timestamp with local time zone",
                "Date": "date",
                "Array": "array",
                "Map": "map",
                "Struct": "struct",
                "Union": "uniontype",
                "Binary": "binary",
                "SmallInt": "smallint",
                "TinyInt": "tinyint",
            }.get(name)
            if name == "Decimal":
                base = f"decimal({kind.precision},{kind.scale})"
            elif name in {"VarChar", "Char"}:
                base = f"{name.lower()}({kind.max_length})"
            if place:
                facts.put("orc", "Schema", place, {"type": base, "id": kind.column_id})
            prefix = f"{place}." if place else ""
            if name == "Struct":
                for each, inner in kind.fields.items():
                    walk(inner, prefix + each)
            elif name == "Array":
                walk(kind.type, f"{prefix}element")
            elif name == "Map":
                walk(kind.key, f"{prefix}key"), walk(kind.value, f"{prefix}value")

        walk(reader.schema, "")
        for number, stripe in enumerate(reader.iter_stripes()):
            facts.put(
                "orc", "Stripes", f"Stripe{number}", {"rows": len(stripe), "offset": stripe.bytes_offset}
            )
    return facts


def avro(path: str) -> Facts:
    import fastavro

    facts = Facts()
    with Path(path).open("rb") as file:
        reader = fastavro.reader(file)
        schema = json.loads(reader.metadata["avro.schema"])
        facts.put("avro", "File", "Codec", reader.metadata.get("avro.codec", "null"))
        facts.put("avro", "File", "Name", schema["name"])
        for key, value in reader.metadata.items():
            if not key.startswith("avro."):
                facts.put("avro", "Metadata", key, value)
        for field in schema["fields"]:
            told = {key: field[key] for key in ("doc",) if key in field}
            if "default" in field:
                told["default"] = json.dumps(field["default"])
            if isinstance(field["type"], str):
                told["type"] = field["type"]
            if isinstance(field["type"], dict) and "logicalType" in field["type"]:
                told |= {
                    key: field["type"][key]
                    for key in ("logicalType", "precision", "scale")
                    if key in field["type"]
                }
            facts.put("avro", "Schema", field["name"], told)
        facts.put("avro", "File", "RecordCount", sum(1 for _ in reader))
    with Path(path).open("rb") as file:
        facts.put("avro", "File", "BlockCount", sum(1 for _ in fastavro.block_reader(file)))
    return facts


def mat(path: str) -> Facts:
    from scipy.io import loadmat, whosmat

    facts = Facts()
    values = loadmat(path, chars_as_strings=True)
    is_old = not Path(path).read_bytes().startswith(b"MATLAB")
    for name, shape, kind in whosmat(path):
        told = {"shape": list(shape), "class": kind}
        value = values[name]
        if is_old and kind == "double":  # it calls all numbers of level 4 so
            told.pop("class")
        if kind == "char":
            told.pop("shape")
            if getattr(value, "size", 0) == 1:
                told["value"] = str(value.reshape(-1)[0])
        elif kind == "struct":
            told["fields"] = list(value.dtype.names or [])
        elif (
            kind in {"double", "single", "int16", "int32", "logical"}
            and np.isrealobj(value)
            and 0 < value.size <= 64
            and kind != "sparse"
            and hasattr(value, "flatten")
        ):
            is_line = sum(each > 1 for each in value.shape) < 2
            told["value"] = (
                value.tolist() if not is_line else value.item() if value.size == 1 else value.flatten()
            )
        facts.put("matlab", "Variables", name, told)
    return facts


def numpy_(path: str) -> Facts:
    facts = Facts()
    told = np.load(path, allow_pickle=True)
    arrays = {name: told[name] for name in told.files} if hasattr(told, "files") else {"": told}
    for name, array in arrays.items():
        facts_of = {
            "Shape": list(array.shape),
            "Order": "Fortran" if array.flags.f_contiguous and not array.flags.c_contiguous else "C",
        }
        if array.dtype.names is None:
            facts_of["Type"] = array.dtype.str
        else:
            facts_of["Columns"] = list(array.dtype.names)
        if name:
            facts.put("numpy", "Arrays", name, facts_of)
        else:
            for key, value in facts_of.items():
                facts.put("numpy", "Array", key, value)
    return facts


def zarr_(path: str) -> Facts:
    import zarr

    facts = Facts()
    if not path.endswith(".zip"):
        told = json.loads(Path(path).read_text())
        nodes = [("", told)] if "metadata" not in told else []
        for _, each in nodes:
            if each.get("zarr_format"):
                facts.put("zarr", "Store", "ZarrFormat", each["zarr_format"])
            if "shape" in each:
                facts.put(
                    "zarr",
                    "Arrays",
                    "/",
                    {"shape": each["shape"], "type": each.get("dtype", each.get("data_type"))},
                )
            for key, value in (each.get("attributes") or {}).items():
                facts.put("zarr", "/", key, value)
        return facts
    root = zarr.open_group(zarr.storage.ZipStore(path, mode="r"), mode="r")
    facts.put("zarr", "Store", "ZarrFormat", root.metadata.zarr_format)
    for key, value in root.attrs.items():
        facts.put("zarr", "/", key, value)
    for name, node in root.members(max_depth=None):
        if isinstance(node, zarr.Array):
            told = {
                "shape": list(node.shape),
                "chunks": list(node.shards or node.chunks),
                "fill_value": node.fill_value,
            }
            facts.put("zarr", "Arrays", f"/{name}", told)
        for key, value in node.attrs.items():
            facts.put("zarr", f"/{name}", key, value)
    return facts
