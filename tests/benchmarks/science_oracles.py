"""What the field's readers say of scientific files, reading the whole file; run by build/oracles/science/bin/python.

    python science_oracles.py FAMILY < PATHS > JSON

Per file either {"facts": {key: value}} or {"refused": why}. A key is "section|group|name" as our document has it, or with "|entry"
for one entry of a struct; a name that comes several times has "#1", "#2" … behind it. Values are plain JSON.
"""

from __future__ import annotations

import base64
import contextlib
import gzip
import io
import json
import math
import sys
import warnings
from pathlib import Path

import numpy as np


class Facts(dict):
    """Facts by key; a struct is a fact an entry."""

    def put(self, section: str, group: str, name: str, value: object) -> None:
        key, number = f"{section}|{group}|{name}", 0
        while key in self or f"{key}|" in self:
            number += 1
            key = f"{section}|{group}|{name}#{number}"
        if isinstance(value, dict):
            self[f"{key}|"] = None
            for entry, each in value.items():
                if each is not None:
                    self[f"{key}|{entry}"] = plain(each)
        else:
            self[key] = plain(value)

    def done(self) -> dict:
        return {key: value for key, value in self.items() if not key.endswith("|")}


def plain(value: object) -> object:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, bytes):
        return {"bytes": base64.b64encode(value).decode()}
    if isinstance(value, complex):
        return {"real": value.real, "imaginary": value.imag}
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in value.items()}
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)


def dicom(path: str) -> Facts:
    import pydicom
    from pydicom.datadict import keyword_for_tag

    facts = Facts()
    data = pydicom.dcmread(path, force=True)

    def name(tag) -> str:
        return (
            keyword_for_tag(tag)
            or f"{'Private' if tag.is_private else 'Unknown'}_{tag.group:04X}_{tag.element:04X}"
        )

    def value(element, depth: int = 0) -> object:
        told = element.value
        if element.VR == "SQ":
            return [{name(each.tag): value(each, depth + 1) for each in item} for item in told]
        if element.tag in {0x7FE00010, 0x7FE00008, 0x7FE00009}:
            return "(pixels)"
        if isinstance(told, bytes):
            return told if len(told) <= 256 else f"({len(told)} bytes)"
        return number(told, element.VR)

    def number(told, kind: str) -> object:
        if told is None or told == "":
            return None
        if isinstance(told, (list, pydicom.multival.MultiValue)):
            return [number(each, kind) for each in told]
        if kind == "AT":
            return f"({int(told) >> 16:04x},{int(told) & 0xFFFF:04x})"
        if isinstance(told, (int, float)) and not isinstance(told, bool):
            return float(told) if isinstance(told, float) else int(told)
        return str(told) if not hasattr(told, "as_integer_ratio") else float(told)

    for group, part in (("FileMeta", data.file_meta), ("", data)):
        for element in part:
            facts.put(
                "dicom",
                group,
                name(element.tag),
                {"value": value(element), "tag": f"({element.tag.group:04x},{element.tag.element:04x})"},
            )
    return facts


