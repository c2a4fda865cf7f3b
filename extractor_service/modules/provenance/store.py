"""Where the C2PA manifest store stands in a file, by format. C2PA specification 2.4, appendix A."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from extractor_service.formats.embedded import jumbf
from extractor_service.formats.embedded.jumbf import JumbfError
from extractor_service.formats.reading import boxes
from extractor_service.formats.reading.ifd import Directories, NotTiffError
from extractor_service.formats.reading.picture_parts import gif_blocks, png_chunks, riff_chunks
from extractor_service.formats.reading.reader import Reader, TruncatedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from extractor_service.formats.reading.picture_parts import Part
    from extractor_service.sources.base import ByteSource

_TIFF_TAG = 0xCD41
_MAX_PARTS = 10_000  # segments or chunks before it
_MAX_DIRECTORIES = 100  # of a TIFF
_GIF_HEAD = b"\x0bC2PA_GIF\x01\0\0"


class Store(NamedTuple):
    """The store's bytes, and the part of the file that holds them."""

    data: bytes
    offset: int
    length: int


def find(source: ByteSource, format_name: str) -> Store | None:
    """The manifest store; None where there is none, or none is looked for in files of that format.

    Raises:
        TruncatedError, NotTiffError, JumbfError: the file is damaged there.
    """
    finder = _FINDERS.get(format_name)
    return None if finder is None else finder(source)


def _cut(data: bytes) -> bytes:
    """The store without what stands behind it in its box."""
    length = jumbf.length_of(data[:16])
    if length > jumbf.MAX_STORE_BYTES:
        raise JumbfError(f"a store of {length} bytes")
    return data[:length] if length else data


def _jpeg(source: ByteSource) -> Store | None:
    reader, at = Reader(source), 2
    parts: list[bytes] = []
    number, start, end = -1, 0, 0
    for _ in range(_MAX_PARTS):
        if at + 4 > reader.length or reader.u8(at) != 0xFF:
            break
        kind, length = reader.u8(at + 1), reader.u16(at + 2)
        if kind in {0xDA, 0xD9}:
            break
        if kind == 0xEB and length >= 18 and reader.exact(at + 4, 2) == b"JP":
            body = reader.exact(at + 4, length - 2)
            of = int.from_bytes(body[2:4])
            if not parts and body[12:16] == b"jumb" and body[24:28] == b"c2pa":
                number, start = of, at
                parts.append(body[8:])
            elif parts and of == number:  # each repeats the length and type of the whole
                parts.append(body[16:])
            if parts and of == number:
                end = at + 2 + length
        at += 2 + length
    return Store(_cut(b"".join(parts)), start, end - start) if parts else None


def _png(source: ByteSource) -> Store | None:
    reader = Reader(source)
    return _chunk(reader, png_chunks(reader), b"caBX", 4)


def _riff(source: ByteSource) -> Store | None:
    reader = Reader(source, big_endian=False)
    return _chunk(reader, riff_chunks(reader), b"C2PA", 0)


def _chunk(reader: Reader, chunks: Iterator[Part], kind: bytes, checksum_bytes: int) -> Store | None:
    for part in islice(chunks, _MAX_PARTS):
        if part.kind == kind:
            data = reader.exact(part.data_at, min(part.length, jumbf.MAX_STORE_BYTES))
            return Store(_cut(data), part.at, 8 + part.length + checksum_bytes)
    return None


def _bmff(source: ByteSource) -> Store | None:
    reader = Reader(source)
    for box in boxes.walk(reader, 0, reader.length):
        if box.kind == b"uuid" and reader.some(box.offset, 16) == boxes.MANIFEST_UUID:
            data = reader.exact(box.offset + 20, min(box.length - 20, jumbf.MAX_STORE_BYTES))
            purpose, _, rest = data.partition(b"\0")
            if purpose in {b"manifest", b"update", b"original"}:
                return Store(_cut(rest[8:]), box.offset - 8, box.length + 8)
    return None


def _tiff(source: ByteSource) -> Store | None:
    directories = Directories.at(source, 0, None)
    offset = directories.first
    for _ in range(_MAX_DIRECTORIES):
        if not offset:
            return None
        directory = directories.read(offset)
        for entry in directory.entries:
            if entry.tag == _TIFF_TAG and entry.count <= jumbf.MAX_STORE_BYTES:
                data = directories.reader.exact(entry.offset, entry.count)
                return Store(_cut(data), entry.offset, entry.count)
        offset = directory.next_offset
    return None


def _gif(source: ByteSource) -> Store | None:
    reader = Reader(source)
    for part in islice(gif_blocks(reader), _MAX_PARTS):
        if part.kind != b"!":
            return None
        if reader.some(part.at + 2, 12) == _GIF_HEAD:
            at, pieces = part.data_at, []
            while length := reader.u8(at):
                pieces.append(reader.exact(at + 1, length))
                at += length + 1
            return Store(_cut(b"".join(pieces[1:])), part.at, part.end - part.at)
    return None


_FINDERS: dict[str, Callable[[ByteSource], Store | None]] = {
    "jpeg": _jpeg, "png": _png, "gif": _gif,
    **dict.fromkeys(("webp", "wav", "avi"), _riff),
    **dict.fromkeys(("mp4", "heic", "avif", "cr3"), _bmff),
    **dict.fromkeys(("tiff",), _tiff),
}  # fmt: skip
DAMAGE = (TruncatedError, NotTiffError, JumbfError)


def is_known(format_name: str) -> bool:
    """Whether stores are looked for in files of that format."""
    return format_name in _FINDERS
