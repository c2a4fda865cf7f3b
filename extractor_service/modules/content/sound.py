"""Where sound and streams have their samples: frames, packets and data chunks, not tags, comments and covers."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from extractor_service.document import Document
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.containers.film import ebml
from extractor_service.formats.embedded.sound import ape_tag, id3
from extractor_service.formats.reading.mpeg_frame import mpeg_frame
from extractor_service.formats.reading.picture_parts import counted
from extractor_service.formats.reading.reader import Reader, TruncatedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from extractor_service.modules.content.pictures import Piece
    from extractor_service.sources.base import ByteSource

# FLAC's first block; bytes of block and frame sizes before its rate (RFC 9639, 8.2)
_STREAMINFO, _RATES_AT = 0, 10
_BITMAP_BYTES, _HEAD_BYTES = (
    40,
    65_536,
)  # of a BITMAPINFOHEADER; of frames in which its codec's head is looked for
_WAVE = frozenset({b"fmt ", b"data", b"fact"})
_AVI = frozenset({b"movi"})
_AIFF = frozenset({b"COMM", b"SSND", b"FVER"})
_UNKNOWN = 0xFFFFFFFF
_SEGMENT, _CLUSTER = 0x8538067, 0xF43B675  # Matroska's, without the marker
_POSITION, _PREVIOUS_SIZE = 0x27, 0x2B  # of a cluster: change with what stands before it
_COMMENT_HEADS = (b"\x03vorbis", b"OpusTags", b"\x81theora")


def mpeg(source: ByteSource) -> Iterator[Piece]:
    """All frames between ID3, APE and Lyrics3 tags."""
    start, length = mpeg_span(source)
    skipped = min(length, _encoders_frame(source, start))
    yield start + skipped, length - skipped


def mpeg_span(source: ByteSource) -> tuple[int, int]:
    """Where the sound begins, and how long it is."""
    scratch = Document()
    start, end = id3.around(source, scratch)
    start += ape_tag.leading(source, scratch, start)
    end = ape_tag.trailing(source, scratch, end)
    return start, max(0, end - start)


def _encoders_frame(source: ByteSource, start: int) -> int:
    """Bytes of a first frame that has no sound but what the encoder says: Xing's, LAME's, VBRI."""
    head = source.read_range(start, 64)
    frame = mpeg_frame(head[:4])
    if frame is None:
        return 0
    at = 4 + frame.side_bytes
    is_it = head[at : at + 4] in {b"Xing", b"Info"} or head[36:40] == b"VBRI"
    return frame.length if is_it else 0


def flac(source: ByteSource) -> Iterator[Piece]:
    """The frames behind the metadata blocks. RFC 9639, 8."""
    scratch = Document()
    at, end = id3.around(source, scratch)
    reader = Reader(source)
    if reader.some(at, 4) != b"fLaC":
        raise CorruptFileError("no fLaC")
    at += 4
    for _ in counted():
        head = reader.u32(at)
        if head >> 24 & 0x7F == _STREAMINFO:
            yield at + 4 + _RATES_AT, 8  # rate, channels, bits and length; frames may leave them to it
        at += 4 + (head & 0xFFFFFF)
        if head >> 31:
            break
    yield at, max(0, end - at)


def wave(source: ByteSource) -> Iterator[Piece]:
    """Format and samples."""
    yield from _chunks(source, _WAVE, is_big=False)


def avi(source: ByteSource) -> Iterator[Piece]:
    """The streams' formats and the list of frames."""
    yield from _formats(Reader(source, big_endian=False))
    yield from _chunks(source, _AVI, is_big=False)


def _formats(reader: Reader) -> Iterator[Piece]:
    """Of each stream the coding that `strf` tells, from the lists within the first one."""
    if reader.some(12, 4) != b"LIST" or reader.some(20, 4) != b"hdrl":
        return
    at, end = 24, 20 + reader.u32(16)
    for _ in counted():
        if at + 12 > end:
            return
        kind, length = reader.exact(at, 4), reader.u32(at + 4)
        if kind == b"LIST" and reader.exact(at + 8, 4) == b"strl":
            at += 12
            continue
        if kind == b"strf":
            yield from _coding(reader, at + 8, length, end)
        at += 8 + length + length % 2


