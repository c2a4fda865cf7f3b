"""Which files a name stands for: one walker for folders, globs, the Python API and the server's batches.

Folders are entered by descriptor, never through a link, and each once, so that links and mounts in circles end. What can't
be entered is found as an error, not passed over.
"""

from __future__ import annotations

import errno
import fnmatch
import glob
import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_MAX_DEPTH = 100  # folders in folders, each with an open descriptor; what lies deeper is an error
_FOLDER_FLAGS = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0)
_INNER_FLAGS = _FOLDER_FLAGS | getattr(os, "O_NOFOLLOW", 0)


class Found(NamedTuple):
    """A regular file, or what can't be looked into."""

    path: str
    """Within the folder, with slashes; bytes that aren't UTF-8 as Python's surrogates."""
    error: OSError | None = None


class NamedFile(NamedTuple):
    """A file that a user's words name, or why it isn't there."""

    path: Path
    error: OSError | None = None


def walk(folder: int, *, has_hidden: bool, has_links: bool, max_depth: int = _MAX_DEPTH) -> Iterator[Found]:
    """The regular files beneath an open folder, in the order of names; `folder` stays the caller's descriptor.

    `has_hidden`: also names that begin with a dot; `has_links`: also links to regular files, never those to folders.
    """
    yield from _walk(folder, "", [], has_hidden=has_hidden, has_links=has_links, max_depth=max_depth)


def _walk(
    folder: int,
    inside: str,
    above: list[tuple[int, int]],
    *,
    has_hidden: bool,
    has_links: bool,
    max_depth: int,
) -> Iterator[Found]:
    status = os.fstat(folder)
    identity = (status.st_dev, status.st_ino)
    if identity in above:  # a mount of a folder within itself
        return
    try:
        with os.scandir(folder) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        yield Found(inside.rstrip("/"), error)
        return
    for entry in found:
        path = inside + entry.name
        if not has_hidden and entry.name.startswith("."):
            continue
        try:
            if entry.is_file(follow_symlinks=has_links):
                yield Found(path)
                continue
            if not entry.is_dir(follow_symlinks=False) or len(above) + 1 >= max_depth:
                if entry.is_dir(follow_symlinks=False) and max_depth == _MAX_DEPTH:
                    yield Found(path, OSError(errno.ELOOP, "folders are nested too deeply"))
                continue
            inner = os.open(entry.name, _INNER_FLAGS, dir_fd=folder)
        except OSError as error:
            yield Found(path, error)
            continue
        try:
            yield from _walk(
                inner,
                path + "/",
                [*above, identity],
                has_hidden=has_hidden,
                has_links=has_links,
                max_depth=max_depth,
            )
        finally:
            os.close(inner)


def named_files(names: Sequence[str]) -> Iterator[NamedFile]:
    """The files that `names` stand for, in order, each once. A name is a file, a folder for all in it, or a glob.

    In a glob `**` stands for any folders, as deep as they are; `*` doesn't match a leading dot.
    """
    seen: set[str] = set()
    for name in names:
        for each in _named(name):
            key = os.fspath(each.path)
            if key not in seen:
                seen.add(key)
                yield each


def _named(name: str) -> Iterator[NamedFile]:
    path = Path(name)
    if path.is_dir():
        yield from _beneath(path, has_hidden=True, max_depth=_MAX_DEPTH)
    elif os.path.lexists(name) or not glob.has_magic(name):
        yield NamedFile(path)
    else:
        parts = path.parts
        plain = next(number for number, part in enumerate(parts) if glob.has_magic(part))
        base, pattern = Path(*parts[:plain]), parts[plain:]
        depth = _MAX_DEPTH if "**" in pattern else len(pattern)
        is_hidden = any(part.startswith(".") for part in pattern)
        if base.is_dir():
            for each in _beneath(base, has_hidden=is_hidden, max_depth=depth):
                if each.error is not None or _matches(each.path.relative_to(base).parts, pattern):
                    yield each


def _beneath(base: Path, *, has_hidden: bool, max_depth: int) -> Iterator[NamedFile]:
    try:
        folder = os.open(base, _FOLDER_FLAGS)
    except OSError as error:
        yield NamedFile(base, error)
        return
    try:
        for found in walk(folder, has_hidden=has_hidden, has_links=True, max_depth=max_depth):
            yield NamedFile(base / found.path, found.error)
    finally:
        os.close(folder)


def _matches(parts: Sequence[str], pattern: Sequence[str]) -> bool:
    if not pattern:
        return not parts
    first, rest = pattern[0], pattern[1:]
    if first == "**" and _matches(parts, rest):
        return True
    if not parts or (parts[0].startswith(".") and not first.startswith(".")):
        return False
    if first == "**":
        return _matches(parts[1:], pattern)
    return fnmatch.fnmatchcase(parts[0], first) and _matches(parts[1:], rest)
