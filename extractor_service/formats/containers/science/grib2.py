"""Fields of a GRIB message, edition 2: sections 1, 3, 4 and 5 by their templates. WMO-No. 306, I.2, FM 92-XIV."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
_PLANE = frozenset({0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 60, 61})
"""Products whose octets 12 to 34 are those of template 4.0."""
_CHEMICAL = frozenset({40, 41, 42, 43})
"""The same, two octets later."""
_ENSEMBLE = {1: 35, 11: 35, 60: 35, 61: 35}
_INTERVAL = {8: 35, 11: 38, 12: 37, 61: 45}
"""Where the end of the interval stands (template 4.8 and others)."""
_PRESSURE, _MISSING = 100, 0xFFFFFFFF
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
            outer = list(_identification(reader.exact(place, size), discipline))
        elif number < 6:
            sections[number] = reader.exact(place, min(size, _MOST_SECTION_BYTES))
        elif number == 6:
            sections[6] = reader.exact(place, 6)
        else:
            yield [
                *outer,
                *_product(sections.get(4, b""), discipline),
                *_grid(sections.get(3, b"")),
                *_packing(sections),
                ("message_bytes", length),
            ]
        place += size


def _u(data: bytes, octet: int, width: int) -> int:
    """An unsigned number at an octet, counted from 1 as in the manual."""
    if octet - 1 + width > len(data):
        raise ValueError(f"a section ends before octet {octet}")
    return int.from_bytes(data[octet - 1 : octet - 1 + width])


def _s(data: bytes, octet: int, width: int) -> int:
    """A number whose first bit is its sign."""
    value = _u(data, octet, width)
    sign = 1 << (8 * width - 1)
    return sign - value if value & sign else value


def moment(year: int, month: int, day: int, hour: int, minute: int, second: int) -> str:
    """A time as it is written, where a calendar has it."""
    if not (1 <= month <= 12 and 1 <= day <= 31 and hour < 24 and minute < 60 and second < 61):
        raise ValueError(f"a time {year}-{month}-{day} {hour}:{minute}:{second}")
    return f"{year:04d}-{month:02d}-{day:02d}T{hour:02d}:{minute:02d}:{second:02d}Z"


def _identification(data: bytes, discipline: int) -> Iterator[tuple[str, Value]]:
    yield "discipline", discipline
    yield "discipline_name", wmo.DISCIPLINES.get(discipline, "")
    centre = _u(data, 6, 2)
    yield "centre", centre
    yield "centre_name", wmo.CENTRES.get(centre, "")
    yield "sub_centre", _u(data, 8, 2)
    yield "tables_version", _u(data, 10, 1)
    yield "local_tables_version", _u(data, 11, 1)
    yield "time_significance", wmo.REFERENCE_TIMES.get(_u(data, 12, 1), f"Unknown ({_u(data, 12, 1)})")
    yield "reference_time", moment(_u(data, 13, 2), *data[14:19])
    yield "production_status", wmo.STATUSES.get(data[19], f"Unknown ({data[19]})")
    yield "data_type", wmo.DATA_TYPES.get(data[20], f"Unknown ({data[20]})")


def _product(data: bytes, discipline: int) -> Iterator[tuple[str, Value]]:
    template, category, number = _u(data, 8, 2), _u(data, 10, 1), _u(data, 11, 1)
    yield "product_template", template
    yield "category", category
    yield "number", number
    yield (
        "parameter",
        wmo.PARAMETERS.get((discipline, category), {}).get(number, f"{discipline}.{category}.{number}"),
    )
    shift = 2 if template in _CHEMICAL else 0
    if template not in _PLANE and not shift:
        return
    process = _u(data, 12 + shift, 1)
    yield "process", wmo.PROCESSES.get(process, f"Unknown ({process})")
    unit = _u(data, 18 + shift, 1)
    yield "forecast_time", _s(data, 19 + shift, 4)
    yield "forecast_unit", wmo.TIME_UNITS.get(unit, f"Unknown ({unit})")
    yield from _levels(data, shift)
    if template in _ENSEMBLE:
        octet = _ENSEMBLE[template]
        yield "perturbation_number", _u(data, octet + 1, 1)
        yield "ensemble_size", _u(data, octet + 2, 1)
    if template in _INTERVAL:
        octet = _INTERVAL[template]
        yield "interval_end", moment(_u(data, octet, 2), *data[octet + 1 : octet + 6])
        statistic = _u(data, octet + 12, 1)
        yield "statistic", wmo.STATISTICS.get(statistic, f"Unknown ({statistic})")


def _levels(data: bytes, shift: int) -> Iterator[tuple[str, Value]]:
    told: list[str] = []
    for prefix, octet in (("level", 23 + shift), ("level_2", 29 + shift)):
        kind = _u(data, octet, 1)
        if kind == 255:
            continue
        yield f"{prefix}_type", kind
        name = wmo.SURFACES.get(kind, f"Surface {kind}")
        scale, value = _u(data, octet + 1, 1), _u(data, octet + 2, 4)
        if value != _MISSING and scale != 255:
            real = _s(data, octet + 2, 4) / 10 ** _s(data, octet + 1, 1)
            yield f"{prefix}_value", real
            told.append(f"{real / 100:g} hPa" if kind == _PRESSURE else f"{name}: {real:g}")
        else:
            told.append(name)
    if told:
        yield "level", " to ".join(told)


def _degrees(data: bytes, octet: int) -> float:
    return _s(data, octet, 4) / 1e6


def _grid(data: bytes) -> Iterator[tuple[str, Value]]:
    if not data:
        return
    template = _u(data, 13, 2)
    yield "grid_template", template
    yield "grid", wmo.GRIDS.get(template, f"Unknown ({template})").split("(")[0].strip()
    yield "points", _u(data, 7, 4)
    if template == 50:
        for name, octet in (("j", 15), ("k", 19), ("m", 23)):
            yield f"pentagonal_{name}", _u(data, octet, 4)
        return
    if template not in _LATLON | {10, 20, 30, 90, 12, 140}:
        return
    yield "earth", _EARTH.get(_u(data, 15, 1), f"Unknown ({_u(data, 15, 1)})")
    for name, octet in (("ni", 31), ("nj", 35)):
        if _u(data, octet, 4) != _MISSING:  # of a reduced grid
            yield name, _u(data, octet, 4)
    if template in _LATLON:
        yield from _latlon(data, template)
    elif template in {10, 20, 30}:
        yield "first_latitude", _degrees(data, 39)
        yield "first_longitude", _degrees(data, 43)
        if template == 10:
            yield "last_latitude", _degrees(data, 52)
            yield "last_longitude", _degrees(data, 56)
            yield "di_meters", _u(data, 65, 4) / 1000
            yield "dj_meters", _u(data, 69, 4) / 1000
            return
        yield "dx_meters", _u(data, 56, 4) / 1000
        yield "dy_meters", _u(data, 60, 4) / 1000
        yield "orientation", _degrees(data, 52)
        if template == 30:
            yield "standard_parallels", [_degrees(data, 66), _degrees(data, 70)]


def _latlon(data: bytes, template: int) -> Iterator[tuple[str, Value]]:
    angle, parts = _u(data, 39, 4), _u(data, 43, 4)
    unit = angle / parts * 1e6 if angle and angle != _MISSING and parts and parts != _MISSING else 1.0
    for name, octet in (
        ("first_latitude", 47),
        ("first_longitude", 51),
        ("last_latitude", 56),
        ("last_longitude", 60),
    ):
        yield name, _degrees(data, octet) * unit
    if _u(data, 64, 4) != _MISSING and _u(data, 55, 1) & 0x20:
        yield "di_degrees", _u(data, 64, 4) / 1e6 * unit
    if template >= 40:
        yield "parallels", _u(data, 68, 4)
    elif _u(data, 68, 4) != _MISSING and _u(data, 55, 1) & 0x10:
        yield "dj_degrees", _u(data, 68, 4) / 1e6 * unit
    if template in {1, 3, 41, 43}:
        yield "south_pole", [_degrees(data, 73), _degrees(data, 77)]


def _packing(sections: dict[int, bytes]) -> Iterator[tuple[str, Value]]:
    data = sections.get(5, b"")
    if not data:
        return
    template = _u(data, 10, 2)
    yield "packing_template", template
    yield "packing", wmo.PACKINGS.get(template, f"Unknown ({template})").removeprefix("Grid point data - ")
    yield "values", _u(data, 6, 4)
    if template in _SIMPLE:
        yield "reference_value", layout(">f").unpack_from(data, 11)[0]
        yield "binary_scale", _s(data, 16, 2)
        yield "decimal_scale", _s(data, 18, 2)
        yield "bits_per_value", _u(data, 20, 1)
    bitmap = sections.get(6, b"")
    yield "bitmap", len(bitmap) == 6 and bitmap[5] != 255
