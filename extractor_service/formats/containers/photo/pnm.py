"""Portable anymaps: size, depth and comments. netpbm's pbm(5), pgm(5), ppm(5), pam(5)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from extractor_service.document import Field
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.reading.reader import Reader

if TYPE_CHECKING:
    from extractor_service.document import Document
    from extractor_service.sources.base import ByteSource

_SECTION = "file"
_PNM_KINDS = {b"P1": "PBM", b"P2": "PGM", b"P3": "PPM", b"P4": "PBM", b"P5": "PGM", b"P6": "PPM"}


def parse(source: ByteSource, document: Document) -> None:
    """Size, depth and comments of a portable anymap."""
    data = Reader(source).some(0, 4096)
    if data[:2] == b"P7":
        _pam(data, document)
        return
    head = re.match(rb"P\d(?:\s*#[^\r\n]*)*", data)
    comments = re.findall(rb"#[ \t]*([^\r\n]*)", head[0]) if head else []
    body = re.sub(rb"#[^\r\n]*[\r\n]+", b" ", data[2:1024])
    numbers = re.match(rb"\s*(\d{1,9})\s+(\d{1,9})(?:\s+(\d{1,9}))?", body)
    if numbers is None:
        raise CorruptFileError("no size")
    document.add(_SECTION, Field("ImageWidth", int(numbers[1]), unit="px"))
    document.add(_SECTION, Field("ImageHeight", int(numbers[2]), unit="px"))
    if _PNM_KINDS.get(data[:2]) not in {None, "PBM"} and numbers[3]:
        document.add(_SECTION, Field("MaxVal", int(numbers[3])))
    for each in comments:
        document.add(_SECTION, Field("Comment", each.decode("latin-1")))


def _pam(data: bytes, document: Document) -> None:
    names = {
        "WIDTH": "ImageWidth",
        "HEIGHT": "ImageHeight",
        "DEPTH": "Depth",
        "MAXVAL": "MaxVal",
        "TUPLTYPE": "TupleType",
    }
    for line in data.split(b"ENDHDR")[0].decode("latin-1").splitlines()[1:]:
        key, _, value = line.strip().partition(" ")
        if key in names and value.strip():
            text = value.strip()
            document.add(_SECTION, Field(names[key], int(text) if text.isdigit() else text))
