"""Sessions with large files of the client's disk: bytes moved, memory, and round trips over a slow link."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from pathlib import Path

from extractor_service.document import Document
from extractor_service.formats.identification.identify import identify
from extractor_service.sources.blocks import BLOCK_BYTES, BlockCachedSource
from extractor_service.sources.descriptor import DescriptorSource
from metaextract_client import NEVER, ExtractorClient, SessionOptions
from metaextract_client.render import outcome_name
from tests.golden import media
from tests.support import large_files
from tests.support.delaying_proxy import DelayingProxy
from tests.support.evidence import Evidence
from tests.support.one_session import measured
from tests.support.processes import start_cache, start_extractor

MIB = 2**20
_PREFETCH_BYTES = 128 * 1024
_ROUNDS = 5
_ROUND_TRIP_SECONDS = 0.02


def least_blocks(path: Path) -> int:
    """Distinct blocks of 16 KiB that the reader of this format touches when every read is free."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        head = os.pread(descriptor, 16384, 0)
        source = BlockCachedSource(DescriptorSource(descriptor, path.stat().st_size), capacity_blocks=100_000)
        identify(head, source.size_bytes).format.load()(source, Document())
        return -(-source.bytes_read // BLOCK_BYTES)
    finally:
        os.close(descriptor)


def run_large(name: str) -> Evidence:
    evidence = Evidence(name)
    size = 5 * 10**9
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        large_files.write_fits(root / "large.fits", size)
        large_files.write_hdf5(root / "large.h5", size)
        large_files.write_mp4(root / "index-at-end.mp4", size, 20_000)
        large_files.write_bigtiff(root / "directory-at-end.tif", size)
        large_files.write_dicom(root / "frames.dcm", 4005, MIB, 200)
        for path in sorted(each for each in root.iterdir() if each.is_file()):
            session = measured(path, root / f"cache{path.suffix}")
            answer = session.answer
            assert outcome_name(answer.document.outcome) == "OK", answer.document.problems
            case = f"{path.name}, {path.stat().st_size / 1e9:.1f} GB"
            fields = sum(len(section.fields) for section in answer.document.sections)
            blocks = least_blocks(path)
            rule = 1.5 * blocks * BLOCK_BYTES + 2 * _PREFETCH_BYTES
            evidence.single(case, "fields", "count", fields)
            evidence.single(case, "bytes moved", "MiB", answer.info.moved_bytes / MIB, "<= 1")
            evidence.single(case, "bytes moved / block rule", "ratio", answer.info.moved_bytes / rule, "<= 1")
            evidence.single(case, "least blocks of 16 KiB", "count", blocks)
            evidence.single(case, "pulls", "count", answer.info.round_trips)
            evidence.single(case, "elapsed, first", "ms", session.first_seconds * 1000)
            evidence.single(case, "elapsed, warm", "ms", session.warm_seconds * 1000)
            evidence.single(case, "peak PSS over idle, all", "MiB", sum(session.over_idle_mib), "<= 48")
            evidence.single(case, "of it the cache", "MiB", session.over_idle_mib[1])
    return evidence


def _write_cases(root: Path) -> dict[str, tuple[Path, int]]:
    """Files by case, and the most round trips that are allowed."""
    cases = {}

    def add(case: str, most: int, suffix: str, write) -> None:
        path = root / f"{len(cases):02}{suffix}"
        write(path)
        cases[case] = (path, most)

    add("FITS, 1 HDU", 2, ".fits", lambda path: large_files.write_fits(path, 64 * MIB))
    add("BigTIFF, 1 IFD at end", 2, ".tif", lambda path: large_files.write_bigtiff(path, 64 * MIB))
    add("PDF, index at end", 2, ".pdf", lambda path: path.write_bytes(media.pdf()))
    add("DICOM, 64 frames", 2, ".dcm", lambda path: large_files.write_dicom(path, 64, MIB))
    add("DICOM, 8,000 groups", 2, ".dcm", lambda path: large_files.write_dicom(path, 64, MIB, 8000))
    add("MP4, short index", 4, ".mp4", lambda path: large_files.write_mp4(path, 64 * MIB, 100))
    add("MP4, 400k samples", 4, ".mp4", lambda path: large_files.write_mp4(path, 64 * MIB, 400_000))
    add("FITS, 10 HDU", 4, ".fits", lambda path: large_files.write_fits_hdus(path, 10, 4 * MIB))
    tree = large_files.write_hdf5_tree
    add("HDF5, 100 datasets, paged", 4, ".h5", lambda path: tree(path, 100, paged=True))
    add("TIFF, 20 IFD", 10, ".tif", lambda path: large_files.write_bigtiff(path, 64 * MIB, 20, 100))
    add("HDF5, 100, latest", 10, ".h5", lambda path: tree(path, 100, latest=True))
    add("HDF5, 100, old", 20, ".h5", lambda path: tree(path, 100))
    return cases


def run_roundtrips(name: str) -> Evidence:
    evidence = Evidence(name)
    with (
        tempfile.TemporaryDirectory() as folder,
        start_cache(Path(folder) / "cache") as cache,
        start_extractor(cache.address) as extractor,
        DelayingProxy(extractor.address, _ROUND_TRIP_SECONDS) as proxy,
        ExtractorClient(proxy.address, NEVER) as client,
    ):
        root = Path(folder) / "files"
        root.mkdir()
        cases = _write_cases(root)
        time.sleep(2.1)  # until the files' times tell their states apart
        for case, (path, most) in cases.items():
            client.extract_session(path)  # a warm worker
            seconds, answer = [], None
            for _ in range(_ROUNDS):
                started = time.perf_counter()
                answer = client.extract_session(path)
                seconds.append(time.perf_counter() - started)
            assert answer is not None and outcome_name(answer.document.outcome) in ("OK", "PARTIAL")
            # The offer, with its head and tail, is a round trip as well.
            evidence.single(
                case, "round trips, offer included", "count", answer.info.round_trips + 1, f"<= {most}"
            )
            evidence.single(case, "moved, prefetch included", "KiB", answer.info.moved_bytes / 1024)
            evidence.single(case, "elapsed at 20 ms", "ms", statistics.median(seconds) * 1000)
            evidence.single(
                case,
                "elapsed / round trip of the link",
                "ratio",
                statistics.median(seconds) / _ROUND_TRIP_SECONDS,
            )
            named = client.extract_session(path, None, SessionOptions(client_id=f"bench {case}"))
            evidence.single(
                case, "round trips with a version, no prefetch", "count", named.info.round_trips + 1
            )
    return evidence
