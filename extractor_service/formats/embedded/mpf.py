"""Multi-Picture Format: the pictures beside the first one in a JPEG. CIPA DC-007-2009 section 5."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from extractor_service.document import ByteRange, Field, ProblemKind
from extractor_service.formats.reading import conversions as conv
from extractor_service.formats.reading import fields, ifd
from extractor_service.formats.reading.reader import TruncatedError, layout
from extractor_service.formats.reading.tagset import Conversion, Tag, build, raw_table

if TYPE_CHECKING:
    from extractor_service.document import Document, Value
    from extractor_service.sources.base import ByteSource

_SECTION = "mpf"
_MAX_IMAGES = 100  # of 16 bytes each; cameras write a few, so that a claim of more is cut
_ENTRIES = 45058  # MP Entry, B002.H; CIPA DC-007-2009
_FLAGS = {2: "Representative image", 3: "Dependent child image", 4: "Dependent parent image"}


def _flags_text(value: Value) -> str:
    if not isinstance(value, int):
        return ""
    names = [name for bit, name in _FLAGS.items() if value >> bit & 1]
    return ", ".join(names) or "(none)"


_CONVERSIONS = {"MPFVersion": conv.TEXT, "MPImageFlags": Conversion(None, _flags_text)}


@lru_cache(maxsize=2)
def _table(name: str) -> dict[int | str, Tag]:
    return build(raw_table("containers", f"MPF::{name}"), _CONVERSIONS)


def parse(source: ByteSource, document: Document, base: int, length: int) -> None:
    """Adds the index and attributes of the MPF structure at `base`."""
    try:
        directories = ifd.Directories.at(source, base, length)
        offset, number = directories.first, 0
        while offset and number < 2:
            directory = directories.read(offset)
            for entry in directory.entries:
                _entry(directories, entry, document, source, f"MPF{number}")
            offset, number = directory.next_offset, number + 1
    except (ifd.NotTiffError, TruncatedError) as error:
        document.problem(_SECTION, ProblemKind.DAMAGED, str(error), base)


def _entry(
    directories: ifd.Directories, entry: ifd.Entry, document: Document, source: ByteSource, group: str
) -> None:
    tag = _table("Main").get(entry.tag)
    if entry.kind not in ifd.SIZES:
        return
    base = directories.reader.base
    if entry.tag == _ENTRIES:
        data = directories.reader.exact(entry.offset, min(entry.size_bytes, _MAX_IMAGES * 16))
        _images(data, document, base, source.size_bytes, big_endian=directories.reader.big_endian)
    elif tag is not None and not tag.hidden:
        stored = directories.value(entry, 64 * 1024)
        fields.add(document, _SECTION, group, tag, stored, ByteRange(base + entry.offset, entry.size_bytes))


def _images(data: bytes, document: Document, base: int, size_bytes: int, *, big_endian: bool) -> None:
    form = layout((">" if big_endian else "<") + "IIIHH")
    tags = {tag.name: tag for tag in _table("MPImage").values()}
    for number in range(len(data) // 16):
        attributes, length, offset, first, second = form.unpack_from(data, number * 16)
        group = f"MPImage{number + 1}"
        start = offset + base if offset else 0
        values: dict[str, Value] = {
            "MPImageFlags": attributes >> 27,
            "MPImageFormat": attributes >> 24 & 7,
            "MPImageType": attributes & 0xFFFFFF,
            "MPImageLength": length,
            "MPImageStart": start,
            "DependentImage1EntryNumber": first,
            "DependentImage2EntryNumber": second,
        }
        for name, value in values.items():
            tag = tags[name]
            text = _flags_text(attributes >> 27) if name == "MPImageFlags" else tag.text(value)
            document.add(_SECTION, Field(name, value, text, group=group))
        if start and start + length <= size_bytes:
            fields.add_binary(
                document, _SECTION, group, f"MPImage{number + 1}", length, ByteRange(start, length)
            )
