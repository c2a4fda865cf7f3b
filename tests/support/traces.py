"""Request traces: generated ones, and public ones that ship with packages, fetched at run time and never committed.

Public traces have no costs, and most no sizes; those are drawn, seeded by the key: sizes log-normal with a median of
8 KB within 1 to 50 KB, costs log-normal with a median of 60 ms (measured).
"""

from __future__ import annotations

import bisect
import itertools
import lzma
import math
import random
import shutil
import struct
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

from cache_service.replay import Request

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "build" / "traces"
LENGTH = 100_000
_SDIST = "libcachesim==0.3.5"  # GPL: data for a measurement, no dependency
_JAR = "com.github.ben-manes.caffeine:simulator:3.2.0"
_JAR_PREFIX = "com/github/benmanes/caffeine/cache/simulator/parser/"


def generated(length: int = LENGTH) -> dict[str, list[Request]]:
    """Six workloads by name."""
    return {
        "zipf 0.8": _zipf(0.8, length),
        "zipf 1.0": _zipf(1.0, length),
        "zipf 1.2": _zipf(1.2, length),
        "scan": _scan(length),
        "shifting set": _shifting(length),
        "extract mix": _extract(length),
    }


def public(length: int = LENGTH) -> dict[str, list[Request]]:
    """The traces that could be fetched, by name; prints why others couldn't."""
    traces = {}
    for name, read in _PUBLIC.items():
        try:
            traces[name] = _with_costs(name, itertools.islice(read(), length))
        except (OSError, subprocess.CalledProcessError, KeyError) as error:
            print(f"  trace {name} isn't there: {error}")
    return traces


def draw(key: object, salt: str) -> tuple[int, float]:
    """Size and cost of a key, always the same."""
    rng = random.Random(f"{salt}/{key}")
    return _size(rng), math.exp(rng.gauss(math.log(60), 1.2))


def _size(rng) -> int:
    return int(min(50_000, max(1000, math.exp(rng.gauss(math.log(8000), 1.0)))))


def _drawn(keys, salt: str) -> list[Request]:
    known: dict[int, tuple[int, float]] = {}
    return [Request(key, *known.setdefault(key, draw(key, salt))) for key in keys]


def _zipf_keys(rng, alpha: float, count: int, length: int):
    weights = list(itertools.accumulate(1 / (rank + 1) ** alpha for rank in range(count)))
    return [bisect.bisect_left(weights, rng.random() * weights[-1]) + 1 for _ in range(length)]


def _zipf(alpha: float, length: int) -> list[Request]:
    return _drawn(_zipf_keys(random.Random(alpha), alpha, 20_000, length), f"zipf{alpha}")


def _scan(length: int) -> list[Request]:
    """A popular set, and every now and then a long walk over what is never asked for again."""
    rng = random.Random("scan")
    popular = iter(_zipf_keys(rng, 1.0, 5000, length))
    keys, fresh = [], 10**6
    while len(keys) < length:
        keys += [next(popular) for _ in range(4000)]
        keys += range(fresh, fresh + 1000)
        fresh += 1000
    return _drawn(keys[:length], "scan")


def _shifting(length: int) -> list[Request]:
    """Popularity moves on: every tenth of the time another set is asked for."""
    rng = random.Random("shift")
    keys = _zipf_keys(rng, 1.0, 4000, length)
    return _drawn([key + number * 10 // length * 2000 for number, key in enumerate(keys)], "shift")


def _extract(length: int) -> list[Request]:
    """Three kinds of documents: 2 KB in 8 ms, 8 KB in 80 ms, 25 KB in 900 ms; the quick ones are the most."""
    rng = random.Random("extract")
    keys = _zipf_keys(rng, 0.9, 20_000, length)
    kinds = random.Random("kinds").choices(
        ((2000, 8.0), (8000, 80.0), (25_000, 900.0)), (60, 30, 10), k=20_001
    )
    requests = []
    for key in keys:
        size, cost = kinds[key]
        spread = math.exp(random.Random(key).gauss(0, 0.3))
        requests.append(Request(key, int(size * spread), cost * spread))
    return requests


def _with_costs(name: str, pairs) -> list[Request]:
    """Requests with sizes (where there are none, drawn) and costs; each key keeps its first size."""
    known: dict[object, Request] = {}
    requests = []
    for key, size in pairs:
        request = known.get(key)
        if request is None:
            drawn_size, cost = draw(key, name)
            request = known[key] = Request(len(known) + 1, size or drawn_size, cost)
        requests.append(request)
    return requests


def _sdist(member: str) -> Path:
    target = FOLDER / Path(member).name
    if not target.exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:"]
        if not list(FOLDER.glob("libcachesim-*.tar.gz")):
            subprocess.run([*command, "-d", str(FOLDER), _SDIST], check=True, capture_output=True)
        with tarfile.open(next(FOLDER.glob("libcachesim-*.tar.gz"))) as archive:
            name = next(each for each in archive.getnames() if each.endswith(f"data/{member}"))
            with archive.extractfile(name) as source, target.open("wb") as file:
                shutil.copyfileobj(source, file)
    return target


def _jar(member: str) -> Path:
    target = FOLDER / Path(member).name
    if not target.exists():
        if shutil.which("mvn") is None:
            raise FileNotFoundError("needs mvn")
        FOLDER.mkdir(parents=True, exist_ok=True)
        jar = FOLDER / "simulator.jar"
        if not jar.exists():
            command = ["mvn", "-q", "-B", "dependency:copy", f"-Dartifact={_JAR}", "-Dmdep.stripVersion=true"]
            subprocess.run([*command, f"-DoutputDirectory={FOLDER}"], check=True, capture_output=True)
        with zipfile.ZipFile(jar) as archive:
            target.write_bytes(archive.read(_JAR_PREFIX + member))
    return target


def _numbers(member: str, layout: str):
    with lzma.open(_jar(member)) as file:
        while len(part := file.read(struct.calcsize(layout))) == struct.calcsize(layout):
            yield struct.unpack(layout, part)[0], 0


def _twitter():
    with _sdist("twitter_cluster52.csv").open(encoding="utf-8") as file:
        for line in file:
            if not line.startswith("#"):
                _, key, size, *_ = line.split(",")
                yield key.strip(), int(size)


def _cloudphysics():
    for _, key, size, _ in struct.iter_unpack(
        "<IQIq", _sdist("cloudPhysicsIO.oracleGeneral.bin").read_bytes()
    ):
        yield key, size


def _adaptsize():
    with lzma.open(_jar("adapt_size/request.trace.xz"), "rt") as file:
        for line in file:
            _, key, size = line.split()[:3]
            yield int(key), int(size)


def _corda():
    import gzip

    with gzip.open(_jar("corda/trace_vaultservice_large.gz")) as file:
        while len(part := file.read(8)) == 8:
            yield struct.unpack(">q", part)[0], 0


_PUBLIC = {
    "twitter cluster52": _twitter,
    "CloudPhysics IO": _cloudphysics,
    "AdaptSize sample": _adaptsize,
    "cache2k ORM busy": lambda: _numbers("cache2k/orm-busy.trace.xz", ">i"),
    "cache2k web12": lambda: _numbers("cache2k/web12.trace.xz", ">i"),
    "scarab recs": lambda: _numbers("scarab/scarab-recs.trace.xz", ">q"),
    "corda vault": _corda,
}
