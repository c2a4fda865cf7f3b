"""Replays a trace of requests against an eviction policy: what it would have hit, and what that saves.

A trace has a line per hit or filled miss, `key,size_bytes,cost_ms`, as METAEXTRACT_CACHE_TRACE_PATH makes the service
write it; with METAEXTRACT_NEAR_CACHE_BYTES=0 at the extractors, or their own hits are not in it. The simulated cache
stores what it missed, as an extractor does. `metaextract cache replay`.
"""

from __future__ import annotations

import argparse
import gzip
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from cache_service.eviction.registry import POLICIES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from cache_service.eviction.base import EvictionPolicy


class Request(NamedTuple):
    """One look-up of a trace."""

    key: int
    size_bytes: int
    cost_ms: float


class ReplayResult(NamedTuple):
    """What a policy achieved."""

    requests: int
    hits: int
    bytes_requested: int
    bytes_hit: int
    cost_ms: float
    saved_ms: float

    @property
    def object_hit_ratio(self) -> float:
        """Requests answered, 0 to 1."""
        return self.hits / self.requests if self.requests else 0.0

    @property
    def byte_hit_ratio(self) -> float:
        """Bytes answered, 0 to 1."""
        return self.bytes_hit / self.bytes_requested if self.bytes_requested else 0.0

    @property
    def saved_ratio(self) -> float:
        """Milliseconds of computing that needn't be spent again, of all, 0 to 1."""
        return self.saved_ms / self.cost_ms if self.cost_ms else 0.0


def replay(requests: Iterable[Request], policy: EvictionPolicy, capacity_bytes: int) -> ReplayResult:
    """What `policy` achieves with a cache of `capacity_bytes`; objects larger than that are never stored."""
    sizes: dict[int, int] = {}
    used_bytes = count = hits = bytes_requested = bytes_hit = 0
    cost = saved = 0.0
    for key, size_bytes, cost_ms in requests:
        count += 1
        bytes_requested += size_bytes
        cost += cost_ms
        if key in sizes:
            hits += 1
            bytes_hit += size_bytes
            saved += cost_ms
            policy.record_hit(key)
            continue
        if size_bytes > capacity_bytes:
            continue
        while used_bytes + size_bytes > capacity_bytes:
            victim = policy.victim()
            if victim is None:
                break
            policy.forget(victim)
            used_bytes -= sizes.pop(victim)
        if policy.admit(key, size_bytes, cost_ms / 1000):
            sizes[key] = size_bytes
            used_bytes += size_bytes
    return ReplayResult(count, hits, bytes_requested, bytes_hit, cost, saved)


def read_trace(path: Path) -> Iterator[Request]:
    """The requests of a trace, gzip-compressed when its name ends in .gz.

    Keys become numbers from 1 in order of appearance.

    Raises:
        ValueError: a line isn't a request; the text names it.
    """
    numbers: dict[str, int] = {}
    open_text = gzip.open if path.suffix == ".gz" else open
    with open_text(path, "rt", encoding="utf-8") as file:
        for line_number, line in enumerate(file, start=1):
            text = line.strip()
            if not text or text.startswith("#"):
                continue
            try:
                name, size, cost = text.split(",")
                request = Request(numbers.setdefault(name, len(numbers) + 1), int(size), float(cost))
            except ValueError:
                if not line.endswith("\n"):  # the last one, half written
                    continue
                raise ValueError(f"{path}:{line_number}: `key,size_bytes,cost_ms` is expected") from None
            if request.size_bytes < 0 or not request.cost_ms >= 0:
                raise ValueError(f"{path}:{line_number}: size and cost can't be negative")
            yield request


def footprint_bytes(requests: Iterable[Request]) -> int:
    """The bytes of all distinct objects, each with its last size."""
    return sum({request.key: request.size_bytes for request in requests}.values())


def parse_capacity(text: str, footprint: Callable[[], int]) -> int:
    """Bytes from "1048576", "64MiB" or "5%" of the footprint.

    Raises:
        ValueError: it is none of these, or not above 0.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(%|KiB|MiB|GiB|)", text)
    if match is None or not float(match[1]) > 0:
        raise ValueError(f"{text!r}: bytes, or a number of KiB, MiB, GiB or % are expected")
    if match[2] == "%":
        return int(footprint() * float(match[1]) / 100)
    return int(float(match[1]) * {"": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}[match[2]])


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code of the command line."""
    parser = argparse.ArgumentParser(prog="metaextract cache replay", description=__doc__)
    parser.add_argument("trace", type=Path, help="a file of `key,size_bytes,cost_ms` lines, may be .gz")
    parser.add_argument("--policy", action="append", choices=sorted(POLICIES), help="repeatable; default all")
    parser.add_argument(
        "--capacity",
        action="append",
        metavar="BYTES",
        help="1048576, 64MiB or 5%% of the footprint; repeatable",
    )
    options = parser.parse_args(arguments)
    try:
        requests = list(read_trace(options.trace))
        if not requests:
            raise ValueError(f"{options.trace}: the trace is empty")
        footprint = footprint_bytes(requests)
        capacities = [
            (text, parse_capacity(text, lambda: footprint))
            for text in options.capacity or ["1%", "5%", "10%"]
        ]
    except (OSError, ValueError) as error:
        sys.stderr.write(f"metaextract cache replay: {error}\n")
        return 1
    write = sys.stdout.write
    write(f"{len(requests)} requests, footprint {footprint} B\n")
    write(
        f"{'policy':<9}{'capacity':>10}{'bytes':>14}{'object hits':>13}{'byte hits':>11}{'saved':>8}{'saved ms':>14}\n"
    )
    for text, capacity in capacities:
        for name in options.policy or sorted(POLICIES):
            result = replay(requests, POLICIES[name](), capacity)
            write(
                f"{name:<9}{text:>10}{capacity:>14}{result.object_hit_ratio:>13.2%}{result.byte_hit_ratio:>11.2%}"
                f"{result.saved_ratio:>8.2%}{result.saved_ms:>14.0f}\n"
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
