"""Targa pictures: the header and the image's name. Truevision TGA 2.0, C.2."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.document import ByteRange, Field
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.reading.head import head_of
from extractor_service.formats.reading.reader import Reader

if TYPE_CHECKING:
    from extractor_service.document import Document
    from extractor_service.sources.base import ByteSource

_SECTION = "file"
_TGA_TYPES = {1: "Color-mapped", 2: "True-color", 3: "Black-and-white", 9: "RLE color-mapped", 10: "RLE true-color", 11: "RLE black-and-white"}  # fmt: skip


def parse(source: ByteSource, document: Document) -> None:
    """The header of 18 bytes, and the image's name."""
    data = head_of(source, 18)
    kind = data[2]
    if kind not in _TGA_TYPES:
        raise CorruptFileError(f"an image of type {kind}")
    rows = (("ImageType", kind, 2, 1), ("ImageWidth", int.from_bytes(data[12:14], "little"), 12, 2),
            ("ImageHeight", int.from_bytes(data[14:16], "little"), 14, 2), ("BitsPerPixel", data[16], 16, 1))  # fmt: skip
    for name, value, start, length in rows:
        text = _TGA_TYPES[kind] if name == "ImageType" else ""
        document.add(_SECTION, Field(name, value, text, origin=ByteRange(start, length)))
    if data[0]:
        words = Reader(source).some(18, data[0]).rstrip(b"\0").decode("latin-1")
        document.add(_SECTION, Field("Comment", words, origin=ByteRange(18, data[0])))
