"""ISO base media files (MP4, MOV, M4A, 3GP …): file type, movie, fragments, metadata; headers and tables, never the samples."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.document import ByteRange, Field, ProblemKind
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.containers import streams
from extractor_service.formats.containers.isobmff import film, fragments, items, user_data
from extractor_service.formats.containers.isobmff.film_header import SECTION
from extractor_service.formats.reading import boxes
from extractor_service.formats.reading.damage import Surviving
from extractor_service.formats.reading.reader import Reader
from extractor_service.sources.base import will_read

if TYPE_CHECKING:
    from extractor_service.document import Document
    from extractor_service.formats.containers.isobmff.track import Track
    from extractor_service.formats.reading.boxes import Box
    from extractor_service.sources.base import ByteSource

_GROUP = "QuickTime"
_NEXT_BYTES = 4096  # the head of the box behind the samples; blocks of 16 KiB are fetched anyhow
_FIRST_FRAGMENTS = 4  # read one after the other; then the last ones are looked for
_MOST_FRAGMENTS = 64  # read where those aren't found
_NEAR_BYTES = 256 * 1024  # before the file's end: walking takes no more round trips than looking
_NAMES = {b"thm ": "ThumbnailImage", b"thum": "ThumbnailImage", b"PICT": "PreviewPICT", b"pict": "PreviewPICT", b"mpvd": "MotionPhotoVideo"}  # fmt: skip


def parse(source: ByteSource, document: Document) -> None:
    """All that the boxes say of film, tracks and their making; a group per track, "Track1" and so on."""
    walk = _Walk(Reader(source), document)
    with Surviving(document, SECTION, "the file"):
        walk.top()
    walk.finish()
    if not document.sections:
        raise CorruptFileError("no box that says anything")


class _Walk:
    """One walk over the boxes of the file."""

    def __init__(self, reader: Reader, document: Document) -> None:
        self._reader = reader
        self._document = document
        self._brand = ""
        self._film: film.Film | None = None
        self._runs: fragments.Runs | None = None
        self._fragments = 0
        self._is_whole = True
        """Whether all boxes of the file were walked."""
        self._samples: list[tuple[int, int]] = []
        """Where samples lie, and how many bytes."""
        self._is_open = False
        """Whether more fragments came than were read, up to where nobody knows."""
        self._indexed_seconds = 0.0

    def top(self) -> None:
        """The boxes one after the other; those behind the samples are fetched with their heads."""
        reader = self._reader
        for box in boxes.walk(reader, 0, reader.length):
            with Surviving(self._document, SECTION, "box", box.offset, box.kind):
                self._box(box)
            if box.kind == b"moof" and self._is_told(box.offset + box.length):
                return
            if box.kind in {b"mdat", b"moof"}:
                will_read(reader.source, [(box.offset + box.length, _NEXT_BYTES)])

    def _box(self, box: Box) -> None:
        kind, offset, length = box
        document, reader = self._document, self._reader
        if kind == b"ftyp":
            self._brand = film.file_type(reader, box, document)
        elif kind == b"moov":
            if self._film is None:
                self._film = film.Film(reader, document, self._brand)
            self._film.read(box)
        elif kind == b"moof":
            self._fragment(box)
        elif kind == b"sidx":
            ticks, scale = fragments.index_ticks(reader, box)
            if scale:
                self._indexed_seconds = max(self._indexed_seconds, ticks / scale)
        elif kind == b"mfra":
            self._random_access(box)
        elif kind == b"mdat":
            self._samples.append((offset, length))
        elif kind == b"meta":
            items.meta(reader, document, box, "Keys")
        elif kind == b"uuid":
            user_data.unique(reader, document, box)
        elif kind == b"udta":
            user_data.parse(reader, document, box, "UserData")
        elif kind in _NAMES:
            place = ByteRange(offset, length)
            document.add(
                SECTION,
                Field(_NAMES[kind], None, f"(Binary data {length} bytes)", group=_GROUP, origin=place),
            )

    def _random_access(self, box: Box) -> None:
        """The index of fragments, which ends with its own size, for those who come from the end (14496-12, 8.8.11)."""
        for inner in boxes.walk(self._reader, box.offset, box.offset + box.length):
            if inner.kind != b"mfro":
                continue
            size = self._reader.u32(inner.offset + 4)
            if size not in {box.length + 8, box.length + 16}:
                message = f"the index of fragments is said to have {size} bytes"
                self._document.problem(SECTION, ProblemKind.DAMAGED, message, inner.offset)

    def _is_told(self, end: int) -> bool:
        """Whether enough fragments were read: the first ones with the last, or many."""
        rest = self._reader.length - end
        if self._runs is None or self._fragments < _FIRST_FRAGMENTS or rest <= _NEAR_BYTES:
            return False
        if self._fragments == _FIRST_FRAGMENTS and rest > end:
            self._is_whole = not fragments.last(self._reader, end, self._runs)
            return not self._is_whole
        self._is_whole = self._fragments < _MOST_FRAGMENTS
        self._is_open = not self._is_whole
        return self._is_open

    def _fragment(self, box: Box) -> None:
        if self._runs is None:
            self._runs = fragments.Runs(self._film.sample_defaults if self._film is not None else {})
        for inner in boxes.walk(self._reader, box.offset, box.offset + box.length):
            if inner.kind == b"mfhd":
                number = self._reader.u32(inner.offset + 4)
                self._document.add(
                    SECTION,
                    Field(
                        "MovieFragmentSequence", number, group=_GROUP, origin=ByteRange(inner.offset + 4, 4)
                    ),
                )
        self._runs.fragment(self._reader, box)
        self._fragments += 1

    def finish(self) -> None:
        """The streams, and how long the film is: by its header, or by its fragments where that says nothing."""
        for offset, length in self._samples if self._is_whole else ():
            for name, value in (("MediaDataSize", length), ("MediaDataOffset", offset)):
                self._document.add(SECTION, Field(name, value, group=_GROUP, origin=ByteRange(offset - 8, 8)))
        if self._film is None:
            return
        found = []
        by_number = {track.number: track for track in self._film.tracks}
        for track in self._film.tracks:
            for number in track.chapter_tracks:
                if number in by_number:
                    by_number[number].is_chapters = True
        for track in self._film.tracks:
            stream = track.finish()
            if self._runs is not None:
                self._fragmented(track, stream, self._runs)
            found.append(stream)
        seconds = self._film.seconds
        longest = max((each.duration or 0 for each in found), default=0)
        if self._runs is not None or self._film.fragment_seconds:
            seconds = max(seconds, self._film.fragment_seconds, self._indexed_seconds, longest)
        if self._is_open and not seconds:
            message = f"how long it is wasn't found behind {self._fragments} fragments"
            self._document.problem(SECTION, ProblemKind.LIMIT, message, 0)
        streams.add(
            self._document,
            found,
            seconds or longest or None,
            size_bytes=self._reader.source.size_bytes,
            chapters=self._chapters(),
        )

    def _chapters(self) -> list[streams.Chapter]:
        """By the track that has them, else by Nero's list."""
        for track in self._film.tracks if self._film is not None else ():
            if track.is_chapters and track.handler == "text":
                with Surviving(self._document, SECTION, "the chapters"):
                    return track.chapters()
        field = self._document.find(SECTION, "ChapterList")
        told = field.value if field is not None and isinstance(field.value, list) else []
        pairs = [str(each).partition(" ") for each in told]
        return [streams.Chapter(float(start), title) for start, _, title in pairs]

    def _fragmented(self, track: Track, stream: streams.Stream, runs: fragments.Runs) -> None:
        """What fragments add to a track: its duration unless some weren't read, and its rate."""
        ticks = runs.ticks(track.number) + track.ticks
        if track.scale and ticks and not self._is_open and ticks / track.scale > (stream.duration or 0):
            stream.duration = ticks / track.scale
        span = runs.spans.get(track.number, 0) + track.ticks
        if stream.kind == "video" and track.scale and span and runs.samples.get(track.number):
            stream.frame_rate = (runs.samples[track.number] + track.samples) * track.scale / span
