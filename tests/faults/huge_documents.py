"""Documents of a million parts, read in place: memory over idle, time, and a Problem that says what was left out."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from extractor_service.sources.content import SETTLE_SECONDS
from metaextract.document.v1 import document_pb2
from metaextract_client import ExtractorClient
from metaextract_client.render import outcome_name
from tests.samples import DOCUMENTS
from tests.support import large_documents as large
from tests.support.evidence import Evidence
from tests.support.processes import PeakMemory, start_cache, start_extractor

if TYPE_CHECKING:
    from collections.abc import Callable

_CASES: dict[str, tuple[str, Callable[[Path], None]]] = {
    "ZIP of 1,000,000 members": (".zip", lambda path: large.write_zip(path, 1_000_000)),
    "tar of 1,000,000 entries": (".tar", lambda path: large.write_tar(path, 1_000_000)),
    "PDF of 100,000 objects": (".pdf", lambda path: large.write_pdf(path, 100_000, 1000)),
    "mailbox of 4 GB": (".mbox", lambda path: large.write_mailbox(path, 4 * 2**30)),
}
_WHOLE = frozenset({"PDF of 100,000 objects"})
"""Nothing of it is left out."""


def run(name: str) -> Evidence:
    """One pair for each, whose worker has read a small PDF."""
    evidence = Evidence(name)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "files"
        root.mkdir()
        for case, (suffix, write) in _CASES.items():
            path = root / f"huge{suffix}"
            write(path)
            time.sleep(SETTLE_SECONDS + 0.1)
            with (
                start_cache(Path(folder) / f"cache{suffix}") as cache,
                start_extractor(cache.address, METAEXTRACT_FILE_ROOTS=str(root)) as extractor,
                ExtractorClient(extractor.address) as client,
            ):
                client.extract_file(DOCUMENTS / "pikepdf-portfolio.pdf")
                with PeakMemory(extractor.pid, cache.pid, interval_seconds=0.005) as memory:
                    answer = client.extract_uri(path.as_uri(), timeout=60)
            document = answer.document
            limits = [each for each in document.problems if each.kind == document_pb2.PROBLEM_KIND_LIMIT]
            fields = sum(len(section.fields) for section in document.sections)
            evidence.single(case, "fields", "count", fields, ">= 5")
            evidence.single(case, "elapsed", "s", answer.info.elapsed_seconds, "< 5")
            evidence.single(case, "peak PSS over idle", "MiB", sum(memory.over_idle_mib()), "<= 64")
            evidence.single(case, "read", "MiB", answer.info.source_bytes_read / 2**20)
            if case not in _WHOLE:
                evidence.single(case, "a Problem says that it is cut", "0/1", float(bool(limits)), "== 1")
            lost = outcome_name(document.outcome) not in {"OK", "PARTIAL"}
            evidence.single(case, "lost", "0/1", float(lost), "== 0")
            path.unlink()
    return evidence
