"""Opens what the chunk store stands on; what is damaged is set aside, and begun anew."""

from __future__ import annotations

import contextlib
import logging
import secrets
import sqlite3
from typing import TYPE_CHECKING

from cache_service.chunks.index import ChunkIndex
from cache_service.chunks.shelf import FolderShelf, MemoryShelf

if TYPE_CHECKING:
    from pathlib import Path

    from cache_service.chunks.shelf import ChunkShelf

_log = logging.getLogger(__name__)
_NAME_FILE = "replica"


def open_chunks(directory: Path | None) -> tuple[ChunkIndex, ChunkShelf]:
    """Index and shelf beneath `directory`; in memory without one.

    Raises:
        OSError: the folder can't be used.
    """
    if directory is None:
        return ChunkIndex(None), MemoryShelf()
    folder = directory / "chunks"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / "index.sqlite"
    shelf = FolderShelf(folder / "data")
    try:
        return ChunkIndex(path), shelf
    except sqlite3.DatabaseError as error:
        _log.warning("the chunk index is damaged and set aside", extra={"error": str(error)})
        for suffix in ("", "-wal", "-shm"):
            with contextlib.suppress(FileNotFoundError):
                path.with_name(path.name + suffix).rename(path.with_name(f"{path.name}{suffix}.damaged"))
        return ChunkIndex(path), shelf


def stored_name(directory: Path | None) -> str:
    """The replica's own name, the same after a restart: uploads are named by it."""
    if directory is None:
        return secrets.token_hex(4)
    path = directory / _NAME_FILE
    try:
        name = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        name = ""
    if not name:
        name = secrets.token_hex(4)
        path.write_text(name, encoding="ascii")
    return name
