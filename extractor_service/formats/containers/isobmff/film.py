"""What films and pictures stored as films say about themselves: file type, movie header, tracks, user data.

ISO/IEC 14496-12: 4.3 (ftyp), 8.2.2 (mvhd), 8.8 (fragments), 8.11 (meta); Apple, "QuickTime File Format Specification".
"""

from __future__ import annotations

import zlib
from functools import lru_cache
from typing import TYPE_CHECKING

from extractor_service.document import ByteRange, Field, ProblemKind
from extractor_service.formats.containers.isobmff import items, user_data
from extractor_service.formats.containers.isobmff.film_header import SECTION, Header, Movie
from extractor_service.formats.containers.isobmff.track import Track
from extractor_service.formats.reading import boxes
from extractor_service.formats.reading.damage import Surviving
from extractor_service.formats.reading.reader import Reader
from extractor_service.formats.reading.tagset import Tag, build, raw_table
from extractor_service.sources.base import will_read
from extractor_service.sources.descriptor import BytesSource

if TYPE_CHECKING:
    from extractor_service.document import Document, Value
    from extractor_service.formats.reading.boxes import Box

_NEXT_BYTES = 4096  # a track's headers before its tables; blocks of 16 KiB are fetched anyhow
_MOST_COMPRESSED_BYTES = 8 * 1024 * 1024  # of an unpacked movie box: hours of samples take less than one


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
    """The boxes of one movie box, given one after the other. Its tracks know the movie, not this: cycles outlive their document."""

    def __init__(self, reader: Reader, document: Document, brand: str = "") -> None:
        # Only Canon's times are known to be true to the standard, which wants UTC.
        self._movie = Movie(reader, document, "+00:00" if brand.startswith("crx") else "")
        self.seconds = 0.0
        self.fragment_seconds = 0.0
        """Of the whole, as a fragmented film says it beforehand."""
        self.sample_defaults: dict[int, int] = {}
        """Ticks a sample, by track, where fragments don't say them."""
        self.tracks: list[Track] = []

    def read(self, box: Box) -> None:
        """All boxes of a movie box."""
        reader = self._movie.reader
        for inner in boxes.walk(reader, box.offset, box.offset + box.length):
            # A track's tables of samples are skipped; what follows it is fetched along with its own headers.
            will_read(reader.source, [(reader.base + inner.offset + inner.length, _NEXT_BYTES)])
            with Surviving(self._movie.document, SECTION, "box", inner.offset, inner.kind):
                self.box(inner)

    def box(self, box: Box) -> None:
        """Reads one box of the movie box."""
        kind, offset, length = box
        reader, document = self._movie.reader, self._movie.document
        if kind == b"mvhd":
            self._movie_header(self._movie.header(box, "QuickTime"))
        elif kind == b"trak":
            track = Track(self._movie, f"Track{len(self.tracks) + 1}")
            self.tracks.append(track)
            track.read(box)
        elif kind == b"udta":
            user_data.parse(reader, document, box, "UserData")
        elif kind == b"meta":
            items.meta(reader, document, box, "Keys")
        elif kind == b"mvex":
            for inner in boxes.walk(reader, offset, offset + length):
                self._extends(inner)
        elif kind == b"uuid":
            user_data.unique(reader, document, box)
        elif kind == b"cmov":
            self._compressed(box)

    def _movie_header(self, header: Header) -> None:
        header.add("MovieHeaderVersion", header.version, 0, 1)
        header.time("CreateDate")
        header.time("ModifyDate")
        self._movie.scale = header.number("TimeScale", 4)
        self.seconds = header.duration("Duration", self._movie.scale)
        header.fixed("PreferredRate", 4)
        header.volume("PreferredVolume")
        header.skip(10)
        self._movie.matrix = header.matrix()
        for name in (
            "PreviewTime",
            "PreviewDuration",
            "PosterTime",
            "SelectionTime",
            "SelectionDuration",
            "CurrentTime",
        ):
            header.duration(name, self._movie.scale, width=4)
        header.number("NextTrackID", 4)

    def _extends(self, box: Box) -> None:
        """How long a fragmented film is, and what its samples are by default (8.8.2, 8.8.3)."""
        reader = self._movie.reader
        if box.kind == b"mehd" and self._movie.scale:
            is_long = reader.u8(box.offset) == 1
            ticks = reader.u64(box.offset + 4) if is_long else reader.u32(box.offset + 4)
            self.fragment_seconds = ticks / self._movie.scale
        elif box.kind == b"trex":
            track, _, ticks = reader.unpack("III", box.offset + 4)
            self.sample_defaults[track] = ticks

    def _compressed(self, box: Box) -> None:
        """A movie box squeezed by zlib, as old films on the web have it (QTFF, "Compressed movie resources")."""
        reader, document = self._movie.reader, self._movie.document
        for inner in boxes.walk(reader, box.offset, box.offset + box.length):
            if inner.kind == b"cmvd" and inner.length <= _MOST_COMPRESSED_BYTES:
                packed = reader.exact(inner.offset + 4, inner.length - 4)
                data = zlib.decompressobj().decompress(packed, _MOST_COMPRESSED_BYTES)
                document.spend(len(data))
                self._movie.reader = Reader(BytesSource(data))
                with Surviving(document, SECTION, "the compressed movie box", box.offset):
                    for whole in boxes.walk(self._movie.reader, 0, len(data)):
                        if whole.kind == b"moov":
                            self.read(whole)
                self._movie.reader = reader
                document.problem(
                    SECTION,
                    ProblemKind.LIMIT,
                    "the movie box is compressed: its places are those of the unpacked bytes",
                    box.offset,
                )
