"""TIFF and BigTIFF files: every directory of the chain, with EXIF, GPS, XMP and ICC inside.

TIFF 6.0 section 2; BigTIFF by Adobe's and LibTIFF's description (64-bit offsets, version 43).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.formats import exif
from extractor_service.formats.base import CorruptFileError

if TYPE_CHECKING:
    from extractor_service.document import Document
    from extractor_service.sources.base import ByteSource


def parse(source: ByteSource, document: Document) -> None:
    """All directories, as groups IFD0, IFD1 …, ExifIFD, GPS and SubIFD."""
    exif.parse(source, document, base=0, length=source.size_bytes)
    if not document.sections:
        raise CorruptFileError("no directory could be read")
