"""One file of very many parts, read in place by a pair of its own."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from extractor_service.sources.content import SETTLE_SECONDS
from metaextract.document.v1 import document_pb2
from metaextract_client import ExtractorClient
from metaextract_client.render import outcome_name
from tests.support.evidence import Evidence
from tests.support.processes import PeakMemory, start_cache, start_extractor

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Case(NamedTuple):
    """A file, and what it may cost."""

    suffix: str
    write: Callable[[Path], None]
    most_seconds: float = 5
    is_whole: bool = False
    """Nothing of it is left out: no Problem has to say so."""


def compared(name: str, cases: Mapping[str, Case], first_read: Path, least_fields: int) -> Evidence:
    """A fresh pair for each, whose worker has read a small file: fields, time, memory over idle, and what is told of the rest."""
    evidence = Evidence(name)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "files"
        root.mkdir()
        for number, (case, (suffix, write, most_seconds, is_whole)) in enumerate(cases.items()):
            path = root / f"huge{suffix}"
            write(path)
            time.sleep(SETTLE_SECONDS + 0.1)
            with (
                start_cache(Path(folder) / f"cache-{number}") as cache,
                start_extractor(cache.address, METAEXTRACT_FILE_ROOTS=str(root)) as extractor,
                ExtractorClient(extractor.address) as client,
            ):
                client.extract_file(first_read)
                with PeakMemory(extractor.pid, cache.pid, interval_seconds=0.005) as memory:
                    answer = client.extract_uri(path.as_uri(), timeout=60)
            document = answer.document
            is_cut = any(each.kind == document_pb2.PROBLEM_KIND_LIMIT for each in document.problems)
            fields = sum(len(section.fields) for section in document.sections)
            evidence.single(case, "size", "MB", path.stat().st_size / 1e6)
            evidence.single(case, "fields", "count", fields, f">= {least_fields}")
            evidence.single(case, "elapsed", "s", answer.info.elapsed_seconds, f"< {most_seconds:g}")
            evidence.single(case, "peak PSS over idle", "MiB", sum(memory.over_idle_mib()), "<= 64")
            evidence.single(case, "read", "MiB", answer.info.source_bytes_read / 2**20)
            if not is_whole:
                evidence.single(case, "a Problem says that it is cut", "0/1", float(is_cut), "== 1")
            lost = outcome_name(document.outcome) not in {"OK", "PARTIAL"}
            evidence.single(case, "lost", "0/1", float(lost), "== 0")
            path.unlink()
    return evidence
