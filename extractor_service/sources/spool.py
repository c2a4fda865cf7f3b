"""Uploads on their way in: hashed while they flow, written to an unnamed file, never whole in memory.

All spools together stay within one budget, so that a burst of uploads fills neither disk nor memory.
"""

from __future__ import annotations

import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from blake3 import blake3

from extractor_service.sources.base import BaseInput, base_name
from extractor_service.sources.content import digest_id
from extractor_service.sources.hashing import make_hashers

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_HEAD_BYTES = 64 * 1024  # four times what telling the format needs; kept in memory for each upload
# Rarer calls against page cache of an upload, which stays at a few such steps.
_DROP_EVERY_BYTES = 8 * 1024 * 1024
# Three steps: pages still being written when first dropped get two more tries.
_DROP_WINDOW_BYTES = 24 * 1024 * 1024


class SpoolFullError(Exception):
    """The spool's budget or its disk is used up; a later upload may fit."""


class SpoolBudget:
    """Counts the bytes and the number of all open spools."""

    def __init__(self, max_bytes: int, max_uploads: int = 64) -> None:
        self._max_bytes = max_bytes
        self._max_uploads = max_uploads
        self.used_bytes = 0
        self.uploads = 0

    def open_upload(self) -> None:
        """Takes a place for one upload; raises SpoolFullError when there is none."""
        if self.uploads >= self._max_uploads:
            raise SpoolFullError(f"{self.uploads} uploads are on their way already")
        self.uploads += 1

    def close_upload(self) -> None:
        """Gives the place back."""
        self.uploads -= 1

    def reserve(self, count: int) -> None:
        """Takes `count` bytes; raises SpoolFullError when they aren't left."""
        if self.used_bytes + count > self._max_bytes:
            raise SpoolFullError(f"the upload spool holds {self.used_bytes} of {self._max_bytes} bytes")
        self.used_bytes += count

    def release(self, count: int) -> None:
        """Gives `count` bytes back."""
        self.used_bytes -= count


class SpooledInput(BaseInput):
    """An upload in an unlinked file: it disappears with the process, however that ends."""

    def __init__(
        self, name: str, directory: Path, budget: SpoolBudget, extra_digests: Iterable[str] = ()
    ) -> None:
        """Opens the file.

        Raises:
            SpoolFullError: too many uploads, or the folder can't be written.
        """
        self.name = base_name(name)
        budget.open_upload()
        self._budget = budget
        try:
            self._descriptor = unnamed_file(directory)
        except OSError as error:
            budget.close_upload()
            raise SpoolFullError(f"the upload spool can't be written: {error.strerror}") from error
        self._blake3 = blake3()
        self._extra = make_hashers(extra_digests)
        self._size_bytes = 0
        self._head = b""
        self._content_digest = ""
        # One thread per upload keeps its chunks in order without a lock.
        self.thread = ThreadPoolExecutor(1, "spool")

    def append_all(self, chunks: Iterable[memoryview]) -> None:
        """Several in order; see `append`."""
        for chunk in chunks:
            self.append(chunk)

    def append(self, data: memoryview) -> None:
        """Hashes and writes the next bytes. Blocks; meant for a thread.

        Raises:
            SpoolFullError: budget or disk is full.
        """
        self._budget.reserve(len(data))
        before = self._size_bytes
        self._size_bytes += len(data)
        if len(self._head) < _HEAD_BYTES:
            self._head += bytes(data[: _HEAD_BYTES - len(self._head)])
        self._blake3.update(data)
        for digest in self._extra.values():
            digest.update(data)
        try:
            while data:
                data = data[os.write(self._descriptor, data) :]
        except OSError as error:
            raise SpoolFullError(f"writing to the upload spool: {error.strerror}") from error
        if self._size_bytes // _DROP_EVERY_BYTES > before // _DROP_EVERY_BYTES:
            self._drop_cached_pages()

    def _drop_cached_pages(self) -> None:
        """Starts writing the newest pages back, and drops those that are written.

        So an upload occupies a few MiB of page cache, not its size. On a machine that returns free pages to its
        host, writing 1 GiB into ever new pages took 0.4 to 3 s of CPU, and 0.3 s this way.
        """
        if hasattr(os, "posix_fadvise"):
            start = max(0, self._size_bytes - _DROP_WINDOW_BYTES)
            os.posix_fadvise(self._descriptor, start, self._size_bytes - start, os.POSIX_FADV_DONTNEED)

    def finish(self) -> None:
        """Fixes the digests; call it once after the last byte."""
        self._content_digest = self._blake3.hexdigest()

    @property
    def size_bytes(self) -> int:
        """Bytes appended."""
        return self._size_bytes

    @property
    def head(self) -> bytes:
        """The first 64 KiB."""
        return self._head

    @property
    def content_id(self) -> str:
        """The BLAKE3 digest; valid after `finish`."""
        return digest_id(self._content_digest)

    @property
    def digests(self) -> dict[str, str]:
        """BLAKE3, and what else was asked for; valid after `finish`."""
        return {
            "blake3": self._content_digest,
            **{algorithm: digest.hexdigest() for algorithm, digest in self._extra.items()},
        }

    def descriptor(self) -> int:
        """The unnamed file."""
        return self._descriptor

    def close(self) -> None:
        """Frees disk and budget, in the background: freeing the pages of a gigabyte takes 0.1 s."""
        if self._descriptor >= 0:
            self.thread.submit(os.close, self._descriptor)
            self.thread.shutdown(wait=False)
            self._descriptor = -1
            self._budget.release(self._size_bytes)
            self._budget.close_upload()


def unnamed_file(directory: Path) -> int:
    """A descriptor of a new file that nobody else can open; raises OSError."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.TemporaryFile(dir=directory) as file:
        return os.dup(file.fileno())
