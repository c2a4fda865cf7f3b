"""The interface of stores: what opens a file behind a URI."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extractor_service.sources.spans import Span
    from extractor_service.sources.sparse import SparseFile


class MissingUriError(Exception):
    """There is no such file."""


class RemoteFile:
    """An open file of a store.

    Attributes:
        is_changed: it isn't what was opened any more.
    """

    def __init__(self) -> None:
        self.is_changed = False

    async def fetch(self, spans: Sequence[Span]) -> None:
        """Puts the ranges where they belong; raises SourceError."""
        raise NotImplementedError


class Found(NamedTuple):
    """What is behind a URI."""

    uri: str
    """After redirects."""
    size_bytes: int
    version: str
    """Changes with the content; "" when nothing tells, and so nothing is cached."""
    ranges: RemoteFile


class Store(Protocol):
    """Opens files by URI."""

    async def open(self, uri: str, file: SparseFile) -> Found:
        """The file; raises ForbiddenUriError, MissingUriError or SourceError."""
        ...

    async def close(self) -> None:
        """Closes its connections."""
        ...
