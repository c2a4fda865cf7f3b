"""Compressed single files: gzip, bzip2, xz, lzma, Zstandard, LZ4, compress. What their headers and ends say, and what is inside.

RFC 1952; xz-file-format 1.2.1; RFC 8878; LZ4 frame format 1.6.4; lzma-file-format.txt. The first 256 KiB are unpacked
where the standard library can, to list the first members of a tar archive inside.
"""

from __future__ import annotations

import bz2
import lzma
import struct
import zlib
from typing import TYPE_CHECKING

from extractor_service.document import ByteRange, Field, ProblemKind
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.containers.archives import tar
from extractor_service.formats.containers.archives.listing import SECTION, Listing, unix_date
from extractor_service.formats.containers.science import packed
from extractor_service.formats.reading.damage import tolerant
from extractor_service.formats.reading.reader import Reader
from extractor_service.formats.reading.table import Table
from extractor_service.formats.reading.tagset import Conversion
from extractor_service.sources.descriptor import BytesSource

if TYPE_CHECKING:
    from collections.abc import Callable

    from extractor_service.document import Document
    from extractor_service.sources.base import ByteSource

_INSIDE_BYTES = 256 * 1024  # unpacked
_MOST_INDEX_BYTES = 4 * 1024 * 1024  # of an index: of 100 GB in blocks of 1 MB
_MOST_STREAMS, _PADDING_BYTES = 1000, 64 * 1024  # followed back; between two of them
_MOST_GZIP_MEMBERS, _MOST_UNPACKED_BYTES = 1000, 4 * 1024 * 1024  # of a short file
_MOST_NAME_BYTES = 4096  # of a path, as systems allow
_GZIP = Table("documents/ZIP::GZIP", "zip", "ZIP", {"ModifyDate": Conversion(lambda value: unix_date(value).replace("Z", "+00:00") if isinstance(value, int) and value else "0000:00:00 00:00:00")})  # fmt: skip
_XZ_CHECKS = {0: "none", 1: "CRC32", 4: "CRC64", 10: "SHA-256"}
_XZ_MAGIC, _XZ_END = b"\xfd7zXZ\0", b"YZ"
_MOST_WINDOW_BYTES = 8 * 1024 * 1024  # as decoders must have (RFC 8878, 3.1.1.1.2)
_MOST_MEMORY_BYTES = 96 * 1024 * 1024  # of a decoder: xz -9 wants 65 MiB
_DAMAGE = (zlib.error, lzma.LZMAError, OSError, EOFError, ValueError)


@tolerant(SECTION)
def parse_gzip(source: ByteSource, document: Document) -> None:
    """Name, date, comment, and the length that the end states."""
    reader = Reader(source, big_endian=False)
    head = reader.exact(0, 10)
    if head[:3] != b"\x1f\x8b\x08":
        raise CorruptFileError("no gzip header")
    flags, stamp = head[3], struct.unpack_from("<I", head, 4)[0]
    for key, value, at, size in ((2, 8, 2, 1), (3, flags, 3, 1), (4, stamp, 4, 4), (8, head[8], 8, 1), (9, head[9], 9, 1)):  # fmt: skip
        if key != 4 or stamp:
            _GZIP.put(document, key, value, ByteRange(at, size))
    at = 10
    if flags & 4:
        at += 2 + reader.u16(at)
    for bit, key in ((8, 10), (16, 11)):
        if flags & bit:
            text = reader.some(at, _MOST_NAME_BYTES).partition(b"\0")[0]
            _GZIP.put(document, key, _text(text), ByteRange(at, len(text)))
            at += len(text) + 1
    listing = Listing(document)
    if reader.length >= 18:
        stated, place = reader.u32(reader.length - 4), ByteRange(reader.length - 4, 4)
        lengths = _lengths(reader.some(0, _INSIDE_BYTES)) if reader.length <= _INSIDE_BYTES else None
        if lengths is not None:
            listing.fact("UncompressedSize", sum(lengths))
        # Modulo 2^32, and of the last member alone (2.3.1): where there are more, it says nothing of the whole.
        if lengths is None or len(lengths) == 1:
            listing.fact("UncompressedSizeStated", stated, "of the last member, modulo 4 GiB", place)
    _inside(reader, document, listing, lambda data: zlib.decompressobj(31).decompress(data, _INSIDE_BYTES))


