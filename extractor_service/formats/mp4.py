"""ISO base media files: movie and track headers, reading box headers and a few hundred bytes.

ISO/IEC 14496-12: 4.2 (boxes), 8.2.2 (mvhd), 8.3.2 (tkhd), 8.4.3 (hdlr). Times count from 1904-01-01 UTC.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, NamedTuple

from extractor_service.document import ByteRange, ProblemKind
from extractor_service.formats.reader import Reader, TruncatedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from extractor_service.document import Document
    from extractor_service.sources.base import ByteSource

SECTION = "quicktime"
_EPOCH = dt.datetime(1904, 1, 1, tzinfo=dt.UTC)
_MAX_BOXES = 10_000


class _Box(NamedTuple):
    kind: bytes
    start: int
    """Offset of the payload."""
    end: int


def parse(source: ByteSource, document: Document) -> None:
    """Brand, movie header and track headers; a group per track, "Track1" and so on."""
    reader = Reader(source)
    try:
        for box in _boxes(reader, 0, reader.length):
            if box.kind == b"ftyp":
                document.add(SECTION, "MajorBrand", _text(reader.exact(box.start, 4)))
                document.add(SECTION, "MinorVersion", reader.u32(box.start + 4))
            elif box.kind == b"moov":
                _movie(reader, document, box)
    except TruncatedError as error:
        document.problem(SECTION, ProblemKind.TRUNCATED, str(error), error.offset)


def _movie(reader: Reader, document: Document, movie: _Box) -> None:
    tracks = 0
    for box in _boxes(reader, movie.start, movie.end):
        if box.kind == b"mvhd":
            _movie_header(reader, document, box)
        elif box.kind == b"trak":
            tracks += 1
            _track(reader, document, box, f"Track{tracks}")


def _movie_header(reader: Reader, document: Document, box: _Box) -> None:
    version = reader.exact(box.start, 1)[0]
    layout = "QQIQ" if version == 1 else "IIII"
    created, modified, scale, duration = reader.unpack(layout, box.start + 4)
    origin = ByteRange(box.start, box.end - box.start)
    for name, seconds in (("CreateDate", created), ("ModifyDate", modified)):
        document.add(SECTION, name, _time(seconds), raw=seconds, note="UTC", origin=origin)
    document.add(SECTION, "TimeScale", scale, origin=origin)
    if scale:
        document.add(SECTION, "Duration", duration / scale, raw=duration, unit="s", origin=origin)


def _track(reader: Reader, document: Document, track: _Box, group: str) -> None:
    for box in _boxes(reader, track.start, track.end):
        if box.kind == b"tkhd":
            wide = reader.exact(box.start, 1)[0] == 1
            identity = reader.u32(box.start + (20 if wide else 12))
            width, height = reader.unpack("II", box.start + (88 if wide else 76))
            document.add(SECTION, "TrackID", identity, group=group)
            if width and height:
                document.add(SECTION, "ImageWidth", width >> 16, unit="px", group=group)
                document.add(SECTION, "ImageHeight", height >> 16, unit="px", group=group)
        elif box.kind == b"mdia":
            for inner in _boxes(reader, box.start, box.end):
                if inner.kind == b"hdlr":
                    document.add(SECTION, "HandlerType", _text(reader.exact(inner.start + 8, 4)), group=group)


def _boxes(reader: Reader, start: int, end: int) -> Iterator[_Box]:
    for _ in range(_MAX_BOXES):
        if start + 8 > end:
            return
        size, header = reader.u32(start), 8
        kind = reader.exact(start + 4, 4)
        if size == 1:
            size, header = reader.u64(start + 8), 16
        elif size == 0:
            size = end - start
        if size < header:
            raise TruncatedError(start, header, reader.length)
        yield _Box(kind, start + header, min(start + size, end))
        start += size


def _time(seconds: int) -> str | None:
    if seconds == 0:
        return None
    try:
        return (_EPOCH + dt.timedelta(seconds=seconds)).strftime("%Y:%m:%d %H:%M:%S")
    except OverflowError:
        return None


def _text(data: bytes) -> str:
    return data.rstrip(b"\0 ").decode("latin-1")
