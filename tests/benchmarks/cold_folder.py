"""A folder of photographs, cold, against `exiftool -j` over the same folder where that is installed.

Honest limits: ExifTool also interprets maker notes, which this version does not yet; its time includes its start, as
a user sees it. METAEXTRACT_EXIFTOOL names one that isn't on the PATH.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.samples import PHOTOS
from tests.support.evidence import Evidence
from tests.support.processes import clean_environ, cpu_seconds, start_cache, start_extractor

_COPIES = 25
_ROUNDS = 5


def run(name: str) -> Evidence:
    evidence = Evidence(name)
    exiftool = os.environ.get("METAEXTRACT_EXIFTOOL") or shutil.which("exiftool")
    with tempfile.TemporaryDirectory() as folder:
        photos = Path(folder) / "photos"
        photos.mkdir()
        for photo in PHOTOS:
            for copy in range(_COPIES):  # a trailer makes each a content of its own
                (photos / f"{copy:02d}-{photo.name}").write_bytes(photo.read_bytes() + b"\0" * (copy + 1))
        files = len(PHOTOS) * _COPIES
        with start_cache(Path(folder) / "cache") as cache, start_extractor(cache.address) as extractor:
            ours, theirs = [], []
            for number in range(_ROUNDS):
                ours.append(measure_ours(photos, files, cache, extractor))
                if exiftool:
                    theirs.append(measure_exiftool(exiftool, photos, files))
                assert number == 0 or ours[-1][0] > 0
    evidence.single("photographs", "files", "count", files)
    if theirs:
        version = subprocess.run([exiftool, "-ver"], capture_output=True, text=True).stdout.strip()
        reference = f"exiftool {version} -j, one batch"
        evidence.paired(
            "cold folder", "files per second", "1/s", [r[0] for r in ours], [r[0] for r in theirs], reference
        )
        evidence.paired(
            "cold folder",
            "files per CPU second",
            "1/s",
            [r[1] for r in ours],
            [r[1] for r in theirs],
            reference,
        )
    else:
        print("exiftool isn't installed: nothing to compare with")
        evidence.single("cold folder", "files per second", "1/s", sorted(r[0] for r in ours)[len(ours) // 2])
    return evidence


def measure_ours(photos: Path, files: int, cache, extractor) -> tuple[float, float]:
    """Files per second of wall time, and of CPU over client and servers, with the command line as a user runs it."""
    servers = cpu_seconds(cache.pid) + cpu_seconds(extractor.pid)
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    run = subprocess.run(
        [
            sys.executable,
            "-m",
            "metaextract_client.cli",
            "extract",
            "--jsonl",
            "--cache",
            "refresh",
            str(photos),
        ],
        env={**clean_environ(), "METAEXTRACT_EXTRACTOR_ADDRESS": extractor.address},
        capture_output=True,
        check=True,
    )
    seconds = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    client = after.ru_utime + after.ru_stime - children.ru_utime - children.ru_stime
    cpu = cpu_seconds(cache.pid) + cpu_seconds(extractor.pid) - servers + client
    lines = [json.loads(line) for line in run.stdout.splitlines()]
    # BYPASSED: a file so new that its times don't name its state. Read it was all the same.
    assert len(lines) == files and {line["cache_status"] for line in lines} <= {"MISS", "BYPASSED"}
    return files / seconds, files / cpu


def measure_exiftool(exiftool: str, photos: Path, files: int) -> tuple[float, float]:
    """The same of ExifTool."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    run = subprocess.run([exiftool, "-j", "-G1", "-a", "-r", str(photos)], capture_output=True, check=True)
    seconds = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert len(json.loads(run.stdout)) == files
    return files / seconds, files / (after.ru_utime + after.ru_stime - children.ru_utime - children.ru_stime)
