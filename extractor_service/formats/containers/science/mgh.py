"""FreeSurfer's volumes: size, spacing, directions, the scanner's parameters behind the data. surfer.nmr.mgh.harvard.edu, "MghFormat"."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from extractor_service.document import ByteRange, Field, ProblemKind
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.reading import charsets
from extractor_service.formats.reading.damage import Surviving, tolerant
from extractor_service.formats.reading.reader import Reader, layout

if TYPE_CHECKING:
    from extractor_service.document import Document, Value
    from extractor_service.sources.base import ByteSource

SECTION = "mgh"
_HEADER_BYTES = 284  # data begins here
_TYPES = {0: ("uint8", 1), 1: ("int32", 4), 3: ("float32", 4), 4: ("int16", 2), 10: ("uint16", 2)}
_PARAMETERS = (("tr", "ms"), ("flip_angle", "rad"), ("te", "ms"), ("ti", "ms"), ("fov", "mm"))
_OLD_TAGS = {1: 1024, 2: 1024, 20: 8}  # without a length in front, or of 32 bits (tags.h)
_COMMAND_LINE = 3  # TAG_CMDLINE, MghFormat
_MOST_TAGS, _MOST_TEXT_BYTES = 200, 16 * 1024


@tolerant(SECTION)
def parse(source: ByteSource, document: Document) -> None:
    """The header, and what stands behind the data."""
    reader = Reader(source)
    values = header(reader, document)
    with Surviving(document, SECTION, "what stands behind the data"):
        _footer(reader, document, values)


def header(reader: Reader, document: Document) -> int:
    """Adds the header's fields; returns where the data ends."""
    version, *shape, kind, degrees = reader.unpack("7i", 0)
    if version != 1 or min(shape) < 0:
        raise CorruptFileError("no MGH header")

    def put(name: str, value: Value, text: str = "", at: int = 0, size: int = 4) -> None:
        document.add(SECTION, Field(name, value, text, group="Header", origin=ByteRange(at, size)))

    put("version", version)
    put("dims", [*shape], "", 4, 16)
    label, width = _TYPES.get(kind, (f"Unknown ({kind})", 0))
    put("type", kind, label, 20)
    put("dof", degrees, "", 24)
    good = reader.u16(28)
    put("goodRASFlag", good, "", 28, 2)
    if good:  # else the directions are coronal by convention, and these bytes say nothing
        numbers = layout(">15f").unpack(reader.exact(30, 60))
        put("delta", [*numbers[:3]], "", 30, 12)
        put("Mdc", [[*numbers[at : at + 3]] for at in (3, 6, 9)], "", 42, 36)
        put("Pxyz_c", [*numbers[12:15]], "", 78, 12)
    return _HEADER_BYTES + math.prod(shape) * width if width else reader.length


def _footer(reader: Reader, document: Document, at: int) -> None:
    if at > reader.length:
        document.problem(SECTION, ProblemKind.TRUNCATED, f"{at} bytes are stated, {reader.length} are there", at)  # fmt: skip
        return
    for name, unit in _PARAMETERS:
        if at + 4 > reader.length:
            return
        value = layout(">f").unpack(reader.exact(at, 4))[0]
        document.add(SECTION, Field(name, value, unit=unit, group="Footer", origin=ByteRange(at, 4)))
        at += 4
    for _ in range(_MOST_TAGS):
        if at + 4 > reader.length:
            return
        tag = reader.u32(at)
        if not tag:
            return
        if tag in _OLD_TAGS:
            at += 4 + _OLD_TAGS[tag]
            continue
        size = reader.u64(at + 4)
        if tag == _COMMAND_LINE:
            text = charsets.text(reader.exact(at + 12, min(size, _MOST_TEXT_BYTES)).rstrip(b"\0"))
            document.add(SECTION, Field("CommandLine", text, group="Footer", origin=ByteRange(at, 12 + size)))
        at += 12 + size
