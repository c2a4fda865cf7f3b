"""TIFF, BigTIFF and the raw files with TIFF's structure: every directory of the chain, with all that is inside.

TIFF 6.0 section 2; BigTIFF by Adobe's and LibTIFF's description (64-bit offsets, version 43).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from extractor_service.document import Field, ProblemKind
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.embedded import exif
from extractor_service.formats.reading.reader import Reader

if TYPE_CHECKING:
    from extractor_service.document import Document
    from extractor_service.sources.base import ByteSource

_KINDS: Final = frozenset({"SubfileType", "OldSubfileType"})
# Full pictures and pages of several (TIFF 6.0, section 8); previews and masks aren't counted.
_WHOLE: Final = frozenset({"SubfileType 0", "SubfileType 2", "OldSubfileType 1", "OldSubfileType 3"})
_PAGE: Final = "SubfileType 2"


def parse(source: ByteSource, document: Document) -> None:
    """All directories, as groups IFD0, IFD1 …, ExifIFD, GPS and SubIFD."""
    head = Reader(source).some(0, 16)
    kind, embedded = "tiff", exif.EMBEDDED
    if head[8:10] == b"CR":
        kind = "cr2"
    elif head[2:4] == b"U\0":
        from extractor_service.formats.containers.photo import jpeg  # noqa: PLC0415
        from extractor_service.formats.embedded import panasonic_raw  # noqa: PLC0415 - tables that others don't need

        kind, embedded = "rw2", panasonic_raw.embedded(jpeg.at)
    walk = exif.parse(source, document, 0, source.size_bytes, kind, embedded=embedded)
    recipe = document.find("makernotes", "VRDOffset")
    if recipe is not None and recipe.value:
        from extractor_service.formats.embedded import trailers  # noqa: PLC0415 - of edited pictures alone

        trailers.parse(source, document)
    if walk is not None and not walk.directories.first:
        document.problem("exif", ProblemKind.TRUNCATED, "the file ends before its first directory", 4)
    pages = [
        f"{field.name} {field.value}" for field in document.sections.get("exif", ()) if field.name in _KINDS
    ]
    whole = sum(each in _WHOLE for each in pages)
    if whole > 1 or _PAGE in pages:
        document.add("file", Field("PageCount", whole))
    if not document.sections:
        raise CorruptFileError("no directory could be read")
