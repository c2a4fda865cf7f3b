"""The file under the disk tier: its schema, its lock, and what damage looks like."""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_SCHEMA_VERSION = 4  # raise it when _SCHEMA changes: a file of another version is set aside
_SCHEMA = """
CREATE TABLE IF NOT EXISTS results (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    tenant TEXT NOT NULL,
    content_id TEXT NOT NULL,
    module TEXT NOT NULL,
    version TEXT NOT NULL,
    value BLOB NOT NULL,
    checksum BLOB NOT NULL,
    charged_bytes INTEGER NOT NULL,
    cost_seconds REAL NOT NULL,
    expires_at REAL NOT NULL,
    read_revision INTEGER NOT NULL,
    source TEXT NOT NULL,
    tags TEXT NOT NULL,
    used_at REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS log (id TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS by_content ON results (content_id);
CREATE INDEX IF NOT EXISTS by_module ON results (module, version);
CREATE INDEX IF NOT EXISTS by_source ON results (source) WHERE source <> '';
CREATE INDEX IF NOT EXISTS by_use ON results (used_at, tenant, charged_bytes);
CREATE INDEX IF NOT EXISTS by_tenant ON results (tenant, used_at, charged_bytes);
CREATE INDEX IF NOT EXISTS by_expiry ON results (expires_at, charged_bytes);
"""
_DAMAGE_CODES = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
# What is there may be good: it is locked, can't be written or read now, or there is no room or memory.
_SURROUNDINGS_CODES = frozenset(
    {
        sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_INTERRUPT,
        sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH,
    }
)  # fmt: skip


def is_damage(error: Exception) -> bool:
    """Whether the file itself is broken, and not only what was asked."""
    # SQLite quotes a damaged schema in its message, which then is no text.
    return isinstance(error, _OtherSchemaError | UnicodeDecodeError) or (
        isinstance(error, sqlite3.DatabaseError) and _code(error) in _DAMAGE_CODES
    )


def is_damage_at_opening(error: Exception, path: Path) -> bool:
    """The same of the file at `path`, while it is opened: whatever isn't the surroundings' fault.

    A damaged header may ask for another SQLite, or call the file read-only.
    """
    if isinstance(error, sqlite3.DatabaseError):
        return _code(error) not in _SURROUNDINGS_CODES or _has_odd_header(path)
    return is_damage(error)


def _code(error: Exception) -> int:
    """SQLite's primary code: the lower byte; those above it say where."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


def _has_odd_header(path: Path) -> bool:
    """Whether the file's format versions aren't those that every SQLite writes, 1 or 2 (sqlite.org/fileformat2.html, 1.3.3)."""
    try:
        with path.open("rb") as file:
            header = file.read(20)
    except OSError:
        return False
    return len(header) == 20 and not {header[18], header[19]} <= {1, 2}


def set_aside(path: Path) -> None:
    """Renames the database and what belongs to it, for whoever wants to look."""
    for suffix in ("", "-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            os.replace(f"{path}{suffix}", f"{path}{suffix}.damaged")  # noqa: PTH105


class _OtherSchemaError(sqlite3.DatabaseError):
    """The file was made by another version of this program."""


def lock_directory(directory: Path) -> int:
    """The descriptor that holds the lock until it is closed.

    Raises:
        OSError: another process has it.
    """
    lock = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        raise OSError(f"another process owns the cache directory {directory}") from error
    return lock


def connect(path: Path) -> tuple[sqlite3.Connection, sqlite3.Connection]:
    """A connection to write with and one to read with; the file is made when it isn't there.

    Raises:
        sqlite3.Error: it can't be opened, or is another program's.
    """
    writer = _open(path)
    try:
        writer.executescript("PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL;")
        (version,) = writer.execute("PRAGMA user_version").fetchone()
        if version not in {0, _SCHEMA_VERSION}:
            raise _OtherSchemaError(f"schema version {version}, this program knows {_SCHEMA_VERSION}")
        if version == 0:
            writer.executescript(_SCHEMA + f"PRAGMA user_version = {_SCHEMA_VERSION};")
        return writer, _open(path)
    except BaseException:
        writer.close()
        raise


def _open(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5)
    try:
        # Damaged text must be a row with a wrong checksum, not an error that hides the whole batch.
        connection.text_factory = lambda text: text.decode(errors="replace")
        connection.execute("PRAGMA synchronous = NORMAL")
        # What is deleted is overwritten where its page is written anyway; `erase` overwrites the rest.
        connection.execute("PRAGMA secure_delete = FAST")
        connection.execute("PRAGMA cache_size = -2048")  # KiB; values are cached by the memory tier already
    except BaseException:
        connection.close()
        raise
    return connection