def fits(path: str) -> Facts:
    from astropy.io import fits as astropy_fits
    from astropy.wcs import WCS

    facts = Facts()
    with astropy_fits.open(
        path, disable_image_compression=True, ignore_missing_simple=False, memmap=False
    ) as hdus:
        for number, hdu in enumerate(hdus):
            header = hdu.header
            name = header.get("EXTNAME") or ("PRIMARY" if number == 0 else header.get("XTENSION"))
            group = f"HDU {number} ({str(name).strip()})"
            for card in header.cards:
                with contextlib.suppress(Exception):
                    card.verify("silentfix")
                keyword = card.keyword
                value = card.value
                if isinstance(value, astropy_fits.card.Undefined):
                    value = None
                if len(keyword) > 8 or " " in keyword:
                    keyword = f"HIERARCH {keyword}"
                if keyword == "" and value in {"", None}:
                    continue
                facts.put(
                    "fits", group, keyword or "COMMENT", value.rstrip() if isinstance(value, str) else value
                )
            if isinstance(hdu, (astropy_fits.BinTableHDU, astropy_fits.TableHDU)) and not header.get(
                "ZIMAGE"
            ):
                facts.put("fits", group, "Columns", [each.name for each in hdu.columns])
            if (
                header.get("NAXIS") == 2
                and not header.get("ZIMAGE")
                and number < 3
                and str(header.get("CTYPE1", "")).startswith(("RA--", "GLON"))
            ):
                with contextlib.suppress(Exception):
                    wcs = WCS(header)
                    if wcs.sip is None and wcs.celestial.wcs.ctype[0].split("-")[-1] in {
                        "TAN",
                        "SIN",
                        "ARC",
                        "STG",
                        "ZEA",
                        "CAR",
                    }:
                        centre = wcs.all_pix2world(
                            [[(header["NAXIS1"] + 1) / 2, (header["NAXIS2"] + 1) / 2]], 1
                        )[0]
                        facts.put("wcs", group, "Center", [float(each) for each in centre])
                        from astropy.wcs.utils import proj_plane_pixel_scales

                        facts.put(
                            "wcs",
                            group,
                            "PixelScale",
                            [float(each) * 3600 for each in proj_plane_pixel_scales(wcs)],
                        )
    return facts


def _h5_type(kind) -> str | None:
    import h5py

    text = h5py.check_string_dtype(kind)
    if text is not None:
        return f"string ({text.encoding}, {'variable' if text.length is None else text.length})"
    if h5py.check_enum_dtype(kind) is not None:
        members = h5py.check_enum_dtype(kind)
        return (
            "bool"
            if set(members) == {"FALSE", "TRUE"}
            else f"enum of {kind.base if kind.subdtype else np.dtype(kind.str)}"
        )
    if (
        h5py.check_ref_dtype(kind) is not None
        or h5py.check_vlen_dtype(kind) is not None
        or kind.names
        or kind.subdtype
        or kind.kind in "VMm"
    ):
        return None
    return str(kind)


