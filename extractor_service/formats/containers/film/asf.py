"""ASF, WMA and WMV: objects named by GUIDs. Microsoft, "Advanced Systems Format (ASF) Specification", revision 01.20.05."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from extractor_service.document import ByteRange, ProblemKind
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.containers import codecs, streams
from extractor_service.formats.containers.film import asf_packets, asf_text
from extractor_service.formats.containers.film.asf_text import SECTION
from extractor_service.formats.embedded import xmp
from extractor_service.formats.reading import fields
from extractor_service.formats.reading.conversions import date_after, duration_text
from extractor_service.formats.reading.damage import Surviving, tolerant
from extractor_service.formats.reading.reader import Reader
from extractor_service.formats.reading.table import Table
from extractor_service.formats.reading.tagset import Conversion, Tag

if TYPE_CHECKING:
    from collections.abc import Iterator

    from extractor_service.document import Document, Value
    from extractor_service.sources.base import ByteSource

_GROUP = "ASF"
_MOST_OBJECTS, _MOST_BYTES = 2000, 8 * 1024 * 1024
_HEADER, _DATA = "75B22630-668E-11CF-A6D9-00AA0062CE6C", "75B22636-668E-11CF-A6D9-00AA0062CE6C"
_FILE_PROPERTIES, _STREAM_PROPERTIES = (
    "8CABDCA1-A947-11CF-8EE4-00C00C205365",
    "B7DC0791-A9B7-11CF-8EE6-00C00C205365",
)
_EXTENSION, _CODECS = "5FBF03B5-A92E-11CF-8EE3-00C00C205365", "86D15240-311D-11D0-A3A4-00A0C90348F6"
_EXTENDED_STREAM, _LANGUAGES = "14E6A5CB-C672-4332-8399-A96952065B5A", "7C4346A9-EFE0-4BFC-B229-393EDE415C85"
_MARKERS, _XMP = "F487CD01-A951-11CF-8EE6-00C00C205365", "BE7ACFCB-97A9-42E8-9C71-999491E3AFAC"
_VIDEO, _AUDIO = "BC19EFC0-5B4D-11CF-A8FD-00805F5C442B", "F8699E40-5B4D-11CF-A8FD-00805F5C442B"
_PICTURES = frozenset({"B61BE100-5B4E-11CF-A8FD-00805F5C442B", "35907DE0-E415-11CF-A917-00805F5C442B"})
_DATA_HEAD_BYTES = 26  # of the object with the packets, before the first one (5.1)
_1601, _1970_SECONDS = 1601, 11_644_473_600
_BROADCAST = 1  # a flag: the header was written before the film was over


def _guid(value: Value) -> Value:
    return str(uuid.UUID(bytes_le=value)).upper() if isinstance(value, bytes) and len(value) == 16 else value


def _time(value: Value) -> Value:
    if not isinstance(value, int):
        return value
    seconds = value // 10_000_000
    unset = seconds in {0, _1970_SECONDS}  # where clocks begin that were never set
    return "0000:00:00 00:00:00Z" if unset else f"{date_after(_1601, seconds)}Z"


def _ticks(value: Value) -> Value:
    seconds = value / 1e7 if isinstance(value, int) else 0.0
    return int(seconds) if seconds.is_integer() else seconds


def _clock(value: Value) -> str:
    return duration_text(value) if isinstance(value, (int, float)) else ""


_FILE = Table(
    "film/ASF::FileProperties", SECTION, _GROUP,
    {"FileID": Conversion(_guid), "CreationDate": Conversion(_time), "Duration": Conversion(_ticks, _clock, "s"), "SendDuration": Conversion(_ticks, _clock, "s")},
)  # fmt: skip
_STREAM = Table(
    "film/ASF::StreamProperties", SECTION, _GROUP,
    {
        "StreamType": Conversion(_guid), "ErrorCorrectionType": Conversion(_guid), "TimeOffset": Conversion(_ticks, lambda value: f"{value} s", "s"),
        "StreamNumber": Conversion(None, lambda value: f"{value & 0x7F}{' (encrypted)' if value & 0x8000 else ''}" if isinstance(value, int) else ""),
    },
)  # fmt: skip
_WIDTH, _HEIGHT = (Tag((name, "int32u", 1, "", None, "")) for name in ("ImageWidth", "ImageHeight"))


@tolerant(SECTION)
def parse(source: ByteSource, document: Document) -> None:
    """The header's objects; the packets are passed over."""
    reader = Reader(source, big_endian=False)
    if _name(reader.some(0, 16)) != _HEADER:
        raise CorruptFileError("no ASF header")
    film = _Film(reader, document)
    size = reader.u64(16)
    if size > reader.length:
        document.problem(SECTION, ProblemKind.TRUNCATED, f"the header of {size} bytes is cut", 0)
    film.objects(30, min(size, reader.length))
    for name, at, length in _objects(reader, document, min(size, reader.length), reader.length):
        if name == _XMP and length <= _MOST_BYTES:
            xmp.parse(reader.exact(at, length), document, ByteRange(at, length))
        elif name == _DATA:
            film.packets_at = at + _DATA_HEAD_BYTES
    film.finish()


