"""The invalidation log: what was invalidated, and when in the order of all invalidations.

Every entry carries the revision at which its reading began. An entry older than a matching invalidation is a
miss in any tier, so that neither an in-flight fill nor a restart brings a deleted result back.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import sqlite3
from typing import TYPE_CHECKING, NamedTuple

from cache_service.entry import Selector

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cache_service.entry import Entry, Key

_MAX_SELECTORS = 100_000
_SCHEMA_VERSION = 2
_SCHEMA = """
CREATE TABLE log (id TEXT NOT NULL, floor INTEGER NOT NULL, revision INTEGER NOT NULL);
CREATE TABLE invalidations (
    revision INTEGER PRIMARY KEY, content_id TEXT, module TEXT, version TEXT, source_prefix TEXT, tag TEXT);
"""
EVERYTHING = Selector()


class ReadPoint(NamedTuple):
    """A place in a log."""

    log_id: str
    revision: int


class Invalidation(NamedTuple):
    """One entry of the log."""

    revision: int
    selector: Selector


class LogUnavailableError(Exception):
    """The invalidation can't be made known to all replicas now; nothing was changed."""


class InvalidationLog:
    """Selectors with the revision of their last invalidation; durable when given a path.

    Bounded: when there are too many selectors the oldest half is folded into a floor, below which every entry
    counts as invalidated.
    """

    def __init__(self, path: Path | None = None, max_selectors: int = _MAX_SELECTORS) -> None:
        self._max_selectors = max_selectors
        self._changed = asyncio.Event()
        # WAL with synchronous=NORMAL: an append is one write(), which survives the death of the process.
        self._database = sqlite3.connect(path or ":memory:", isolation_level=None, check_same_thread=False)
        try:
            self._load()
        except BaseException:
            self._database.close()
            raise

    def _load(self) -> None:
        database = self._database
        database.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;")
        (version,) = database.execute("PRAGMA user_version").fetchone()
        if (
            version != _SCHEMA_VERSION
        ):  # another program's, or new: a new id tells the tiers to drop their entries
            database.executescript(
                "DROP TABLE IF EXISTS log; DROP TABLE IF EXISTS invalidations;"
                + _SCHEMA
                + f"PRAGMA user_version = {_SCHEMA_VERSION};"
            )
            database.execute("INSERT INTO log VALUES (?, 0, 0)", (secrets.token_hex(8),))
        self._id: str
        self._floor: int
        self._id, self._floor, skipped = database.execute("SELECT id, floor, revision FROM log").fetchone()
        self._last: dict[Selector, int] = {}
        self._revision: int = max(self._floor, skipped)
        for revision, *fields in database.execute("SELECT * FROM invalidations ORDER BY revision"):
            self._last[Selector(*fields)] = revision
            self._revision = max(self._revision, revision)
        self._index()

    @property
    def point(self) -> ReadPoint:
        """The end of the log."""
        return ReadPoint(self._id, self._revision)

    async def append(self, selector: Selector) -> ReadPoint:
        """Invalidates what `selector` selects as of now; durable when it returns."""
        self.record(Invalidation(self._revision + 1, selector))
        return self.point

    def record(self, invalidation: Invalidation) -> None:
        """Adds an invalidation under its revision, which must be above all others."""
        revision, selector = invalidation
        if selector == EVERYTHING:  # a floor says the same in one number
            self._raise_floor(revision)
        else:
            before = self._last.get(selector)
            with self._transaction() as database:
                database.execute("DELETE FROM invalidations WHERE revision = ?", (before,))
                database.execute("INSERT INTO invalidations VALUES (?, ?, ?, ?, ?, ?)", (revision, *selector))
            # Memory follows the file: an append that failed leaves the earlier invalidation in force.
            self._last.pop(selector, None)  # keeps the dictionary in the order of revisions
            self._last[selector] = revision
            if selector.source_prefix is not None or selector.tag is not None:
                self._labelled[selector] = revision
        self._revision = revision
        if len(self._last) > self._max_selectors:
            oldest_half = list(self._last.values())[: len(self._last) // 2]
            self._raise_floor(oldest_half[-1])
        self.wake()

    def restart(self, log_id: str, revision: int) -> None:
        """Becomes the log `log_id` at `revision`, before which every entry counts as invalidated."""
        with self._transaction() as database:
            database.execute("DELETE FROM invalidations")
            database.execute("UPDATE log SET id = ?, floor = ?, revision = ?", (log_id, revision, revision))
        self._id, self._floor, self._revision = log_id, revision, revision
        self._last = {}
        self._index()
        self.wake()

    def skip_to(self, revision: int) -> None:
        """Counts on from `revision`, which must not be below the present one; nothing is invalidated."""
        with self._transaction() as database:
            database.execute("UPDATE log SET revision = ?", (revision,))
        self._revision = revision
        self.wake()

    def covers(self, key: Key, entry: Entry) -> bool:
        """Whether `entry` has been invalidated since its reading began."""
        read_revision = entry.read_revision
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
        ) or any(
            revision > read_revision and selector.matches(key, entry)
            for selector, revision in self._labelled.items()
        )

    def since(self, point: ReadPoint) -> list[Invalidation] | None:
        """What came after `point`, oldest first; None when that isn't known any more.

        Of a selector that was invalidated repeatedly, only the last time.
        """
        if point.log_id != self._id or not self._floor <= point.revision <= self._revision:
            return None
        found = []
        for selector, revision in reversed(self._last.items()):
            if revision <= point.revision:
                break
            found.append(Invalidation(revision, selector))
        return found[::-1]

    async def wait(self, point: ReadPoint, timeout_seconds: float) -> bool:
        """Whether the log differs from `point`: at once, when woken, or after the time."""
        if self.point == point:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout_seconds):
                    await self._changed.wait()
        return self.point != point

    def close(self) -> None:
        """Closes the file."""
        self._database.close()

    def wake(self) -> None:
        """Lets those who wait for news look around."""
        self._changed.set()
        self._changed = asyncio.Event()

    def _index(self) -> None:
        self._labelled = {
            selector: revision
            for selector, revision in self._last.items()
            if selector.source_prefix is not None or selector.tag is not None
        }

    def _raise_floor(self, floor: int) -> None:
        """Counts everything read before `floor` as invalidated, and forgets the selectors up to there."""
        with self._transaction() as database:
            database.execute("UPDATE log SET floor = ?", (floor,))
            database.execute("DELETE FROM invalidations WHERE revision <= ?", (floor,))
        self._floor = floor
        self._last = {selector: revision for selector, revision in self._last.items() if revision > floor}
        self._index()

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
