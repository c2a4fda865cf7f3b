"""The SQLite file under the disk tier: blocking calls, made from the tier's two threads."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import sqlite3
import struct
from typing import TYPE_CHECKING, NamedTuple

from blake3 import blake3

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from cache_service.entry import Entry, Key, Selector

_log = logging.getLogger(__name__)
_FILE = "results.sqlite"
_SCHEMA_VERSION = 2
_SCHEMA = """
CREATE TABLE IF NOT EXISTS results (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    content_id TEXT NOT NULL,
    module TEXT NOT NULL,
    version TEXT NOT NULL,
    value BLOB NOT NULL,
    checksum BLOB NOT NULL,
    charged_bytes INTEGER NOT NULL,
    cost_seconds REAL NOT NULL,
    expires_at REAL NOT NULL,
    read_revision INTEGER NOT NULL,
    used_at REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS log (id TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS by_content ON results (content_id);
CREATE INDEX IF NOT EXISTS by_module ON results (module, version);
CREATE INDEX IF NOT EXISTS by_use ON results (used_at, charged_bytes);
CREATE INDEX IF NOT EXISTS by_expiry ON results (expires_at, charged_bytes);
"""
MAX_READ_BYTES = 16 * 1024 * 1024
_DAMAGE_CODES = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_NUMBERS = struct.Struct("<ddq")


class Row(NamedTuple):
    """One row, in the order of the INSERT."""

    key: str
    content_id: str
    module: str
    version: str
    value: bytes
    checksum: bytes
    charged_bytes: int
    cost_seconds: float
    expires_at: float
    read_revision: int
    used_at: float

    @classmethod
    def of(cls, key: Key, entry: Entry, charged_bytes: int, used_at: float) -> Row:
        """The row of an entry, with its checksum."""
        row = cls(
            key.text(), key.content_id, key.module, key.version, entry.value, b"", charged_bytes,
            entry.cost_seconds, entry.expires_at, entry.read_revision, used_at,
        )  # fmt: skip
        return row._replace(checksum=checksum(row.key, row))


def checksum(key: str, row: Row) -> bytes:
    """16 bytes over the key asked for, the numbers and the value: a row can't answer for another key."""
    numbers = _NUMBERS.pack(row.cost_seconds, row.expires_at, row.read_revision)
    return blake3(key.encode() + b"\0" + numbers + row.value).digest(length=16)


class DiskDatabase:
    """Results in one SQLite file, with running totals of entries and bytes."""

    Error = sqlite3.Error

    def __init__(self, writer: sqlite3.Connection, reader: sqlite3.Connection, lock: int) -> None:
        self._writer = writer
        self._reader = reader
        self._lock = lock
        # COALESCE: an empty table has no sum. The covering index answers without touching values.
        count, used = writer.execute(
            "SELECT COUNT(*), COALESCE(SUM(charged_bytes), 0) FROM results INDEXED BY by_use"
        ).fetchone()
        self.entry_count: int = count
        self.used_bytes: int = used

    @classmethod
    def open(cls, directory: Path, log_id: str = "") -> DiskDatabase:
        """The database in `directory`; a damaged file is set aside and replaced.

        Raises:
            OSError: another process owns the directory, or it can't be written.
        """
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = _lock_directory(directory)
        path = directory / _FILE
        try:
            try:
                return cls._start(path, lock, log_id)
            except sqlite3.DatabaseError as error:
                if not _is_damage(error):  # locked, or a full disk: what is there may be good
                    raise
                _log.exception("the cache database is damaged and starts anew", extra={"path": str(path)})
                for suffix in ("", "-wal", "-shm"):
                    with contextlib.suppress(FileNotFoundError):
                        os.replace(f"{path}{suffix}", f"{path}{suffix}.damaged")  # noqa: PTH105
                return cls._start(path, lock, log_id)
        except sqlite3.Error as error:
            os.close(lock)
            raise OSError(f"can't open {path}: {error}") from error
        except BaseException:
            os.close(lock)
            raise

    @classmethod
    def _start(cls, path: Path, lock: int, log_id: str) -> DiskDatabase:
        writer, reader = _connect(path)
        try:
            database = cls(writer, reader, lock)
            database._adopt_log(log_id)
        except BaseException:
            reader.close()
            writer.close()
            raise
        return database

    def get(self, keys: list[str]) -> dict[str, tuple[Row, bool]]:
        """The rows of those `keys` that exist, and whether each is intact; stops at MAX_READ_BYTES of values."""
        marks = ",".join("?" * len(keys))
        cursor = self._reader.execute(
            f"SELECT key, content_id, module, version, value, checksum, charged_bytes, cost_seconds,"  # noqa: S608
            f" expires_at, read_revision, used_at FROM results WHERE key IN ({marks})",
            keys,
        )
        rows: dict[str, tuple[Row, bool]] = {}
        read_bytes = 0
        for values in cursor:
            row = Row(*values)
            rows[row.key] = (row, checksum(row.key, row) == row.checksum)
            read_bytes += len(row.value)
            if read_bytes > MAX_READ_BYTES:
                break
        cursor.close()
        return rows

    def put(self, rows: list[Row], used_at: Mapping[str, float]) -> int:
        """Stores `rows` and the times of use in one transaction; the number of rows that were replaced."""
        with self._transaction() as connection:
            replaced = self._delete("key IN", [row.key for row in rows])
            connection.executemany(
                "INSERT INTO results (key, content_id, module, version, value, checksum, charged_bytes,"
                " cost_seconds, expires_at, read_revision, used_at) VALUES (?,?,?,?,?,?,?,?,?,?,?)",
                rows,
            )
            connection.executemany(
                "UPDATE results SET used_at = ? WHERE key = ?",
                [(at, key) for key, at in used_at.items()],
            )
        self.entry_count += len(rows)
        self.used_bytes += sum(row.charged_bytes for row in rows)
        return replaced

    def delete(self, selector: Selector, before_revision: int) -> int:
        """Removes what `selector` selects and was read before that revision; the number removed."""
        parts = {
            name: value for name, value in zip(selector._fields, selector, strict=True) if value is not None
        }
        where = " AND ".join([*(f"{name} = ?" for name in parts), "read_revision < ?"])
        with self._transaction():
            removed = self._delete_where(where, [*parts.values(), before_revision])
        self._vacuum()
        return removed

    def delete_rows(self, rows: Iterable[tuple[str, bytes]]) -> int:
        """Removes the rows with exactly these keys and checksums; the number removed."""
        with self._transaction():
            return sum(self._delete_where("key = ? AND checksum = ?", row) for row in rows)

    def delete_expired(self, now: float) -> int:
        """Removes everything that expired before `now`; the number removed."""
        with self._transaction():
            return self._delete_where("expires_at <= ?", [now])

    def evict(self, target_bytes: int) -> int:
        """Removes the least recently used rows until `target_bytes` are left; frees the disk space."""
        removed = 0
        with self._transaction() as connection:
            while self.used_bytes > target_bytes:
                victims = connection.execute(
                    "SELECT id, charged_bytes FROM results ORDER BY used_at LIMIT 200"
                ).fetchall()
                if not victims:
                    break
                chosen, excess = [], self.used_bytes - target_bytes
                for identity, size in victims:
                    chosen.append(identity)
                    excess -= size
                    if excess <= 0:
                        break
                removed += self._delete("id IN", chosen)
        self._vacuum()
        return removed

    def close(self) -> None:
        """Closes both connections and gives the directory up."""
        self._reader.close()
        self._writer.close()
        os.close(self._lock)

    def _adopt_log(self, log_id: str) -> None:
        (known,) = self._writer.execute("SELECT id FROM log").fetchone() or (None,)
        if known == log_id:
            return
        with self._transaction() as connection:
            if known is not None:
                _log.warning("the invalidation log is another one; results are dropped")
                self._delete_where("1", [])
            connection.execute("DELETE FROM log")
            connection.execute("INSERT INTO log VALUES (?)", (log_id,))

    def _delete(self, column_in: str, values: list[str] | list[int]) -> int:
        removed = 0
        for start in range(0, len(values), 500):
            part = values[start : start + 500]
            removed += self._delete_where(f"{column_in} ({','.join('?' * len(part))})", part)
        return removed

    def _delete_where(self, where: str, values: Iterable[object]) -> int:
        sizes = self._writer.execute(
            f"DELETE FROM results WHERE {where} RETURNING charged_bytes",  # noqa: S608 - fixed column names
            list(values),
        ).fetchall()
        self.entry_count -= len(sizes)
        self.used_bytes -= sum(size for (size,) in sizes)
        return len(sizes)

    def _vacuum(self) -> None:
        # executescript on purpose: execute().fetchall() frees a single page (measured, research C trap 1).
        self._writer.executescript("PRAGMA incremental_vacuum; PRAGMA wal_checkpoint(TRUNCATE);")

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        before = self.entry_count, self.used_bytes
        self._writer.execute("BEGIN IMMEDIATE")
        try:
            yield self._writer
            self._writer.execute("COMMIT")
        except BaseException:
            self.entry_count, self.used_bytes = before
            with contextlib.suppress(sqlite3.Error):
                self._writer.execute("ROLLBACK")
            raise


class _OtherSchemaError(sqlite3.DatabaseError):
    """The file was made by another version of this program."""


def _is_damage(error: sqlite3.DatabaseError) -> bool:
    # The lower byte is the primary code; those above it say where.
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return isinstance(error, _OtherSchemaError) or code in _DAMAGE_CODES


def _lock_directory(directory: Path) -> int:
    lock = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        raise OSError(f"another process owns the cache directory {directory}") from error
    return lock


def _connect(path: Path) -> tuple[sqlite3.Connection, sqlite3.Connection]:
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
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA cache_size = -2048")  # KiB; values are cached by the memory tier already
    except BaseException:
        connection.close()
        raise
    return connection
