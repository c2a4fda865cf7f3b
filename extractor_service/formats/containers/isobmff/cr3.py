"""Canon CR3: the TIFF structures and the thumbnail in Canon's box. github.com/lclevy/canon_cr3 describes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.document import ByteRange, Field, ProblemKind
from extractor_service.formats.embedded import exif
from extractor_service.formats.embedded.makernotes import registry as makernotes
from extractor_service.formats.embedded.walk import Walk
from extractor_service.formats.reading import boxes, fields, ifd
from extractor_service.formats.reading.reader import Reader, TruncatedError

if TYPE_CHECKING:
    from extractor_service.document import Document

_GROUPS = {b"CMT1": "IFD0", b"CMT2": "ExifIFD", b"CMT4": "GPS"}


def parse(reader: Reader, start: int, end: int, document: Document) -> None:
    """Adds EXIF, GPS and maker notes, which are TIFF structures of their own."""
    make = model = ""
    for box in boxes.walk(reader, start, end):
        kind, offset, length = box
        if kind == b"CNCV":
            text = reader.exact(offset, min(length, 64)).split(b"\0")[0].decode("latin-1")
            document.add(
                "makernotes",
                Field("CompressorVersion", text, group="Canon", origin=ByteRange(offset, length)),
            )
        elif kind in _GROUPS or kind == b"CMT3":
            try:
                directories = ifd.Directories.at(reader.source, offset, length)
            except (ifd.NotTiffError, TruncatedError) as error:
                document.problem("exif", ProblemKind.DAMAGED, f"{kind!r}: {error}", offset)
                continue
            walk = Walk(directories, document, exif.EMBEDDED, "cr3")
            walk.make, walk.model = make, model
            if kind == b"CMT3":
                makernotes.parse(walk, directories.first, length - directories.first)
            else:
                walk.follow(directories.first, _GROUPS[kind])
                make, model = walk.make or make, walk.model or model
        elif kind == b"THMB" and length > 16:
            size = reader.u32(offset + 8)
            fields.add_binary(
                document, "makernotes", "Canon", "ThumbnailImage", size, ByteRange(offset + 16, size)
            )
