"""Endian-aware, bounds-checked reads over a source: past the end is a TruncatedError, never garbage."""

from __future__ import annotations

from functools import lru_cache
from struct import Struct
from typing import TYPE_CHECKING, Literal

from extractor_service.sources.blocks import BLOCK_BYTES

if TYPE_CHECKING:
    from extractor_service.sources.base import ByteSource

layout = lru_cache(maxsize=1024)(Struct)
"""The compiled struct of a format string; files may ask for any count, so that the cache is bounded."""


class TruncatedError(Exception):
    """The file ends before the bytes that were asked for."""

    def __init__(self, offset: int, length: int, size_bytes: int) -> None:
        super().__init__(f"{length} bytes at {offset} lie beyond the end at {size_bytes}")
        self.offset = offset


class Reader:
    """Typed reads at absolute offsets, within a window of the file.

    The window begins at `base` (added to every offset) and is `length` bytes long: a TIFF structure inside a JPEG
    segment counts its offsets from the segment's data and must not reach beyond it. The block that was read last is
    kept, since the next read is nearly always beside it.
    """

    __slots__ = ("_block", "_block_at", "_endian", "_order", "_source", "base", "big_endian", "length")

    def __init__(
        self, source: ByteSource, *, big_endian: bool = True, base: int = 0, length: int | None = None
    ) -> None:
        self._source = source
        self._order = ">" if big_endian else "<"
        self._endian: Literal["big", "little"] = "big" if big_endian else "little"
        self.big_endian = big_endian
        self.base = base
        available = max(0, source.size_bytes - base)
        self.length = available if length is None else min(length, available)
        self._block = b""
        self._block_at = 0

    def view(self, base: int, length: int | None = None, *, big_endian: bool | None = None) -> Reader:
        """Another window of the same file; `base` is an offset in the file."""
        order = self.big_endian if big_endian is None else big_endian
        other = Reader(self._source, big_endian=order, base=base, length=length)
        other._block, other._block_at = self._block, self._block_at
        return other

    @property
    def source(self) -> ByteSource:
        """The file."""
        return self._source

    def exact(self, offset: int, length: int) -> bytes:
        """Exactly `length` bytes at `offset`; raises TruncatedError."""
        if offset < 0 or length < 0 or offset + length > self.length:
            raise TruncatedError(self.base + offset, length, self.base + self.length)
        start = self.base + offset
        inner = start - self._block_at
        data = self._block[inner : inner + length] if inner >= 0 else b""
        if len(data) == length:
            return data
        return self._read(start, length)

    def some(self, offset: int, length: int) -> bytes:
        """Up to `length` bytes at `offset`; fewer at the end of the window."""
        left = self.length - offset
        if offset < 0 or left <= 0 or length <= 0:
            return b""
        length = min(left, length)
        start = self.base + offset
        inner = start - self._block_at
        data = self._block[inner : inner + length] if inner >= 0 else b""
        return data if len(data) == length else self._read(start, length)

    def unpack(self, form: str, offset: int) -> tuple[int, ...]:
        """The integers of a struct layout (without a byte order) at `offset`; raises TruncatedError."""
        packed = layout(self._order + form)
        values: tuple[int, ...] = packed.unpack(self.exact(offset, packed.size))
        return values

    def u8(self, offset: int) -> int:
        """One byte."""
        return self.exact(offset, 1)[0]

    def u16(self, offset: int) -> int:
        """An unsigned 16-bit integer."""
        return int.from_bytes(self.exact(offset, 2), self._endian)

    def u32(self, offset: int) -> int:
        """An unsigned 32-bit integer."""
        return int.from_bytes(self.exact(offset, 4), self._endian)

    def u64(self, offset: int) -> int:
        """An unsigned 64-bit integer."""
        return int.from_bytes(self.exact(offset, 8), self._endian)

    def _read(self, start: int, length: int) -> bytes:
        block = start // BLOCK_BYTES
        if (start + length - 1) // BLOCK_BYTES != block:
            data = self._source.read_range(start, length)
        else:
            self._block_at = block * BLOCK_BYTES
            self._block = self._source.read_range(self._block_at, BLOCK_BYTES)
            inner = start - self._block_at
            data = self._block[inner : inner + length]
        if len(data) < length:
            raise TruncatedError(start, length, self._source.size_bytes)
        return data
