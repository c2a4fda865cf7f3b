"""Whose land a position is on, and which time zone holds there: by the borders themselves, not by what is near.

The file "borders.bin" has three tables (names of zones, codes of countries, pairs of both), and of each half degree what lies in it: the
pairs that fill it, then those whose border crosses it, each with whether its south-western corner is within and the corners of its
border there as chains. Even-odd along the cell's western side and then eastwards; the lines lie half a unit beside all corners, so
that none is ever hit (Shimrat, CACM Algorithm 112; Hacker's correction).

Time zones of the world by timezone-boundary-builder from OpenStreetMap, ODbL, simplified by tzf to 112 m at most; the country of each
by the time zone database's zone.tab. Zones overlap where land is disputed: then all of them are told.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import NamedTuple

from extractor_service.modules.places.packing import CELL_UNITS, COLUMNS, ROWS, UNITS, Numbers, Packed

LICENCE = "Borders and time zones: © OpenStreetMap contributors (ODbL), by timezone-boundary-builder and tzf"
_ANTARCTICA_DEGREES = -60.0  # south of it no state's claim holds (Antarctic Treaty, articles IV and VI)


class Area(NamedTuple):
    """What holds at a position."""

    country: str
    """ISO 3166-1 alpha-2."""
    zone: str
    """Name in the time zone database."""


@lru_cache(maxsize=1)
def _file() -> tuple[Packed, list[Area]]:
    packed = Packed("borders.bin", b"MXBORDER")
    zones, codes = (table.decode().split("\n") for table in packed.tables[:2])
    return packed, [
        Area(codes[code], zones[zone]) for zone, code in struct.iter_unpack("<HH", packed.tables[2])
    ]


def areas(latitude: float, longitude: float) -> list[Area]:
    """The areas that a position is in, in degrees: one on land and along coasts, several where it is disputed, none at sea.

    Raises:
        OSError: the data aren't there.
        ValueError: they aren't what they should be.
    """
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):  # or no number
        return []
    packed, pairs = _file()
    # Half a unit beside the corners, and beside the grid's lines on the same side.
    x = min(round((longitude + 180) * UNITS), 360 * UNITS - 1)
    y = min(round((latitude + 90) * UNITS), 180 * UNITS - 1)
    column, row = x // CELL_UNITS, y // CELL_UNITS
    record = packed.record(min(column, COLUMNS - 1), min(row, ROWS - 1))
    if record is None:
        return []
    found = [record.take() for _ in range(record.take())]
    for _ in range(record.take()):
        told = record.take()
        if _is_inside(record, x - column * CELL_UNITS, y - row * CELL_UNITS) ^ bool(told & 1):
            found.append(told >> 1)
    named = list(dict.fromkeys(pairs[each] for each in found))
    if latitude < _ANTARCTICA_DEGREES:
        return [Area("AQ", each.zone) for each in named]
    return named


def _is_inside(record: Numbers, x: int, y: int) -> bool:
    """Whether the way from the cell's corner, north to `y` and then east to `x`, crosses the border an odd number of times.

    In doubled units, where corners are even and the way is odd.
    """
    way_x, way_y, corner = 2 * x - 1, 2 * y - 1, -1
    crossings = 0
    take = record.take
    for _ in range(take()):
        count = take()
        px, py = 2 * take(), 2 * take()
        for _ in range(count - 1):
            qx, qy = px + 2 * take(), py + 2 * take()
            if (px > corner) != (qx > corner):  # the western side
                height = py + (corner - px) * (qy - py) / (qx - px)
                crossings += corner < height <= way_y
            if (py > way_y) != (qy > way_y):  # the way east
                width = px + (way_y - py) * (qx - px) / (qy - py)
                crossings += corner < width <= way_x
            px, py = qx, qy
    return bool(crossings & 1)
