"""What PNG, RIFF and GIF files consist of, part after part; for whoever looks for something in them, not for their readers."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from extractor_service.formats.base import CorruptFileError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from extractor_service.formats.reading.reader import Reader

_MAX_PARTS = 1_000_000  # of a file: what has more isn't a picture


class Part(NamedTuple):
    """A chunk or a block."""

    kind: bytes
    at: int
    data_at: int
    length: int
    """Of its data, in bytes."""
    end: int
    """Where the next one begins."""


def counted() -> Iterator[int]:
    """Counts parts; raises CorruptFileError when they are more than any picture has: what was found in the first million would be wrong."""
    yield from range(_MAX_PARTS)
    raise CorruptFileError(f"more than {_MAX_PARTS} parts")


def png_chunks(reader: Reader) -> Iterator[Part]:
    """The chunks up to IEND, or to the end of the file. PNG specification, 5.3."""
    at = 8
    for _ in counted():
        if at + 12 > reader.length:
            return
        length = reader.u32(at)
        part = Part(reader.exact(at + 4, 4), at, at + 8, length, at + length + 12)
        yield part
        if part.kind == b"IEND":
            return
        at = part.end


def riff_chunks(reader: Reader) -> Iterator[Part]:
    """The chunks on the first level, each padded to an even length."""
    at = 12
    for _ in counted():
        if at + 8 > reader.length:
            return
        length = reader.u32(at + 4)
        part = Part(reader.exact(at, 4), at, at + 8, length, at + 8 + length + length % 2)
        yield part
        at = part.end


def gif_blocks(reader: Reader) -> Iterator[Part]:
    """The blocks: images (`,`), extensions (`!`), and the last one: the trailer (`;`), or what is no block. GIF89a, 17 to 27."""
    at = gif_screen_end(reader)
    for _ in counted():
        kind = reader.some(at, 1)
        if not kind:
            return
        if kind == b",":
            data_at = at + 11 + _gif_table_bytes(reader.u8(at + 9))
        elif kind == b"!":
            data_at = at + 2
        else:
            yield Part(kind, at, at + 1, 0, at + 1)
            return
        end = data_at
        while length := reader.u8(end):
            end += length + 1
        yield Part(kind, at, data_at, end + 1 - data_at, end + 1)
        at = end + 1


def gif_screen_end(reader: Reader) -> int:
    """Where the screen's description ends, and its colours."""
    return 13 + _gif_table_bytes(reader.u8(10))


def _gif_table_bytes(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0
