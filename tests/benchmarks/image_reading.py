"""What image files cost to read: bytes and reads, large files, agreement with ExifTool, idle memory."""

from __future__ import annotations

import contextlib
import os
import struct
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from extractor_service.document import Document, LimitExceededError
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.identification.identify import identify
from extractor_service.sources.blocks import BLOCK_BYTES, BlockCachedSource
from extractor_service.sources.content import SETTLE_SECONDS
from extractor_service.sources.descriptor import DescriptorSource
from metaextract_client import ExtractorClient
from metaextract_client.oracle.report import total_of
from metaextract_client.render import outcome_name
from tests.benchmarks import documents_accuracy
from tests.golden import images, makernotes
from tests.support import corpus
from tests.support.evidence import Evidence
from tests.support.processes import PeakMemory, pss_bytes, rss_by_part, start_cache, start_extractor

if TYPE_CHECKING:
    from collections.abc import Sequence

_PREFETCH_BYTES = 2 * 128 * 1024  # one head and one tail: the block rule of tests/benchmarks/README.md
_HEAD_BYTES = 16 * 1024


class _Touched:
    """The bytes that a reader asked for, as the blocks they lie in."""

    def __init__(self, source) -> None:
        self._source = source
        self.blocks: set[int] = set()

    @property
    def size_bytes(self) -> int:
        return self._source.size_bytes

    def read_range(self, offset: int, length: int) -> bytes:
        data = self._source.read_range(offset, length)
        if data:
            self.blocks.update(range(offset // BLOCK_BYTES, (offset + len(data) - 1) // BLOCK_BYTES + 1))
        return data


def run_bytes(name: str) -> Evidence:
    """Per family: the share of bytes fetched, fetches a file, and fetched bytes over the block rule's allowance."""
    evidence = Evidence(name)
    for family in corpus.FAMILIES:
        total, fetched, reads, over = 0, 0, [], 0
        for path in corpus.image_files(family):
            cached, touched, size = _read(path)
            total, fetched = total + size, fetched + cached.bytes_read
            reads.append(cached.reads)
            needed = len(touched.blocks) * BLOCK_BYTES
            over += cached.bytes_read > min(size, 1.5 * needed + _PREFETCH_BYTES)
        if not reads:
            continue
        goal = family == "jpeg"
        evidence.single(family, "share of bytes fetched", "%", 100 * fetched / total, "<= 5" if goal else "")
        evidence.single(
            family, "fetches a file, median", "count", sorted(reads)[len(reads) // 2], "<= 2" if goal else ""
        )
        evidence.single(family, "fetches a file, most", "count", max(reads))
        evidence.single(family, "files beyond the block rule", "count", over, "== 0")
    return evidence


def _read(path: Path) -> tuple[BlockCachedSource, _Touched, int]:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        size = os.fstat(descriptor).st_size
        cached = BlockCachedSource(DescriptorSource(descriptor, size))
        touched = _Touched(cached)
        found = identify(touched.read_range(0, _HEAD_BYTES), size).format
        if found is not None:
            with contextlib.suppress(CorruptFileError, LimitExceededError):
                found.load()(touched, Document())
        return cached, touched, size
    finally:
        os.close(descriptor)


def run_large(name: str) -> Evidence:
    """Sparse files whose directory stands at the end: what they cost the whole service."""
    evidence = Evidence(name)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "files"
        root.mkdir()
        _tiff_at_end(root / "large.tif", 500 * 2**20)
        _bigtiff_at_end(root / "large-big.tif", 5 * 2**30)
        _raw(root / "large.nef", 300 * 2**20)
        time.sleep(SETTLE_SECONDS + 0.1)
        for path in sorted(root.iterdir()):
            with (
                start_cache(Path(folder) / f"cache-{path.name}") as cache,
                start_extractor(cache.address, METAEXTRACT_FILE_ROOTS=str(root)) as extractor,
                ExtractorClient(extractor.address) as client,
            ):
                client.extract_bytes(images.jpeg(), "warm.jpg")
                client.extract_bytes(makernotes.nikon(), "warm-notes.jpg")
                with PeakMemory(extractor.pid, cache.pid, interval_seconds=0.005) as memory:
                    answer = client.extract_uri(path.as_uri())
                    time.sleep(0.05)
            assert outcome_name(answer.document.outcome) == "OK", answer.document.problems
            case = f"{path.name}, {path.stat().st_size / 2**20:.0f} MiB"
            evidence.single(
                case, "fields", "count", sum(len(section.fields) for section in answer.document.sections)
            )
            evidence.single(case, "elapsed", "ms", answer.info.elapsed_seconds * 1000, "< 50")
            evidence.single(case, "peak PSS over idle, all", "MiB", sum(memory.over_idle_mib()), "<= 16")
            evidence.single(
                case,
                "bytes read",
                "KiB",
                answer.info.source_bytes_read / 1024,
                f"<= {_allowed_kib(path):.0f}",
            )
            evidence.single(case, "reads", "count", answer.info.source_reads)
    return evidence


def _allowed_kib(path: Path) -> float:
    """The block rule: 1.5 times the blocks that the reader touches, a head and a tail prefetch."""
    _, touched, _ = _read(path)
    return (1.5 * len(touched.blocks) * BLOCK_BYTES + _PREFETCH_BYTES) / 1024


def _tiff_at_end(path: Path, size: int) -> None:
    """The directories of a photograph, moved behind `size` bytes of pixels."""
    data = images.tiff(images.exif_directories())
    with path.open("wb") as file:
        file.write(b"II*\0" + struct.pack("<I", size + struct.unpack_from("<I", data, 4)[0]))
        file.seek(size)
        file.write(_moved(data, size))


def _moved(data: bytes, shift: int) -> bytes:
    """A TIFF structure with all its offsets counted from `shift` earlier."""
    moved = bytearray(data)
    widths = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 7: 1, 9: 4, 10: 8}
    pending = [struct.unpack_from("<I", data, 4)[0]]
    while pending:
        place = pending.pop()
        count = struct.unpack_from("<H", data, place)[0]
        for index in range(count):
            entry = place + 2 + index * 12
            tag, kind, values, stored = struct.unpack_from("<HHII", data, entry)
            if tag in {34665, 34853}:
                pending.append(stored)
            if tag in {34665, 34853} or values * widths[kind] > 4:
                struct.pack_into("<I", moved, entry + 8, stored + shift)
        following = struct.unpack_from("<I", data, place + 2 + count * 12)[0]
        if following:
            pending.append(following)
            struct.pack_into("<I", moved, place + 2 + count * 12, following + shift)
    return bytes(moved)


def _bigtiff_at_end(path: Path, size: int) -> None:
    """One directory with strips at the end of a BigTIFF."""
    rows = [
        (256, 4, 1, 60000),
        (257, 4, 1, 30000),
        (258, 3, 1, 8),
        (259, 3, 1, 1),
        (262, 3, 1, 1),
        (273, 16, 1, 16),
        (277, 3, 1, 1),
        (279, 16, 1, size - 16),
    ]
    with path.open("wb") as file:
        file.write(struct.pack("<2sHHHQ", b"II", 43, 8, 0, size))
        file.seek(size)
        file.write(
            struct.pack("<Q", len(rows)) + b"".join(struct.pack("<HHQQ", *row) for row in rows) + bytes(8)
        )


def _raw(path: Path, size: int) -> None:
    """A NEF: maker note and previews near the beginning, the picture behind."""
    photograph = makernotes.nikon()
    tiff = photograph[12 : 12 + struct.unpack_from(">H", photograph, 4)[0] - 8]
    with path.open("wb") as file:
        file.write(tiff)
        file.truncate(size)


def run_idle(name: str) -> Evidence:
    """PSS of the pair that has worked and rests: pages that processes share count once."""
    evidence = Evidence(name)
    with (
        tempfile.TemporaryDirectory() as folder,
        start_cache(Path(folder)) as cache,
        start_extractor(cache.address) as extractor,
    ):
        with ExtractorClient(extractor.address) as client:
            for number in range(4):
                client.extract_bytes(images.jpeg() + bytes(number), "photo.jpg")
            fresh = {part: _pss(extractor.pid, part) for part in ("front", "template and workers")}
            for make in makernotes.PHOTOGRAPHS.values():
                client.extract_bytes(make(), "notes.jpg")
            _busy_both(extractor.address)
        time.sleep(0.5)
        workers = sum(part == "worker" for part, _ in rss_by_part(extractor.pid))
        evidence.single("extractor", "workers", "count", workers)
        evidence.single("extractor", "PSS, front", "MiB", _pss(extractor.pid, "front") / 2**20, "<= 50")
        rest = _pss(extractor.pid, "template and workers")
        evidence.single("extractor", "PSS, template and workers", "MiB", rest / 2**20, "<= 40")
        evidence.single(
            "extractor", "the same before any maker note", "MiB", fresh["template and workers"] / 2**20
        )
        evidence.single("cache", "PSS", "MiB", pss_bytes(cache.pid) / 2**20)
        whole = pss_bytes(extractor.pid) + pss_bytes(cache.pid)
        evidence.single("the pair", "PSS, all processes", "MiB", whole / 2**20, "<= 80")
    return evidence


def _busy_both(address: str) -> None:
    """Several at once, so that both workers are there."""
    from concurrent.futures import ThreadPoolExecutor

    with ExtractorClient(address) as client, ThreadPoolExecutor(8) as threads:
        list(
            threads.map(
                lambda number: client.extract_bytes(makernotes.canon() + bytes(number), "x.jpg"), range(64)
            )
        )


def _pss(pid: int, part: str) -> int:
    import psutil

    front = psutil.Process(pid)
    processes = [front] if part == "front" else front.children(recursive=True)
    return sum(process.memory_full_info().pss for process in processes)


_ACCURACY_GOALS = {"exif": (99.7, 99.7), "composite": (None, 98.0)} | dict.fromkeys(
    (
        "iptc",
        "xmp",
        "iccprofile",
        "jfif",
        "photoshop",
        "png",
        "gif",
        "riff",
        "mpf",
        "jpeg2000",
        "svg",
        "file",
    ),
    (99.0, 99.0),
)


def run_accuracy(name: str) -> Evidence:
    """Names present and values equal, per family and per maker, against ExifTool over the corpus."""
    from tests.tools import made, second
    from tests.tools.accuracy import measure

    evidence = Evidence(name)
    measured = measure(corpus.image_files())
    healthy = measured.healthy
    for family, score in sorted(healthy.scores.items(), key=lambda item: -item[1].theirs):
        if not score.theirs:
            continue
        files = healthy.files[family]
        present, equal = _ACCURACY_GOALS.get(family, (None, None))
        if family.startswith("notes ") and files >= 3:
            present, equal = 95.0, 98.0
        case = f"{family}, {files} files"
        evidence.single(case, "fields of ExifTool", "count", score.theirs)
        share = 100 * score.present / score.theirs
        evidence.single(case, "names present", "%", share, f">= {present}" if present else "")
        share = 100 * score.equal / max(1, score.present)
        evidence.single(case, "values equal", "%", share, f">= {equal}" if equal else "")
        evidence.single(case, "printed forms equal", "%", 100 * score.printed_equal / max(1, score.printed))
        evidence.single(case, "fields that only we have", "count", score.invented)
    notes = total_of({name: each for name, each in healthy.scores.items() if "notes" in name})
    share = 100 * notes.invented / max(1, notes.present + notes.invented)
    evidence.single("maker notes", "fields that only we have", "%", share, "<= 0.5")
    evidence.single("judged, each with its reason", "fields", "count", measured.judged)
    halves = {half: total_of(each.scores) for half, each in measured.halves.items()}
    for half, score in halves.items():
        evidence.single(half, "names present", "%", 100 * score.present / max(1, score.theirs))
        evidence.single(half, "values equal", "%", 100 * score.equal / max(1, score.present))
    damaged = total_of(measured.damaged.scores)
    evidence.single("damaged files", "names present", "%", 100 * damaged.present / max(1, damaged.theirs))
    evidence.single("damaged files", "values equal", "%", 100 * damaged.equal / max(1, damaged.present))
    if not second.is_there():
        print("not read again by a second tool: exiv2 isn't installed")
    else:
        again = second.read()
        evidence.single("second tool (exiv2), a random sample", "files", "count", again.files)
        evidence.single("second tool (exiv2), a random sample", "values compared", "count", again.compared)
        share = 100 * (1 - len(again.otherwise) / max(1, again.compared))
        evidence.single("second tool (exiv2), a random sample", "values equal", "%", share)
        print("\n".join(f"exiv2 has it otherwise: {each}" for each in again.otherwise))
    _media_accuracy(evidence)
    documents_accuracy.add(evidence)
    for case, tally in made.measure([]).items():
        score = total_of(tally.scores)
        if not score.theirs:
            continue
        present, equal = (98, 99) if " notes " in case or " structures " in case else (95, 98)
        evidence.single(case, "fields of ExifTool", "count", score.theirs)
        evidence.single(case, "names present", "%", 100 * score.present / score.theirs, f">= {present}")
        evidence.single(case, "values equal", "%", 100 * score.equal / max(1, score.present), f">= {equal}")
        evidence.single(case, "fields that only we have", "count", score.invented)
    return evidence


_MEDIA_FAMILIES = ("quicktime", "matroska", "riff", "aiff", "asf", "id3", "vorbis", "ape", "flac")


def _media_accuracy(evidence: Evidence) -> None:
    """The same of films and sounds: of the corpus by family, of those that others' programs made by container."""
    from tests.tools import media
    from tests.tools.accuracy import Measured, measure

    def add(case: str, measured: Measured, families: Sequence[str] = ()) -> None:
        scores = measured.healthy.scores
        # What type it is was measured apart, by `identification`.
        wanted = families or scores.keys() - {"file"}
        score = total_of({name: each for name, each in scores.items() if name in wanted})
        if score.theirs:
            evidence.single(case, "fields of ExifTool", "count", score.theirs)
            evidence.single(case, "names present", "%", 100 * score.present / score.theirs, ">= 95")
            share = 100 * score.equal / max(1, score.present)
            evidence.single(case, "values equal", "%", share, ">= 98")

    real = measure(corpus.media_files())
    for family in _MEDIA_FAMILIES:
        add(f"films and sounds, {family}", real, (family,))
    for half, tally in real.halves.items():
        score = total_of(tally.scores)
        evidence.single(
            f"films and sounds, {half}", "names present", "%", 100 * score.present / max(1, score.theirs)
        )
        evidence.single(
            f"films and sounds, {half}", "values equal", "%", 100 * score.equal / max(1, score.present)
        )
    by_container: dict[str, list[Path]] = {}
    for path in media.made():
        if path.parent.name == "caf":  # ExifTool doesn't read it, and takes Opus in it for MPEG audio
            continue
        by_container.setdefault(path.parent.name, []).append(path)
    for container, files in by_container.items():
        add(f"made by ffmpeg, sox, mkvmerge: {container}, {len(files)} files", measure(files))
