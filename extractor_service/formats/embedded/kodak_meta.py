"""Kodak's "Meta" segment: a TIFF structure with directories of its own. exiftool.org/TagNames/Kodak.html#Meta."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from extractor_service.document import ByteRange, ProblemKind
from extractor_service.formats.embedded.exif_values import commented
from extractor_service.formats.reading import fields, ifd
from extractor_service.formats.reading.reader import TruncatedError
from extractor_service.formats.reading.tagset import Tag, build, raw_table

if TYPE_CHECKING:
    from extractor_service.document import Document
    from extractor_service.sources.base import ByteSource

_SECTION = "meta"
# The table and the group of what a pointer leads to.
_INSIDE = {0xC36E: ("SpecialEffects", "KodakEffectsIFD"), 0xC36F: ("Borders", "KodakBordersIFD")}

_COMMENTED = frozenset({"CameraOwner", "SerialNumber"})  # eight bytes say which characters they are


@lru_cache(maxsize=4)
def _table(name: str) -> dict[int | str, Tag]:
    return build(raw_table("kodak", f"Kodak::{name}"), {})


def parse(source: ByteSource, document: Document, base: int, length: int) -> None:
    """Adds what the structure at `base` says."""
    try:
        directories = ifd.Directories.at(source, base, length)
        _directory(directories, directories.first, "Meta", "MetaIFD", document, dict(_INSIDE))
    except (ifd.NotTiffError, TruncatedError) as error:
        document.problem(_SECTION, ProblemKind.DAMAGED, str(error), base)


def _directory(
    directories: ifd.Directories,
    offset: int,
    table: str,
    group: str,
    document: Document,
    waiting: dict[int, tuple[str, str]],
) -> None:
    """`waiting` is what may still be inside; each of them is followed once."""
    base = directories.reader.base
    for entry in directories.read(offset).entries:
        tag = _table(table).get(entry.tag)
        if entry.kind not in ifd.SIZES:
            continue
        inside = waiting.pop(entry.tag, None)
        if inside is not None:
            pointed = directories.value(entry, 8)
            if isinstance(pointed, int):
                _directory(directories, pointed, *inside, document, {})
        elif tag is not None and not tag.hidden:
            stored, note = directories.value(entry, 64 * 1024), ""
            if tag.name in _COMMENTED:
                stored, note = commented(stored, big_endian=directories.reader.big_endian)
            place = ByteRange(base + entry.offset, entry.size_bytes)
            fields.add(document, _SECTION, group, tag, stored, place, note)