@tolerant(SECTION)
def parse_bzip2(source: ByteSource, document: Document) -> None:
    """The size of its blocks."""
    reader = Reader(source)
    head = reader.exact(0, 4)
    if head[:3] != b"BZh" or not 0x31 <= head[3] <= 0x39:
        raise CorruptFileError("no bzip2 header")
    listing = Listing(document)
    listing.fact("Method", "bzip2")
    listing.fact("BlockSize", (head[3] - 0x30) * 100_000, origin=ByteRange(3, 1))
    _inside(reader, document, listing, lambda data: bz2.BZ2Decompressor().decompress(data, _INSIDE_BYTES))


@tolerant(SECTION)
def parse_xz(source: ByteSource, document: Document) -> None:
    """The check, and how long it is unpacked, by the index at the end."""
    reader = Reader(source, big_endian=False)
    head = reader.exact(0, 12)
    if head[:6] != _XZ_MAGIC:
        raise CorruptFileError("no xz header")
    listing = Listing(document)
    listing.fact("Method", "xz")
    listing.fact("Check", head[7] & 15, _XZ_CHECKS.get(head[7] & 15, "unknown"), ByteRange(6, 2))
    end = reader.length
    blocks = total = streams = 0
    for _ in range(_MOST_STREAMS):  # one behind the other, with padding between (2.2), from the last one back
        tail = reader.some(max(0, end - _PADDING_BYTES), min(end, _PADDING_BYTES))
        end -= (len(tail) - len(tail.rstrip(b"\0"))) // 4 * 4 if tail[-4:] == bytes(4) else 0
        footer = reader.some(end - 12, 12) if end > 24 else b""
        if footer[10:] != _XZ_END:
            document.problem(SECTION, ProblemKind.TRUNCATED, "an index is missing", max(0, end - 12))
            break
        size = (struct.unpack_from("<I", footer, 4)[0] + 1) * 4
        if size > min(_MOST_INDEX_BYTES, end - 12):
            document.problem(SECTION, ProblemKind.LIMIT, f"an index of {size} bytes isn't read", end - 12)
            break
        count, length, packed = _index(reader.exact(end - 12 - size, size))
        blocks, total, streams = blocks + count, total + length, streams + 1
        end -= 24 + size + packed
        if end <= 0:
            listing.fact("StreamCount", streams)
            listing.fact("BlockCount", blocks)
            listing.fact("UncompressedSize", total)
            break
    _inside(reader, document, listing, lambda data: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_MOST_MEMORY_BYTES).decompress(data, _INSIDE_BYTES))  # fmt: skip


