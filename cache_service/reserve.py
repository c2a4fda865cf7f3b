"""Room that a SQLite file and its journal keep for themselves, so that a full disk doesn't end it."""

from __future__ import annotations

import logging
import shutil
import sqlite3
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_log = logging.getLogger(__name__)
_PAGE_BYTES = 4096  # SQLite's default
_PAGES = 512  # in each of both files: some ten thousand short rows
PRAGMAS = (
    f"PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = {_PAGES // 2};"
)
"""An append is one write(), which survives the death of the process; the journal doesn't grow beyond its reserve."""


def reserve(database: sqlite3.Connection, path: Path) -> bool:
    """Whether there is room now: pages that were written and are free again.

    Where the disk is nearly full already, it would take what is left to the file, and isn't made.
    """
    error = "the disk is full"
    try:
        if shutil.disk_usage(path.parent).free >= 4 * _PAGES * _PAGE_BYTES:
            database.execute("CREATE TABLE IF NOT EXISTS reserve (bytes BLOB)")
            database.execute("INSERT INTO reserve VALUES (zeroblob(?))", (_PAGE_BYTES * _PAGES,))
            database.execute("DROP TABLE reserve")
            database.execute("PRAGMA wal_checkpoint(RESTART)")
            return True
    except (sqlite3.OperationalError, OSError) as failure:
        error = str(failure)
    _log.warning("a database has no room of its own", extra={"database": path.name, "error": error})
    return False
