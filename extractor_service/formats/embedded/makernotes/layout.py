"""How a note's directory lies in a file that software has rewritten: its byte order, and how far its values have moved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from extractor_service.formats.reading import ifd
from extractor_service.formats.reading.reader import TruncatedError

if TYPE_CHECKING:
    from extractor_service.formats.reading.reader import Reader

_MAX_PLAUSIBLE: Final = 500  # entries of a directory


def ordered(reader: Reader, offset: int) -> Reader:
    """The reader in the byte order that makes the count of the directory at `offset` plausible.

    Software that rewrites EXIF in another byte order can't rewrite maker notes.
    """
    count = reader.u16(offset)
    swapped = (count & 0xFF) << 8 | count >> 8
    if count > swapped and count & 0xFF00 and (count > _MAX_PLAUSIBLE or not count & 0xFF) and swapped:
        return reader.view(reader.base, reader.length, big_endian=not reader.big_endian)
    return reader


def displaced(reader: Reader, offset: int, length: int) -> int:
    """How far values lie from where they should: software that rewrites EXIF moves notes without mending them.

    Canon's notes end with where they once stood; else, when values lie outside the note, the first one is taken to follow
    the directory. (What exiftool.org/TagNames/MakerNotes.html calls fixing the base.)
    """
    footer = reader.some(offset + length - 8, 8)
    if footer[:4] in {b"II*\0", b"MM\0*"}:
        original = int.from_bytes(footer[4:], "big" if footer[:1] == b"M" else "little")
        return offset - original if original else 0
    try:
        directory = ifd.Directories(reader).read(offset)
    except TruncatedError:
        return 0
    places = [(entry.offset, entry.size_bytes) for entry in directory.entries if entry.size_bytes > 4]
    if not places:
        return 0
    first, last = min(at for at, _ in places), max(at + size for at, size in places)
    end = offset + length
    if first >= offset and last <= end:
        return 0
    shift = offset + 6 + 12 * len(directory.entries) - first
    return shift if last + shift <= end + 4 and abs(shift) > 4 else 0
