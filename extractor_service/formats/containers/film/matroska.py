"""Matroska and WebM: information, tracks, chapters, attachments, tags; clusters are passed over. RFC 9559; matroska.org, "Tagging"."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.document import ByteRange, ProblemKind
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.containers import streams
from extractor_service.formats.containers.film import ebml, matroska_tags, matroska_tail
from extractor_service.formats.containers.film import matroska_values as values
from extractor_service.formats.containers.film.matroska_track import TrackReader
from extractor_service.formats.reading import fields
from extractor_service.formats.reading.damage import Surviving
from extractor_service.formats.reading.reader import Reader
from extractor_service.sources.base import will_read

if TYPE_CHECKING:
    from extractor_service.document import Document
    from extractor_service.formats.containers.film.ebml import Element
    from extractor_service.sources.base import ByteSource

SECTION = "matroska"
_GROUP = "Matroska"
_HEADER, _SEGMENT = 0xA45DFA3, 0x8538067
_SEEK_HEAD, _SEEK, _SEEK_ID, _SEEK_POSITION = 0x14D9B74, 0xDBB, 0x13AB, 0x13AC
_INFO, _TRACKS, _TRACK, _CLUSTER, _CUES = 0x549A966, 0x654AE6B, 0x2E, 0xF43B675, 0xC53BB6B
CHAPTERS, ATTACHMENTS, TAGS = 0x43A770, 0x941A469, 0x254C367
_WANTED = frozenset({_INFO, _TRACKS, CHAPTERS, ATTACHMENTS, TAGS, _SEEK_HEAD})
_TOP = _WANTED | {_CLUSTER, _CUES}
_MOST_CLUSTERS = 4  # walked where nothing says what comes behind them; then the file's tail is looked at
_MOST_BLOCKS = 1000  # of a cluster of unknown length
_DURATION, _SCALE, _DATE, _DOC_TYPE = 0x489, 0xAD7B1, 0x461, 0x282
_2001 = 2001


def parse(source: ByteSource, document: Document) -> None:
    """Everything but the pictures and the sound."""
    reader = Reader(source)
    walk = _Walk(reader, document)
    with Surviving(document, SECTION, "the file"):
        walk.top()
    if not document.sections:
        raise CorruptFileError("no EBML header")
    walk.finish()


class _Walk:
    """One walk over a file's elements."""

    def __init__(self, reader: Reader, document: Document) -> None:
        self._reader = reader
        self._document = document
        self._segment = self._end = 0
        self._read: set[int] = set()
        """Offsets of what has been read."""
        self._places: dict[int, list[int]] = {}
        self._scale = 1_000_000
        self._ticks: float | None = None
        self._tracks = TrackReader(reader, document, values.MAIN)
        self._chapters: list[streams.Chapter] = []
        self._clusters_at = 0

    def top(self) -> None:
        """Header and segment; of several segments the first."""
        at = 0
        while at < self._reader.length:
            found = ebml.element(self._reader, at, self._reader.length)
            if found.identity == _HEADER:
                for inner in ebml.walk(self._reader, found.offset, found.offset + found.length):
                    values.add(self._reader, self._document, inner)
            elif found.identity == _SEGMENT:
                self._segment = found.offset
                self._end = min(found.offset + found.length, self._reader.length)
                if found.offset + found.length > self._reader.length:
                    message = f"the segment of {found.length} bytes is cut"
                    self._document.problem(SECTION, ProblemKind.TRUNCATED, message, at)
                self._level_one()
                return
            at = found.offset + found.length

    def _level_one(self) -> None:
        """The elements up to the first cluster, then those that the seek head points at; else a few clusters more."""
        at, clusters = self._segment, 0
        while at + 2 <= self._end:
            found = ebml.element(self._reader, at, self._end)
            if found.identity == _CLUSTER:
                self._clusters_at = self._clusters_at or at
                clusters += 1
                if self._follow(at):
                    return
                behind = self._behind(found) if not found.is_sized else found.offset + found.length
                if clusters > _MOST_CLUSTERS or behind is None:
                    place = matroska_tail.tags(self._reader, at, self._end)
                    if place is not None:
                        self._master(ebml.element(self._reader, place, self._end), place)
                    return
                if not found.is_sized:
                    at = behind
                    continue
                will_read(self._reader.source, [(found.offset + found.length, 1024)])
            else:
                self._master(found, at)
            if not found.is_sized:
                return
            at = found.offset + found.length

    def _follow(self, at: int) -> bool:
        """Reads what the seek head points at behind `at`; whether it told of anything, so that walking on is useless."""
        wanted = [
            place
            for identity in (_SEEK_HEAD, *sorted(_WANTED - {_SEEK_HEAD}))
            for place in self._places.get(identity, ())
        ]
        ahead = [place for place in wanted if place > at and place not in self._read]
        will_read(self._reader.source, [(place, 4096) for place in ahead])
        for place in ahead:
            with Surviving(self._document, SECTION, "what the seek head points at", place):
                found = ebml.element(self._reader, place, self._end)
                self._master(found, place)
        return bool(self._places.get(TAGS) or self._places.get(_CUES))

    def _behind(self, cluster: Element) -> int | None:
        """Where a cluster of unknown length ends: at the next element that can't be inside; None when that is far away."""
        at = cluster.offset
        for _ in range(_MOST_BLOCKS):
            if at + 2 > self._end:
                return self._end
            found = ebml.element(self._reader, at, self._end)
            if found.identity in _TOP:
                return at
            at = found.offset + found.length
        return None

    def _master(self, found: Element, at: int) -> None:
        if at in self._read:
            return
        self._read.add(at)
        start, end = found.offset, min(found.offset + found.length, self._end)
        with Surviving(self._document, SECTION, f"element {found.identity:x}", at):
            if found.identity == _SEEK_HEAD:
                self._seek_head(start, end)
            elif found.identity == _INFO:
                self._information(start, end)
            elif found.identity == _TRACKS:
                for inner in ebml.walk(self._reader, start, end):
                    if inner.identity == _TRACK:
                        self._tracks.read(inner)
            elif found.identity == CHAPTERS:
                matroska_tags.chapters(self._reader, self._document, values.MAIN, start, end, self._chapters)
            elif found.identity == ATTACHMENTS:
                matroska_tags.attachments(self._reader, self._document, values.MAIN, start, end)
            elif found.identity == TAGS:
                matroska_tags.tags(self._reader, self._document, start, end, self._tracks.groups)

    def _seek_head(self, start: int, end: int) -> None:
        for seek in ebml.walk(self._reader, start, end):
            if seek.identity != _SEEK:
                continue
            told: dict[int, bytes] = {}
            for inner in ebml.walk(self._reader, seek.offset, seek.offset + seek.length):
                told[inner.identity] = self._reader.exact(inner.offset, min(inner.length, 8))
            mark = told.get(_SEEK_ID, b"")
            if mark and mark[0]:
                identity = int.from_bytes(mark) & (1 << 7 * len(mark)) - 1
                position = self._segment + int.from_bytes(told.get(_SEEK_POSITION, b""))
                self._places.setdefault(identity, []).append(position)

    def _information(self, start: int, end: int) -> None:
        elements = list(ebml.walk(self._reader, start, end))
        for inner in elements:
            if inner.identity == _SCALE:
                self._scale = (
                    int.from_bytes(self._reader.exact(inner.offset, min(inner.length, 8))) or self._scale
                )
        for inner in elements:
            if inner.identity == _DURATION:
                data = self._reader.exact(inner.offset, min(inner.length, 8))
                ticks = values.floating(data)
                if ticks is not None:
                    self._ticks = ticks
                    seconds = ticks * self._scale / 1e9
                    fields.add(
                        self._document,
                        SECTION,
                        "Info",
                        values.MAIN.tags[_DURATION],
                        seconds,
                        ByteRange(inner.offset, inner.length),
                    )
            else:
                values.add(self._reader, self._document, inner, "Info")

    def finish(self) -> None:
        """The streams; of a film that doesn't say how long it is, by its last cluster."""
        seconds = self._ticks * self._scale / 1e9 if self._ticks else None
        if seconds is None and self._clusters_at:
            with Surviving(self._document, SECTION, "the last cluster", self._clusters_at):
                ticks = matroska_tail.played_ticks(self._reader, self._clusters_at, self._end)
                seconds = None if ticks is None else ticks * self._scale / 1e9
        streams.add(
            self._document,
            self._tracks.streams,
            seconds,
            size_bytes=self._reader.source.size_bytes,
            chapters=self._chapters,
        )
