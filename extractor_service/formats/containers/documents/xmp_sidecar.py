"""XMP sidecar files: a packet by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.document import ByteRange
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.embedded import xmp
from extractor_service.formats.reading.reader import Reader

if TYPE_CHECKING:
    from extractor_service.document import Document
    from extractor_service.sources.base import ByteSource

_MAX_BYTES = 8 * 1024 * 1024  # what the parser of packets takes; a larger file is no sidecar


def parse(source: ByteSource, document: Document) -> None:
    """The packet that is the file."""
    size = source.size_bytes
    if size > _MAX_BYTES:
        raise CorruptFileError(f"a sidecar of {size} bytes")
    xmp.parse(Reader(source).exact(0, size), document, ByteRange(0, size))
    if not document.sections:
        raise CorruptFileError(
            document.problems[-1].message if document.problems else "the packet says nothing"
        )
