"""Names that depend on the raw format: which strips and JPEGs are previews, and which format a TIFF file is.

ExifTool's documentation of tags 0x0111 and 0x0201 (exiftool.org/TagNames/EXIF.html).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from extractor_service.formats.reading import ifd
from extractor_service.formats.reading.reader import TruncatedError
from extractor_service.formats.reading.tagset import Tag

if TYPE_CHECKING:
    from collections.abc import Mapping

_RAW_MAKES: Final = (
    ("NIKON", "nef"),
    ("SONY", "arw"),
    ("PENTAX", "pef"),
    ("RICOH", "pef"),
    ("SAMSUNG", "srw"),
)


def named(name: str) -> Tag:
    """A tag by its name alone."""
    return Tag((name, "int32u", 1, "", None, ""))


_STRIPS: Final = {
    start: {273: named(start), 279: named(start.replace("Start", "Length"))}
    for start in ("PreviewImageStart", "JpgFromRawStart", "OtherImageStart", "PreviewJXLStart")
}
_JPEGS: Final = {
    start: {513: named(start), 514: named(start.replace("Start", "Length"))}
    for start in ("PreviewImageStart", "JpgFromRawStart", "OtherImageStart")
}


def renamed(
    directories: ifd.Directories, kind: str, group: str, entries: list[ifd.Entry]
) -> Mapping[int, Tag]:
    """Where strips or JPEG offsets are previews; ExifTool's documentation of tags 0x0111 and 0x0201."""
    found = {entry.tag: entry for entry in entries if entry.tag in {273, 513, 259, 254}}
    names: dict[int, Tag] = {}
    if 513 in found and kind and group != "IFD1" and not (group == "IFD0" and kind not in {"arw", "sr2"}):
        if group == "IFD0":
            names |= _JPEGS["PreviewImageStart"]
        elif (group == "SubIFD" and kind != "srw") or (kind == "pef" and group == "IFD2"):
            names |= _JPEGS["JpgFromRawStart"]
        elif kind != "srw":
            names |= _JPEGS["OtherImageStart"]
    if 273 in found and kind == "cr2" and group == "IFD0":
        names |= _STRIPS["PreviewImageStart"]
    elif 273 in found and 259 in found:
        compression = _number(directories, found[259])
        subfile = _number(directories, found[254]) if 254 in found else 0
        if compression in {7, 34892} and subfile:
            names |= _STRIPS["JpgFromRawStart" if group == "SubIFD2" else "PreviewImageStart"]
        elif compression == 52546 and subfile:
            names |= _STRIPS["PreviewJXLStart"]
    return names


def kind_of(directories: ifd.Directories, entries: list[ifd.Entry]) -> str:
    """The raw format of a TIFF file, by its version tag or its maker. A plain file is "tiff"."""
    found = {entry.tag: entry for entry in entries}
    if 50706 in found:
        return "dng"
    if 271 not in found or (330 not in found and 513 not in found) or found[271].kind != ifd.ASCII:
        return "tiff"
    try:
        make = str(directories.value(found[271], 64)).upper()
    except TruncatedError:
        return "tiff"
    return next((kind for start, kind in _RAW_MAKES if make.startswith(start)), "tiff")


def _number(directories: ifd.Directories, entry: ifd.Entry) -> int:
    try:
        value = directories.value(entry, 16)
    except (TruncatedError, KeyError):
        return 0
    return value if isinstance(value, int) else 0
