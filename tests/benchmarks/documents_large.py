"""Sessions with documents of gigabytes on the client's disk: bytes, round trips, time, memory."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks.large_session import tell_costs
from tests.samples import DOCUMENTS
from tests.support import large_documents as large
from tests.support.evidence import Evidence
from tests.support.one_session import measured

if TYPE_CHECKING:
    from collections.abc import Callable

MIB, GIB = 2**20, 2**30

CASES: dict[str, tuple[str, Callable[[Path], None]]] = {
    "ZIP64, 5 GB": (".zip", lambda path: large.write_zip(path, 1, 5 * GIB)),
    "PDF, 1 GB": (".pdf", lambda path: large.write_pdf(path, 5000, GIB)),
    "tar, 2 GB": (".tar", lambda path: large.write_tar(path, 4, 512 * MIB)),
    "7z, 2 GB": (".7z", lambda path: large.write_7z(path, 2 * GIB)),
}


def run(name: str) -> Evidence:
    """One pair for each file, so that "over idle" has its whole cost; its workers have read one small PDF."""
    evidence = Evidence(name)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for number, (case, (suffix, write)) in enumerate(CASES.items()):
            path = root / f"large{suffix}"
            write(path)
            time.sleep(2.1)  # until the file's times tell its states apart
            session = measured(path, root / f"cache-{number}", DOCUMENTS / "pikepdf-portfolio.pdf")
            tell_costs(evidence, case, path, session)
            path.unlink()
    return evidence