def _name(data: bytes) -> str:
    return str(uuid.UUID(bytes_le=data)).upper() if len(data) == 16 else ""


def _objects(reader: Reader, document: Document, at: int, end: int) -> Iterator[tuple[str, int, int]]:
    """Name, place and length of the content of each object."""
    for _ in range(_MOST_OBJECTS):
        if at + 24 > end:
            return
        name, size = _name(reader.exact(at, 16)), reader.u64(at + 16)
        if size < 24:
            document.problem(SECTION, ProblemKind.DAMAGED, f"an object of {size} bytes", at)
            return
        if at + size > end:
            if name != _DATA:
                document.problem(SECTION, ProblemKind.TRUNCATED, f"an object of {size} bytes is cut", at)
            size = end - at
        yield name, at + 24, size - 24
        at += size


class _Film:
    """What the objects of the header say, one after the other."""

    def __init__(self, reader: Reader, document: Document) -> None:
        self._reader = reader
        self._document = document
        self._streams: dict[int, streams.Stream] = {}
        self._seconds: float | None = None
        self._languages: list[str] = []
        self._language_of: dict[int, int] = {}
        self._rates: dict[int, float] = {}
        self._chapters: list[streams.Chapter] = []
        self._preroll = 0
        self._packet_bytes = 0
        self.packets_at = 0

    def objects(self, start: int, end: int) -> None:
        """All objects between, and those inside the header's extension."""
        for name, at, length in _objects(self._reader, self._document, start, end):
            with Surviving(self._document, SECTION, f"object {name}", at):
                self._object(name, at, length)

    def _object(self, name: str, at: int, length: int) -> None:
        reader, document = self._reader, self._document
        if name == _FILE_PROPERTIES:
            self._file(reader.exact(at, min(length, 80)), at)
        elif name == _STREAM_PROPERTIES:
            self._stream(reader.exact(at, min(length, 4096)), at)
        elif name == _EXTENSION:
            self.objects(at + 22, at + length)
        elif name == _EXTENDED_STREAM:
            self._extended(at, length)
        elif name == _LANGUAGES:
            self._read_languages(reader.exact(at, min(length, 4096)))
        elif name == _MARKERS and length >= 20:
            self._markers(at, length)
        elif length > _MOST_BYTES:
            document.problem(SECTION, ProblemKind.LIMIT, f"an object of {length} bytes isn't read", at)
        elif name == _CODECS:
            asf_text.codec_list(document, reader.exact(at, length), at)
        else:
            asf_text.parse(reader, document, name, at, length)

    def _file(self, data: bytes, at: int) -> None:
        found = _FILE.block(self._document, data, at)
        ticks, preroll, flags = found.get("Duration"), found.get("Preroll"), found.get("Flags")
        if (
            isinstance(ticks, int)
            and isinstance(preroll, int)
            and isinstance(flags, int)
            and not flags & _BROADCAST
        ):
            self._seconds = max(0.0, ticks / 1e7 - preroll / 1000)
        self._preroll = preroll if isinstance(preroll, int) else 0
        self._packet_bytes = int.from_bytes(data[68:72], "little") if len(data) >= 72 else 0

    def _stream(self, data: bytes, at: int) -> None:
        """What a stream is: a WAVEFORMATEX, or a size and a bitmap's header (3.3, 9)."""
        document, kind = self._document, _name(data[:16])
        tags = dict(_STREAM.tags)
        for key in (0, 16, 32, 48):
            tag, size = tags[key], {0: 16, 16: 16, 32: 8, 48: 2}[key]
            part = data[key : key + size]
            value: Value = part if size == 16 else int.from_bytes(part, "little")
            if size == 16:
                shown = _guid(part)
                fields.add(
                    document,
                    SECTION,
                    _GROUP,
                    Tag((tag.name, "string", 1, "", tag.labels, "")),
                    shown,
                    ByteRange(at + key, size),
                )
            else:
                fields.add(document, SECTION, _GROUP, tag, value, ByteRange(at + key, size))
        number = int.from_bytes(data[48:50], "little") & 0x7F
        stream = streams.Stream("data")
        if kind == _AUDIO and len(data) >= 70:
            for key, place, size in ((54, 54, 2), (56, 56, 2), (58, 58, 4)):
                value = int.from_bytes(data[place : place + size], "little")
                fields.add(document, SECTION, _GROUP, tags[key], value, ByteRange(at + place, size))
            from extractor_service.formats.containers.riff import wave  # noqa: PLC0415 - its format, of sound alone

            stream = wave.sound_format(data[54:])
        elif kind == _VIDEO and len(data) >= 62:
            width, height = (int.from_bytes(data[place : place + 4], "little") for place in (54, 58))
            fields.add(document, SECTION, _GROUP, _WIDTH, width, ByteRange(at + 54, 4))
            fields.add(document, SECTION, _GROUP, _HEIGHT, height, ByteRange(at + 58, 4))
            stream = streams.Stream(
                "video", codecs.by_fourcc(data[81:85].decode("latin-1")), width=width, height=height
            )
        elif kind in _PICTURES and len(data) >= 62:
            width, height = (int.from_bytes(data[place : place + 4], "little") for place in (54, 58))
            fields.add(document, SECTION, _GROUP, _WIDTH, width, ByteRange(at + 54, 4))
            fields.add(document, SECTION, _GROUP, _HEIGHT, height, ByteRange(at + 58, 4))
            stream = streams.Stream("video", "mjpeg", width=width, height=height)
        self._streams[number] = stream

    def _extended(self, at: int, length: int) -> None:
        """Rate, language, time between pictures (4.1); the stream's own properties may stand inside."""
        reader = self._reader
        rate = reader.u32(at + 16)
        number, language = reader.unpack("HH", at + 48)
        ticks = reader.u64(at + 52)
        names, extensions = reader.unpack("HH", at + 60)
        if ticks:
            self._rates[number] = 1e7 / ticks
        self._language_of[number] = language
        place = at + 64
        for _ in range(names):
            place += 4 + reader.u16(place + 2)
        for _ in range(extensions):
            place += 22 + reader.u32(place + 18)
        if place + 24 <= at + length:
            self.objects(place, at + length)
        if number in self._streams and rate and not self._streams[number].bit_rate:
            self._streams[number].bit_rate = rate

    def _markers(self, at: int, length: int) -> None:
        """Places with a name, told in times of presentation, which begin with the preroll (3.7)."""
        reader = self._reader
        place = at + 24 + reader.u16(at + 22)
        for _ in range(min(reader.u32(at + 16), _MOST_OBJECTS)):
            if place + 30 > at + length:
                break
            ticks, characters = reader.u64(place + 8), reader.u32(place + 26)
            data = reader.exact(place + 30, min(2 * characters, at + length - place - 30))
            title = data.decode("utf-16-le", "replace").rstrip("\0")
            self._chapters.append(streams.Chapter(max(0.0, ticks / 1e7 - self._preroll / 1000), title))
            place += 30 + 2 * characters

    def _read_languages(self, data: bytes) -> None:
        place = 2
        for _ in range(int.from_bytes(data[:2], "little")):
            if place >= len(data):
                break
            size = data[place]
            self._languages.append(
                data[place + 1 : place + 1 + size].decode("utf-16-le", "replace").rstrip("\0")
            )
            place += 1 + size

    def finish(self) -> None:
        """Adds the streams, in the order of their numbers in the file."""
        for number, stream in self._streams.items():
            index = self._language_of.get(number, 0)
            if index < len(self._languages):
                stream.language = self._languages[index]
            if stream.kind == "video":
                stream.frame_rate = self._rates.get(number)
                if self.packets_at and self._packet_bytes:
                    stream.frame_rate = asf_packets.frame_rate(
                        self._reader, self.packets_at, self._packet_bytes, number, stream.frame_rate
                    )
            stream.duration = self._seconds
        streams.add(
            self._document,
            list(self._streams.values()),
            self._seconds,
            size_bytes=self._reader.source.size_bytes,
            chapters=self._chapters,
        )
