"""Where a picture file has its picture: tables and compressed data, not EXIF, XMP, comments, profiles and thumbnails."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.containers.isobmff import heif
from extractor_service.formats.reading.ifd import Directories, Entry
from extractor_service.formats.reading.picture_parts import (
    counted,
    gif_blocks,
    gif_screen_end,
    png_chunks,
    riff_chunks,
)
from extractor_service.formats.reading.reader import Reader

if TYPE_CHECKING:
    from collections.abc import Iterator

    from extractor_service.sources.base import ByteSource

    Piece = bytes | tuple[int, int]
    """Bytes themselves, or where they stand: offset and length."""

_STEP_BYTES = 1024 * 1024  # of a scan that is searched for its end
_MAX_DIRECTORIES = 100  # of a TIFF; as its reader follows
_PNG_PICTURE = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"acTL", b"fcTL", b"fdAT"})
_PNG_JOINED = frozenset({b"IDAT"})  # cut into chunks as the writer likes
_WEBP_PICTURE = frozenset({b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF"})
_WEBP_ANIMATED = 2  # flag of VP8X
_SUB_IFDS = 330
_STRUCTURE = (
    256, 257, 258, 259, 262, 266, 277, 278, 284, 292, 293, 317, 320, 322, 323, 332, 338, 339, 340, 341, 347, 529, 530, 532,
)  # fmt: skip
"""Tags that say how a TIFF's data are to be read (TIFF 6.0): size, depth, compression, colours, tables."""
_DATA = ((273, 279), (324, 325))  # offsets and lengths of strips, of tiles
_REDUCED = 1  # bit of NewSubfileType (254): another picture in smaller
_MAX_VALUE_BYTES = 16 * 1024 * 1024  # of offsets: a million of them


def jpeg(source: ByteSource) -> Iterator[Piece]:
    """Tables, frame and scans up to the first end of image; of the application segments only Adobe's, which says how colours are coded.

    ITU-T T.81, B.1.1.
    """
    reader = Reader(source)
    for kind, at, end in jpeg_parts(source):
        is_adobe = kind == 0xEE and reader.some(at + 4, 5) == b"Adobe"
        if is_adobe or not (0xE0 <= kind <= 0xEF or kind == 0xFE):
            yield at, end - at


def jpeg_end(source: ByteSource) -> int:
    """Where the picture's end marker ends; the file's size where it has none."""
    at = 2
    for _, _, end in jpeg_parts(source):
        at = end
    return min(source.size_bytes, at + 2)


def jpeg_parts(source: ByteSource) -> Iterator[tuple[int, int, int]]:
    """Marker, first byte and end of each segment up to the end marker, a scan's data with it."""
    reader, at = Reader(source), 2
    for _ in counted():
        if at >= source.size_bytes:
            return
        marker = reader.u16(at)
        if marker == 0xFFFF:
            at += 1
            continue
        if marker < 0xFF00:
            raise CorruptFileError(f"no marker at {at}")
        kind = marker & 0xFF
        if kind == 0xD9:
            return
        if kind in {0x01, *range(0xD0, 0xD9)}:
            at += 2
            continue
        length = reader.u16(at + 2)
        if length < 2:
            raise CorruptFileError(f"a segment of {length} bytes at {at}")
        end = at + 2 + length
        if kind == 0xDA:
            end = _scan_end(source, end)
        yield kind, at, end
        at = end


def _scan_end(source: ByteSource, start: int) -> int:
    """Where the next marker stands that isn't part of a scan."""
    at = start
    while at < source.size_bytes:
        data = source.read_range(at, _STEP_BYTES)
        place = data.find(b"\xff")
        while 0 <= place < len(data) - 1:
            following = data[place + 1]
            if following not in {0, 0xFF} and not 0xD0 <= following <= 0xD7:
                return at + place
            place = data.find(b"\xff", place + (1 if following == 0xFF else 2))
        # Bytes were taken in pairs: a 0xFF at the end is looked at again with what follows.
        at += len(data) - 1 if place == len(data) - 1 and at + len(data) < source.size_bytes else len(data)
    return source.size_bytes


def png(source: ByteSource) -> Iterator[Piece]:
    """Header, palette, transparency, animation and the joined data. PNG specification, 11.2 and 11.3.2."""
    for part in png_chunks(Reader(source)):
        if part.kind in _PNG_PICTURE:
            if part.kind not in _PNG_JOINED:
                yield part.kind
            yield part.data_at, part.length


