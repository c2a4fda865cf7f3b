"""Requests as a compact trace for `metaextract cache replay`: one line a hit or a filled miss, without any name."""

from __future__ import annotations

import logging
import os
import time
from typing import TYPE_CHECKING

from blake3 import blake3

if TYPE_CHECKING:
    from pathlib import Path

    from cache_service.entries.entry import Key

_log = logging.getLogger(__name__)
_BUFFER_BYTES = 256 * 1024  # about 6,000 lines; between flushes a request costs no write()
_KEY_BYTES = 8  # 64 bits: of a million keys hardly two are one, and no name can be read
_FLUSH_SECONDS = 1.0  # of the trace are lost at most when the process is killed under load
_MAX_LINE_BYTES = 128  # a line has about 40; a torn one is looked for in the last so many


class TraceWriter:
    """Appends `key,size_bytes,cost_ms` lines to a file, up to a bound; about 40 bytes a request."""

    def __init__(self, path: Path, max_bytes: int) -> None:
        """Continues a trace that is there.

        Raises:
            OSError: the file can't be written.
        """
        _drop_torn_line(path)
        self._file = path.open("ab", buffering=_BUFFER_BYTES)
        self._left_bytes = max_bytes - self._file.tell()
        self._flushed_at = 0.0

    def record(self, key: Key, size_bytes: int, cost_seconds: float) -> None:
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


def _drop_torn_line(path: Path) -> None:
    """Cuts off what a process that died left in the middle of a line."""
    if not path.exists():
        return
    with path.open("rb+") as file:
        end = file.seek(0, os.SEEK_END)
        start = max(0, end - _MAX_LINE_BYTES)
        file.seek(start)
        file.truncate(start + file.read().rfind(b"\n") + 1)
