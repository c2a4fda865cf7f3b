"""Where chunks lie: files of a folder, or memory where there is no folder. Names are given, budgets are kept elsewhere.

A chunk is compressed when a sample of it says that this pays; a byte before it says whether it was.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

import zstandard

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_RAW, _ZSTD = b"\0", b"\1"
_SAMPLE_BYTES = 16 * 1024  # of a chunk's middle: 1/64 of the usual MiB, so media cost little
_MAX_CHUNK_BYTES = 2 * 1024 * 1024  # of chunk.proto; what claims more was damaged, or isn't ours
_PAYING_RATIO = 0.8  # a fifth saved; less isn't worth unpacking it on every read
_KEPT_OPEN = 16  # files; 16 MiB of page cache at 1 MiB each, and time to be written back
_LEVEL = 1  # higher ones cost more than the disk
_per_thread = threading.local()


class ChunkShelf(Protocol):
    """Keeps chunks by name. Blocks; meant for threads."""

    def put(self, name: str, data: bytes) -> int:
        """The bytes that it takes; raises OSError."""
        ...

    def get(self, name: str) -> bytes | None:
        """The chunk; None when it isn't there or can't be read."""
        ...

    def delete(self, name: str) -> None:
        """Removes it, if it is there."""
        ...

    def names(self) -> Iterator[str]:
        """All that are there."""
        ...

    def close(self) -> None:
        """Frees what it holds open."""
        ...


class FolderShelf:
    """A file a chunk, in 256 folders. `write()` has returned before `put` does, so a chunk survives this process."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._lock = threading.Lock()
        self._written: deque[int] = deque()
        for number in range(256):
            (directory / f"{number:02x}").mkdir(parents=True, exist_ok=True, mode=0o700)

    def put(self, name: str, data: bytes) -> int:
        """See `ChunkShelf.put`. Whoever reads it before it is whole finds that its content isn't its name."""
        parts = encode(data)
        descriptor = os.open(self._path(name), os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            total = sum(map(len, parts))
            written = os.writev(descriptor, parts)
            if written < total:
                rest = memoryview(b"".join(parts))[written:]
                while rest:
                    rest = rest[os.write(descriptor, rest) :]
        except BaseException:
            os.close(descriptor)
            raise
        self._let_go(descriptor)
        return total

    def get(self, name: str) -> bytes | None:
        """See `ChunkShelf.get`."""
        try:
            with open(self._path(name), "rb", buffering=0) as file:  # noqa: PTH123 - Path.open costs twice as much
                return decode(file.read())
        except (OSError, zstandard.ZstdError):
            return None

    def delete(self, name: str) -> None:
        """See `ChunkShelf.delete`."""
        with suppress(OSError):
            os.unlink(self._path(name))  # noqa: PTH108 - as above

    def names(self) -> Iterator[str]:
        """See `ChunkShelf.names`."""
        for number in range(256):
            with suppress(OSError):
                yield from os.listdir(self._directory / f"{number:02x}")  # noqa: PTH208

    def close(self) -> None:
        """Closes the files that were written last."""
        with self._lock:
            while self._written:
                os.close(self._written.popleft())

    def _let_go(self, descriptor: int) -> None:
        """Starts writing the file back, drops the pages of one written a while ago, and closes that.

        So uploads occupy a few MiB of page cache, not all of it. On a machine that returns free pages to its host, writing
        into ever new pages took 1 to 2 ms a MiB, and 0.25 ms this way.
        """
        if not hasattr(os, "posix_fadvise"):
            os.close(descriptor)
            return
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        with self._lock:
            self._written.append(descriptor)
            oldest = self._written.popleft() if len(self._written) > _KEPT_OPEN else -1
        if oldest >= 0:
            os.posix_fadvise(oldest, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(oldest)

    def _path(self, name: str) -> str:
        return f"{self._directory}/{name[:2]}/{name}"


class MemoryShelf:
    """Chunks in memory, for a cache without a folder; they end with it."""

    def __init__(self) -> None:
        self._chunks: dict[str, bytes] = {}

    def put(self, name: str, data: bytes) -> int:
        """See `ChunkShelf.put`."""
        self._chunks[name] = stored = b"".join(encode(data))
        return len(stored)

    def get(self, name: str) -> bytes | None:
        """See `ChunkShelf.get`."""
        stored = self._chunks.get(name)
        return None if stored is None else decode(stored)

    def delete(self, name: str) -> None:
        """See `ChunkShelf.delete`."""
        self._chunks.pop(name, None)

    def names(self) -> Iterator[str]:
        """See `ChunkShelf.names`."""
        yield from list(self._chunks)

    def close(self) -> None:
        """Nothing to free."""


def encode(data: bytes) -> list[bytes]:
    """The parts of a chunk as it is stored."""
    view = memoryview(data)
    middle = max(0, (len(data) - _SAMPLE_BYTES) // 2)
    sample = view[middle : middle + _SAMPLE_BYTES]
    compressor: zstandard.ZstdCompressor | None = getattr(_per_thread, "compressor", None)
    if compressor is None:  # making one takes as long as writing the chunk
        compressor = _per_thread.compressor = zstandard.ZstdCompressor(level=_LEVEL)
    if len(compressor.compress(sample)) < _PAYING_RATIO * len(sample):
        packed = compressor.compress(data)
        if len(packed) < _PAYING_RATIO * len(data):
            return [_ZSTD, packed]
    return [_RAW, data]


def decode(stored: bytes) -> bytes | None:
    """The chunk; None for nonsense.

    Raises:
        ZstdError: it is damaged.
    """
    kind, data = stored[:1], stored[1:]
    if kind == _ZSTD:
        if zstandard.get_frame_parameters(data).content_size > _MAX_CHUNK_BYTES:
            return None  # ours say their size, and are smaller
        return zstandard.ZstdDecompressor().decompress(data)
    return data if kind == _RAW else None