def webp(source: ByteSource) -> Iterator[Piece]:
    """The chunks of the picture; not the first, whose flags change with metadata. RFC 9649."""
    reader = Reader(source, big_endian=False)
    for part in riff_chunks(reader):
        if part.kind in _WEBP_PICTURE:
            yield part.at, part.length + 8
        elif (
            part.kind == b"VP8X" and reader.u8(part.data_at) & _WEBP_ANIMATED
        ):  # else the canvas is the picture
            yield part.at + 12, 6


def gif(source: ByteSource) -> Iterator[Piece]:
    """Screen, colour tables, graphic controls, loops and images; not comments and other applications' blocks. GIF89a, 17 to 27."""
    reader = Reader(source, big_endian=False)
    yield 6, gif_screen_end(reader) - 6
    for part in gif_blocks(reader):
        if part.kind == b"!":
            label = reader.u8(part.at + 1)
            is_loop = label == 0xFF and reader.some(part.at + 3, 11) in {b"NETSCAPE2.0", b"ANIMEXTS1.0"}
            if label not in {0xF9, 0x01} and not is_loop:
                continue
        elif part.kind == b";":
            return
        elif part.kind != b",":
            raise CorruptFileError(f"no block at {part.at}")
        yield part.at, part.end - part.at


def tiff(source: ByteSource) -> Iterator[Piece]:
    """Strips and tiles of all full pictures, with the tags that say how they are read; of raw files the same. TIFF 6.0."""
    directories = Directories.at(source, 0, None)
    waiting, seen = [directories.first], set[int]()
    while waiting:
        offset = waiting.pop(0)
        if not offset or offset in seen or len(seen) >= _MAX_DIRECTORIES:
            continue
        seen.add(offset)
        directory = directories.read(offset)
        entries = {entry.tag: entry for entry in directory.entries}
        waiting.append(directory.next_offset)
        waiting += _numbers(directories, entries.get(_SUB_IFDS))
        if sum(_numbers(directories, entries.get(254))) & _REDUCED:
            continue
        for offsets, lengths in _DATA:
            starts = _numbers(directories, entries.get(offsets))
            if not starts:
                continue
            for tag in _STRUCTURE:
                if tag in entries:
                    yield f"{tag}={directories.value(entries[tag], _MAX_VALUE_BYTES)!r};".encode()
            yield from zip(starts, _numbers(directories, entries.get(lengths)), strict=False)


def _numbers(directories: Directories, entry: Entry | None) -> list[int]:
    if entry is None:
        return []
    value = directories.value(entry, _MAX_VALUE_BYTES)
    values = value if isinstance(value, list) else [value]
    return [each for each in values if isinstance(each, int)]


def heic(source: ByteSource) -> Iterator[Piece]:
    """The items that pictures are made of; of a sequence its media data. ISO/IEC 23008-12."""
    extents = heif.picture_extents(source)
    yield from extents or _boxes(source, frozenset({b"mdat"}))


def codestream(source: ByteSource) -> Iterator[Piece]:
    """The codestreams of JPEG 2000 and JPEG XL, in boxes or naked. ISO/IEC 15444-1, I.5; 18181-2, 9."""
    if source.read_range(4, 4) in {b"jP  ", b"jP\x1a\x1a", b"JXL "}:
        yield from _boxes(source, frozenset({b"jp2c", b"jxlc", b"jxlp"}))
    else:
        yield 0, source.size_bytes


def film(source: ByteSource) -> Iterator[Piece]:
    """The media data of an ISO base media file, wherever its index stands. ISO/IEC 14496-12, 8.1.1."""
    yield from _boxes(source, frozenset({b"mdat"}))


def _boxes(source: ByteSource, kinds: frozenset[bytes]) -> Iterator[Piece]:
    """The contents of all top-level boxes of these kinds; a film that is cut into a million parts has as many."""
    reader, at = Reader(source), 0
    for _ in counted():
        if at + 8 > reader.length:
            return
        length, kind, head = reader.u32(at), reader.exact(at + 4, 4), 8
        if length == 1:
            length, head = reader.u64(at + 8), 16
        elif length == 0:
            length = reader.length - at
        if length < head or at + length > reader.length:
            raise CorruptFileError(f"a box of {length} bytes at {at}")
        if kind in kinds:
            yield at + head, length - head
        at += length
