"""The file of hashes: a row for each content of a tenant. Blocking calls, made from one thread."""

from __future__ import annotations

import contextlib
import logging
import sqlite3
from typing import TYPE_CHECKING

from cache_service.entries.entry import Entry, Key
from cache_service.similarity.hashes import HashKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from cache_service.similarity.hashes import Hashed

_log = logging.getLogger(__name__)
# Raise it when _SCHEMA changes: rows of another version are dropped, and come again with new results
_SCHEMA_VERSION = 1
_SCHEMA = """
CREATE TABLE hashes (
    id INTEGER PRIMARY KEY, tenant TEXT NOT NULL, key TEXT NOT NULL UNIQUE, expires_at REAL NOT NULL, read_revision INTEGER NOT NULL,
    source TEXT NOT NULL, tags TEXT NOT NULL, phash BLOB, dhash BLOB, ahash BLOB, pdq BLOB);
CREATE INDEX by_tenant ON hashes (tenant, expires_at);
CREATE INDEX by_expiry ON hashes (expires_at);
CREATE TABLE log (id TEXT NOT NULL);
"""
_COLUMNS = {kind: kind.name.lower() for kind in HashKind}
_AT_ONCE = 500  # names of one question


class Catalogue:
    """Rows by tenant."""

    ERRORS = (sqlite3.Error, OSError)

    def __init__(self, path: Path | None, log_id: str) -> None:
        """The file at `path`, or in memory; a damaged one, or one of another log, begins anew."""
        self._path = path
        try:
            self._database = self._open(log_id)
        except sqlite3.DatabaseError as error:
            if path is None:
                raise
            _log.warning(
                "the file of perceptual hashes is damaged and begins anew", extra={"error": str(error)}
            )
            path.unlink(missing_ok=True)
            self._database = self._open(log_id)

    def _open(self, log_id: str) -> sqlite3.Connection:
        database = sqlite3.connect(self._path or ":memory:", isolation_level=None, check_same_thread=False)
        try:
            database.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;")
            (version,) = database.execute("PRAGMA user_version").fetchone()
            known = database.execute("SELECT id FROM log").fetchone() if version == _SCHEMA_VERSION else None
            if known != (log_id,):
                database.executescript(
                    "DROP TABLE IF EXISTS hashes; DROP TABLE IF EXISTS log;"
                    + _SCHEMA
                    + f"PRAGMA user_version = {_SCHEMA_VERSION};"
                )
                database.execute("INSERT INTO log VALUES (?)", (log_id,))
        except BaseException:
            database.close()
            raise
        return database

    def adopt_log(self, log_id: str) -> None:
        """Drops everything: what was read under another log can't be judged."""
        with self._transaction():
            self._database.execute("DELETE FROM hashes")
            self._database.execute("UPDATE log SET id = ?", (log_id,))

    def add(self, hashed: Sequence[Hashed]) -> list[tuple[int, int]]:
        """The numbers of the rows, in order, and of those that they replace; 0: none."""
        numbers = []
        with self._transaction():
            for key, entry, bits in hashed:
                row = (
                    key.tenant, key.text(), entry.expires_at, entry.read_revision, entry.source, "\n".join(entry.tags),
                    *(bits.get(kind) for kind in HashKind),
                )  # fmt: skip
                known = self._database.execute(
                    "SELECT id FROM hashes WHERE key = ?", (key.text(),)
                ).fetchone()
                cursor = self._database.execute(
                    "INSERT OR REPLACE INTO hashes VALUES (NULL,?,?,?,?,?,?,?,?,?,?)", row
                )
                numbers.append((int(cursor.lastrowid or 0), int(known[0]) if known else 0))
        return numbers

    def hashes(self, tenant: str, kind: HashKind) -> Iterator[tuple[int, bytes]]:
        """Number and bits of each row of a tenant that has them."""
        column = _COLUMNS[kind]
        yield from self._database.execute(
            f"SELECT id, {column} FROM hashes WHERE tenant = ? AND length({column}) = ?",  # noqa: S608 - fixed names
            (tenant, kind.length_bytes),
        )

    def rows(self, numbers: Sequence[int]) -> dict[int, tuple[Key, Entry]]:
        """Keys and entries of the rows that are still there."""
        found = {}
        for start in range(0, len(numbers), _AT_ONCE):
            part = numbers[start : start + _AT_ONCE]
            marks = ",".join("?" * len(part))
            for number, key, *facts, tags in self._database.execute(
                f"SELECT id, key, expires_at, read_revision, source, tags FROM hashes WHERE id IN ({marks})",  # noqa: S608
                part,
            ):
                expires_at, revision, source = facts
                entry = Entry(b"", 0.0, expires_at, revision, source, tuple(tags.split("\n")) if tags else ())
                found[number] = (Key.from_text(key), entry)
        return found

    def remove(self, numbers: Sequence[int]) -> None:
        """Drops these rows."""
        with self._transaction():
            self._database.executemany("DELETE FROM hashes WHERE id = ?", [(number,) for number in numbers])

    def expire(self, now: float) -> int:
        """The number of rows that had expired, and went."""
        with self._transaction():
            return self._database.execute("DELETE FROM hashes WHERE expires_at <= ?", (now,)).rowcount

    def evict(self, most: int) -> int:
        """The number of rows that went so that `most` are left: those of the largest tenant that expire first."""
        removed = 0
        counts = dict(self._database.execute("SELECT tenant, COUNT(*) FROM hashes GROUP BY tenant"))
        with self._transaction():
            while (excess := sum(counts.values()) - most) > 0:
                largest = max(counts, key=counts.__getitem__)
                others = max((count for tenant, count in counts.items() if tenant != largest), default=0)
                count = min(excess, max(1, counts[largest] - others))
                self._database.execute(
                    "DELETE FROM hashes WHERE id IN (SELECT id FROM hashes WHERE tenant = ? ORDER BY expires_at LIMIT ?)",
                    (largest, count),
                )
                counts[largest] -= count
                removed += count
        return removed

    def count(self) -> int:
        """Rows of all tenants."""
        (count,) = self._database.execute("SELECT COUNT(*) FROM hashes").fetchone()
        return int(count)

    def erase(self, tenant: str) -> int:
        """The number of a tenant's rows, which are gone and overwritten."""
        self._database.execute("PRAGMA secure_delete = ON")
        try:
            with self._transaction():
                removed = self._database.execute("DELETE FROM hashes WHERE tenant = ?", (tenant,)).rowcount
            self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        finally:
            self._database.execute("PRAGMA secure_delete = FAST")
        return removed

    def close(self) -> None:
        """Closes the file."""
        self._database.close()

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._database.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                self._database.execute("ROLLBACK")
            raise
