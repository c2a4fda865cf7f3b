"""TIFF, BigTIFF and the raw files with TIFF's structure: every directory of the chain, with all that is inside.

TIFF 6.0 section 2; BigTIFF by Adobe's and LibTIFF's description (64-bit offsets, version 43).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.document import ProblemKind
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.embedded import exif
from extractor_service.formats.reading.reader import Reader

if TYPE_CHECKING:
    from extractor_service.document import Document
    from extractor_service.sources.base import ByteSource


def parse(source: ByteSource, document: Document) -> None:
    """All directories, as groups IFD0, IFD1 …, ExifIFD, GPS and SubIFD."""
    head = Reader(source).some(0, 16)
    kind = "tiff"
    if head[8:10] == b"CR":
        kind = "cr2"
    elif head[2:4] == b"U\0":
        kind = "rw2"
    walk = exif.parse(source, document, 0, source.size_bytes, kind)
    if walk is not None and not walk.directories.first:
        document.problem("exif", ProblemKind.TRUNCATED, "the file ends before its first directory", 4)
    if not document.sections:
        raise CorruptFileError("no directory could be read")
