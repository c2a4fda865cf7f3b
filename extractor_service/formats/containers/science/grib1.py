"""The field of a GRIB message, edition 1: product, grid, and the head of the data. WMO, "A Guide to the Code Form FM 92-IX Ext. GRIB" (1994)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from extractor_service.formats.containers.science.octets import moment
from extractor_service.formats.tags import wmo

if TYPE_CHECKING:
    from collections.abc import Iterator

    from extractor_service.document import Value
    from extractor_service.formats.reading.reader import Reader

_UNITS = {0: "Minute", 1: "Hour", 2: "Day", 3: "Month", 4: "Year", 5: "Decade", 6: "Normal", 7: "Century", 10: "3 hours", 11: "6 hours", 12: "12 hours", 13: "Quarter of an hour", 14: "Half an hour", 254: "Second"}  # fmt: skip
_RANGES = {0: "Forecast at P1", 1: "Initialized analysis", 2: "Valid between P1 and P2", 3: "Average from P1 to P2", 4: "Accumulation from P1 to P2", 5: "Difference of P2 and P1", 10: "Forecast at P1, two octets", 51: "Climatological mean", 113: "Average of N forecasts", 114: "Accumulation of N forecasts", 115: "Average of N forecasts, same reference time", 116: "Accumulation of N forecasts, same reference time", 117: "Average of N forecasts, decreasing periods", 118: "Temporal variance of N analyses", 123: "Average of N analyses", 124: "Accumulation of N analyses"}  # fmt: skip
_SPANS, _SEVERAL = frozenset({2, 3, 4, 5}), 51  # from P1 to P2; of N fields
_LOCAL_BYTES = 52  # of a product section with ECMWF's local part
_LAYERS = frozenset({101, 104, 106, 108, 110, 112, 114, 116, 120, 121, 128, 141})
_ECMWF = 98  # common code table C-1
_LATLON, _GAUSSIAN, _SPECTRAL = (
    frozenset({0, 10, 20, 30}),
    frozenset({4, 14, 24, 34}),
    frozenset({50, 60, 70, 80}),
)
_LAMBERT, _POLAR, _MERCATOR = 3, 5, 1
_LAMBERT_LIKE = frozenset({_LAMBERT, _POLAR})
_MISSING_16 = 0xFFFF  # of a reduced grid
_LONG = 0x800000  # ECMWF's way to messages above 8 MiB: lengths in units of 120 bytes


def length_of(reader: Reader, at: int) -> int:
    """The message's length in bytes."""
    stated = _u(reader, at + 4, 3)
    if not stated & _LONG:
        return stated
    place, flags = at + 8, reader.u8(at + 15)
    for bit in (0, 0x80, 0x40):
        if not bit or flags & bit:
            place += _u(reader, place, 3)
    rest = _u(reader, place, 3)
    return (stated & ~_LONG) * 120 - rest + 4 if rest < 120 else stated


def describe(reader: Reader, at: int) -> list[tuple[str, Value]]:
    """What the field says."""
    place = at + 8
    size, flags = _u(reader, place, 3), reader.u8(place + 7)
    if size < 28:
        raise ValueError(f"a product section of {size} bytes")
    product = reader.exact(place, min(size, _LOCAL_BYTES))
    entries = list(_product(product))
    if _ECMWF in {product[4], product[25]} and len(product) == _LOCAL_BYTES:
        entries += _ensemble(product)
    place += size
    if flags & 0x80:
        entries += _grid(reader, place)
        place += _u(reader, place, 3)
    else:
        entries.append(("predefined_grid", product[6]))
    if flags & 0x40:
        place += _u(reader, place, 3)
    head = reader.exact(place, 11)
    entries.append(("packing", "spherical harmonics" if head[3] & 0x80 else "grid point"))
    entries.append(("packing_method", "complex" if head[3] & 0x40 else "simple"))
    exponent = int.from_bytes(head[4:6])
    entries.append(("binary_scale", 0x8000 - exponent if exponent & 0x8000 else exponent))
    entries.append(("reference_value", _ibm(head[6:10])))
    entries.append(("bits_per_value", head[10]))
    entries.append(("bitmap", bool(flags & 0x40)))
    entries.append(("message_bytes", length_of(reader, at)))
    return entries


def _u(reader: Reader, at: int, width: int) -> int:
    return int.from_bytes(reader.exact(at, width))


def _thousandths(data: bytes) -> float:
    """Degrees out of three octets, the first bit a sign."""
    value = int.from_bytes(data)
    return (0x800000 - value if value & 0x800000 else value) / 1000


def _ibm(data: bytes) -> float:
    """A number as IBM's machines had it: sign, exponent of 16, fraction."""
    value = math.ldexp(int.from_bytes(data[1:]), 4 * ((data[0] & 0x7F) - 64) - 24)
    return -value if data[0] & 0x80 else value


