"""Files of this machine, as the clients open them."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

SMALL_FILE_BYTES = 64 * 1024
"""Up to here a file travels in one message; larger ones by a session. A session's two messages more cost about as much as
64 KiB (measured). The server's plans say INLINE by the same rule."""
_DESCRIPTORS = ("/dev/fd/", "/dev/stdin", "/proc/self/fd/")


def open_file(path: str | Path) -> BinaryIO:
    """The open file, which must be a regular one, or a descriptor of ours such as `/dev/stdin`.

    Raises:
        OSError: it can't be read, or is a folder, a named pipe, a socket or a device: opening one might wait for ever.
    """
    status = os.stat(path)  # noqa: PTH116 - names that are no text, too
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(status.st_mode) and not os.fspath(path).startswith(_DESCRIPTORS):
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return Path(path).open("rb", buffering=0)


def known_size(descriptor: int) -> int | None:
    """The size of a regular file; None for a pipe, whose end nobody knows before."""
    status = os.fstat(descriptor)
    return status.st_size if stat.S_ISREG(status.st_mode) else None
