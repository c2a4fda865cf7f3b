"""Bytes of an open file descriptor, and bytes that are already in memory."""

from __future__ import annotations

import os

from extractor_service.sources.base import SourceError


class DescriptorSource:
    """Reads with `pread`, so that nobody shares a file position. The descriptor stays the caller's."""

    def __init__(self, descriptor: int, size_bytes: int) -> None:
        self._descriptor = descriptor
        self._size_bytes = size_bytes

    @property
    def size_bytes(self) -> int:
        """Size of the whole file when it was opened."""
        return self._size_bytes

    def read_range(self, offset: int, length: int) -> bytes:
        """See `ByteSource.read_range`."""
        if offset < 0 or length < 0:
            raise ValueError(f"negative range: {offset}, {length}")
        length = min(length, self._size_bytes - offset)
        if length <= 0:
            return b""
        try:
            data = os.pread(self._descriptor, length, offset)
            while len(data) < length:  # a signal, a pipe-like file system, or a truncated file
                more = os.pread(self._descriptor, length - len(data), offset + len(data))
                if not more:
                    raise SourceError(f"the file ended at {offset + len(data)}, {self._size_bytes} expected")
                data += more
        except OSError as error:
            raise SourceError(f"reading {length} bytes at {offset}: {error.strerror}") from error
        return data


class BytesSource:
    """A file in memory: small inputs and tests."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    @property
    def size_bytes(self) -> int:
        """Size of the data."""
        return len(self._data)

    def read_range(self, offset: int, length: int) -> bytes:
        """See `ByteSource.read_range`."""
        if offset < 0 or length < 0:
            raise ValueError(f"negative range: {offset}, {length}")
        return self._data[offset : offset + length]
