"""What a session with one file of gigabytes costs, as all benchmarks of large files tell it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from metaextract_client.render import outcome_name
from tests.benchmarks.pulling import least_blocks

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.evidence import Evidence
    from tests.support.one_session import OneSession

_BLOCK_BYTES = 16 * 1024
_PREFETCH_BYTES = 128 * 1024


def tell_costs(
    evidence: Evidence, case: str, path: Path, session: OneSession, *, most_trips: int | None = None, most_mib: int = 32
) -> None:  # fmt: skip
    """Bytes against the block rule (README.md), round trips, times, memory; raises AssertionError on an answer that isn't OK."""
    answer = session.answer
    assert outcome_name(answer.document.outcome) == "OK", answer.document.problems
    moved = answer.info.moved_bytes
    allowed = 1.5 * least_blocks(path) * _BLOCK_BYTES + 2 * _PREFETCH_BYTES
    trips = answer.info.round_trips + 1  # the offer, with head and tail, is one as well
    evidence.single(case, "size", "MB", path.stat().st_size / 1e6)
    evidence.single(case, "moved", "KiB", moved / 1024)
    evidence.single(case, "moved / block rule", "ratio", moved / allowed, "<= 1")
    evidence.single(
        case, "round trips, offer included", "count", trips, f"<= {most_trips}" if most_trips else ""
    )
    evidence.single(case, "elapsed, first", "ms", session.first_seconds * 1000, "< 500")
    evidence.single(case, "elapsed, warm", "ms", session.warm_seconds * 1000)
    evidence.single(case, "peak PSS over idle", "MiB", sum(session.over_idle_mib), f"<= {most_mib}")
