"""The invalidation log: what was invalidated, and when in the order of all invalidations.

Every entry carries the revision at which its reading began. An entry older than a matching invalidation is a
miss in any tier, so that neither an in-flight fill nor a restart brings a deleted result back.
"""

from __future__ import annotations

import contextlib
import secrets
import sqlite3
from typing import TYPE_CHECKING, NamedTuple

from cache_service.entry import Selector

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cache_service.entry import Key

_MAX_SELECTORS = 100_000
_SCHEMA = """
CREATE TABLE IF NOT EXISTS log (id TEXT NOT NULL, floor INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS invalidations (
    revision INTEGER PRIMARY KEY, content_id TEXT, module TEXT, version TEXT);
"""


class ReadPoint(NamedTuple):
    """A place in a log."""

    log_id: str
    revision: int


class InvalidationLog:
    """Selectors with the revision of their last invalidation; durable when given a path.

    Bounded: when there are too many selectors the oldest half is folded into a floor, below which every entry
    counts as invalidated.
    """

    def __init__(self, path: Path | None = None, max_selectors: int = _MAX_SELECTORS) -> None:
        self._max_selectors = max_selectors
        # WAL with synchronous=NORMAL: an append is one write(), which survives the death of the process.
        self._database = sqlite3.connect(path or ":memory:", isolation_level=None, check_same_thread=False)
        try:
            self._load()
        except BaseException:
            self._database.close()
            raise

    def _load(self) -> None:
        self._database.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;" + _SCHEMA)
        row = self._database.execute("SELECT id, floor FROM log").fetchone()
        if row is None:
            row = (secrets.token_hex(8), 0)
            self._database.execute("INSERT INTO log VALUES (?, ?)", row)
        self._id: str = row[0]
        self._floor: int = row[1]
        self._last: dict[Selector, int] = {}
        self._revision = self._floor
        for revision, *fields in self._database.execute("SELECT * FROM invalidations ORDER BY revision"):
            self._last[Selector(*fields)] = revision
            self._revision = revision

    @property
    def point(self) -> ReadPoint:
        """The end of the log."""
        return ReadPoint(self._id, self._revision)

    def append(self, selector: Selector) -> ReadPoint:
        """Invalidates what `selector` selects as of now; durable when it returns."""
        revision = self._revision + 1
        if selector == Selector():  # everything: a floor says the same in one number
            self._raise_floor(revision)
        else:
            before = self._last.get(selector)
            with self._transaction() as database:
                database.execute("DELETE FROM invalidations WHERE revision = ?", (before,))
                database.execute("INSERT INTO invalidations VALUES (?, ?, ?, ?)", (revision, *selector))
            # Memory follows the file: an append that failed leaves the earlier invalidation in force.
            self._last.pop(selector, None)  # keeps the dictionary in the order of revisions
            self._last[selector] = revision
        self._revision = revision
        if len(self._last) > self._max_selectors:
            oldest_half = list(self._last.values())[: len(self._last) // 2]
            self._raise_floor(oldest_half[-1])
        return self.point

    def covers(self, key: Key, read_revision: int) -> bool:
        """Whether an entry of `key`, read at `read_revision`, has been invalidated since."""
        if read_revision < self._floor:
            return True
        last = self._last
        if not last:
            return False
        _, content_id, module, version, _ = key
        return any(
            last.get(selector, 0) > read_revision
            for selector in (
                Selector(content_id=content_id),
                Selector(module=module),
                Selector(module=module, version=version),
                Selector(content_id=content_id, module=module),
                Selector(content_id=content_id, module=module, version=version),
            )
        )

    def close(self) -> None:
        """Closes the file."""
        self._database.close()

    def _raise_floor(self, floor: int) -> None:
        """Counts everything read before `floor` as invalidated, and forgets the selectors up to there."""
        with self._transaction() as database:
            database.execute("UPDATE log SET floor = ?", (floor,))
            database.execute("DELETE FROM invalidations WHERE revision <= ?", (floor,))
        self._floor = floor
        self._last = {selector: revision for selector, revision in self._last.items() if revision > floor}

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield self._database
            self._database.execute("COMMIT")
        except BaseException:
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")
            raise


def open_log(path: Path) -> InvalidationLog:
    """The log at `path`; a damaged one is set aside for a new one, whose id tells the tiers to drop their entries.

    Raises:
        OSError: it can't be opened for another reason.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        return InvalidationLog(path)
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF not in {
            sqlite3.SQLITE_CORRUPT,
            sqlite3.SQLITE_NOTADB,
        }:
            raise OSError(f"can't open {path}: {error}") from error
        path.replace(f"{path}.damaged")
        return InvalidationLog(path)
