"""A classic netCDF file by its specification: dimensions, attributes, a variable of records."""

from __future__ import annotations

import struct


def _name(text: str) -> bytes:
    data = text.encode()
    return struct.pack(">I", len(data)) + data + bytes(-len(data) % 4)


def _attributes(pairs: dict[str, str]) -> bytes:
    if not pairs:
        return bytes(8)
    parts = b"".join(_name(key) + struct.pack(">I", 2) + _name(value) for key, value in pairs.items())
    return struct.pack(">II", 12, len(pairs)) + parts


def classic(*, records: int, width: int) -> bytes:
    """The header of CDF-2 with one record variable of floats; no data."""
    dimensions = (
        struct.pack(">II", 10, 2)
        + _name("time")
        + struct.pack(">I", 0)
        + _name("x")
        + struct.pack(">I", width)
    )
    outer = _attributes({"title": "made", "Conventions": "CF-1.8"})
    head = b"CDF\2" + struct.pack(">I", records) + dimensions + outer
    fixed = (
        _name("ta")
        + struct.pack(">III", 2, 0, 1)
        + _attributes({"units": "K", "standard_name": "air_temperature"})
        + struct.pack(">II", 5, 4 * width)
    )
    begin = len(head) + 8 + len(fixed) + 8
    return head + struct.pack(">II", 11, 1) + fixed + struct.pack(">Q", begin)
