"""A source as a file object, for libraries that want one (h5py, pydicom, pikepdf)."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

    from extractor_service.sources.base import ByteSource


_SMALL_BYTES = 65536  # below it, room is nothing


class SourceFile(io.RawIOBase):
    """Read-only and seekable; keeps nothing but a position."""

    def __init__(self, source: ByteSource) -> None:
        self._source = source
        self._position = 0

    def readable(self) -> bool:
        """True."""
        return True

    def seekable(self) -> bool:
        """True."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """The new position, which may lie beyond the end."""
        # qpdf seeks a thousand times in a small file.
        if whence == os.SEEK_CUR:
            offset += self._position
        elif whence == os.SEEK_END:
            offset += self._source.size_bytes
        if offset < 0:
            raise ValueError(f"negative seek position {offset}")
        self._position = offset
        return offset

    def tell(self) -> int:
        """The position."""
        return self._position

    def read(self, size: int | None = -1, /) -> bytes:
        """Up to `size` bytes; all that is left without one."""
        if size is None or size < 0:
            size = max(0, self._source.size_bytes - self._position)
        data = self._source.read_range(self._position, size)
        self._position += len(data)
        return data

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """The number of bytes put into `buffer`."""
        view = memoryview(buffer).cast("B")
        data = self.read(len(view))
        view[: len(data)] = data
        return len(data)


class BoundedFile(io.BufferedReader):
    """A source as a buffered file for libraries that believe lengths: what is asked for beyond the end makes no room for itself."""

    def __init__(self, source: ByteSource) -> None:
        super().__init__(SourceFile(source))
        self._size_bytes = source.size_bytes

    def read(self, size: int | None = -1, /) -> bytes:
        """Up to `size` bytes; all that is left without one."""
        if size is not None and size > _SMALL_BYTES:
            size = min(size, max(0, self._size_bytes - self.tell()))
        return super().read(size)
