"""Which chunks make up what, in SQLite: uploads on their way, complete blobs, and sparse ones.

Each owns parts; a part is an offset, a length and a chunk; a chunk lives while a part names it. One transaction adds a
chunk's part and moves the committed offset, so that what is acknowledged is there, whenever the process dies.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from typing import TYPE_CHECKING, Any, NamedTuple

from cache_service.eviction.held_bytes import HeldBytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

UPLOAD, BLOB, SPARSE = "upload", "blob", "sparse"
DONE = "done"
"""What an upload is once it is a blob: whoever hadn't heard of it may still ask."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS chunks (name TEXT PRIMARY KEY, stored_bytes INTEGER NOT NULL, parts INTEGER NOT NULL)
    WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS owners (
    id INTEGER PRIMARY KEY AUTOINCREMENT, tenant TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, size_bytes INTEGER,
    committed INTEGER NOT NULL, used_at REAL NOT NULL, digest TEXT NOT NULL DEFAULT '', UNIQUE (tenant, kind, name));
CREATE TABLE IF NOT EXISTS parts (
    owner INTEGER NOT NULL, start INTEGER NOT NULL, length INTEGER NOT NULL, chunk TEXT NOT NULL,
    PRIMARY KEY (owner, start)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS by_use ON owners (used_at);
CREATE INDEX IF NOT EXISTS by_tenant ON owners (tenant, used_at);
CREATE TABLE IF NOT EXISTS erased (id TEXT PRIMARY KEY) WITHOUT ROWID;
"""
# Owners looked at in one go for a victim: the first does, unless it is guaranteed to stay.
_PAGE, _PAGES = 100, 10
_SCHEMA_VERSION = 2  # raise it when _SCHEMA changes: what is there is dropped then
_DROP = "".join(f"DROP TABLE IF EXISTS {table};" for table in ("chunks", "owners", "parts", "erased"))
LEAST_CHARGE_BYTES = 4096
"""What even the smallest part, and an owner without any, costs: a file and its rows."""
_TOTALS = f"""
SELECT tenant, SUM(charge) FROM (
    SELECT tenant, {LEAST_CHARGE_BYTES} AS charge FROM owners
    UNION ALL SELECT tenant, MAX(length, {LEAST_CHARGE_BYTES}) FROM owners JOIN parts ON parts.owner = owners.id
) GROUP BY tenant
"""  # noqa: S608 - a number of ours


class Owner(NamedTuple):
    """An upload or a blob."""

    number: int
    tenant: str
    kind: str
    name: str
    size_bytes: int | None
    committed: int
    used_at: float
    digest: str
    """Of the blob that an upload has become."""


class Part(NamedTuple):
    """A range of its owner, and the chunk that has its bytes."""

    start: int
    length: int
    chunk: str


class ChunkIndex:
    """The tables. Safe to use from several threads; every call takes microseconds."""

    def __init__(self, path: Path | None) -> None:
        """Opens or makes the file; None: in memory. Raises sqlite3.DatabaseError when it is damaged."""
        self._lock = threading.Lock()
        self._charges: list[tuple[str, int]] = []
        self._database = sqlite3.connect(path or ":memory:", check_same_thread=False, isolation_level=None)
        try:
            # What is written survives the process, which is all that is promised; a power cut costs the newest parts.
            for pragma in (
                "journal_mode=WAL",
                "synchronous=OFF",
                "temp_store=MEMORY",
                "cache_size=-2000",
                "secure_delete=ON",
            ):
                self._database.execute(f"PRAGMA {pragma}")
            (version,) = self._database.execute("PRAGMA user_version").fetchone()
            if version != _SCHEMA_VERSION:  # another version's: its chunks are orphans, and are swept
                self._database.executescript(_DROP)
            self._database.executescript(_SCHEMA + f"PRAGMA user_version = {_SCHEMA_VERSION};")
            self.tenant_bytes = HeldBytes(self._database.execute(_TOTALS).fetchall())
            """What each tenant is charged with: its parts before compression and sharing, and its owners."""
        except BaseException:
            self._database.close()
            raise

    def close(self) -> None:
        """Closes the file."""
        with self._lock:
            self._database.close()

    def stored_bytes(self) -> int:
        """What all chunks take."""
        row = self._one("SELECT COALESCE(SUM(MAX(stored_bytes, 0)), 0) FROM chunks")
        return int(row[0]) if row is not None else 0

    def find(self, tenant: str, kind: str, name: str) -> Owner | None:
        """The tenant's owner of that name."""
        row = self._one(
            "SELECT id, tenant, kind, name, size_bytes, committed, used_at, digest FROM owners WHERE tenant=? AND kind=? AND name=?",
            tenant, kind, name,
        )  # fmt: skip
        return None if row is None else Owner(*row)

    def create(self, tenant: str, kind: str, name: str, size_bytes: int | None, now: float) -> Owner:
        """A new, empty owner; the one that is there when there is one."""
        with self._transaction():
            is_new = self._database.execute(
                "INSERT OR IGNORE INTO owners (tenant, kind, name, size_bytes, committed, used_at) VALUES (?,?,?,?,0,?)",
                (tenant, kind, name, size_bytes, now),
            ).rowcount
            self._charge(tenant, LEAST_CHARGE_BYTES * is_new)
        found = self.find(tenant, kind, name)
        assert found is not None  # noqa: S101 - for the type checker: it was just inserted
        return found

    def touch(self, owner: Owner, now: float) -> None:
        """Notes that it was used."""
        with self._transaction():
            self._database.execute("UPDATE owners SET used_at=? WHERE id=?", (now, owner.number))

    def has_chunk(self, name: str) -> bool:
        """Whether a part names the chunk, and it isn't lost."""
        return self._one("SELECT 1 FROM chunks WHERE name=? AND stored_bytes>=0", name) is not None

    def add(self, owner: Owner, part: Part, stored_bytes: int, now: float) -> bool:
        """Adds a part; to an upload only at its committed offset, which it moves. False when its place isn't free, or the
        owner has gone.
        """
        end = part.start + part.length
        is_upload = owner.kind == UPLOAD
        with self._transaction():
            if not self._database.execute(
                "UPDATE owners SET committed=MAX(committed, ?), used_at=? WHERE id=? AND kind=? AND (committed=? OR NOT ?)"
                " AND ?<=COALESCE(size_bytes, ?)",
                (end if is_upload else 0, now, owner.number, owner.kind, part.start, is_upload, end, end),
            ).rowcount:
                return False
            if not self._database.execute(
                "INSERT OR IGNORE INTO parts VALUES (?,?,?,?)",
                (owner.number, part.start, part.length, part.chunk),
            ).rowcount:
                return False
            self._database.execute(
                "INSERT INTO chunks VALUES (?,?,1) ON CONFLICT (name) DO UPDATE"
                " SET parts=parts+1, stored_bytes=MAX(stored_bytes, excluded.stored_bytes)",
                (part.chunk, stored_bytes),
            )
            self._charge(owner.tenant, max(part.length, LEAST_CHARGE_BYTES))
            return True

    def parts(self, owner: Owner, start: int, end: int) -> list[Part]:
        """The parts that overlap a range, in order."""
        rows = self._all(
            "SELECT start, length, chunk FROM parts WHERE owner=? AND start<? AND start+length>? ORDER BY start",
            owner.number, end, start,
        )  # fmt: skip
        return [Part(*row) for row in rows]

    def become_blob(self, tenant: str, owner: Owner, name: str, now: float) -> list[str] | None:
        """Gives a complete upload its blob's name, and remembers that it has it. The chunks to delete, where that blob
        exists already; None when the upload isn't any more what `owner` says.
        """
        dropped: list[str] = []
        with self._transaction():
            if not self._database.execute(
                "UPDATE OR IGNORE owners SET kind=?, name=?, size_bytes=committed, used_at=?"
                " WHERE id=? AND kind=? AND committed=?",
                (BLOB, name, now, owner.number, UPLOAD, owner.committed),
            ).rowcount:
                exists = self._database.execute(
                    "SELECT 1 FROM owners WHERE tenant=? AND kind=? AND name=?", (tenant, BLOB, name)
                ).fetchone()
                if exists is None:
                    return None
                dropped = self._remove(owner)
            is_new = self._database.execute(
                "INSERT OR IGNORE INTO owners (tenant, kind, name, size_bytes, committed, used_at, digest)"
                " VALUES (?,?,?,?,?,?,?)",
                (tenant, DONE, owner.name, owner.committed, owner.committed, now, name),
            ).rowcount
            self._charge(tenant, LEAST_CHARGE_BYTES * is_new)
        return dropped

    def remove(self, owner: Owner) -> list[str]:
        """Forgets an owner; the names of the chunks that nobody needs any more."""
        with self._transaction():
            return self._remove(owner)

    def forget_chunk(self, name: str) -> None:
        """The chunk is lost: whoever brings it again has to write it. Who names it goes on to be counted."""
        with self._transaction():
            self._database.execute("UPDATE chunks SET stored_bytes=-1 WHERE name=?", (name,))

    def _remove(self, owner: Owner) -> list[str]:
        parts = self._database.execute(
            "SELECT chunk, length FROM parts WHERE owner=?", (owner.number,)
        ).fetchall()
        names = [name for name, _ in parts]
        charged = sum(max(length, LEAST_CHARGE_BYTES) for _, length in parts)
        self._database.execute("DELETE FROM parts WHERE owner=?", (owner.number,))
        is_there = self._database.execute("DELETE FROM owners WHERE id=?", (owner.number,)).rowcount
        self._charge(owner.tenant, -charged - LEAST_CHARGE_BYTES * is_there)
        gone = []
        for name in names:
            self._database.execute("UPDATE chunks SET parts=parts-1 WHERE name=?", (name,))
            if self._database.execute("DELETE FROM chunks WHERE name=? AND parts<=0", (name,)).rowcount:
                gone.append(name)
        return gone

    def oldest(
        self, kinds: Sequence[str], used_before: float, is_free: Callable[[str], bool] = lambda _: True
    ) -> Owner | None:
        """The owner that wasn't used for the longest time, before that moment; only of tenants that `is_free` allows, as far as
        one is found among the first thousand.
        """
        marks = ",".join("?" * len(kinds))
        after: tuple[float, int] = (-1.0, -1)
        for _ in range(_PAGES):
            rows = self._owners(
                f"used_at<? AND (used_at, id)>(?,?) AND kind IN ({marks}) ORDER BY used_at, id LIMIT {_PAGE}",
                used_before, *after, *kinds,
            )  # fmt: skip
            for owner in rows:
                if is_free(owner.tenant):
                    return owner
                after = (owner.used_at, owner.number)
            if len(rows) < _PAGE:
                break
        return None

    def oldest_of(self, tenant: str, kinds: Sequence[str]) -> Owner | None:
        """The tenant's owner that wasn't used for the longest time."""
        marks = ",".join("?" * len(kinds))
        found = self._owners(f"tenant=? AND kind IN ({marks}) ORDER BY used_at LIMIT 1", tenant, *kinds)
        return found[0] if found else None

    def oldest_unfinished(self, tenant: str) -> Owner | None:
        """The tenant's upload that has the least to lose: empty ones first, then the one that wasn't used for the longest time."""
        found = self._owners("tenant=? AND kind=? ORDER BY committed>0, used_at LIMIT 1", tenant, UPLOAD)
        return found[0] if found else None

    def count(self, tenant: str, kind: str) -> int:
        """How many of one kind the tenant has."""
        row = self._one("SELECT count(*) FROM owners WHERE tenant=? AND kind=?", tenant, kind)
        return int(row[0]) if row is not None else 0

    def owners_of(self, tenant: str) -> list[Owner]:
        """All that a tenant has."""
        return self._owners("tenant=?", tenant)

    def _owners(self, condition: str, *values: object) -> list[Owner]:
        with self._lock:
            rows = self._database.execute(
                "SELECT id, tenant, kind, name, size_bytes, committed, used_at, digest FROM owners"  # noqa: S608
                f" WHERE {condition}",
                values,
            ).fetchall()
        return [Owner(*row) for row in rows]

    def is_erased(self, erasure: str) -> bool:
        """Whether the erasure of that name was carried out here."""
        return self._one("SELECT 1 FROM erased WHERE id=?", erasure) is not None

    def record_erased(self, erasure: str) -> None:
        """The erasure was carried out; what is left of it in the file and its log goes."""
        with self._transaction():
            self._database.execute("INSERT OR IGNORE INTO erased VALUES (?)", (erasure,))
        with self._lock:
            self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def _charge(self, tenant: str, count: int) -> None:
        """Counts for or against a tenant, when the transaction is through."""
        self._charges.append((tenant, count))

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._lock:
            self._charges.clear()
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._database.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):
                    self._database.execute("ROLLBACK")
                raise
            for tenant, count in self._charges:
                self.tenant_bytes.add(tenant, count)

    def _one(self, statement: str, *values: object) -> tuple[Any, ...] | None:
        with self._lock:
            row: tuple[Any, ...] | None = self._database.execute(statement, values).fetchone()
            return row

    def _all(self, statement: str, *values: object) -> list[tuple[int, int, str]]:
        with self._lock:
            return self._database.execute(statement, values).fetchall()
