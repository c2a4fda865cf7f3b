"""How soon a subscriber knows that memory has crossed a threshold: a ramp of 170 MB/s in a real cgroup of 512 MiB."""

from __future__ import annotations

import json
import queue
import statistics
import subprocess
import sys
import tempfile
import threading
import time

from metaextract.cache.v1 import pressure_pb2
from metaextract_client import CacheClient, MetaExtractError
from tests.support.cgroup import MemoryCgroup
from tests.support.evidence import Evidence
from tests.support.processes import start_cache, wait_until

MIB = 2**20
_LIMIT_BYTES = 512 * MIB
_ROUNDS = 10
_LEVELS = {0.6: "ELEVATED", 0.8: "HIGH", 0.9: "CRITICAL"}
# Fills memory at 170 MB/s up to 93 %, and says when the working set crossed each threshold.
_FILLER = """
import json, sys, time
from pathlib import Path
from tests.support.cgroup import working_set_bytes
path, limit = Path(sys.argv[1]), int(sys.argv[2])
held, crossed, step = [], {}, 256 * 1024
started = time.time()
while True:
    used = working_set_bytes(path)
    now = time.time()
    for ratio in (0.6, 0.8, 0.9):
        if used >= ratio * limit and ratio not in crossed:
            crossed[ratio] = now
    if used >= 0.93 * limit:
        break
    held.append(bytearray(b"x") * step)
    time.sleep(max(0, started + len(held) * step / 170e6 - time.time()))
time.sleep(0.3)
print(json.dumps(crossed))
"""


def run(name: str) -> Evidence:
    evidence = Evidence(name)
    for case, events, median_goal, longest_goal in (
        ("sampling, 100 ms", "false", "<= 50", "<= 120"),
        ("kernel events", "true", "<= 5", ""),
    ):
        latencies, wrong = ramp(events)
        for level, values in latencies.items():
            evidence.single(case, f"{level}, median", "ms", statistics.median(values), median_goal)
            evidence.single(case, f"{level}, longest", "ms", max(values), longest_goal)
        evidence.single(case, "wrong or missing levels", "count", wrong, "== 0")
    peak_usage, worst_level = read_files()
    evidence.single("reading 2 GiB of files", "usage, page cache included", "ratio", peak_usage, ">= 0.9")
    evidence.single("reading 2 GiB of files", "worst level", "1 is NORMAL", worst_level, "== 1")
    return evidence


def read_files() -> tuple[float, int]:
    """The highest usage as a share of the limit, and the worst level, while files are read inside the cgroup."""
    usage, level = 0.0, 0
    with (
        tempfile.NamedTemporaryFile(dir="/var/tmp") as file,
        MemoryCgroup(_LIMIT_BYTES) as cgroup,
        start_cache(inside=cgroup) as cache,
        CacheClient(cache.address) as client,
    ):
        file.truncate(2 * 2**30)  # holes take page cache like anything else
        reader = subprocess.Popen(
            cgroup.command("dd", f"if={file.name}", "of=/dev/null", "bs=1M", "status=none")
        )
        while reader.poll() is None:
            usage = max(usage, cgroup.used_bytes() / _LIMIT_BYTES)
            level = max(level, client.get_pressure().level)
            time.sleep(0.02)
        time.sleep(1)
        history = client.get_pressure_history()
        level = max(level, *(point.level for point in history.points))
    return usage, level


def ramp(events: str) -> tuple[dict[str, list[float]], int]:
    """Milliseconds from crossing to the subscriber by level, and how often a level didn't come, or one too many."""
    latencies: dict[str, list[float]] = {level: [] for level in _LEVELS.values()}
    wrong = 0
    with (
        MemoryCgroup(_LIMIT_BYTES) as cgroup,
        start_cache(
            inside=cgroup, METAEXTRACT_PRESSURE_KERNEL_EVENTS=events, METAEXTRACT_PRESSURE_HOLD_SECONDS="0.1"
        ) as cache,
        CacheClient(cache.address) as client,
    ):
        heard: queue.Queue[tuple[float, str]] = queue.Queue()
        threading.Thread(target=listen, args=(client, heard), daemon=True).start()
        for _ in range(_ROUNDS):
            wait_until(lambda: client.get_pressure().level == pressure_pb2.PRESSURE_LEVEL_NORMAL, 20, 0.05)
            time.sleep(0.2)
            while not heard.empty():
                heard.get()
            filler = [sys.executable, "-c", _FILLER, str(cgroup.path), str(_LIMIT_BYTES)]
            output = subprocess.run(
                cgroup.command(*filler), capture_output=True, text=True, check=True
            ).stdout
            crossed = {float(ratio): at for ratio, at in json.loads(output).items()}
            events_heard = []
            while not heard.empty():
                events_heard.append(heard.get())
            rising = [event for event in events_heard if event[0] <= max(crossed.values()) + 0.29]
            if [level for _, level in rising] != list(_LEVELS.values()):
                wrong += 1
                continue
            for (at, level), ratio in zip(rising, _LEVELS):
                latencies[level].append((at - crossed[ratio]) * 1000)
    return latencies, wrong


def listen(client: CacheClient, heard: queue.Queue) -> None:
    level = 0
    try:
        for event in client.watch_pressure("detection"):
            if event.state.level != level and level:
                heard.put((time.time(), pressure_pb2.PressureLevel.Name(event.state.level)[15:]))
            level = event.state.level
    except MetaExtractError:
        return