def _index(data: bytes) -> tuple[int, int, int]:
    """Blocks, their bytes in all, and how many they take in the file (4.3)."""
    at = 1

    def number() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                return value
            if shift > 63:
                raise ValueError("a number that doesn't end")

    count = number()
    total = packed = 0
    for _ in range(count):
        packed += -(-number() // 4) * 4
        total += number()
    return count, total, packed


@tolerant(SECTION)
def parse_lzma(source: ByteSource, document: Document) -> None:
    """Its properties, and the length that it states."""
    reader = Reader(source, big_endian=False)
    properties, dictionary = reader.u8(0), reader.u32(1)
    size = reader.u64(5)
    if properties >= 225:
        raise CorruptFileError("no lzma header")
    listing = Listing(document)
    listing.fact("Method", "LZMA")
    listing.fact("DictionarySize", dictionary, origin=ByteRange(1, 4))
    if size != (1 << 64) - 1:
        listing.fact("UncompressedSize", size, origin=ByteRange(5, 8))
    if dictionary <= 64 * 1024 * 1024:
        _inside(reader, document, listing, lambda data: lzma.LZMADecompressor(lzma.FORMAT_ALONE, memlimit=_MOST_MEMORY_BYTES).decompress(data, _INSIDE_BYTES))  # fmt: skip


@tolerant(SECTION)
def parse_zstd(source: ByteSource, document: Document) -> None:
    """The first frame's window, checksum, dictionary, and length where it is stated (RFC 8878, 3.1.1)."""
    reader = Reader(source, big_endian=False)
    listing, at = Listing(document), 0
    listing.fact("Method", "Zstandard")
    for _ in range(100):
        magic = reader.u32(at)
        if magic >> 4 != 0x184D2A5:
            break
        at += 8 + reader.u32(at + 4)  # skippable frames
    if reader.u32(at) != 0xFD2FB528:
        raise CorruptFileError("no Zstandard frame")
    flags = reader.u8(at + 4)
    place = at + 5
    is_single = bool(flags & 0x20)
    if not is_single:
        window = reader.u8(place)
        base = 1 << (10 + (window >> 3))
        listing.fact("WindowSize", base + base // 8 * (window & 7), origin=ByteRange(place, 1))
        place += 1
    width = (0, 1, 2, 4)[flags & 3]
    if width:
        listing.fact("DictionaryID", int.from_bytes(reader.exact(place, width), "little"))
    place += width
    listing.fact("HasChecksum", bool(flags & 4))
    stated = (1 if is_single else 0, 2, 4, 8)[flags >> 6]
    if stated:
        size = int.from_bytes(reader.exact(place, stated), "little") + (256 if stated == 2 else 0)
        listing.fact("UncompressedSize", size, origin=ByteRange(place, stated))
        if is_single:
            listing.fact("WindowSize", size)
    _inside(reader, document, listing, lambda data: unzstd(data, _INSIDE_BYTES))


def unzstd(data: bytes, most_bytes: int) -> bytes:
    """The first `most_bytes`, unpacked.

    Raises:
        ValueError: it isn't Zstandard, or its window is longer than 8 MiB.
    """
    import zstandard  # noqa: PLC0415 - in workers only

    decoder = zstandard.ZstdDecompressor(max_window_size=_MOST_WINDOW_BYTES)
    try:
        with decoder.stream_reader(data) as stream:
            return stream.read(most_bytes)
    except zstandard.ZstdError as error:
        raise ValueError(str(error)) from error


@tolerant(SECTION)
def parse_lz4(source: ByteSource, document: Document) -> None:
    """The first frame's descriptor."""
    reader = Reader(source, big_endian=False)
    listing = Listing(document)
    listing.fact("Method", "LZ4")
    magic = reader.u32(0)
    if magic == 0x184C2102:
        listing.fact("Dialect", "legacy")
        return
    if magic != 0x184D2204:
        raise CorruptFileError("no LZ4 frame")
    flags, block = reader.u8(4), reader.u8(5)
    listing.fact("FrameVersion", flags >> 6)
    listing.fact("BlocksIndependent", bool(flags & 0x20))
    listing.fact("HasBlockChecksums", bool(flags & 0x10))
    listing.fact("HasChecksum", bool(flags & 4))
    listing.fact("BlockSize", 1 << (8 + 2 * (block >> 4 & 7)))
    if flags & 8:
        listing.fact("UncompressedSize", reader.u64(6), origin=ByteRange(6, 8))


@tolerant(SECTION)
def parse_compress(source: ByteSource, document: Document) -> None:
    """How wide its codes are."""
    head = Reader(source).exact(0, 3)
    if head[:2] != b"\x1f\x9d":
        raise CorruptFileError("no compress header")
    listing = Listing(document)
    listing.fact("Method", "compress (LZW)")
    listing.fact("MaximumBits", head[2] & 31, origin=ByteRange(2, 1))
    listing.fact("BlockMode", bool(head[2] & 0x80))


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _lengths(data: bytes) -> list[int] | None:
    """How long each member is, unpacked; None where they can't be told from so little."""
    lengths: list[int] = []
    while data.startswith(b"\x1f\x8b") and len(lengths) < _MOST_GZIP_MEMBERS:
        unpacker, length = zlib.decompressobj(31), 0
        try:
            while not unpacker.eof and data and length < _MOST_UNPACKED_BYTES:
                length += len(unpacker.decompress(data, _INSIDE_BYTES))
                data = unpacker.unconsumed_tail
        except zlib.error:
            return None
        if not unpacker.eof:
            return None
        lengths.append(length)
        data = unpacker.unused_data.lstrip(b"\0")
    return lengths if not data else None


def _inside(reader: Reader, document: Document, listing: Listing, unpack: Callable[[bytes], bytes]) -> None:
    """Lists what a tar archive inside holds; of a volume, which is mostly packed so, its header."""
    try:
        data = unpack(reader.some(0, _INSIDE_BYTES))
    except _DAMAGE as error:
        document.problem(SECTION, ProblemKind.DAMAGED, f"it can't be unpacked: {error}", 0)
        return
    if not data:
        return
    document.spend(len(data))
    is_cut = len(data) >= _INSIDE_BYTES or reader.length > _INSIDE_BYTES
    if tar.is_header(data[:512]):
        document.add(SECTION, Field("InnerType", "application/x-tar", group="Archive"))
        inner = Listing(document)
        is_whole = tar.add_members(Reader(BytesSource(data)), document, inner, is_cut=is_cut)
        if is_whole and not is_cut:
            inner.finish()
        else:
            listing.fact("ListedMembers", inner.count, f"of the first {len(data)} bytes")
    else:
        packed.describe(data, document, is_whole=not is_cut)