def _coding(reader: Reader, at: int, length: int, frames_at: int) -> Iterator[Piece]:
    """All of `strf`, but for the copy of a codec's head that also stands in the frames: ffmpeg adds it when it copies streams."""
    told = reader.u32(at) if length >= _BITMAP_BYTES else 0  # the size that a bitmap's header says
    is_picture = _BITMAP_BYTES <= told <= length <= min(told + 1, _HEAD_BYTES)
    if is_picture and (
        told == _BITMAP_BYTES
        or reader.exact(at + _BITMAP_BYTES, told - _BITMAP_BYTES) in reader.some(frames_at, _HEAD_BYTES)
    ):
        yield at + 4, _BITMAP_BYTES - 4
    else:
        yield at, length


def aiff(source: ByteSource) -> Iterator[Piece]:
    """Format and samples."""
    yield from _chunks(source, _AIFF, is_big=True)


def _chunks(source: ByteSource, kinds: frozenset[bytes], *, is_big: bool) -> Iterator[Piece]:
    reader, at = Reader(source, big_endian=is_big), 12
    data_bytes: int | None = None
    for _ in counted():
        if at + 8 > reader.length:
            return
        kind, length = reader.exact(at, 4), reader.u32(at + 4)
        if kind == b"ds64":  # sizes that 32 bits can't tell (EBU Tech 3306)
            data_bytes = reader.u64(at + 16)
        if length == _UNKNOWN:
            length = data_bytes if kind == b"data" and data_bytes is not None else reader.length - at - 8
        if kind == b"LIST":
            kind = reader.some(at + 8, 4)
        elif kind == b"RIFF":  # OpenDML: the next part of a long film
            at += 12
            continue
        if kind in kinds:
            yield kind
            yield at + 8, min(length, reader.length - at - 8)
        at += 8 + length + length % 2


def ogg(source: ByteSource) -> Iterator[Piece]:
    """The packets of all streams but the comments; how they are cut into pages is nothing to them. RFC 3533, 6."""
    reader, at = Reader(source, big_endian=False), 0
    in_comment: set[int] = set()
    kinds: dict[int, bytes] = {}
    counts: Counter[int] = Counter()
    for _ in counted():
        if at + 27 > reader.length:
            return
        if reader.exact(at, 4) != b"OggS":
            raise CorruptFileError(f"no page at {at}")
        serial, count = reader.u32(at + 14), reader.u8(at + 26)
        lengths = reader.exact(at + 27, count)
        at += 27 + count
        start = at
        is_new = serial not in in_comment
        for number, length in enumerate(lengths):
            if is_new:
                head = reader.some(at, 8)
                kinds.setdefault(serial, head)
                counts[serial] += 1
                if _is_comment(kinds[serial], head, counts[serial]):
                    in_comment.add(serial)
            at += length
            is_new = length < 255
            if is_new or number == count - 1:
                if serial not in in_comment:
                    yield start, at - start
                if is_new:
                    in_comment.discard(serial)
                start = at


def _is_comment(kind: bytes, head: bytes, number: int) -> bool:
    """Whether a stream's packet says something of it: `kind` is how its first one begins, `number` counts them from 1."""
    if kind.startswith(
        b"\x7fFLAC"
    ):  # metadata blocks behind the first, until frames begin (xiph.org/flac/ogg_mapping.html)
        return number > 1 and head[:1] != b"\xff"
    if kind == b"Speex   ":
        return number == 2
    return head.startswith(_COMMENT_HEADS)


def matroska(source: ByteSource) -> Iterator[Piece]:
    """The clusters, without what says where they stand. RFC 9559, 5.1.3."""
    reader = Reader(source)
    try:
        for top in _all(ebml.walk(reader, 0, reader.length)):
            if top.identity != _SEGMENT:
                continue
            for part in _all(ebml.walk(reader, top.offset, min(reader.length, top.offset + top.length))):
                if part.identity == _CLUSTER:
                    yield from _cluster(reader, part)
    except TruncatedError as error:
        raise CorruptFileError(str(error)) from error


def _all(elements: Iterator[ebml.Element]) -> Iterator[ebml.Element]:
    """The elements; raises CorruptFileError where the walk would end before them."""
    for number, each in enumerate(elements, 1):
        if number >= ebml.MAX_ELEMENTS:
            raise CorruptFileError(f"more than {ebml.MAX_ELEMENTS} elements")
        yield each


def _cluster(reader: Reader, cluster: ebml.Element) -> Iterator[Piece]:
    if not cluster.is_sized:
        raise CorruptFileError("a cluster of unknown size")
    for part in _all(ebml.walk(reader, cluster.offset, cluster.offset + cluster.length)):
        if part.identity not in {_POSITION, _PREVIOUS_SIZE}:
            yield part.offset, part.length