def _product(data: bytes) -> Iterator[tuple[str, Value]]:
    version, centre, parameter, level = data[3], data[4], data[8], data[9]
    yield "tables_version", version
    yield "centre", centre
    yield "centre_name", wmo.CENTRES.get(centre, "")
    yield "sub_centre", data[25]
    yield "process_id", data[5]
    yield "number", parameter
    known = wmo.ECMWF_PARAMETERS if (version, centre) == (128, _ECMWF) else wmo.OLD_PARAMETERS if version <= 3 and parameter < 128 else {}  # fmt: skip
    yield "parameter", known.get(parameter, f"{version}.{parameter}")
    year = (data[24] - 1) * 100 + data[12] if data[24] else 0  # a century that isn't stated is none
    yield "reference_time", moment(year, data[13], data[14], data[15], data[16], 0)
    yield "forecast_unit", _UNITS.get(data[17], f"Unknown ({data[17]})")
    indicator = data[20]
    yield "forecast_time", int.from_bytes(data[18:20]) if indicator == 10 else data[18]
    if indicator in _SPANS:
        yield "forecast_end", data[19]
    elif indicator not in {0, 1, 10}:
        yield "p2", data[19]
    if indicator >= _SEVERAL and int.from_bytes(data[21:23]):
        yield "number_in_average", int.from_bytes(data[21:23])
    yield "time_range", _RANGES.get(indicator, f"Indicator {indicator}")
    yield "level_type", level
    name = wmo.OLD_LEVELS.get(level, f"Level {level}")
    value = int.from_bytes(data[10:12])
    if level in _LAYERS:
        yield "level_value", [data[10], data[11]]
        yield "level", f"{name}: {data[10]} to {data[11]}"
    elif level == 100:
        yield "level_value", value
        yield "level", f"{value} hPa"
    else:
        yield "level_value", value
        yield "level", f"{name}: {value}" if value else name
    decimal = int.from_bytes(data[26:28])
    yield "decimal_scale", 0x8000 - decimal if decimal & 0x8000 else decimal


def _ensemble(data: bytes) -> Iterator[tuple[str, Value]]:
    """ECMWF's local part: the experiment, and which member of an ensemble (local definition 1)."""
    experiment = data[45:49]
    if experiment.isalnum():
        yield "experiment", experiment.decode("ascii")
    if data[40] == 1 and data[50]:
        yield "perturbation_number", data[49]
        yield "ensemble_size", data[50]


def _grid(reader: Reader, at: int) -> Iterator[tuple[str, Value]]:
    size = _u(reader, at, 3)
    data = reader.exact(at, min(size, 42))
    kind = data[5]
    yield "grid_template", kind
    yield "grid", wmo.OLD_GRIDS.get(kind, f"Unknown ({kind})")
    if kind in _SPECTRAL:
        for name, place in (("j", 6), ("k", 8), ("m", 10)):
            yield f"pentagonal_{name}", int.from_bytes(data[place : place + 2])
        return
    if kind not in _LATLON | _GAUSSIAN | {_LAMBERT, _POLAR, _MERCATOR}:
        return
    for name, place in (("ni", 6), ("nj", 8)):
        if int.from_bytes(data[place : place + 2]) != _MISSING_16:
            yield name, int.from_bytes(data[place : place + 2])
    yield "first_latitude", _thousandths(data[10:13])
    yield "first_longitude", _thousandths(data[13:16])
    if kind in _LAMBERT_LIKE:
        yield "orientation", _thousandths(data[17:20])
        yield "dx_meters", int.from_bytes(data[20:23])
        yield "dy_meters", int.from_bytes(data[23:26])
        is_south = bool(data[26] & 0x80)
        yield "projection_centre", "South pole" if is_south else "North pole"
        if kind == _POLAR:
            yield "true_latitude", -60.0 if is_south else 60.0
        if kind == _LAMBERT:
            yield "standard_parallels", [_thousandths(data[28:31]), _thousandths(data[31:34])]
        return
    yield "last_latitude", _thousandths(data[17:20])
    yield "last_longitude", _thousandths(data[20:23])
    if kind == _MERCATOR:
        yield "true_latitude", _thousandths(data[23:26])
        yield "di_meters", int.from_bytes(data[28:31])
        yield "dj_meters", int.from_bytes(data[31:34])
        return
    has_steps = bool(data[16] & 0x80)
    if has_steps and int.from_bytes(data[23:25]) != _MISSING_16:
        yield "di_degrees", int.from_bytes(data[23:25]) / 1000
    if kind in _GAUSSIAN:
        yield "parallels", int.from_bytes(data[25:27])
    elif has_steps and int.from_bytes(data[25:27]) != _MISSING_16:
        yield "dj_degrees", int.from_bytes(data[25:27]) / 1000
    if kind in {10, 14}:
        yield "south_pole", [_thousandths(data[32:35]), _thousandths(data[35:38])]
        yield "rotation_degrees", _ibm(data[38:42])
