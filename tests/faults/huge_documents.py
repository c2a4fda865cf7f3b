"""Documents of a million parts, read in place: memory over idle, time, and a Problem that says what was left out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.faults.huge import Case, compared
from tests.samples import DOCUMENTS
from tests.support import large_documents as large

if TYPE_CHECKING:
    from tests.support.evidence import Evidence

_CASES = {
    "ZIP of 1,000,000 members": Case(".zip", lambda path: large.write_zip(path, 1_000_000)),
    "tar of 1,000,000 entries": Case(".tar", lambda path: large.write_tar(path, 1_000_000)),
    "PDF of 100,000 objects": Case(".pdf", lambda path: large.write_pdf(path, 100_000, 1000), is_whole=True),
    "mailbox of 4 GB": Case(".mbox", lambda path: large.write_mailbox(path, 4 * 2**30)),
}


def run(name: str) -> Evidence:
    """See `compared`."""
    return compared(name, _CASES, DOCUMENTS / "pikepdf-portfolio.pdf", 5)
