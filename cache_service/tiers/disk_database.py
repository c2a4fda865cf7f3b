"""The SQLite file under the disk tier: blocking calls, made from the tier's two threads."""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import struct
from typing import TYPE_CHECKING, NamedTuple

from blake3 import blake3

from cache_service.entries.entry import Entry
from cache_service.eviction.held_bytes import HeldBytes
from cache_service.tiers.disk_file import connect, is_damage_at_opening, lock_directory, set_aside

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from cache_service.entries.entry import Key, Selector

_log = logging.getLogger(__name__)
_FILE = "results.sqlite"
MAX_READ_BYTES = 16 * 1024 * 1024  # as stored, held at once by one read; a batch's rest is missed
_CONDITIONS = {
    "content_id": "content_id = ?{n}",
    "module": "module = ?{n}",
    "version": "version = ?{n}",
    "source_prefix": "source <> '' AND substr(source, 1, length(?{n})) = ?{n}",
    "tenant": "tenant = ?{n}",
    "tag": "instr(tags, char(10) || ?{n} || char(10))",
}
_NUMBERS = struct.Struct("<ddq")


class Row(NamedTuple):
    """One row, in the order of the INSERT."""

    key: str
    tenant: str
    content_id: str
    module: str
    version: str
    value: bytes
    checksum: bytes
    charged_bytes: int
    cost_seconds: float
    expires_at: float
    read_revision: int
    source: str
    tags: str
    used_at: float

    @classmethod
    def of(cls, key: Key, entry: Entry, charged_bytes: int, used_at: float) -> Row:
        """The row of an entry, with its checksum."""
        row = cls(
            key.text(), key.tenant, key.content_id, key.module, key.version, entry.value, b"", charged_bytes,
            entry.cost_seconds, entry.expires_at, entry.read_revision, entry.source, _join(entry.tags), used_at,
        )  # fmt: skip
        return row._replace(checksum=checksum(row.key, row))

    @property
    def entry(self) -> Entry:
        """What the row stores."""
        tags = tuple(self.tags.split("\n")[1:-1])
        return Entry(self.value, self.cost_seconds, self.expires_at, self.read_revision, self.source, tags)


def checksum(key: str, row: Row) -> bytes:
    """16 bytes over the key asked for, the numbers, labels and the value: a row can't answer for another key."""
    numbers = _NUMBERS.pack(row.cost_seconds, row.expires_at, row.read_revision)
    labels = f"{key}\0{row.source}\0{row.tags}\0".encode()
    return blake3(labels + numbers + row.value).digest(length=16)


def is_intact(row: Row) -> bool:
    """Whether the row is as it was written; in a damaged file a text may be a number, or missing."""
    try:
        return checksum(row.key, row) == row.checksum
    except (TypeError, struct.error):
        return False


def _join(tags: Sequence[str]) -> str:
    """Tags as one text, in which each stands between line ends."""
    return "".join(("\n", *(f"{tag}\n" for tag in tags))) if tags else ""