def hdf5(path: str) -> Facts:
    import h5py

    facts = Facts()
    seen: set = set()

    def attributes(owner, place: str) -> None:
        for name in owner.attrs:
            try:
                value, attribute = owner.attrs[name], owner.attrs.get_id(name)
            except Exception:  # noqa: BLE001 - a type that h5py doesn't read
                continue
            if attribute.get_type().get_class() == h5py.h5t.REFERENCE or name in {
                "REFERENCE_LIST",
                "DIMENSION_LIST",
            }:
                continue
            if isinstance(value, h5py.Empty):
                facts.put("hdf5", place, name, None)
                continue
            members = h5py.check_enum_dtype(attribute.dtype) if attribute.dtype.names is None else None
            if members and set(members) != {"FALSE", "TRUE"}:
                labels = {number: label for label, number in members.items()}
                value = np.vectorize(
                    lambda each, labels=labels: labels[int(each)], otypes=[object], excluded={1}
                )(value)
                value = value.tolist() if hasattr(value, "tolist") else value
            if (
                attribute.dtype.names
                or attribute.dtype.kind == "V"
                or h5py.check_vlen_dtype(attribute.dtype) is not None
            ):
                continue
            if np.size(value) > 256:
                continue
            facts.put("hdf5", place, name, _text(value))

    def walk(group, place: str) -> None:
        attributes(group, place)
        for name in group:
            full = f"{place.rstrip('/')}/{name}"
            link = group.get(name, getlink=True)
            if not isinstance(link, h5py.HardLink):
                facts.put(
                    "hdf5",
                    place,
                    full,
                    {"kind": "external link" if hasattr(link, "filename") else "soft link"},
                )
                continue
            try:
                member = group[name]
            except Exception:  # noqa: BLE001 - damage
                continue
            info = h5py.h5o.get_info(member.id)
            if (info.fileno, info.addr) in seen:
                continue
            seen.add((info.fileno, info.addr))
            if isinstance(member, h5py.Group):
                facts.put("hdf5", place, full, {"kind": "group", "members": len(member)})
                walk(member, full)
            elif isinstance(member, h5py.Dataset):
                told = {
                    "kind": "dataset",
                    "shape": None if member.shape is None else list(member.shape),
                    "type": _h5_type(member.dtype),
                }
                if member.shape and member.maxshape != member.shape:
                    told["max_shape"] = ["unlimited" if each is None else each for each in member.maxshape]
                if member.chunks:
                    told["chunks"] = list(member.chunks)
                for key, value in (
                    ("compression", member.compression),
                    ("shuffle", member.shuffle or None),
                    ("fletcher32", member.fletcher32 or None),
                    ("virtual", member.is_virtual or None),
                ):
                    if value is not None:
                        told[key] = value
                if member.compression == "gzip":
                    told["compression_level"] = member.compression_opts
                if member.dtype.names and told["type"] is None and list(member.dtype.names) != ["r", "i"]:
                    told["fields"] = list(member.dtype.names)
                if h5py.check_enum_dtype(member.dtype) and told["type"] != "bool":
                    told["members"] = {
                        key: int(value) for key, value in h5py.check_enum_dtype(member.dtype).items()
                    }
                if member.is_scale:
                    told["scale"] = _text(member.attrs.get("NAME", b""))
                elif any(len(each) for each in member.dims):
                    told["dimensions"] = [each[0].name if len(each) else [] for each in member.dims]
                facts.put("hdf5", place, full, told)
                attributes(member, full)
            else:
                facts.put("hdf5", place, full, {"kind": "named type"})
                attributes(member, full)

    with h5py.File(path, "r") as file:
        info = h5py.h5o.get_info(file.id)
        seen.add((info.fileno, info.addr))
        walk(file, "/")
    return facts


def _text(value: object) -> object:
    if isinstance(value, bytes):
        try:
            return value.rstrip(b"\0").decode()
        except UnicodeDecodeError:
            return value
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, list):
        return [_text(each) for each in value]
    return value


def netcdf(path: str) -> Facts:
    import netCDF4

    facts = Facts()
    with netCDF4.Dataset(path) as file:
        file.set_auto_mask(False)
        is_new = file.data_model.startswith("NETCDF4")
        facts.put(
            "netcdf",
            "File",
            "Format",
            {
                "NETCDF3_CLASSIC": "Classic (CDF-1)",
                "NETCDF3_64BIT_OFFSET": "64-bit offset (CDF-2)",
                "NETCDF3_64BIT_DATA": "64-bit data (CDF-5)",
                "NETCDF4": "netCDF-4",
                "NETCDF4_CLASSIC": "netCDF-4 classic model",
            }[file.data_model],
        )

        def attributes(owner, group: str) -> None:
            for name in owner.ncattrs():
                value = owner.getncattr(name)
                if is_new and (
                    name == "_FillValue"
                    and isinstance(owner, netCDF4.Variable)
                    and isinstance(owner.datatype, netCDF4.EnumType)
                ):
                    continue
                facts.put("hdf5" if is_new else "netcdf", group, name, value)

        def walk(group, prefix: str) -> None:
            for name, dimension in group.dimensions.items():
                facts.put("netcdf", "Dimensions", f"{prefix}{name}", len(dimension))
            attributes(group, f"/{prefix.rstrip('/')}")
            for name, variable in group.variables.items():
                told = {"dimensions": list(variable.dimensions), "shape": list(variable.shape)}
                if not is_new:
                    told["type"] = {
                        "S1": "char",
                        "i1": "byte",
                        "u1": "ubyte",
                        "i2": "short",
                        "u2": "ushort",
                        "i4": "int",
                        "u4": "uint",
                        "f4": "float",
                        "f8": "double",
                        "i8": "int64",
                        "u8": "uint64",
                    }[variable.dtype.str[1:] if variable.dtype != "S1" else "S1"]
                facts.put("netcdf", "Variables", f"{prefix}{name}", told)
                attributes(variable, f"/{prefix}{name}" if is_new else name)
            for name, inner in group.groups.items():
                walk(inner, f"{prefix}{name}/")

        walk(file, "")
    return facts


