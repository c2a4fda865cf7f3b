"""What films and pictures stored as films say about themselves: file type, movie header, and a header per track.

ISO/IEC 14496-12: 4.3 (ftyp), 8.2.2 (mvhd), 8.3.2 (tkhd), 8.4.2 (mdhd), 8.4.3 (hdlr), 8.5.2 (stsd), 8.6.1.2 (stts), 12.1.2
(vmhd). Times count from 1904-01-01 in UTC. A track is the group "Track1" and so on, as ExifTool has it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from extractor_service.document import ByteRange, Field
from extractor_service.formats.containers.isobmff import boxes
from extractor_service.formats.containers.isobmff.film_header import SECTION, Header
from extractor_service.formats.reading.conversions import signed
from extractor_service.formats.reading.reader import layout
from extractor_service.formats.reading.tagset import Tag, build, raw_table

if TYPE_CHECKING:
    from extractor_service.document import Document, Value
    from extractor_service.formats.containers.isobmff.boxes import Box
    from extractor_service.formats.reading.reader import Reader

_MAX_RUNS = 10_000  # of equal sample durations
_INSIDE = frozenset({b"mdia", b"minf", b"stbl"})
_TEXTS = {
    "vide": "Video Track", "soun": "Audio Track", "pict": "Picture", "meta": "NRT Metadata", "tmcd": "Time Code",
    "hint": "Hint Track", "text": "Text", "sbtl": "Subtitle", "subt": "Subtitle", "auxv": "Auxiliary Video",
}  # fmt: skip
_MODES = {0: "srcCopy", 0x40: "Dither Copy", 0x100: "Straight Alpha", 0x24: "Transparent", 0x20: "Blend"}
_FORMATS = {"vide": "CompressorID", "soun": "AudioFormat", "meta": "MetaFormat"}


@lru_cache(maxsize=1)
def _brands() -> Tag:
    return build(raw_table("containers", "QuickTime::FileType"), {})[0]


def file_type(reader: Reader, box: Box, document: Document) -> str:
    """Adds what the file says that it is; returns its brand."""
    data = reader.exact(box.offset, min(box.length, 4096))
    brand, minor = data[:4].decode("latin-1"), int.from_bytes(data[4:8])
    document.add(
        SECTION,
        Field(
            "MajorBrand",
            brand,
            _brands().text(brand),
            group="QuickTime",
            origin=ByteRange(box.offset, 4),
        ),
    )
    version = f"{minor >> 16:x}.{minor >> 8 & 255:x}.{minor & 255:x}"
    document.add(
        SECTION, Field("MinorVersion", version, group="QuickTime", origin=ByteRange(box.offset + 4, 4))
    )
    brands: list[Value] = [data[index : index + 4].decode("latin-1") for index in range(8, len(data) - 3, 4)]
    document.add(
        SECTION, Field("CompatibleBrands", [each for each in brands if each != "\0\0\0\0"], group="QuickTime",
        origin=ByteRange(box.offset + 8, box.length - 8),
    ))  # fmt: skip
    return brand


class Film:
    """The boxes of one movie box, given one after the other."""

    def __init__(self, reader: Reader, document: Document, brand: str = "") -> None:
        self.reader = reader
        self._document = document
        self._zone = (
            "+00:00" if brand.startswith("crx") else ""
        )  # only Canon's are known to be true to the standard
        self.scale = 0
        self._tracks = 0

    def box(self, box: Box) -> None:
        """Reads the box if it is a header of the film or a track."""
        if box.kind == b"mvhd":
            self._movie_header(self.header(box, "QuickTime"))
        elif box.kind == b"trak":
            self._tracks += 1
            _Track(self, f"Track{self._tracks}").read(box)

    def header(self, box: Box, group: str) -> Header:
        """The fields of `box`."""
        return Header(self.reader, box, self._document, group, self._zone)

    def _movie_header(self, header: Header) -> None:
        header.add("MovieHeaderVersion", header.version, 0, 1)
        header.time("CreateDate")
        header.time("ModifyDate")
        self.scale = header.number("TimeScale", 4)
        header.duration("Duration", self.scale)
        header.fixed("PreferredRate", 4)
        header.volume("PreferredVolume")
        header.skip(10)
        header.matrix()
        for name in (
            "PreviewTime",
            "PreviewDuration",
            "PosterTime",
            "SelectionTime",
            "SelectionDuration",
            "CurrentTime",
        ):
            header.duration(name, self.scale, width=4)
        header.number("NextTrackID", 4)


class _Track:
    def __init__(self, film: Film, group: str) -> None:
        self._film = film
        self._group = group
        self._handler = ""
        self._scale = 0

    def read(self, track: Box) -> None:
        """Its headers, however deep they are."""
        film = self._film
        readers = {
            b"tkhd": self._track_header, b"mdhd": self._media_header, b"hdlr": self._handler_box, b"vmhd": self._video_header,
            b"smhd": self._sound_header, b"stsd": self._samples, b"stts": self._durations,
        }  # fmt: skip
        for box in boxes.walk(film.reader, track.offset, track.offset + track.length):
            reader = readers.get(box.kind)
            if box.kind in _INSIDE:
                self.read(box)
            elif reader is not None:
                reader(film.header(box, self._group))

    def _track_header(self, header: Header) -> None:
        header.add("TrackHeaderVersion", header.version, 0, 1)
        header.time("TrackCreateDate")
        header.time("TrackModifyDate")
        header.number("TrackID", 4)
        header.skip(4)
        header.duration("TrackDuration", self._film.scale)
        header.skip(8)
        header.number("TrackLayer", 2)
        header.skip(2)
        header.volume("TrackVolume")
        header.skip(2)
        header.matrix()
        for name in ("ImageWidth", "ImageHeight"):
            at, size = header.at, header.take(4)
            if size >> 16:
                header.add(name, size >> 16, at, 4, unit="px")

    def _media_header(self, header: Header) -> None:
        header.add("MediaHeaderVersion", header.version, 0, 1)
        header.time("MediaCreateDate")
        header.time("MediaModifyDate")
        self._scale = header.number("MediaTimeScale", 4)
        header.duration("MediaDuration", self._scale)
        at, packed = header.at, header.take(2)
        if packed >= 0x400:  # three letters of five bits
            letters = "".join(chr((packed >> shift & 31) + 0x60) for shift in (10, 5, 0))
            header.add("MediaLanguageCode", letters, at, 2)
        elif packed:
            header.add("MediaLanguageCode", packed, at, 2)

    def _handler_box(self, header: Header) -> None:
        header.skip(4)
        at = header.at
        kind = header.raw(4).decode("latin-1")
        if not self._handler:
            self._handler = kind
            header.add("HandlerType", kind, at, 4, _TEXTS.get(kind, ""))
        header.skip(12)
        name = handler_name(header.rest())
        if name:
            header.add("HandlerDescription", name, header.at, len(name))

    def _video_header(self, header: Header) -> None:
        at, mode = header.at, header.take(2)
        header.add("GraphicsMode", mode, at, 2, _MODES.get(mode, f"Unknown ({mode})"))
        header.add("OpColor", [header.take(2) for _ in range(3)], at + 2, 6)

    def _sound_header(self, header: Header) -> None:
        header.add("Balance", signed(header.take(2), 16) / 256, 4, 2)

    def _samples(self, header: Header) -> None:
        """The first of the descriptions: how pictures or sounds are coded."""
        if not header.take(4):
            return
        start = header.at
        header.skip(4)
        header.add(_FORMATS.get(self._handler, "OtherFormat"), header.raw(4).decode("latin-1"), start + 4, 4)
        if self._handler == "vide":
            header.at = start + 32
            header.number("SourceImageWidth", 2)
            header.number("SourceImageHeight", 2)
            header.fixed("XResolution", 4)
            header.fixed("YResolution", 4)
            header.skip(6)
            name = header.raw(32)
            if name[0] and name[1 : 1 + name[0]].strip(b"\0"):
                header.add("CompressorName", name[1 : 1 + name[0]].decode("utf-8", "replace"), start + 50, 32)
            header.number("BitDepth", 2)
        elif self._handler == "soun":
            header.at = start + 24
            header.number("AudioChannels", 2)
            header.number("AudioBitsPerSample", 2)
            header.skip(4)
            header.fixed("AudioSampleRate", 4)

    def _durations(self, header: Header) -> None:
        runs = min(header.take(4), _MAX_RUNS)
        data = header.more(runs * 8)
        values = layout(f">{runs * 2}I").unpack(data[: runs * 8]) if len(data) >= runs * 8 else ()
        samples = sum(values[::2])
        ticks = sum(count * each for count, each in zip(values[::2], values[1::2], strict=True))
        if self._handler == "vide" and ticks and samples:
            header.add("VideoFrameRate", int(samples * self._scale / ticks * 1000 + 0.5) / 1000, 8, runs * 8)


def handler_name(data: bytes) -> str:
    """A handler's name, counted (QuickTime) or ended by a NUL (ISO)."""
    if data and data[0] == len(data) - 1:
        data = data[1:]
    return data.split(b"\0", 1)[0].decode("utf-8", "replace")
