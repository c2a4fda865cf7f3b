"""The invalidation log: what was invalidated, and when in the order of all invalidations.

Every entry carries the revision at which its reading began. An entry older than a matching invalidation is a
miss in any tier, so that neither an in-flight fill nor a restart brings a deleted result back.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import sqlite3
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from cache_service import reserve
from cache_service.entries.entry import Selector

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cache_service.entries.entry import Entry, Key

_log = logging.getLogger(__name__)
_SCHEMA_VERSION = 5  # raise it when _SCHEMA changes: a log of another version is begun anew
_SCHEMA = """
CREATE TABLE log (id TEXT NOT NULL, floor INTEGER NOT NULL, revision INTEGER NOT NULL, head TEXT NOT NULL);
CREATE TABLE invalidations (
    revision INTEGER PRIMARY KEY, content_id TEXT, module TEXT, version TEXT, source_prefix TEXT, tag TEXT,
    tenant TEXT);
CREATE TABLE floors (tenant TEXT PRIMARY KEY, floor INTEGER NOT NULL) WITHOUT ROWID;
"""
# Beside the log, and longer than any of them: what replicas that were away have to make up for.
_ERASURES = """
CREATE TABLE IF NOT EXISTS erasures (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, tenant TEXT NOT NULL);
"""
_DELETED_TOGETHER = 1000  # in one transaction, which has to fit
_NEWER = "SELECT * FROM invalidations WHERE revision > ? ORDER BY revision"
_DELETE_SOME = """DELETE FROM invalidations WHERE revision IN (
    SELECT revision FROM invalidations WHERE revision <= ? ORDER BY revision LIMIT ?)"""
EVERYTHING = Selector()


class Limits:
    """Of `InvalidationLog`."""

    selectors = 100_000  # kept in memory; beyond it all that is older than the newer half is a miss
    searched = 1000  # each costs every look-up a comparison
    tenant_selectors = (
        10_000  # of one tenant; beyond it the older half of its own counts as everything of its own
    )
    tenant_searched = 100  # likewise; they cost that tenant's look-ups alone
    erasures = 10_000  # the newest are kept; each is carried out within seconds of a start


class ReadPoint(NamedTuple):
    """A place in a log."""

    log_id: str
    revision: int


class Invalidation(NamedTuple):
    """One entry of the log."""

    revision: int
    selector: Selector


class ErasureNote(NamedTuple):
    """That a tenant was erased; named by log and revision, the same at all replicas."""

    id: str
    tenant: str


class LogUnavailableError(Exception):
    """The invalidation can't be made known to all replicas now; nothing was changed."""


