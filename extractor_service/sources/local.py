"""Files of this machine, by `file://` URI, beneath roots that the operator allows. None by default.

The path is walked component by component with O_NOFOLLOW from the root's own descriptor, so that no symbolic
link is followed, whenever it is put there; the checks are made on the descriptor that is then read.
"""

from __future__ import annotations

import contextlib
import os
import stat
import time
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit

from extractor_service.sources import cached_open
from extractor_service.sources.base import BaseInput, base_name, sayable
from extractor_service.sources.content import is_settled, same_version, version_id

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_HEAD_BYTES = 16 * 1024  # what telling the format needs; read with the opening, in one thread hop
_DIRECTORY_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# O_NONBLOCK: opening a FIFO must not wait for a writer before the kind of file is checked.
_FILE_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class LocalFileError(Exception):
    """The URI can't be served."""


class InvalidUriError(LocalFileError):
    """The URI isn't an absolute, local `file://` URI."""


class ForbiddenFileError(LocalFileError):
    """The file lies outside every root, behind a link, isn't regular, or may not be read."""


class MissingFileError(LocalFileError):
    """There is no such file."""


class LocalInput(BaseInput):
    """An open regular file, identified by its version. Open it with :func:`open_local`."""

    def __init__(self, descriptor: int, opened: os.stat_result, head: bytes, canonical_uri: str) -> None:
        """`opened`: the descriptor's status; `head`: its first bytes."""
        self._descriptor = descriptor
        self._opened = opened
        self.name = base_name(canonical_uri)
        self.source = canonical_uri
        self.content_id = version_id(canonical_uri, self._opened)
        self.may_be_cached = is_settled(self._opened, time.time())
        self.head = head
        self.digests: dict[str, str] = {}

    @property
    def size_bytes(self) -> int:
        """Size when it was opened."""
        return self._opened.st_size

    def descriptor(self) -> int:
        """The open file."""
        return self._descriptor

    def has_changed(self) -> bool:
        """Whether size, times or identity differ from those at opening."""
        return not same_version(self._opened, os.fstat(self._descriptor))

    def close(self) -> None:
        """Closes the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def open_local(uri: str, roots: Sequence[Path]) -> LocalInput:
    """The file that `uri` names. Blocks on the file system; meant for a thread.

    Raises:
        InvalidUriError, ForbiddenFileError, MissingFileError: see there.
    """
    return _open_beneath(*_placed(uri, roots))


def open_at_hand(uri: str, roots: Sequence[Path]) -> LocalInput | None:
    """The same where the kernel has all of it in memory, so that nobody waits; None: ask `open_local`, which also says what is wrong.

    Raises:
        InvalidUriError, ForbiddenFileError: see there.
    """
    root, parts = _placed(uri, roots)
    descriptor = cached_open.open_beneath(root.as_posix(), "/".join(parts), _FILE_FLAGS)
    if descriptor is None:
        return None
    result = None
    try:
        opened = os.fstat(descriptor)
        if stat.S_ISREG(opened.st_mode):
            head = cached_open.read_at_hand(descriptor, _HEAD_BYTES, opened.st_size)
            if head is not None:
                os.set_blocking(descriptor, True)
                result = LocalInput(descriptor, opened, head, _canonical(root, parts))
    finally:
        if result is None:
            os.close(descriptor)
    return result


def _placed(uri: str, roots: Sequence[Path]) -> tuple[Path, list[str]]:
    """The root that `uri` lies beneath, and its path from there."""
    parts = [part for part in _path_of(uri).split("/") if part]
    for root in roots:
        root_parts = [part for part in root.as_posix().split("/") if part]
        if parts[: len(root_parts)] == root_parts and len(parts) > len(root_parts):
            return root, parts[len(root_parts) :]
    raise ForbiddenFileError("the file lies outside the roots that this server may read")


def open_folder(uri: str, roots: Sequence[Path]) -> tuple[int, str]:
    """An open descriptor of the folder that `uri` names, which the caller closes, and its path. Blocks on the file system.

    Raises:
        InvalidUriError, ForbiddenFileError, MissingFileError: see there.
    """
    parts = [part for part in _path_of(uri).split("/") if part]
    for root in roots:
        root_parts = [part for part in root.as_posix().split("/") if part]
        if parts[: len(root_parts)] == root_parts:
            with _opening():
                return _open_folder(root, parts[len(root_parts) :]), "/".join(["", *parts])
    raise ForbiddenFileError("the folder lies outside the roots that this server may read")


def uri_of(path: str) -> str:
    """The URI of an absolute path, which may have any bytes."""
    return "file://" + quote(os.fsencode(path))


@contextlib.contextmanager
def _opening() -> Iterator[None]:
    """The system's errors as ours."""
    try:
        yield
    except FileNotFoundError as error:
        raise MissingFileError("there is no such file or folder") from error
    except OSError as error:  # ELOOP: a symbolic link; ENOTDIR: one in place of a folder; EACCES; ENXIO
        raise ForbiddenFileError(f"can't be opened: {error.strerror}") from error


def _open_folder(root: Path, parts: list[str]) -> int:
    """A descriptor of the folder `parts` beneath `root`, reached without following any link; raises OSError."""
    directory = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in parts:
            inner = os.open(part, _DIRECTORY_FLAGS, dir_fd=directory)
            os.close(directory)
            directory = inner
    except BaseException:
        os.close(directory)
        raise
    return directory


def _path_of(uri: str) -> str:
    try:
        split = urlsplit(uri)
        path = unquote(split.path, errors="surrogateescape")
    except ValueError as error:
        raise InvalidUriError(f"not a valid URI: {error}") from None
    if split.scheme != "file" or split.netloc not in {"", "localhost"} or split.query or split.fragment:
        raise InvalidUriError("expected file:///absolute/path")
    if not path.startswith("/") or "\0" in path:
        raise InvalidUriError("expected an absolute path without NUL")
    if any(part in {".", ".."} for part in path.split("/")):
        raise InvalidUriError("'.' and '..' aren't resolved; name the file itself")
    return path


def _canonical(root: Path, parts: list[str]) -> str:
    return sayable("file://" + "/".join([root.as_posix().rstrip("/"), *parts]))


def _open_beneath(root: Path, parts: list[str]) -> LocalInput:
    descriptor = -1
    try:
        with _opening():
            directory = _open_folder(root, parts[:-1])
            try:
                descriptor = os.open(parts[-1], _FILE_FLAGS, dir_fd=directory)
            finally:
                os.close(directory)
            opened = os.fstat(descriptor)
            if not stat.S_ISREG(opened.st_mode):
                raise ForbiddenFileError("not a regular file")
            os.set_blocking(descriptor, True)
            head = os.pread(descriptor, _HEAD_BYTES, 0)
            result = LocalInput(descriptor, opened, head, _canonical(root, parts))
            descriptor = -1
    finally:
        if descriptor >= 0:
            os.close(descriptor)
    return result
