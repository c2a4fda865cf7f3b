"""PSD and PSB files of Photoshop, with their image resources and layers.

Adobe Photoshop File Formats Specification (2019), "File Header Section" and "Layer and Mask Information".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.document import Field, ProblemKind
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.embedded import exif, photoshop_layers
from extractor_service.formats.embedded.photoshop import SECTION, resources, table
from extractor_service.formats.reading import binary
from extractor_service.formats.reading.damage import Surviving
from extractor_service.formats.reading.reader import Reader, TruncatedError

if TYPE_CHECKING:
    from extractor_service.document import Document
    from extractor_service.sources.base import ByteSource


def parse(source: ByteSource, document: Document) -> None:
    """A PSD or PSB file: header, resources, layers, and how the picture is compressed."""
    reader = Reader(source)
    with Surviving(document, SECTION, "the file"):
        _read(reader, document)
    if SECTION not in document.sections:
        raise CorruptFileError("the header is cut")


def _read(reader: Reader, document: Document) -> None:
    try:
        is_large = reader.u16(4) == 2
        binary.parse(
            reader.exact(0, 26),
            binary.Layout("int16u", big_endian=True),
            table("Header"),
            binary.Place(document, SECTION, "Photoshop"),
            origin=0,
        )
    except TruncatedError as error:
        raise CorruptFileError("the header is cut") from error
    try:
        offset = 26 + 4 + reader.u32(26)
        length = reader.u32(offset)
        resources(reader.view(offset + 4, length), document, exif.parse_bytes)
        offset += 4 + length
        length = reader.u64(offset) if is_large else reader.u32(offset)
        start = offset + (8 if is_large else 4)
        if length:
            photoshop_layers.layers(reader.view(start, length), document, photoshop_layers.Shape(is_large))
        compression = table("ImageData")[0]
        stored = reader.u16(start + length)
        document.add(SECTION, Field(compression.name, stored, compression.text(stored), group="Photoshop"))
    except TruncatedError as error:
        document.problem(SECTION, ProblemKind.TRUNCATED, str(error), error.offset)