class DiskDatabase:
    """Results in one SQLite file, with running totals of entries and bytes."""

    ERRORS = (sqlite3.Error, OSError, UnicodeDecodeError)

    def __init__(
        self, path: Path, writer: sqlite3.Connection, reader: sqlite3.Connection, lock: int, log_id: str
    ) -> None:
        self._path = path
        self._writer = writer
        self._reader = reader
        self._lock = lock
        self._log_id = log_id
        self.entry_count: int
        self.used_bytes: int
        self.tenant_bytes: HeldBytes
        self._count()

    @classmethod
    def open(cls, directory: Path, log_id: str = "") -> DiskDatabase:
        """The database in `directory`; a damaged file is set aside and replaced.

        Raises:
            OSError: another process owns the directory, or it can't be written.
        """
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = lock_directory(directory)
        path = directory / _FILE
        try:
            try:
                return cls._start(path, lock, log_id)
            except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
                if not is_damage_at_opening(error, path):  # locked, or a full disk: what is there may be good
                    raise
                _log.error(
                    "the cache database is damaged and starts anew",
                    extra={"path": str(path), "error": str(error)},
                )
                set_aside(path)
                return cls._start(path, lock, log_id)
        except sqlite3.Error as error:
            os.close(lock)
            raise OSError(f"can't open {path}: {error}") from error
        except BaseException:
            os.close(lock)
            raise

    @classmethod
    def _start(cls, path: Path, lock: int, log_id: str) -> DiskDatabase:
        writer, reader = connect(path)
        try:
            database = cls(path, writer, reader, lock, log_id)
            database.adopt_log(log_id)
        except BaseException:
            reader.close()
            writer.close()
            raise
        return database

    def _count(self) -> None:
        """Counts what is there. The covering index answers without touching values."""
        totals = self._writer.execute(
            "SELECT tenant, COUNT(*), SUM(charged_bytes) FROM results INDEXED BY by_tenant GROUP BY tenant"
        ).fetchall()
        if not all(isinstance(tenant, str) and isinstance(used, int) for tenant, _, used in totals):
            raise sqlite3.DatabaseError("a tenant's total is no number")
        self.entry_count = sum(count for _, count, _ in totals)
        self.tenant_bytes = HeldBytes({tenant: used for tenant, _, used in totals})
        self.used_bytes = self.tenant_bytes.total()

    def get(self, keys: list[str]) -> dict[str, tuple[Row, bool]]:
        """The rows of those `keys` that exist, and whether each is intact; stops at MAX_READ_BYTES of values."""
        marks = ",".join("?" * len(keys))
        cursor = self._reader.execute(
            f"SELECT key, tenant, content_id, module, version, value, checksum, charged_bytes, cost_seconds,"  # noqa: S608
            f" expires_at, read_revision, source, tags, used_at FROM results WHERE key IN ({marks})",
            keys,
        )
        rows: dict[str, tuple[Row, bool]] = {}
        read_bytes = 0
        for values in cursor:
            row = Row(*values)
            rows[row.key] = (row, is_intact(row))
            read_bytes += len(row.value) if isinstance(row.value, bytes) else 0
            if read_bytes > MAX_READ_BYTES:
                break
        cursor.close()
        return rows

    def put(
        self,
        rows: list[Row],
        used_at: Mapping[str, float],
        *,
        only_absent: bool = False,
        without: Sequence[str] = (),
    ) -> int:
        """Stores `rows` and the times of use in one transaction; the number of rows that were replaced.

        With `only_absent`, a row that is there stays, unless it has expired by the time of use of the new one. Rows of
        the keys `without` go: their newer values didn't fit.
        """
        with self._transaction() as connection:
            if only_absent:
                rows = self._absent(rows)
            replaced = self._delete("key IN", [*(row.key for row in rows), *without])
            connection.executemany(
                "INSERT INTO results (key, tenant, content_id, module, version, value, checksum, charged_bytes,"
                " cost_seconds, expires_at, read_revision, source, tags, used_at)"
                " VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
                rows,
            )
            connection.executemany(
                "UPDATE results SET used_at = ? WHERE key = ?",
                [(at, key) for key, at in used_at.items()],
            )
            self.entry_count += len(rows)
            for row in rows:
                self.tenant_bytes.add(row.tenant, row.charged_bytes)
                self.used_bytes += row.charged_bytes
        return replaced

    def delete(self, selector: Selector, before_revision: int) -> int:
        """Removes what `selector` selects and was read before that revision; the number removed."""
        if selector.erases is not None:  # whenever it was read
            return self.erase(selector.erases)
        wanted = [(name, value) for name, value in selector._asdict().items() if value is not None]
        parts = [
            (_CONDITIONS[name].format(n=number), value)
            for number, (name, value) in enumerate(wanted, start=2)
        ]
        where = " AND ".join(["read_revision < ?1", *(condition for condition, _ in parts)])
        with self._transaction():
            removed = self._delete_where(where, [before_revision, *(value for _, value in parts)])
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

    def evict(self, target_bytes: int, guaranteed_bytes: Callable[[str], float] = lambda _: -1.0) -> int:
        """Removes the least recently used rows until `target_bytes` are left; frees the disk space.

        A tenant that holds no more than it is guaranteed keeps its rows, unless nobody else has any.
        """
        removed = 0
        with self._transaction():
            left = {tenant: held - guaranteed_bytes(tenant) for tenant, held in self.tenant_bytes.items()}
            removed += self._evict(target_bytes, left)
            if self.used_bytes > target_bytes:
                removed += self._evict(target_bytes, dict(self.tenant_bytes))
        self._vacuum()
        return removed

    def _evict(self, target_bytes: int, left: dict[str, float]) -> int:
        """One way through the rows, oldest first; `left` is what each tenant may lose. The index has all that is asked."""
        chosen: list[int] = []
        excess = self.used_bytes - target_bytes
        cursor = self._writer.execute(
            "SELECT id, tenant, charged_bytes FROM results INDEXED BY by_use ORDER BY used_at"
        )
        for identity, tenant, size in cursor:
            if excess <= 0:
                break
            if left[tenant] > 0:
                chosen.append(identity)
                excess -= size
                left[tenant] -= size
        cursor.close()
        return self._delete("id IN", chosen)

    def evict_tenant(self, tenant: str, target_bytes: int) -> int:
        """Removes a tenant's least recently used rows until `target_bytes` of it are left."""
        removed = 0
        with self._transaction() as connection:
            while (excess := self.tenant_bytes[tenant] - target_bytes) > 0:
                victims = connection.execute(
                    "SELECT id, charged_bytes FROM results WHERE tenant = ? ORDER BY used_at LIMIT 200",
                    (tenant,),
                ).fetchall()
                chosen = []
                for identity, size in victims:
                    if excess <= 0:
                        break
                    chosen.append(identity)
                    excess -= size
                if not chosen:
                    break
                removed += self._delete("id IN", chosen)
        self._vacuum()
        return removed

    def erase(self, tenant: str) -> int:
        """Removes all rows of a tenant, and overwrites where they were; what was set aside as damaged goes as well."""
        for path in self._path.parent.glob("*.damaged"):
            path.unlink(missing_ok=True)
        self._writer.execute("PRAGMA secure_delete = ON")
        try:
            with self._transaction():
                removed = self._delete_where("tenant = ?", [tenant])
            self._vacuum()
        finally:
            self._writer.execute("PRAGMA secure_delete = FAST")
        return removed

    def start_anew(self) -> DiskDatabase:
        """An empty database in the place of this one, which is damaged and set aside; keeps the directory.

        Raises:
            sqlite3.Error: that didn't work, either.
        """
        for connection in (self._reader, self._writer):
            with contextlib.suppress(sqlite3.Error):
                connection.close()
        set_aside(self._path)
        return self._start(self._path, self._lock, self._log_id)

    def close(self) -> None:
        """Closes both connections and gives the directory up."""
        self._reader.close()
        self._writer.close()
        os.close(self._lock)

    def adopt_log(self, log_id: str) -> None:
        """Drops everything when the entries' revisions are those of another log."""
        self._log_id = log_id
        (known,) = self._writer.execute("SELECT id FROM log").fetchone() or (None,)
        if known == log_id:
            return
        with self._transaction() as connection:
            if known is not None:
                _log.warning("the invalidation log is another one; results are dropped")
                self._delete_where("1", [])
            connection.execute("DELETE FROM log")
            connection.execute("INSERT INTO log VALUES (?)", (log_id,))

    def _absent(self, rows: list[Row]) -> list[Row]:
        present: set[str] = set()
        for start in range(0, len(rows), 500):
            part = [row.key for row in rows[start : start + 500]]
            now = rows[start].used_at
            present.update(
                key
                for (key,) in self._writer.execute(
                    f"SELECT key FROM results WHERE key IN ({','.join('?' * len(part))}) AND expires_at > ?",  # noqa: S608
                    [*part, now],
                )
            )
        return [row for row in rows if row.key not in present]

    def page(self, after: str, limit: int, tenant: str | None = None) -> list[Row]:
        """Up to `limit` rows with keys above `after`, in order, those that are intact."""
        rows = self._reader.execute(
            "SELECT key, tenant, content_id, module, version, value, checksum, charged_bytes, cost_seconds, expires_at,"
            " read_revision, source, tags, used_at FROM results WHERE key > ?1 AND (?3 IS NULL OR tenant = ?3)"
            " ORDER BY key LIMIT ?2",
            (after, limit, tenant),
        ).fetchall()
        return [row for row in map(Row._make, rows) if checksum(row.key, row) == row.checksum]

    def _delete(self, column_in: str, values: list[str] | list[int]) -> int:
        removed = 0
        for start in range(0, len(values), 500):
            part = values[start : start + 500]
            removed += self._delete_where(f"{column_in} ({','.join('?' * len(part))})", part)
        return removed

    def _delete_where(self, where: str, values: Iterable[object]) -> int:
        gone = self._writer.execute(
            f"DELETE FROM results WHERE {where} RETURNING tenant, charged_bytes",  # noqa: S608 - fixed column names
            list(values),
        ).fetchall()
        self.entry_count -= len(gone)
        for tenant, size in gone:
            self.used_bytes -= size
            self.tenant_bytes.add(tenant, -size)
        return len(gone)

    def _vacuum(self) -> None:
        # executescript on purpose: execute().fetchall() frees a single page (measured, research C trap 1).
        self._writer.executescript("PRAGMA incremental_vacuum; PRAGMA wal_checkpoint(TRUNCATE);")

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        self._writer.execute("BEGIN IMMEDIATE")
        try:
            yield self._writer
            self._writer.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                self._writer.execute("ROLLBACK")
                self._count()
            raise