class InvalidationLog:
    """Selectors with the revision of their last invalidation; durable when given a path.

    Bounded: when there are too many selectors the oldest half is folded into a floor, below which every entry
    counts as invalidated.
    """

    def __init__(self, path: Path | None = None, max_selectors: int = Limits.selectors) -> None:
        self._max_selectors = max_selectors
        self._changed = asyncio.Event()
        self._path = path
        self.on_record: Callable[[Invalidation], None] = lambda _: None
        """Told of each invalidation that came while this process ran, whoever asked for it."""
        self._database = sqlite3.connect(path or ":memory:", isolation_level=None, check_same_thread=False)
        try:
            self._load()
        except BaseException:
            self._database.close()
            raise

    def _load(self) -> None:
        database = self._database
        database.executescript(reserve.PRAGMAS)
        (version,) = database.execute("PRAGMA user_version").fetchone()
        # New, or another program's: then the new id tells the tiers to drop their entries.
        if version != _SCHEMA_VERSION:
            database.executescript(
                "DROP TABLE IF EXISTS log; DROP TABLE IF EXISTS invalidations; DROP TABLE IF EXISTS floors;"
                + _SCHEMA
                + f"PRAGMA user_version = {_SCHEMA_VERSION};"
            )
            database.execute("INSERT INTO log VALUES (?, 0, 0, '')", (secrets.token_hex(8),))
        database.executescript(_ERASURES)
        self._id: str
        self._floor: int
        self.head: str
        self._id, self._floor, skipped, self.head = database.execute(
            "SELECT id, floor, revision, head FROM log"
        ).fetchone()
        self._last: dict[Selector, int] = {}
        self._floors: dict[str, int] = dict(database.execute("SELECT tenant, floor FROM floors"))
        self._revision: int = max(self._floor, skipped)
        # Rows below the floor are those that a crash kept from being deleted.
        for revision, *fields in database.execute(_NEWER, (self._floor,)):
            self._last[Selector(*fields)] = revision
            self._revision = max(self._revision, revision)
        self._index()

    def reserve(self) -> None:
        """Keeps room for the log, where the disk is full one day. For whoever owns the folder."""
        if self._path is not None:
            reserve.reserve(self._database, self._path)

    @property
    def point(self) -> ReadPoint:
        """The end of the log."""
        return ReadPoint(self._id, self._revision)

    async def append(self, selector: Selector) -> ReadPoint:
        """Invalidates what `selector` selects as of now; durable when it returns."""
        self.record(Invalidation(self._revision + 1, selector))
        return self.point

    def record(self, invalidation: Invalidation, head: str = "") -> None:
        """Adds an invalidation under its revision, which must be above all others; `head` is that of a shared log.

        In force whatever happens: where it can't be written, the file is given up, and what is stored under its id is
        dropped at the next start.
        """
        revision, selector = invalidation
        before = self._last.pop(selector, None)  # keeps the dictionary in the order of revisions
        self._revision, self.head = revision, head
        if selector == EVERYTHING:  # a floor says the same in one number
            self._raise_floor(revision)
        else:
            self._last[selector] = revision
            self._own[selector.tenant] += before is None
            if _needs_a_search(selector):
                searched = self._searched.setdefault(selector.tenant, {})
                searched.pop(selector, None)
                searched[selector] = revision
            self._write(
                ("DELETE FROM invalidations WHERE revision = ?", (before,)),
                ("INSERT INTO invalidations VALUES (?, ?, ?, ?, ?, ?, ?)", (revision, *selector)),
                ("UPDATE log SET revision = ?, head = ?", (revision, head)),
            )
            if selector.erases is not None:
                self.note(ErasureNote(f"{self._id}/{revision}", selector.erases))
            self._fold(selector.tenant)
        self.wake()
        self.on_record(invalidation)

    def _fold(self, tenant: str | None) -> None:
        """Keeps the selectors of a tenant, and all of them, within their bounds. What is folded counts as more than it
        was: of a tenant's everything of that tenant, of all tenants' everything. So no tenant's costs another anything.
        """
        searched = self._searched.get(tenant, {})
        if tenant is not None:
            if self._own[tenant] > Limits.tenant_selectors:
                own = [revision for selector, revision in self._last.items() if selector.tenant == tenant]
                self._raise_tenant_floor(tenant, own[len(own) // 2])
            elif len(searched) > Limits.tenant_searched:
                self._raise_tenant_floor(tenant, list(searched.values())[len(searched) // 2])
        elif len(searched) > Limits.searched:
            self._raise_floor(list(searched.values())[: len(searched) // 2][-1])
        if len(self._last) > self._max_selectors:
            largest = max(
                (each for each in self._own if each is not None), key=self._own.__getitem__, default=None
            )
            if largest is not None and self._own[largest] > max(self._own[None], Limits.tenant_searched):
                own = [revision for selector, revision in self._last.items() if selector.tenant == largest]
                self._raise_tenant_floor(largest, own[len(own) // 2])
            else:
                oldest_half = list(self._last.values())[: len(self._last) // 2]
                self._raise_floor(oldest_half[-1])

    def note(self, erasure: ErasureNote) -> None:
        """Keeps word of an erasure, whatever becomes of the log."""
        self._write(
            ("INSERT OR IGNORE INTO erasures (id, tenant) VALUES (?, ?)", erasure),
            (
                "DELETE FROM erasures WHERE number <= (SELECT MAX(number) FROM erasures) - ?",
                (Limits.erasures,),
            ),
        )

    def erasures(self) -> list[ErasureNote]:
        """All erasures that were ever heard of, oldest first."""
        with contextlib.suppress(sqlite3.Error):
            rows = self._database.execute("SELECT id, tenant FROM erasures ORDER BY number").fetchall()
            return [ErasureNote(*row) for row in rows]
        return []

    def restart(self, log_id: str, revision: int, head: str = "") -> None:
        """Becomes the log `log_id` at `revision`, before which every entry counts as invalidated."""
        # In two steps: a crash between them leaves the old log, with everything invalidated.
        self._raise_floor(self._revision)
        self._id, self._floor, self._revision, self.head = log_id, revision, revision, head
        self._write(
            ("DELETE FROM invalidations", ()),
            ("DELETE FROM floors", ()),
            ("UPDATE log SET id = ?, floor = ?, revision = ?, head = ?", (log_id, revision, revision, head)),
        )
        self.wake()

    def skip_to(self, revision: int) -> None:
        """Counts on from `revision`, which must not be below the present one; nothing is invalidated."""
        self._revision = revision
        self._write(("UPDATE log SET revision = ?", (revision,)))
        self.wake()

    def covers(self, key: Key, entry: Entry) -> bool:
        """Whether `entry` has been invalidated since its reading began."""
        read_revision = entry.read_revision
        if read_revision < self._floor:
            return True
        last, floors = self._last, self._floors
        if not last and not floors:
            return False
        _, content_id, module, version, _ = key
        mine = key.tenant
        if read_revision < floors.get(mine, 0):
            return True
        tenants = (None, mine) if mine in self._own else (None,)
        return (
            any(
                last.get(selector, 0) > read_revision
                for tenant in tenants
                for selector in (
                    Selector(content_id=content_id, tenant=tenant),
                    Selector(module=module, tenant=tenant),
                    Selector(module=module, version=version, tenant=tenant),
                    Selector(content_id=content_id, module=module, tenant=tenant),
                    Selector(content_id=content_id, module=module, version=version, tenant=tenant),
                )
            )
            or (mine in self._own and last.get(Selector(tenant=mine), 0) > read_revision)
            or any(last.get(Selector(tag=tag), 0) > read_revision for tag in entry.tags)
            or any(
                revision > read_revision and selector.matches(key, entry)
                for tenant in (None, mine)
                for selector, revision in self._searched.get(tenant, {}).items()
            )
        )

    def since(self, point: ReadPoint) -> list[Invalidation] | None:
        """What came after `point`, oldest first; None when that isn't known any more.

        Of a selector that was invalidated repeatedly, only the last time.
        """
        oldest = max(self._floor, *self._floors.values()) if self._floors else self._floor
        if point.log_id != self._id or not oldest <= point.revision <= self._revision:
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
        self._searched: dict[str | None, dict[Selector, int]] = {}
        self._own: Counter[str | None] = Counter(selector.tenant for selector in self._last)
        for selector, revision in self._last.items():
            if _needs_a_search(selector):
                self._searched.setdefault(selector.tenant, {})[selector] = revision

    def _raise_floor(self, floor: int) -> None:
        """Counts everything read before `floor` as invalidated, and forgets the selectors up to there."""
        self._floor, before = floor, len(self._last)
        self._last = {selector: revision for selector, revision in self._last.items() if revision > floor}
        self._floors = {tenant: each for tenant, each in self._floors.items() if each > floor}
        self._index()
        self._write(
            ("UPDATE log SET floor = ?, revision = ?, head = ?", (floor, self._revision, self.head)),
            ("DELETE FROM floors WHERE floor <= ?", (floor,)),
        )
        for _ in range(0, before - len(self._last) + 1, _DELETED_TOGETHER):
            self._write((_DELETE_SOME, (floor, _DELETED_TOGETHER)))

    def _raise_tenant_floor(self, tenant: str, floor: int) -> None:
        """The same of one tenant alone. Watchers that come later are told that everything has changed: they know no floors."""
        self._floors[tenant] = floor
        self._last = {
            selector: revision
            for selector, revision in self._last.items()
            if selector.tenant != tenant or revision > floor
        }
        self._index()
        self._write(
            ("INSERT OR REPLACE INTO floors VALUES (?, ?)", (tenant, floor)),
            ("DELETE FROM invalidations WHERE tenant = ? AND revision <= ?", (tenant, floor)),
        )

    def _write(self, *statements: tuple[str, tuple[object, ...]]) -> None:
        """One transaction. One that fails gives the file up: memory is ahead of it now."""
        try:
            self._database.execute("BEGIN IMMEDIATE")
            for statement, values in statements:
                self._database.execute(statement, values)
            self._database.execute("COMMIT")
        except sqlite3.Error:
            _log.exception("the invalidation log can't be written and is given up")
            self._give_up_the_file()

    def _give_up_the_file(self) -> None:
        with contextlib.suppress(sqlite3.Error):
            self._database.close()
        if self._path is not None:
            for suffix in ("", "-wal", "-shm"):
                with contextlib.suppress(OSError):
                    os.unlink(f"{self._path}{suffix}")  # noqa: PTH108
        self._path = None
        self._database = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        self._database.executescript(_SCHEMA + _ERASURES)


def _needs_a_search(selector: Selector) -> bool:
    """Whether an entry's key and tags don't lead to the selector directly."""
    return selector.source_prefix is not None or (
        selector.tag is not None and selector != Selector(tag=selector.tag)
    )


def open_log(path: Path) -> InvalidationLog:
    """The log at `path`. A damaged one is set aside for a new one, whose id tells the tiers to drop their entries.

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
