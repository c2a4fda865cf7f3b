"""The superblock, and a view of the file that HDF5 opens although it is cut or its superblock doesn't fit its checksum.

HDF5 File Format Specification 3.0, II.A; the checksum is Bob Jenkins' lookup3 (burtleburtle.net/bob/c/lookup3.c, public domain).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

from extractor_service.document import ProblemKind
from extractor_service.sources.base import will_read

if TYPE_CHECKING:
    from collections.abc import Iterable

    from extractor_service.document import Document
    from extractor_service.formats.reading.reader import Reader
    from extractor_service.sources.base import ByteSource

SECTION = "hdf5"
SIGNATURE = b"\x89HDF\r\n\x1a\n"
_MOST_USER_BLOCK = 1 << 24  # bytes; MATLAB has 512
_LAST_VERSION = 3  # of superblocks, II.A
_MASK = 0xFFFFFFFF  # 32 bits, as in lookup3.c
_MOST_READ = 128 * 1024 * 1024  # bytes at once: names of a million members are one heap; data isn't read
_MOST_ZEROS = 4 * 1024 * 1024  # of them beyond the end
_MOST_PADDED = 1 << 40  # bytes that a cut file may lack


class Superblock(NamedTuple):
    """What it says."""

    at: int
    version: int
    offset_bytes: int
    base: int
    end: int
    """Where the file ends by its own account."""
    data: bytes
    end_at: int
    """Where that number stands in `data`."""


def superblock_of(reader: Reader) -> Superblock | None:
    """The superblock: at the beginning, or behind a user block of 512 bytes or any doubling of it; None for none."""
    at = 0
    while at < min(reader.length, _MOST_USER_BLOCK):
        if reader.some(at, 8) == SIGNATURE:
            found = _parsed(reader.some(at, 128), at)
            if found is not None:
                return found
        at = max(512, at * 2)
    return None


def _parsed(data: bytes, at: int) -> Superblock | None:
    if len(data) < 48:
        return None
    version = data[8]
    size = data[13] if version < 2 else data[9]
    if version > _LAST_VERSION or size not in {4, 8}:
        size = 8  # most likely; HDF5 will say what it thinks of it
    place = (28 if version == 1 else 24) if version < 2 else 12
    code = "<Q" if size == 8 else "<I"
    base = struct.unpack_from(code, data, place)[0]
    end = struct.unpack_from(code, data, place + 2 * size)[0]
    if version > _LAST_VERSION and not base <= end < _MOST_PADDED:
        return None  # a signature and chance
    return Superblock(at, version, size, base, end, data, place + 2 * size)


class MendedSource:
    """The file with a superblock that fits: what is missing at its end reads as zeros."""

    def __init__(self, source: ByteSource, superblock: Superblock, document: Document) -> None:
        self._source = source
        self._patches: list[tuple[int, bytes]] = []
        self.size_bytes = source.size_bytes
        self._mend(superblock, document)

    def _mend(self, superblock: Superblock, document: Document) -> None:
        data, at = bytearray(superblock.data), superblock.at
        end = superblock.end  # from the file's beginning, whatever the base
        if superblock.base not in {0, at}:
            document.problem(SECTION, ProblemKind.DAMAGED, f"the base address is {superblock.base}", at)
            struct.pack_into(
                "<Q" if superblock.offset_bytes == 8 else "<I",
                data,
                superblock.end_at - 2 * superblock.offset_bytes,
                at,
            )
        if end > self.size_bytes + _MOST_PADDED or superblock.end < 64:
            document.problem(SECTION, ProblemKind.DAMAGED, f"the file ends at {end} by its own account", at)
            struct.pack_into(
                "<Q" if superblock.offset_bytes == 8 else "<I", data, superblock.end_at, self.size_bytes
            )
        elif end > self.size_bytes:
            document.problem(
                SECTION,
                ProblemKind.TRUNCATED,
                f"{end} bytes are stated, {self.size_bytes} are there",
                self.size_bytes,
            )
            self.size_bytes = end
        if superblock.version >= 2:
            length = superblock.end_at + 2 * superblock.offset_bytes
            checksum = lookup3(bytes(data[:length]))
            if struct.unpack_from("<I", data, length)[0] != lookup3(superblock.data[:length]):
                document.problem(SECTION, ProblemKind.DAMAGED, "the superblock's checksum is wrong", at)
            struct.pack_into("<I", data, length, checksum)
        if bytes(data) != superblock.data:
            self._patches.append((at, bytes(data)))

    def prefetch(self, spans: Iterable[tuple[int, int]]) -> None:
        """Passes a hint on."""
        will_read(self._source, spans)

    def read_range(self, offset: int, length: int) -> bytes:
        """See `ByteSource.read_range`."""
        if length > _MOST_READ:
            raise OSError(f"{length} bytes of metadata at {offset}")
        data = self._source.read_range(offset, length)
        wanted = max(0, min(length, self.size_bytes - offset))
        if wanted - len(data) > _MOST_ZEROS:
            raise OSError(f"{length} bytes of metadata at {offset}, where the file has {len(data)}")
        if len(data) < wanted:
            data += bytes(wanted - len(data))
        for at, patch in self._patches:
            begin, end = max(at, offset), min(at + len(patch), offset + len(data))
            if begin < end:
                data = data[: begin - offset] + patch[begin - at : end - at] + data[end - offset :]
        return data


def lookup3(data: bytes) -> int:
    """Jenkins' hash of `data` with an initial value of 0."""
    a = b = c = (0xDEADBEEF + len(data)) & _MASK
    at, left = 0, len(data)
    while left > 12:
        x, y, z = struct.unpack_from("<III", data, at)
        a, b, c = (a + x) & _MASK, (b + y) & _MASK, (c + z) & _MASK
        a = (a - c) & _MASK ^ _turned(c, 4)
        c = (c + b) & _MASK
        b = (b - a) & _MASK ^ _turned(a, 6)
        a = (a + c) & _MASK
        c = (c - b) & _MASK ^ _turned(b, 8)
        b = (b + a) & _MASK
        a = (a - c) & _MASK ^ _turned(c, 16)
        c = (c + b) & _MASK
        b = (b - a) & _MASK ^ _turned(a, 19)
        a = (a + c) & _MASK
        c = (c - b) & _MASK ^ _turned(b, 4)
        b = (b + a) & _MASK
        at, left = at + 12, left - 12
    if not left:
        return c
    x, y, z = struct.unpack("<III", data[at:].ljust(12, b"\0"))
    a, b, c = (a + x) & _MASK, (b + y) & _MASK, (c + z) & _MASK
    c = (c ^ b) - _turned(b, 14) & _MASK
    a = (a ^ c) - _turned(c, 11) & _MASK
    b = (b ^ a) - _turned(a, 25) & _MASK
    c = (c ^ b) - _turned(b, 16) & _MASK
    a = (a ^ c) - _turned(c, 4) & _MASK
    b = (b ^ a) - _turned(a, 14) & _MASK
    told: int = (c ^ b) - _turned(b, 24) & _MASK
    return told


def _turned(value: int, bits: int) -> int:
    return (value << bits | value >> (32 - bits)) & _MASK
