"""Fields of a GRIB message, edition 2: sections 1, 3, 4 and 5 by their templates. WMO-No. 306, I.2, FM 92-XIV."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.formats.containers.science import grib2_products
from extractor_service.formats.containers.science.octets import moment, scaled, signed, unsigned
from extractor_service.formats.reading.reader import layout
from extractor_service.formats.tags import wmo

if TYPE_CHECKING:
    from collections.abc import Iterator

    from extractor_service.document import Value
    from extractor_service.formats.reading.reader import Reader

    Entries = list[tuple[str, Value]]

_MOST_SECTION_BYTES = 64 * 1024  # kept of one: lists of points in a reduced grid may be longer
_MOST_SECTIONS = 5000  # of a message: a thousand fields
_LATLON = frozenset({0, 1, 2, 3, 40, 41, 42, 43})
_MISSING = 0xFFFFFFFF
_SIMPLE = frozenset({0, 1, 2, 3, 40, 41, 42, 50, 51, 53, 61})
"""Packings that begin with reference value, scales and bits (templates 5.0, 5.2, 5.3, 5.40 …)."""
_EARTH = {
    0: "sphere, 6,367,470 m", 1: "sphere, stated radius", 2: "ellipsoid IAU 1965", 3: "ellipsoid, stated axes in km", 4: "ellipsoid GRS80", 5: "ellipsoid WGS84",
    6: "sphere, 6,371,229 m", 7: "ellipsoid, stated axes in m", 8: "sphere, 6,371,200 m, WGS84", 9: "ellipsoid Airy 1830",
}  # fmt: skip


def fields(reader: Reader, at: int, length: int) -> Iterator[Entries]:
    """What each field of the message at `at` says."""
    discipline = reader.u8(at + 6)
    place, end = at + 16, at + length - 4
    outer: Entries = []
    sections: dict[int, bytes] = {}
    for _ in range(_MOST_SECTIONS):
        if place + 5 > end:
            return
        size, number = reader.u32(place), reader.u8(place + 4)
        if size < 5 or place + size > end + 4 or number > 7:
            raise ValueError(f"section {number} of {size} bytes at {place}")
        if number == 1:
            outer = list(_identification(reader.exact(place, min(size, _MOST_SECTION_BYTES)), discipline))
        elif number < 6:
            sections[number] = reader.exact(place, min(size, _MOST_SECTION_BYTES))
        elif number == 6:
            sections[6] = reader.exact(place, 6)
        else:
            yield [
                *outer,
                *grib2_products.product(sections.get(4, b""), discipline),
                *_grid(sections.get(3, b"")),
                *_packing(sections),
                ("message_bytes", length),
            ]
        place += size


def _identification(data: bytes, discipline: int) -> Iterator[tuple[str, Value]]:
    yield "discipline", discipline
    yield "discipline_name", wmo.DISCIPLINES.get(discipline, "")
    centre = unsigned(data, 6, 2)
    yield "centre", centre
    yield "centre_name", wmo.CENTRES.get(centre, "")
    yield "sub_centre", unsigned(data, 8, 2)
    yield "tables_version", unsigned(data, 10, 1)
    yield "local_tables_version", unsigned(data, 11, 1)
    yield (
        "time_significance",
        wmo.REFERENCE_TIMES.get(unsigned(data, 12, 1), f"Unknown ({unsigned(data, 12, 1)})"),
    )
    yield "reference_time", moment(unsigned(data, 13, 2), *data[14:19])
    yield "production_status", wmo.STATUSES.get(data[19], f"Unknown ({data[19]})")
    yield "data_type", wmo.DATA_TYPES.get(data[20], f"Unknown ({data[20]})")


def _degrees(data: bytes, octet: int) -> float:
    return signed(data, octet, 4) / 1e6


def _earth(data: bytes) -> Iterator[tuple[str, Value]]:
    shape = unsigned(data, 15, 1)
    yield "earth", _EARTH.get(shape, f"Unknown ({shape})")
    if shape == 1 and (radius := scaled(data, 16)):
        yield "earth_radius_meters", radius
    elif shape in {3, 7}:
        axes = [scaled(data, 21), scaled(data, 26)]
        if all(axes):
            yield "earth_axes_meters", [(each or 0) * (1000 if shape == 3 else 1) for each in axes]


def _grid(data: bytes) -> Iterator[tuple[str, Value]]:
    if not data:
        return
    template = unsigned(data, 13, 2)
    yield "grid_template", template
    yield "grid", wmo.GRIDS.get(template, f"Unknown ({template})").split("(")[0].strip()
    yield "points", unsigned(data, 7, 4)
    if template == 50:
        for name, octet in (("j", 15), ("k", 19), ("m", 23)):
            yield f"pentagonal_{name}", unsigned(data, octet, 4)
        return
    if template not in _LATLON | {10, 20, 30, 31, 90, 12, 140}:
        return
    yield from _earth(data)
    for name, octet in (("ni", 31), ("nj", 35)):
        if unsigned(data, octet, 4) != _MISSING:  # of a reduced grid
            yield name, unsigned(data, octet, 4)
    if template in _LATLON:
        yield from _latlon(data, template)
    elif template == 140:  # Lambert's azimuthal equal area
        yield "first_latitude", _degrees(data, 39)
        yield "first_longitude", _degrees(data, 43)
        yield "standard_parallels", [_degrees(data, 47)]
        yield "orientation", _degrees(data, 51)
        yield "dx_meters", unsigned(data, 56, 4) / 1000
        yield "dy_meters", unsigned(data, 60, 4) / 1000
    elif template in {10, 20, 30, 31}:
        yield "first_latitude", _degrees(data, 39)
        yield "first_longitude", _degrees(data, 43)
        yield "true_latitude", _degrees(data, 48)
        if template == 10:
            yield "last_latitude", _degrees(data, 52)
            yield "last_longitude", _degrees(data, 56)
            yield "di_meters", unsigned(data, 65, 4) / 1000
            yield "dj_meters", unsigned(data, 69, 4) / 1000
            return
        yield "dx_meters", unsigned(data, 56, 4) / 1000
        yield "dy_meters", unsigned(data, 60, 4) / 1000
        yield "orientation", _degrees(data, 52)
        yield "projection_centre", "South pole" if unsigned(data, 64, 1) & 0x80 else "North pole"
        if template in {30, 31}:
            yield "standard_parallels", [_degrees(data, 66), _degrees(data, 70)]


def _latlon(data: bytes, template: int) -> Iterator[tuple[str, Value]]:
    angle, parts = unsigned(data, 39, 4), unsigned(data, 43, 4)
    unit = angle / parts * 1e6 if angle and angle != _MISSING and parts and parts != _MISSING else 1.0
    for name, octet in (
        ("first_latitude", 47),
        ("first_longitude", 51),
        ("last_latitude", 56),
        ("last_longitude", 60),
    ):
        yield name, _degrees(data, octet) * unit
    if unsigned(data, 64, 4) != _MISSING and unsigned(data, 55, 1) & 0x20:
        yield "di_degrees", unsigned(data, 64, 4) / 1e6 * unit
    if template >= 40:
        yield "parallels", unsigned(data, 68, 4)
    elif unsigned(data, 68, 4) != _MISSING and unsigned(data, 55, 1) & 0x10:
        yield "dj_degrees", unsigned(data, 68, 4) / 1e6 * unit
    if template in {1, 3, 41, 43}:
        yield "south_pole", [_degrees(data, 73), _degrees(data, 77)]
        yield "rotation_degrees", layout(">f").unpack_from(data, 80)[0]


def _packing(sections: dict[int, bytes]) -> Iterator[tuple[str, Value]]:
    data = sections.get(5, b"")
    if not data:
        return
    template = unsigned(data, 10, 2)
    yield "packing_template", template
    yield "packing", wmo.PACKINGS.get(template, f"Unknown ({template})").removeprefix("Grid point data - ")
    yield "values", unsigned(data, 6, 4)
    if template in _SIMPLE:
        yield "reference_value", layout(">f").unpack_from(data, 11)[0]
        yield "binary_scale", signed(data, 16, 2)
        yield "decimal_scale", signed(data, 18, 2)
        yield "bits_per_value", unsigned(data, 20, 1)
    bitmap = sections.get(6, b"")
    yield "bitmap", len(bitmap) == 6 and bitmap[5] != 255
