"""What the field's readers say of images, volumes, trees and grids; see `science_oracles.py`."""

from __future__ import annotations

import contextlib
import gzip
from pathlib import Path

import numpy as np
from science_oracles_facts import Facts, text_of


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
            facts.put("hdf5", place, name, text_of(value))

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
                    told["scale"] = text_of(member.attrs.get("NAME", b""))
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