def nifti(path: str) -> Facts:
    import nibabel as nib

    facts = Facts()
    if path.endswith((".mgh", ".mgz")):
        header = nib.load(path).header
        for name in ("version", "dims", "type", "dof", "goodRASFlag", "delta", "Pxyz_c"):
            facts.put("mgh", "Header", name, header[name])
        facts.put("mgh", "Header", "Mdc", header["Mdc"].tolist())
        if path.endswith(".mgh"):
            for name in ("tr", "flip_angle", "te", "ti", "fov"):
                facts.put("mgh", "Footer", name, header[name])
        return facts
    with Path(path).open("rb") as raw:
        head = raw.read(2)
    with gzip.open(path) if head == b"\x1f\x8b" else Path(path).open("rb") as stream:
        start = stream.read(348)
        stream.seek(0)
        kind = (
            nib.Nifti2Header
            if int.from_bytes(start[:4], "little") == 540 or int.from_bytes(start[:4], "big") == 540
            else nib.Nifti1Header
            if start[344:347] in {b"n+1", b"ni1"}
            else nib.Spm2AnalyzeHeader
            if False
            else nib.AnalyzeHeader
        )
        header = kind.from_fileobj(stream, check=False)
    for name in list(header):
        value = header[name]
        value = (
            value.tobytes().split(b"\0")[0].rstrip().decode("latin-1") if value.dtype.kind == "S" else value
        )
        if (isinstance(value, np.ndarray) and value.dtype.kind == "V") or name in {
            "unused_str",
            "orient",
        }:  # a byte that it takes for text
            continue
        facts.put("nifti", "Header", name, value)
    facts.put("nifti", "Volume", "Shape", list(header.get_data_shape()))
    for extension in getattr(header, "extensions", []):
        facts.put(
            "nifti",
            "Volume",
            "Extension",
            {"code": extension.get_code(), "size_bytes": extension.get_sizeondisk()},
        )
    return facts


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
    }
    one = {
        "number": "indicatorOfParameter",
        "level_type": "indicatorOfTypeOfLevel",
        "grid_template": "dataRepresentationType",
        "tables_version": "table2Version",
        "process_id": "generatingProcessIdentifier",
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
            flat = value.flatten(order="F")
            told["value"] = flat[0] if flat.size == 1 else flat
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
    from osgeo import gdal, osr  # noqa: F401

    raise NotImplementedError(path)


FAMILIES = {
    "dicom": dicom, "fits": fits, "hdf5": hdf5, "netcdf": netcdf, "nifti": nifti, "parquet": parquet, "arrow": arrow, "grib": grib, "bufr": bufr, "orc": orc, "avro": avro,
    "mat": mat, "npy": numpy_, "zarr": zarr_, "safetensors": safetensors, "gguf": gguf_, "onnx": onnx_, "jcamp": jcamp_, "mzml": mzml, "segy": segy, "las_well": las_well,
}  # fmt: skip


def main() -> None:
    family = FAMILIES[sys.argv[1]]
    warnings.simplefilter("ignore")
    answers = {}
    for path in sys.stdin.read().splitlines():
        try:
            answers[path] = {"facts": family(path).done()}
        except Exception as error:  # noqa: BLE001 - what readers raise is their affair
            answers[path] = {"refused": f"{type(error).__name__}: {str(error)[:150]}"}
    json.dump(answers, sys.stdout, default=str)


if __name__ == "__main__":
    main()
