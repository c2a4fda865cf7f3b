"""Sessions with films and sounds of hours and gigabytes on the client's disk: bytes, round trips, time, memory."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from metaextract_client.render import outcome_name
from tests.benchmarks.large_session import tell_costs
from tests.support import large_files, large_media
from tests.support.evidence import Evidence
from tests.support.one_session import measured

if TYPE_CHECKING:
    from collections.abc import Callable

    from metaextract_client.extraction import Extraction

MIB = 2**20
_HOUR_SECONDS = 3600


def _cases() -> dict[str, tuple[str, int, float, Callable[[Path], None]]]:
    """By case: the file's ending, the most round trips, the right duration, what writes it."""
    film, media = large_files.write_mp4, large_media
    return {
        "MP4, 50 MB, index at the end": (".mp4", 6, 60, lambda path: film(path, 50 * 10**6, 3000)),
        "MP4, 5 GB, index of 180,000 samples at the end": (".mp4", 6, 60, lambda path: film(path, 5 * 10**9, 180_000)),
        "fragmented MP4, 2 h": (".mp4", 10, 7200, lambda path: media.write_fragmented(path, 2 * _HOUR_SECONDS, 900 * MIB)),
        "fragmented MP4, 2 h, with mfra": (".mp4", 10, 7200, lambda path: media.write_fragmented(path, 2 * _HOUR_SECONDS, 900 * MIB, index=True)),
        "MKV, 3 h, no cues": (".mkv", 6, 2.5, lambda path: media.write_matroska(path, 3 * _HOUR_SECONDS, 3000 * MIB, duration=True)),
        "MKV, 3 h, no cues, no duration": (".mkv", 6, 10795, lambda path: media.write_matroska(path, 3 * _HOUR_SECONDS, 500 * MIB, duration=False)),
        "RF64, 2 GB": (".rf64", 6, 2**31 // 6 / 48000, lambda path: media.write_rf64(path, 2**31)),
    }  # fmt: skip


def run(name: str) -> Evidence:
    """One pair for each file, so that "over idle" has its whole cost."""
    evidence = Evidence(name)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for case, (suffix, most, duration, write) in _cases().items():
            path = root / f"large{suffix}"
            write(path)
            time.sleep(2.1)  # until the file's times tell its states apart
            session = measured(path, root / f"cache-{len(evidence.figures)}")
            _check(session.answer, duration)
            tell_costs(evidence, case, path, session, most_trips=most, most_mib=16)
            path.unlink()
    return evidence


def _check(answer: Extraction, duration: float) -> None:
    """A duration that is right, or there is nothing to measure."""
    document = answer.document
    assert outcome_name(document.outcome) == "OK", document.problems
    assert abs(document.common.duration_seconds - duration) < 1, document.common.duration_seconds
