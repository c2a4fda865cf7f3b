"""Identities of content: a digest where the server has seen every byte, else a version of the source.

Never a sampled hash, never name, size and time alone: the system that this one replaces returned one file's
metadata for another that way.
"""

from __future__ import annotations

import functools
import socket
from pathlib import Path
from typing import TYPE_CHECKING

from blake3 import blake3

if TYPE_CHECKING:
    import os
    from typing import Any

# Within the granularity of file system clocks two different contents may have the same times.
SETTLE_SECONDS = 2.0


def digest_id(hex_digest: str) -> str:
    """The content id of bytes whose BLAKE3 digest is `hex_digest`."""
    return f"b3:{hex_digest}"


def hash_bytes(data: bytes) -> str:
    """BLAKE3 of `data`, lower-case hexadecimal."""
    return str(blake3(data).hexdigest())


def version_id(canonical_uri: str, status: os.stat_result) -> str:
    """The content id of a file that isn't read whole: everything that changes when its content does."""
    parts = (
        canonical_uri,
        host_id(),
        status.st_dev,
        status.st_ino,
        status.st_size,
        status.st_mtime_ns,
        status.st_ctime_ns,
    )
    return f"v1:{blake3(repr(parts).encode()).hexdigest()}"


def is_settled(status: os.stat_result, now: float) -> bool:
    """Whether the last change lies far enough back for its times to tell contents apart."""
    return now - max(status.st_mtime, status.st_ctime) >= SETTLE_SECONDS


def same_version(before: os.stat_result, after: os.stat_result) -> bool:
    """Whether nothing that a change of content would change has changed."""
    return _facts(before) == _facts(after)


def _facts(status: os.stat_result) -> tuple[Any, ...]:
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


@functools.cache
def host_id() -> str:
    """This machine, so that equal inode numbers of two machines aren't mistaken for the same file."""
    try:
        return Path("/etc/machine-id").read_text(encoding="ascii").strip() or socket.gethostname()
    except OSError:
        return socket.gethostname()
