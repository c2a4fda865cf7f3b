"""Endian-aware, bounds-checked reads over a source: past the end is a TruncatedError, never garbage."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from extractor_service.sources.base import ByteSource


class TruncatedError(Exception):
    """The file ends before the bytes that were asked for."""

    def __init__(self, offset: int, length: int, size_bytes: int) -> None:
        super().__init__(f"{length} bytes at {offset} lie beyond the end at {size_bytes}")
        self.offset = offset


class Reader:
    """Typed reads at absolute offsets, within a window of the file.

    The window begins at `base` (added to every offset) and is `length` bytes long: a TIFF structure inside a JPEG
    segment counts its offsets from the segment's data and must not reach beyond it.
    """

    def __init__(
        self, source: ByteSource, *, big_endian: bool = True, base: int = 0, length: int | None = None
    ) -> None:
        self._source = source
        self._order = ">" if big_endian else "<"
        self.big_endian = big_endian
        self.base = base
        available = max(0, source.size_bytes - base)
        self.length = available if length is None else min(length, available)

    def exact(self, offset: int, length: int) -> bytes:
        """Exactly `length` bytes at `offset`; raises TruncatedError."""
        if offset < 0 or length < 0 or offset + length > self.length:
            raise TruncatedError(self.base + offset, length, self.base + self.length)
        data = self._source.read_range(self.base + offset, length)
        if len(data) < length:
            raise TruncatedError(self.base + offset, length, self._source.size_bytes)
        return data

    def some(self, offset: int, length: int) -> bytes:
        """Up to `length` bytes at `offset`; fewer at the end of the window."""
        if offset < 0 or offset >= self.length:
            return b""
        return self._source.read_range(self.base + offset, min(length, self.length - offset))

    def unpack(self, layout: str, offset: int) -> tuple[int, ...]:
        """The integers of a struct layout (without a byte order) at `offset`; raises TruncatedError."""
        packed = struct.Struct(self._order + layout)
        values: tuple[int, ...] = packed.unpack(self.exact(offset, packed.size))
        return values

    def u16(self, offset: int) -> int:
        """An unsigned 16-bit integer."""
        return self.unpack("H", offset)[0]

    def u32(self, offset: int) -> int:
        """An unsigned 32-bit integer."""
        return self.unpack("I", offset)[0]

    def u64(self, offset: int) -> int:
        """An unsigned 64-bit integer."""
        return self.unpack("Q", offset)[0]
