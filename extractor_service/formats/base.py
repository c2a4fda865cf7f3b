"""The interface of formats, as data: what a format looks like, and where its parser is.

Parsers are named, not imported: the front process sniffs without ever loading h5py.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, cast

if TYPE_CHECKING:
    from extractor_service.document import Document
    from extractor_service.sources.base import ByteSource


class CorruptFileError(Exception):
    """The format was recognised, but nothing could be read. What can be read in part is a Problem instead."""


class Parser(Protocol):
    """Reads one file into a document."""

    def __call__(self, source: ByteSource, document: Document) -> None:
        """Fills `document`, whose limits it respects; what was added stays, whatever is raised.

        Raises:
            CorruptFileError: nothing could be read.
            LimitExceededError: the document is full.
            SourceError: reading failed for a reason outside the file.
        """
        ...


@dataclass(frozen=True)
class Magic:
    """Bytes that stand at an offset, or up to `within` bytes later; `mask` picks the bits that count."""

    data: bytes
    offset: int = 0
    mask: bytes = b""
    within: int = 0

    def matches(self, head: bytes) -> bool:
        """Whether `head` has them."""
        if self.within:
            return head.find(self.data, self.offset, self.offset + self.within + len(self.data)) >= 0
        found = head[self.offset : self.offset + len(self.data)]
        if len(found) < len(self.data):
            return False
        if not self.mask:
            return found == self.data
        return all(have & bits == want for have, bits, want in zip(found, self.mask, self.data, strict=True))


@dataclass(frozen=True)
class Format:
    """A format with a reader."""

    name: str
    mime_type: str
    extensions: tuple[str, ...]
    magics: tuple[Magic, ...]
    parser: str
    """Where its Parser is, as "package.module:function"."""
    version: str
    """Raised whenever the reader's output changes; part of the cache key."""

    def load(self) -> Parser:
        """The parser; imports what it needs."""
        module, _, function = self.parser.partition(":")
        return cast("Parser", getattr(importlib.import_module(module), function))
