"""The nearest settlement inside a country, by GeoNames (CC BY 4.0): places of a thousand people and more.

The file "settlements.bin" has two tables (codes of countries, names of regions), and of each half degree its settlements, the largest
first: country, place in the cell, region, people, name.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from extractor_service.modules.places.packing import CELL_UNITS, COLUMNS, ROWS, UNITS, Packed

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

LICENCE = "Settlements: GeoNames (CC BY 4.0)"
_EARTH_METERS = 6_371_008.8  # mean radius (IUGG)
_WITHIN = {"RS": ("XK",)}  # GeoNames has Kosovo apart, zones and ISO 3166 have not
_MOST_RINGS = 8  # of cells around the position's own: four degrees, some 450 km
_CELL_DEGREES = CELL_UNITS / UNITS


class Settlement(NamedTuple):
    """A settlement, and how far away it is."""

    name: str
    region: str
    country: str
    people: int
    latitude: float
    longitude: float
    distance_meters: float


@lru_cache(maxsize=1)
def _file() -> tuple[Packed, list[str], list[str]]:
    packed = Packed("settlements.bin", b"MXPLACES")
    codes, regions = (table.decode().split("\n") for table in packed.tables)
    return packed, codes, regions


def nearest(latitude: float, longitude: float, country: str) -> Settlement | None:
    """The nearest settlement of `country`; None within some 450 km. Raises as `borders.areas`."""
    packed, codes, _ = _file()
    wanted = {codes.index(code) for code in (country, *_WITHIN.get(country, ())) if code in codes}
    if not wanted:
        return None
    column = math.floor((longitude + 180) / _CELL_DEGREES)
    row = math.floor((latitude + 90) / _CELL_DEGREES)
    best: Settlement | None = None
    for ring in range(_MOST_RINGS + 1):
        # What lies in this ring is at least so far: to the nearest side of the rings before, east or west where degrees are short.
        least = (
            (ring - 1)
            * _CELL_DEGREES
            * math.cos(math.radians(min(89.0, abs(latitude) + ring * _CELL_DEGREES)))
        )
        if best is not None and best.distance_meters < math.radians(least) * _EARTH_METERS:
            break
        for at_column, at_row in _ring(column, row, ring):
            for each in _cell(packed, at_column, at_row, latitude, longitude, wanted):
                if best is None or each.distance_meters < best.distance_meters:
                    best = each
    return best


def _ring(column: int, row: int, ring: int) -> Iterator[tuple[int, int]]:
    for at_row in range(max(0, row - ring), min(ROWS - 1, row + ring) + 1):
        is_side = abs(at_row - row) < ring
        for at_column in (
            (column - ring, column + ring) if is_side else range(column - ring, column + ring + 1)
        ):
            yield at_column, at_row


def _cell(
    packed: Packed, column: int, row: int, latitude: float, longitude: float, wanted: Container[int]
) -> Iterator[Settlement]:
    record = packed.record(column, row)
    if record is None:
        return
    _, codes, regions = _file()
    take = record.take
    for _ in range(take()):
        of, x, y, region, people, name = take(), take(), take(), take(), take(), record.text()
        if of not in wanted:
            continue
        at = row * _CELL_DEGREES - 90 + y / UNITS, column % COLUMNS * _CELL_DEGREES - 180 + x / UNITS
        distance = meters_between(latitude, longitude, *at)
        yield Settlement(name, regions[region], codes[of], people, *at, distance)


def meters_between(latitude: float, longitude: float, other_latitude: float, other_longitude: float) -> float:
    """Along the great circle (haversine)."""
    a, b = math.radians(latitude), math.radians(other_latitude)
    turn = math.radians(other_longitude - longitude)
    half = math.sin((b - a) / 2) ** 2 + math.cos(a) * math.cos(b) * math.sin(turn / 2) ** 2
    return 2 * _EARTH_METERS * math.asin(min(1.0, math.sqrt(half)))
