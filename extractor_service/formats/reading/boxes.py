"""Boxes, the building blocks of ISO base media files and JPEG 2000. ISO/IEC 14496-12 section 4.2; 15444-1 annex I.4."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final, NamedTuple

from extractor_service.formats.reading.reader import TruncatedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from extractor_service.formats.reading.reader import Reader

XMP_UUID = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
"""Of the box that holds an XMP packet (XMP specification part 3, 1.2.7)."""
MANIFEST_UUID = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
"""Of the box that holds content credentials (C2PA specification 2.4, A.5.1)."""
_HEAD: Final = struct.Struct(">I4s").unpack_from
_SMALL_BYTES: Final = 2048  # lies in one block, or in two
MAX_BOXES: Final = 10_000  # of 8 bytes at least: bounds a file of tiny boxes; those after it are left out


class Box(NamedTuple):
    """One box: `offset` and `length` are those of its content, within the reader's window."""

    kind: bytes
    offset: int
    length: int


def walk(reader: Reader, start: int, end: int) -> Iterator[Box]:
    """The boxes between `start` and `end`; raises TruncatedError where one reaches beyond."""
    offset, size = start, end - start
    # The heads in small parents are read at once.
    whole = reader.some(start, size) if 8 <= size <= _SMALL_BYTES else b""
    is_whole = len(whole) == size
    for _ in range(MAX_BOXES):
        if offset + 8 > end:
            return
        length, kind = _HEAD(whole, offset - start) if is_whole else _HEAD(reader.exact(offset, 8))
        head = 8
        if length == 1:
            length, head = reader.u64(offset + 8), 16
        elif length == 0:
            length = end - offset
        if length < head:
            raise TruncatedError(reader.base + offset, head, reader.base + end)
        if offset + length > end:
            yield Box(kind, offset + head, end - offset - head)
            raise TruncatedError(reader.base + offset, length, reader.base + end)
        yield tuple.__new__(Box, (kind, offset + head, length - head))
        offset += length


def name_of(kind: bytes) -> str:
    r"""A box's kind as tables have it: letters as they are, other bytes as "\xa9"."""
    return "".join(chr(byte) if 0x20 <= byte < 0x7F else f"\\x{byte:02x}" for byte in kind)
