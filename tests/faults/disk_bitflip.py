"""400 random bit flips and 400 truncations of the disk tier's files: nothing wrong is served, nothing crashes.

The tier is opened in this process, so that 800 damaged folders take a minute; a few are also served by a real process.
"""

from __future__ import annotations

import asyncio
import logging
import random
import shutil
import tempfile
from pathlib import Path

from cache_service.entries.entry import Budget, Entry, Key
from cache_service.tiers.composite import CompositeTier
from cache_service.tiers.disk import DiskTier
from metaextract.cache.v1 import result_pb2
from metaextract_client import CacheClient
from tests.support.evidence import Evidence
from tests.support.processes import start_cache

_ENTRIES = 60
_TRIALS = 400
_SERVED = 5
_NOW = 1000.0


def key(number: int) -> Key:
    return Key("verified", f"b3:{number:064x}", "metadata", "1", "")


def entry(number: int) -> Entry:
    return Entry(b"\0" + random.Random(number).randbytes(200 + 37 * number), 0.1, 9e12, 0, "", ("tag",))


async def fill(folder: Path) -> None:
    tier = await DiskTier.open(folder, Budget(10**8))
    await tier.put([(key(number), entry(number)) for number in range(_ENTRIES)], _NOW)
    await tier.close()


def flip(data: bytearray, rng) -> None:
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def truncate(data: bytearray, rng) -> None:
    del data[rng.randrange(len(data)) :]


async def trial(folder: Path) -> tuple[int, int, int]:
    """Served right, served wrong, and usable afterwards (0 or 1)."""
    tier = CompositeTier([await DiskTier.open(folder, Budget(10**8))])
    right = wrong = 0
    for number in range(_ENTRIES):
        (found,) = await tier.get([key(number)], _NOW)
        if found is not None:
            right += found.entry == entry(number)
            wrong += found.entry != entry(number)
    await asyncio.sleep(0.01)
    # Whatever was found to be broken, it takes entries again, at once or after it began anew.
    for _ in range(50):
        if await tier.put([(key(999), entry(1))], _NOW) == ["disk"]:
            break
        await asyncio.sleep(0.05)
    (found,) = await tier.get([key(999)], _NOW)
    await tier.close()
    return right, wrong, int(found is not None and found.entry == entry(1))


def run(name: str) -> Evidence:
    evidence = Evidence(name)
    logging.disable(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder) / "whole"
        asyncio.run(fill(whole))
        for what, damage in (("bit flips", flip), ("truncations", truncate)):
            rng = random.Random(what)
            right = wrong = crashed = usable = 0
            for number in range(_TRIALS):
                target = Path(folder) / f"{number}"
                shutil.copytree(whole, target)
                path = target / "results.sqlite"
                data = bytearray(path.read_bytes())
                damage(data, rng)
                path.write_bytes(data)
                try:
                    found = asyncio.run(trial(target))
                except Exception as error:  # noqa: BLE001 - that is what is counted
                    print(f"  {what} {number}: {error!r}")
                    crashed += 1
                else:
                    right, wrong, usable = right + found[0], wrong + found[1], usable + found[2]
                shutil.rmtree(target)
            evidence.single(f"{_TRIALS} {what}", "served as stored", "%", 100 * right / _ENTRIES / _TRIALS)
            evidence.single(f"{_TRIALS} {what}", "wrong values served", "count", wrong, "== 0")
            evidence.single(f"{_TRIALS} {what}", "crashes", "count", crashed, "== 0")
            evidence.single(f"{_TRIALS} {what}", "tiers usable afterwards", "count", usable, f"== {_TRIALS}")
        evidence.single(
            "live service",
            "damaged while it runs: wrong or failed calls",
            "count",
            live(Path(folder)),
            "== 0",
        )
    logging.disable(logging.NOTSET)
    return evidence


def live(folder: Path) -> int:
    """Flips bits under a running service; wrong answers and failed calls."""
    bad = 0
    rng = random.Random("live")
    for trial_number in range(_SERVED):
        directory = folder / f"live{trial_number}"
        with (
            start_cache(directory, METAEXTRACT_CACHE_MEMORY_BYTES=str(2**20)) as cache,
            CacheClient(cache.address) as client,
        ):
            values = {}
            for number in range(200):
                values[number] = rng.randbytes(20_000)
                client.put_result(result_pb2.ResultEntry(key=_wire(number), value=values[number]))
            path = directory / "results.sqlite"
            with path.open("r+b") as file:
                size = path.stat().st_size
                for _ in range(50):
                    at = rng.randrange(size)
                    file.seek(at)
                    byte = file.read(1)[0] ^ (1 << rng.randrange(8))
                    file.seek(at)
                    file.write(bytes([byte]))
            for number in range(200):
                lookup = client.get_result(_wire(number))
                bad += lookup.found and lookup.value != values[number]
            bad += client.put_result(result_pb2.ResultEntry(key=_wire(1), value=b"x")).status == 0
    return bad


def _wire(number: int) -> result_pb2.ResultKey:
    return result_pb2.ResultKey(**key(number)._asdict())
