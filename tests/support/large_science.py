"""Scientific files of gigabytes, with holes for data, and of hundreds of thousands of parts."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from tests.golden.science import BLOCK, header
from tests.support.protobuf import varint

if TYPE_CHECKING:
    from pathlib import Path


def _element(group: int, element: int, kind: bytes, value: bytes) -> bytes:
    value += b" " * (len(value) % 2) if kind not in {b"OB", b"UI"} else b"\0" * (len(value) % 2)
    if kind in {b"OB", b"OW", b"SQ", b"UT", b"UN"}:
        return struct.pack("<HH2sHI", group, element, kind, 0, len(value)) + value
    return struct.pack("<HH2sH", group, element, kind, len(value)) + value


def _meta() -> bytes:
    inner = (
        _element(2, 1, b"OB", b"\0\1")
        + _element(2, 2, b"UI", b"1.2.840.10008.5.1.4.1.1.4.1")
        + _element(2, 0x10, b"UI", b"1.2.840.10008.1.2.1")
    )
    return bytes(128) + b"DICM" + _element(2, 0, b"UL", struct.pack("<I", len(inner))) + inner


def write_dicom(path: Path, pixel_bytes: int, frames: int = 0) -> None:
    """An enhanced image: functional groups of each frame, and pixels at last."""
    items = b""
    for number in range(frames):
        inner = _element(0x20, 0x9157, b"UL", struct.pack("<II", 1, number + 1))
        content = struct.pack("<HHI", 0xFFFE, 0xE000, len(inner)) + inner
        group = _element(0x20, 0x9111, b"SQ", content)
        items += struct.pack("<HHI", 0xFFFE, 0xE000, len(group)) + group
    body = (
        _element(8, 0x60, b"CS", b"MR")
        + _element(0x10, 0x10, b"PN", b"Large^Ada")
        + _element(0x28, 8, b"IS", b"%d" % max(frames, 1))
    )
    body += _element(0x28, 0x10, b"US", struct.pack("<H", 512)) + _element(
        0x28, 0x11, b"US", struct.pack("<H", 512)
    )
    if frames:
        body += _element(0x5200, 0x9230, b"SQ", items)
    body += struct.pack("<HH2sHI", 0x7FE0, 0x10, b"OW", 0, pixel_bytes)
    with path.open("wb") as file:
        file.write(_meta() + body)
        file.truncate(file.tell() + pixel_bytes)


def write_dicom_of_parts(path: Path, elements: int, items: int) -> None:
    """Many private elements, then a sequence of many items."""
    with path.open("wb") as file:
        file.write(_meta() + _element(8, 0x60, b"CS", b"MR"))
        left, group = elements, 0x0009
        while left:
            count = min(left, 0xEFFF)
            file.write(_element(group, 0x10, b"LO", b"MANY"))
            for number in range(count):
                file.write(_element(group, 0x1000 + number, b"LO", b"%06d" % number))
            left -= count
            group += 2
        if items:
            inner = _element(8, 0x100, b"SH", b"T-1 ") + _element(8, 0x104, b"LO", b"meaning ")
            item = struct.pack("<HHI", 0xFFFE, 0xE000, len(inner)) + inner
            file.write(struct.pack("<HH2sHI", 0x5200, 0x9230, b"SQ", 0, len(item) * items))
            for begin in range(0, items, 10_000):
                file.write(item * min(10_000, items - begin))


def write_fits(path: Path, hdus: int, data_bytes: int) -> None:
    """HDUs with 200 keywords each (or 10, of many), and data of the same size."""
    keywords = 200 if hdus < 1000 else 4
    width = data_bytes // 4
    rest = [f"KEY{number:<5}= {number:>20}" for number in range(keywords)]
    with path.open("wb") as file:
        for number in range(hdus):
            first = "SIMPLE  =                    T" if not number else "XTENSION= 'IMAGE   '"
            axes = (
                ["NAXIS   =                    1", f"NAXIS1  = {width:>20}"]
                if width
                else ["NAXIS   =                    0"]
            )
            file.write(header([first, "BITPIX  =                  -32", *axes, *rest]))
            end = file.tell() + -(-width * 4 // BLOCK) * BLOCK
            file.seek(end)
        file.truncate(file.tell())


def write_hdf5(path: Path, objects: int, data_bytes: int = 0, references: int = 0) -> None:
    """Groups of a thousand members, one contiguous dataset with a hole, a scale with many references."""
    import h5py
    import numpy as np

    with h5py.File(path, "w", libver="latest") as file:
        file.attrs["title"] = "large"
        if data_bytes:
            plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
            plist.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
            plist.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
            space = h5py.h5s.create_simple((data_bytes // 4,))
            h5py.h5d.create(file.id, b"large", h5py.h5t.NATIVE_FLOAT, space, plist)
        scalar = h5py.h5s.create(h5py.h5s.SCALAR)
        for begin in range(0, objects, 1000):
            group = file.create_group(f"g{begin:07d}")
            for number in range(min(1000, objects - begin)):
                if number % 10:
                    h5py.h5g.create(group.id, b"s%04d" % number)
                else:
                    h5py.h5d.create(group.id, b"d%04d" % number, h5py.h5t.NATIVE_INT32, scalar)
        if references:
            scale = file.create_dataset("scale", data=np.arange(4.0))
            scale.make_scale("x")
            for number in range(references):
                file.create_dataset(f"v{number:04d}", (4,), "f4").dims[0].attach_scale(scale)
            kind = h5py.ref_dtype
            file.attrs.create("list", np.array([scale.ref] * references, dtype=object), dtype=kind)


def write_netcdf(path: Path, data_bytes: int) -> None:
    """A classic file of 64-bit offsets: a variable with a time axis of records."""
    from tests.golden.netcdf import classic

    count = data_bytes // (4 * 1000)
    path.write_bytes(classic(records=count, width=1000))
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size + count * 4 * 1000)


def write_grib(path: Path, message: bytes, messages: int, data_bytes: int) -> None:
    """Messages of edition 2 whose data section is a hole: `message` gives the sections before it."""
    at, prefix = 16, b""
    while message[at + 4] != 7:
        size = int.from_bytes(message[at : at + 4])
        prefix += message[at : at + size]
        at += size
    total = 16 + len(prefix) + 5 + data_bytes + 4
    with path.open("wb") as file:
        for _ in range(messages):
            begin = file.tell()
            file.write(
                message[:8] + struct.pack(">Q", total) + prefix + struct.pack(">IB", 5 + data_bytes, 7)
            )
            file.seek(begin + total - 4)
            file.write(b"7777")


def write_parquet(path: Path, footer_of: Path, data_bytes: int) -> None:
    """The footer of another file behind a hole: its offsets point into the hole."""
    data = footer_of.read_bytes()
    size = int.from_bytes(data[-8:-4], "little")
    with path.open("wb") as file:
        file.write(data[: len(data) - 8 - size])
        file.truncate(data_bytes)
        file.seek(data_bytes)
        file.write(data[-8 - size :])


def write_parquet_of_columns(path: Path, columns: int, groups: int) -> None:
    """A footer of many columns in several row groups, by the format (parquet.thrift), and no pages."""

    def number(value: int) -> bytes:
        return varint(value << 1)

    def text(value: bytes) -> bytes:
        return varint(len(value)) + value

    def many(kind: int, parts: list[bytes]) -> bytes:
        head = (
            bytes((len(parts) << 4 | kind,))
            if len(parts) < 15
            else bytes((0xF0 | kind,)) + varint(len(parts))
        )
        return head + b"".join(parts)

    names = [b"column_%05d" % each for each in range(columns)]
    root = b"\x48" + text(b"schema") + b"\x15" + number(columns) + b"\0"
    schema = [
        root,
        *(b"\x15" + number(2) + b"\x25" + number(1) + b"\x18" + text(name) + b"\0" for name in names),
    ]
    chunks = []
    for at, name in enumerate(names):
        low, high = struct.pack("<q", at), struct.pack("<q", at + 7)
        statistics = b"\x36" + number(0) + b"\x28" + text(high) + b"\x18" + text(low) + b"\0"
        meta = (
            b"\x15"
            + number(2)
            + b"\x19"
            + many(5, [number(0), number(3)])
            + b"\x19"
            + many(8, [text(name)])
            + b"\x15"
            + number(1)
        )
        meta += (
            b"\x16"
            + number(1000)
            + b"\x16"
            + number(8000)
            + b"\x16"
            + number(4000)
            + b"\x26"
            + number(4 + at * 4000)
            + b"\x3c"
            + statistics
            + b"\0"
        )
        chunks.append(b"\x26" + number(4 + at * 4000) + b"\x1c" + meta + b"\0")
    group = b"\x19" + many(12, chunks) + b"\x16" + number(8000 * columns) + b"\x16" + number(1000) + b"\0"
    footer = (
        b"\x15"
        + number(2)
        + b"\x19"
        + many(12, schema)
        + b"\x16"
        + number(1000 * groups)
        + b"\x19"
        + many(12, [group] * groups)
    )
    footer += b"\x28" + text(b"large_science") + b"\0"
    with path.open("wb") as file:
        file.write(b"PAR1")
        file.truncate(4 + 4000 * columns)
        file.seek(4 + 4000 * columns)
        file.write(footer + struct.pack("<I", len(footer)) + b"PAR1")
