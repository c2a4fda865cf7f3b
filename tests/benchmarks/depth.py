"""What each depth costs, per family: bytes, round trips, CPU; and that STANDARD after FAST moves only the difference.

Files of the corpus and of `python -m tests.tools.science` above 128 KiB, where depth makes a difference, and as many small ones;
each family by sessions that say nothing of the file's state, as a first-time client does, then by one with a claim.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from metaextract.extractor.v1 import extractor_pb2
from metaextract_client import NEVER, ExtractorClient
from metaextract_client.session_options import SessionOptions
from tests.support import corpus
from tests.support.evidence import Evidence
from tests.support.processes import family, start_cache, start_extractor
from tests.tools import documents, media, science

if TYPE_CHECKING:
    from collections.abc import Iterator

    from metaextract_client.extraction import Extraction

_FAMILIES = ("jpeg", "tiff", "raw", "png", "heif", "mp4", "mkv", "mp3", "wav", "flac", "ogg", "pdf", "ooxml", "odf", "epub", "ole", "archive", "font", "exe", "email", "dicom", "fits", "hdf5", "netcdf", "nifti", "parquet", "arrow")  # fmt: skip
_MADE = (
    "grib",
    "orc",
    "avro",
    "mat",
    "npy",
    "zarr",
    "segy",
    "mzml",
    "docx",
    "xlsx",
    "pdf",
    "zip",
    "mp4",
    "mkv",
)
_MOST_FILES = 12
_ROUNDS = 3
_DEPTHS = {"FAST": extractor_pb2.DEPTH_FAST, "STANDARD": extractor_pb2.DEPTH_STANDARD, "FULL": extractor_pb2.DEPTH_FULL}  # fmt: skip
_BLOCK_BYTES = 16 * 1024


def run(name: str) -> Evidence:
    """One pair; every file is new to it."""
    evidence = Evidence(name)
    trips: list[int] = []
    same = total = 0
    with (
        tempfile.TemporaryDirectory() as folder,
        start_cache(Path(folder)) as cache,
        start_extractor(cache.address) as extractor,
        ExtractorClient(extractor.address, NEVER) as client,
    ):
        for family, files in _files().items():
            for label, depth in _DEPTHS.items():
                options = extractor_pb2.ExtractOptions(
                    depth=depth, cache_mode=extractor_pb2.CACHE_MODE_BYPASS
                )
                before = _cpu_seconds(extractor.pid)
                answers = [client.extract_session(path, options) for path in files for _ in range(_ROUNDS)]
                cpu = (_cpu_seconds(extractor.pid) - before) / len(answers)
                told = [answer.info for answer in answers]
                if label == "FAST":
                    trips += [1 + each.round_trips for each in told[::_ROUNDS]]
                case = f"{family}, {len(files)} files, {label}"
                moved = statistics.mean(each.moved_bytes for each in told)
                evidence.single(case, "moved, mean", "KiB", moved / 1024)
                evidence.single(
                    case, "round trips, mean", "count", statistics.mean(1 + each.round_trips for each in told)
                )
                evidence.single(case, "fields, mean", "count", statistics.mean(map(_fields, answers)))
                evidence.single(case, "CPU of the extractor, mean", "ms", 1000 * cpu)
            for path in files:
                total += 1
                same += _moves_the_difference(client, path)
    evidence.single(
        "all", "FAST in one round trip", "%", 100 * sum(each == 1 for each in trips) / len(trips), ">= 80"
    )
    evidence.single("all", "STANDARD after FAST moves only the difference", "%", 100 * same / total, "== 100")
    return evidence


def _moves_the_difference(client: ExtractorClient, path: Path) -> bool:
    """Whether FAST and then STANDARD, by a client whose file is known by its state, move no more than STANDARD alone and a block at each end of what was there."""
    alone = client.extract_session(
        path, extractor_pb2.ExtractOptions(), SessionOptions(client_id="a" * 32)
    ).info.moved_bytes
    claimed = SessionOptions(client_id="b" * 32)
    fast = client.extract_session(path, extractor_pb2.ExtractOptions(depth=extractor_pb2.DEPTH_FAST), claimed)
    time.sleep(0.02)  # the blocks are kept behind the answer
    more = client.extract_session(path, extractor_pb2.ExtractOptions(), claimed).info.moved_bytes
    return fast.info.moved_bytes + more <= alone + 2 * _BLOCK_BYTES


def _cpu_seconds(pid: int) -> float:
    """Of the front and its workers."""
    return sum(sum(process.cpu_times()[:2]) for process in family(pid))


def _fields(answer: Extraction) -> int:
    return sum(len(section.fields) for section in answer.document.sections)


def _files() -> dict[str, list[Path]]:
    """Of each family the largest, and the smallest: a session takes any size."""
    found = {family: _chosen(list(_of_family(family))) for family in dict.fromkeys((*_FAMILIES, *_MADE))}
    return {family: files for family, files in found.items() if files}


def _chosen(files: list[Path]) -> list[Path]:
    files = sorted(files, key=lambda path: path.stat().st_size)
    half = _MOST_FILES // 2
    return files if len(files) <= _MOST_FILES else [*files[:half], *files[-half:]]


def _of_family(family: str) -> Iterator[Path]:
    folder = corpus.corpus()
    if folder is not None and (folder / family).is_dir():
        yield from (path for path in (folder / family).iterdir() if path.stat().st_size > 200)
    for made in (science.made(), documents.made(), media.made() if hasattr(media, "made") else ()):
        yield from (path for path in made if path.parent.name == family)
