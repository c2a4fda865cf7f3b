"""The interface of formats, as data: what a format looks like, and where its parser is.

Parsers are named, not imported: the front process sniffs without ever loading h5py.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, NamedTuple, Protocol, cast

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
        if not self.mask and not self.within:
            return head.startswith(self.data, self.offset)
        if self.within:
            return head.find(self.data, self.offset, self.offset + self.within + len(self.data)) >= 0
        found = head[self.offset : self.offset + len(self.data)]
        # As one number: byte by byte it took a tenth of a short file's time.
        return len(found) == len(self.data) and (
            int.from_bytes(found) & int.from_bytes(self.mask) == int.from_bytes(self.data)
        )


class SizeFields(NamedTuple):
    """Where a format's own section has the size of its picture."""

    section: str
    width: str = "ImageWidth"
    height: str = "ImageHeight"
    group: str | None = None
    """Of both fields; None: any."""


class MemoryNeed(NamedTuple):
    """Bytes that reading one file adds to a worker: a rough guess, until extractions were measured.

    Range readers need the same few MiB whatever the size (`make bench ONLY=large_files`: 0.15 MiB for 5 GB). Through
    libraries, a fresh worker grew by 33 MiB for HDF5 with 2,000 datasets, 21 for DICOM with 3,000 items, 15 for a PDF of
    20 MiB.
    """

    base_bytes: int = 4 * 1024 * 1024
    per_byte: float = 0.0
    """More for each byte of the file."""
    most_bytes: int = 256 * 1024 * 1024
    """Less than a worker may have (METAEXTRACT_PARSE_MEMORY_BYTES)."""

    def bytes_for(self, size_bytes: int) -> int:
        """What a file of `size_bytes` needs."""
        return min(self.most_bytes, self.base_bytes + int(self.per_byte * size_bytes))


RANGE_READER = MemoryNeed()
"""What a parser needs that reads the bytes that matter, and keeps few of them."""


@dataclass(frozen=True)
class Format:
    """A format with a reader, and all that the rest of the service knows of it."""

    name: str
    mime_type: str
    extensions: tuple[str, ...]
    magics: tuple[Magic, ...]
    parser: str
    """Where its Parser is, as "package.module:function"."""
    also: tuple[str, ...] = ()
    """Names of the other types that its reader reads (`identification/families.py`, or the generated table)."""
    is_told_by_name: bool = False
    """Whether a file may be of it by its name alone: text of a kind, or a picture without a magic."""
    version: str = "1"
    """Raised whenever the reader's output changes; part of the cache key."""
    is_headed: bool = False
    """Whether everything is known from the file's beginning: nobody need send its end along with an offer."""
    reads_forward: bool = False
    """Whether its reader never goes back: a stream can be read while it passes."""
    is_preloaded: bool = False
    """Whether its reader is loaded before workers are forked, which share it then; for those that every photograph needs."""
    size_fields: SizeFields | None = None
    """Where it says how large its picture is, beside the sections "file" and "exif"."""
    memory: MemoryNeed = RANGE_READER

    def load(self) -> Parser:
        """The parser; imports what it needs."""
        return _parser(self.parser)


@cache
def _parser(name: str) -> Parser:
    """Remembered: a look-up is a hundredth of what reading a picture takes."""
    module, _, function = name.partition(":")
    return cast("Parser", getattr(importlib.import_module(module), function))
