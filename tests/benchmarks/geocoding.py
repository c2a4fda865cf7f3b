"""Places: right countries near borders and of other tables' cities, what a look-up takes, and what of 5,000 photographs the cache answers."""

from __future__ import annotations

import asyncio
import csv
import json
import random
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from grpc import aio

from metaextract.extractor.v1 import extractor_pb2, extractor_pb2_grpc
from tests.support.evidence import Evidence
from tests.support.processes import family, pss_bytes, start_cache, start_extractor
from tests.tools import traces

_SAMPLES = Path(__file__).parents[1] / "samples/places"
_PHOTOS, _PLACES, _AT_ONCE = 5000, 400, 8
_MIB = 2**20
_PROBE = """
import json, re, sys, time
def pss():
    return sum(int(line.split()[1]) for line in open("/proc/self/smaps_rollup") if line.startswith("Pss:"))
from extractor_service.document import Document, Position
from extractor_service.modules.base import ModuleContext
from extractor_service.modules.places.module import PlacesModule
before = pss()
points = json.loads(sys.argv[1])
times = []
for lat, lon in points:
    document = Document()
    began_at = time.perf_counter()
    PlacesModule().run(None, document, ModuleContext(None, position=Position(lat, lon)))
    times.append(time.perf_counter() - began_at)
print(json.dumps([times, pss() - before]))
"""


def run(name: str) -> Evidence:
    evidence = Evidence(name)
    _rightness(evidence)
    _cost(evidence)
    asyncio.run(_photographs(evidence))
    return evidence


def _rows(name: str) -> list[dict[str, str]]:
    with (_SAMPLES / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _rightness(evidence: Evidence) -> None:
    from extractor_service.modules.places import borders, settlements

    points = _rows("border_points.csv")
    right = [
        {area.country for area in borders.areas(float(each["lat"]), float(each["lon"]))}
        == {each["country_iso2"]}
        for each in points
    ]
    evidence.single(
        "209 points within 20 km of a border", "right country", "%", 100 * sum(right) / len(right), "== 100"
    )
    far = [ok for ok, each in zip(right, points) if float(each["distance_to_border_km"]) >= 1]
    evidence.single(
        f"the {len(far)} of them that are 1 km from it and more",
        "right country",
        "%",
        100 * sum(far) / len(far),
    )
    cities = _rows("other_cities.csv")
    countries = named = near = 0
    for each in cities:
        place = float(each["lat"]), float(each["lon"])
        found = borders.areas(*place)
        countries += bool(found) and found[0].country == each["country_iso2"]
        settlement = settlements.nearest(*place, found[0].country) if found else None
        names = {each["name"].lower(), each["alt_names"].lower()}
        if settlement is not None and settlement.name.lower() in names:
            named += 1
        elif settlement is not None and settlement.distance_meters < 3000:
            near += 1
    evidence.single("1,000 cities of another table", "right country", "%", countries / 10, ">= 95")
    evidence.single("1,000 cities of another table", "told by the same name", "%", named / 10)
    evidence.single("1,000 cities of another table", "or by one within 3 km", "%", (named + near) / 10)


def _cost(evidence: Evidence) -> None:
    rng = random.Random(1)
    points = [(rng.uniform(-55, 70), rng.uniform(-180, 180)) for _ in range(3000)]
    told = subprocess.run(
        [sys.executable, "-c", _PROBE, json.dumps(points)], capture_output=True, text=True, check=True
    )
    times, kib = json.loads(told.stdout)
    evidence.single("a look-up", "the first", "ms", times[0] * 1000)
    evidence.single("a look-up", "p50 of later ones", "ms", statistics.median(times[1:]) * 1000)
    evidence.single("a look-up", "p99 of later ones", "ms", statistics.quantiles(times[1:], n=100)[-1] * 1000)
    evidence.single(
        "a process alone, after 3,000 all over the world", "memory more", "MiB", kib / 1024, "<= 10"
    )


async def _photographs(evidence: Evidence) -> None:
    """Photographs of some hundred places, taken as people do: most at a few of them."""
    rng = random.Random(2)
    places = [(rng.uniform(36, 60), rng.uniform(-9, 30)) for _ in range(_PLACES)]
    taken = [places[min(int(rng.expovariate(1 / 40)), _PLACES - 1)] for _ in range(_PHOTOS)]
    plain = await _extracted(taken, "common")
    placed = await _extracted(taken, "places")
    seen: set[bytes] = set()
    hits = 0
    for report in placed.reports:
        hits += report in seen
        seen.add(report)
    rounded = len({(round(lat, 4), round(lon, 4)) for lat, lon in taken})
    evidence.single(
        f"{_PHOTOS} photographs of {rounded} places",
        "places that the cache answered",
        "%",
        100 * hits / _PHOTOS,
        ">= 80",
    )
    evidence.single(f"{_PHOTOS} photographs", "a second", "files/s", _PHOTOS / placed.seconds)
    evidence.single(
        f"{_PHOTOS} photographs", "seconds, by those without places", "x", placed.seconds / plain.seconds
    )
    evidence.single("the front, beside one without places", "memory more", "MiB", placed.front - plain.front)
    evidence.single(
        "a worker, beside one without places", "memory more", "MiB", placed.worker - plain.worker, "<= 10"
    )


@dataclass(frozen=True)
class _Ran:
    """What a pair did with the photographs: reports in their order, seconds, and MiB of its processes after them."""

    reports: list[bytes]
    seconds: float
    front: float
    worker: float


async def _extracted(taken: list[tuple[float, float]], module: str) -> _Ran:
    with start_cache() as cache, start_extractor(cache.address) as process:
        async with aio.insecure_channel(process.address) as channel:
            stub = extractor_pb2_grpc.ExtractorServiceStub(channel)
            waiting = asyncio.Semaphore(_AT_ONCE)
            reports: list[bytes] = []

            async def one(number: int) -> None:
                async with waiting:
                    request = extractor_pb2.ExtractRequest(
                        inline=extractor_pb2.InlineSource(data=_photo(number, *taken[number])),
                        options=extractor_pb2.ExtractOptions(modules=[module]),
                    )
                    answer = await stub.Extract(request, timeout=60)
                report = next(each for each in answer.document.modules if each.name == module)
                reports.append(report.SerializeToString())

            began_at = time.perf_counter()
            await asyncio.gather(*(one(number) for number in range(len(taken))))
            seconds = time.perf_counter() - began_at
            return _Ran(reports, seconds, pss_bytes(process.pid) / _MIB, _workers(process.pid) / _MIB)


def _workers(pid: int) -> float:
    """The largest PSS of a process below the front; 0 without one."""
    return max((pss_bytes(each.pid) for each in family(pid) if each.pid != pid), default=0)


_BASE: dict[str, bytes] = {}


def _photo(number: int, latitude: float, longitude: float) -> bytes:
    def degrees(value: float) -> tuple[float, float, float]:
        whole = abs(value)
        minutes = (whole - int(whole)) * 60
        return float(int(whole)), float(int(minutes)), round((minutes - int(minutes)) * 60, 4)

    base = _BASE.setdefault("jpeg", traces.jpeg())
    gps: dict[int, object] = {
        1: "N" if latitude >= 0 else "S",
        2: degrees(latitude),
        3: "E" if longitude >= 0 else "W",
        4: degrees(longitude),
    }
    told = traces.exif({0x10E: f"number {number}"}, {}, gps)
    return base[:2] + b"\xff\xe1" + (len(told) + 2).to_bytes(2) + told + base[2:]
