"""One track of a film: its headers, what its samples are, how many there are and how long they last.

ISO/IEC 14496-12: 8.3.2 (tkhd), 8.4.2 (mdhd), 8.4.3 (hdlr), 8.5.2 (stsd), 8.6.1.2 (stts), 8.6.6 (elst), 12.1.2 (vmhd). A track is
the group "Track1" and so on, as ExifTool has it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

from extractor_service.document import ByteRange
from extractor_service.formats.containers import streams
from extractor_service.formats.containers.isobmff import (
    chapters,
    items,
    telemetry,
    timecode,
    user_data,
)
from extractor_service.formats.containers.isobmff.film_header import SECTION
from extractor_service.formats.containers.isobmff.sample_entries import Entries
from extractor_service.formats.containers.isobmff.samples import Samples
from extractor_service.formats.reading import boxes, fields
from extractor_service.formats.reading.conversions import signed
from extractor_service.formats.reading.damage import Surviving
from extractor_service.formats.reading.dts_frame import dts_frame
from extractor_service.formats.reading.mpeg_frame import mpeg_frame
from extractor_service.formats.reading.reader import layout
from extractor_service.formats.reading.table import Table
from extractor_service.formats.reading.tagset import Conversion

if TYPE_CHECKING:
    from collections.abc import Callable

    from extractor_service.document import Value
    from extractor_service.formats.containers.isobmff.film_header import Header, Movie, Turn
    from extractor_service.formats.reading.boxes import Box

_FRAME_BYTES = 32  # of a sound's first frame: more than its head
_MOST_NAME_BYTES = 1024  # a name is a line
_MAX_RUNS = 100_000  # of equal sample durations
_TABLES = frozenset({b"stts", b"stsz", b"stsc", b"stco", b"co64"})
_INSIDE = frozenset({b"mdia", b"minf", b"stbl", b"dinf", b"gmhd", b"edts", b"tapt"})
_KINDS = {
    "vide": "video", "soun": "audio", "text": "subtitle", "sbtl": "subtitle", "subt": "subtitle", "subp": "subtitle", "clcp": "subtitle",
    "meta": "data", "tmcd": "data", "hint": "data", "camm": "data", "pict": "picture", "auxv": "video",
}  # fmt: skip
_GROUP = "QuickTime"
_HANDLER = Table("containers/QuickTime::Handler", SECTION, _GROUP)
_VIDEO = Table("film/QuickTime::VideoHeader", SECTION, _GROUP, unit="int16u", big_endian=True)
_GENERIC = Table("film/QuickTime::GenMediaInfo", SECTION, _GROUP, big_endian=True)
_TIMECODE = Table("film/QuickTime::TCMediaInfo", SECTION, _GROUP, big_endian=True)
_HINT = Table("film/QuickTime::HintHeader", SECTION, _GROUP, unit="int16u", big_endian=True)
_MEDIA = Table("film/QuickTime::Media", SECTION, _GROUP)
_DATA = Table("film/QuickTime::DataRef", SECTION, _GROUP)
_REFERENCES = Table(
    "film/QuickTime::TrackRef",
    SECTION,
    _GROUP,
    {"ContentDescribes": Conversion(None, lambda value: f"Track {value}")},
)
_APERTURES = Table(
    "film/QuickTime::TrackAperture", SECTION, _GROUP,
    {name: Conversion(None, lambda value: "x".join(map(str, value)) if isinstance(value, list) else "")
     for name in ("CleanApertureDimensions", "ProductionApertureDimensions", "EncodedPixelsDimensions")},
)  # fmt: skip
_UNSET = 0x7FFF


class Track:
    """A track while its boxes are read."""

    def __init__(self, film: Movie, group: str) -> None:
        self._film = film
        self._group = group
        self.handler = ""
        self.number = 0
        self.scale = 0
        self.stream = streams.Stream()
        self.formats: list[str] = []
        self.chapter_tracks: list[int] = []
        self.is_chapters = False
        self._samples = Samples(film.reader)
        self._counting: timecode.Counting | None = None
        self._seconds = self._media_seconds = 0.0
        self._shown = [0.0, 0.0]
        self._edit_seconds: float | None = None
        self._bytes = 0
        self.samples = 0
        self.ticks = 0
        """Of all samples of the movie box."""

    def read(self, track: Box) -> None:
        """Its headers, however deep they are."""
        film = self._film
        for box in boxes.walk(film.reader, track.offset, track.offset + track.length):
            kind = box.kind
            if kind in _TABLES:
                self._samples.tables[kind] = box
            reader = self._READERS.get(kind)
            if reader is not None:
                reader(self, film.header(box, self._group), box)
            elif kind in _INSIDE:
                self.read(box)
            elif kind == b"udta":
                user_data.parse(film.reader, film.document, box, self._group)
                self._name(box)
            elif kind == b"meta":
                items.meta(film.reader, film.document, box, self._group)
            elif kind == b"uuid":
                user_data.unique(film.reader, film.document, box)

    def _name(self, user: Box) -> None:
        """What people see in the menu of a player (QTFF, "Track name")."""
        reader = self._film.reader
        for box in boxes.walk(reader, user.offset, user.offset + user.length):
            if box.kind == b"name":
                data = reader.exact(box.offset, min(box.length, _MOST_NAME_BYTES))
                self.stream.title = data.strip(b"\0").decode("utf-8", "replace")

    def _track_header(self, header: Header, box: Box) -> None:
        del box
        header.add("TrackHeaderVersion", header.version, 0, 1)
        header.time("TrackCreateDate")
        header.time("TrackModifyDate")
        self.number = header.number("TrackID", 4)
        header.skip(4)
        self._seconds = header.duration("TrackDuration", self._film.scale)
        header.skip(8)
        header.number("TrackLayer", 2)
        header.skip(2)
        header.volume("TrackVolume")
        header.skip(2)
        matrix = header.matrix()
        sizes = []
        for name in ("ImageWidth", "ImageHeight"):
            at, size = header.at, header.take(4)
            if size >> 16:
                header.add(name, size >> 16, at, 4, unit="px")
            sizes.append(size / 65536)
        self.stream.rotation, self.stream.is_mirrored = turned(self._film.turn(matrix))
        self._shown = sizes

    def _media_header(self, header: Header, box: Box) -> None:
        del box
        header.add("MediaHeaderVersion", header.version, 0, 1)
        header.time("MediaCreateDate")
        header.time("MediaModifyDate")
        self.scale = header.number("MediaTimeScale", 4)
        self._media_seconds = header.duration("MediaDuration", self.scale)
        at, packed = header.at, header.take(2)
        if packed >= 0x400 and packed != _UNSET:  # three letters of five bits
            letters = "".join(chr((packed >> shift & 31) + 0x60) for shift in (10, 5, 0))
            header.add("MediaLanguageCode", letters, at, 2)
            self.stream.language = "" if letters == "und" or not letters.isalpha() else letters
        elif packed:
            header.add("MediaLanguageCode", packed, at, 2)

    def _language(self, header: Header, box: Box) -> None:
        text = header.rest().split(b"\0")[0].decode("utf-8", "replace")
        if text:
            _MEDIA.put(
                self._film.document, "elng", text, ByteRange(box.offset + 4, len(text)), group=self._group
            )
            self.stream.language = text

    def _handler_box(self, header: Header, box: Box) -> None:
        """The first says what the track is, one inside where its data are (QTFF, "Handler reference atoms")."""
        kind = handler(header, self._film, box, self._group)
        if not self.handler:
            self.handler = kind
            self.stream.kind = _KINDS.get(kind, "data")

    def _video_header(self, header: Header, box: Box) -> None:
        del header
        self._block(_VIDEO, box)

    def _sound_header(self, header: Header, box: Box) -> None:
        del box
        header.add("Balance", signed(header.take(2), 16) / 256, 4, 2)

    def _generic(self, header: Header, box: Box) -> None:
        del header
        self._block(_GENERIC, box)

    def _hint_header(self, header: Header, box: Box) -> None:
        del header
        self._block(_HINT, box)

    def _timecode(self, header: Header, box: Box) -> None:
        """How timecodes are shown; inside the generic header's tmcd."""
        del header
        for inner in boxes.walk(self._film.reader, box.offset, box.offset + box.length):
            if inner.kind == b"tcmi":
                self._block(_TIMECODE, inner, without=24)
                data = self._film.reader.exact(inner.offset, min(inner.length, 512))
                if len(data) > 25 and data[24]:
                    name = data[25 : 25 + data[24]].decode("latin-1")
                    self._put(_TIMECODE, 24, name, inner.offset + 24, 1 + data[24])

    def _block(self, table: Table, box: Box, without: int | None = None) -> None:
        film = self._film
        data = film.reader.exact(box.offset, min(box.length, without or 256))
        table.block(film.document, data, film.reader.base + box.offset, group=self._group)

    def _put(self, table: Table, key: int | str, value: Value, at: int, size: int) -> None:
        origin = ByteRange(self._film.reader.base + at, size)
        table.put(self._film.document, key, value, origin, group=self._group)

    def _data_references(self, header: Header, box: Box) -> None:
        """Where samples are that stand in other files."""
        del header
        reader = self._film.reader
        for inner in boxes.walk(reader, box.offset + 8, box.offset + box.length):
            if inner.kind in {b"url ", b"urn "} and inner.length > 4 and not reader.u32(inner.offset) & 1:
                text = reader.exact(inner.offset + 4, min(inner.length - 4, 2048)).split(b"\0")[0]
                self._put(
                    _DATA, inner.kind.decode(), text.decode("utf-8", "replace"), inner.offset + 4, len(text)
                )

    def _references(self, header: Header, box: Box) -> None:
        """Tracks that belong to this one; a chapter list among them."""
        del header
        reader = self._film.reader
        for inner in boxes.walk(reader, box.offset, box.offset + box.length):
            numbers = [*reader.unpack(f"{min(inner.length // 4, 64)}I", inner.offset)]
            if inner.kind == b"chap":
                self.chapter_tracks = numbers
            value: Value = [*numbers] if len(numbers) != 1 else numbers[0]
            if numbers:
                self._put(_REFERENCES, boxes.name_of(inner.kind), value, inner.offset, inner.length)

    def _aperture(self, header: Header, box: Box) -> None:
        width, height = (header.take(4) / 65536 for _ in range(2))
        value: list[Value] = [int(each) if each.is_integer() else each for each in (width, height)]
        self._put(_APERTURES, boxes.name_of(box.kind), value, box.offset + 4, 8)

    def _edits(self, header: Header, box: Box) -> None:
        """What of the track is played: without rests before it, as long as the edits are."""
        count = min(self._film.reader.u32(box.offset + 4), (box.length - 8) // 12, 10_000)
        long = header.version == 1
        values = (
            self._film.reader.unpack("Qqi" * count if long else "Iii" * count, box.offset + 8)
            if count
            else ()
        )
        if self._film.scale:
            played = sum(ticks for ticks, start in zip(values[::3], values[1::3], strict=True) if start != -1)
            self._edit_seconds = played / self._film.scale

    def _descriptions(self, header: Header, box: Box) -> None:
        del header
        entries = Entries(self._film.reader, self._film.document, self._group, self.stream)
        entries.read(box, self.handler)
        self.formats = entries.formats
        self._counting = entries.counting

    def _durations(self, header: Header, box: Box) -> None:
        runs = min(header.take(4), _MAX_RUNS, (box.length - 8) // 8)
        data = header.more(runs * 8)
        values = layout(f">{runs * 2}I").unpack(data[: runs * 8]) if len(data) >= runs * 8 else ()
        counts, ticks = values[::2], values[1::2]
        self.samples = sum(counts)
        self.ticks = sum(count * each for count, each in zip(counts, ticks, strict=True))
        if self.handler == "vide" and self.ticks and self.samples and self.scale:
            rate = self.samples * self.scale / self.ticks
            header.add("VideoFrameRate", rate, 8, runs * 8, f"{int(rate * 1000 + 0.5) / 1000:g}")
            self.stream.frame_rate = rate
            shown = [(count, each) for count, each in zip(counts, ticks, strict=True) if each]
            self.stream.is_variable = len({each for _, each in shown[:-1]}) > 1

    def _sizes(self, header: Header, box: Box) -> None:
        """Bytes of all samples of equal size; a table of others would have to be read."""
        del box
        size, count = header.take(4), header.take(4)
        self._bytes = size * count

    def chapters(self) -> list[streams.Chapter]:
        """The chapters that its samples name, of a track that others refer to so."""
        return chapters.of_track(self._film.reader, self._samples, self.scale) if self.scale else []

    def finish(self) -> streams.Stream:
        """The stream, with what only all boxes together say."""
        stream = self.stream
        stream.duration = (
            self._media_seconds or (self.ticks / self.scale if self.scale else 0) or self._seconds or None
        )
        if self._edit_seconds and stream.duration and self._edit_seconds < stream.duration:
            stream.duration = self._edit_seconds
        if stream.kind == "video" and stream.width and stream.height and stream.display_width is None:
            self._show(stream)
        if self._bytes and stream.duration and not stream.bit_rate:
            stream.bit_rate = round(self._bytes * 8 / stream.duration)
        if self.is_chapters:
            stream.kind = "data"
        if self.formats[:1] in (["gpmd"], ["camm"]):
            with Surviving(self._film.document, SECTION, "telemetry"):
                telemetry.parse(self._film.reader, self._film.document, self.formats[0], self._samples)
        if self._counting is not None:
            data = self._samples.first_bytes(4)
            stream.timecode = timecode.text(int.from_bytes(data), self._counting) if len(data) == 4 else ""
        if stream.codec in {"mp1", "mp2", "mp3", "dts"}:
            self._look_at_sound(stream)
        return stream

    def _look_at_sound(self, stream: streams.Stream) -> None:
        """MPEG audio and DTS say in their frames alone how many channels they have, and which layer it is."""
        data = self._samples.first_bytes(_FRAME_BYTES)
        if stream.codec == "dts":
            stream.channels, stream.sample_rate = dts_frame(data) or (stream.channels, stream.sample_rate)
            return
        frame = mpeg_frame(data[:4])
        if frame is not None:
            stream.codec, stream.channels, stream.sample_rate = (
                f"mp{frame.layer}",
                frame.channels,
                frame.sample_rate,
            )

    def _show(self, stream: streams.Stream) -> None:
        """The size that the track's header gives, where it differs from the picture's by more than rounding."""
        width, height = (round(each) for each in self._shown)
        if (
            width
            and height
            and (abs(width - (stream.width or 0)) > 1 or abs(height - (stream.height or 0)) > 1)
        ):
            stream.display_width, stream.display_height = width, height

    # One table for all tracks: it is made for none.
    _READERS: ClassVar[dict[bytes, Callable[[Track, Header, Box], None]]] = {
        b"tkhd": _track_header, b"mdhd": _media_header, b"hdlr": _handler_box, b"vmhd": _video_header, b"smhd": _sound_header,
        b"gmin": _generic, b"hmhd": _hint_header, b"tmcd": _timecode, b"dref": _data_references, b"tref": _references,
        b"clef": _aperture, b"prof": _aperture, b"enof": _aperture, b"elst": _edits, b"stsd": _descriptions,
        b"stts": _durations, b"stsz": _sizes, b"elng": _language,
    }  # fmt: skip


def turned(turn: Turn) -> tuple[int | None, bool]:
    """Degrees clockwise by which a picture is turned, None for no right angle or none; whether it is mirrored, left to right, before that."""
    a, b, c, d = turn
    is_mirrored = a * d - b * c < 0
    if is_mirrored:
        a, b = -a, -b
    degrees = round(math.degrees(math.atan2(b, a))) % 360
    return degrees if degrees in {90, 180, 270} else None, is_mirrored


def handler(header: Header, film: Movie, box: Box, group: str) -> str:
    """Adds what a handler says; returns its type."""
    found = ""
    for key, place in ((4, 4), (8, 8), (12, 12)):
        header.at = place
        code = header.raw(4).decode("latin-1")
        if key == 8:
            found = code
        if key == 8 or code != "\0\0\0\0":
            origin = ByteRange(film.reader.base + box.offset + place, 4)
            tag = _HANDLER.tags.get(key)
            if tag is not None:
                fields.add(film.document, SECTION, group, tag, code, origin)
    header.at = 24
    name = handler_name(header.rest())
    if name:
        header.add("HandlerDescription", name, 24, len(name))
    return found


def handler_name(data: bytes) -> str:
    """A handler's name, counted (QuickTime) or ended by a NUL (ISO)."""
    if data and 0 < data[0] < 32 and data[0] < len(data):
        data = data[1 : 1 + data[0]]
    return data.split(b"\0", 1)[0].decode("utf-8", "replace")
