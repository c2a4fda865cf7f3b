"""Requests as a compact trace for `metaextract cache replay`: one line a hit or a filled miss, without any name."""

from __future__ import annotations

import logging
import os
import time
from typing import TYPE_CHECKING

from blake3 import blake3

if TYPE_CHECKING:
    from pathlib import Path

    from cache_service.entry import Key

_log = logging.getLogger(__name__)
_BUFFER_BYTES = 256 * 1024
_KEY_BYTES = 8
_FLUSH_SECONDS = 1.0


class TraceWriter:
    """Appends `key,size_bytes,cost_ms` lines to a file, up to a bound; about 40 bytes a request."""

    def __init__(self, path: Path, max_bytes: int) -> None:
        """Continues a trace that is there.

        Raises:
            OSError: the file can't be written.
        """
        self._file = path.open("ab+", buffering=_BUFFER_BYTES)
        end = self._file.seek(0, os.SEEK_END)
        self._left_bytes = max_bytes - end
        self._flushed_at = 0.0
        if end:
            self._file.seek(end - 1)
            if self._file.read(1) != b"\n":  # the process before died in the middle of a line
                self._file.write(b"\n")

    def note(self, key: Key, size_bytes: int, cost_seconds: float) -> None:
        """Writes a request; a full disk or a full trace ends the writing, not the service."""
        if self._left_bytes <= 0:
            return
        digest = blake3(key.text().encode()).hexdigest(length=_KEY_BYTES)
        line = f"{digest},{size_bytes},{cost_seconds * 1000:.3f}\n".encode()
        self._left_bytes -= len(line)
        try:
            self._file.write(line)
            now = time.monotonic()
            if now - self._flushed_at > _FLUSH_SECONDS:
                self._flushed_at = now
                self._file.flush()
        except OSError:
            _log.exception("the trace can't be written any further")
            self._left_bytes = 0

    def close(self) -> None:
        """Writes what is buffered."""
        try:
            self._file.close()
        except OSError:
            _log.exception("the end of the trace is lost")
