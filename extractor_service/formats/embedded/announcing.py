"""Foretells which bytes of a TIFF structure will be read, to a source that is far away."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.formats.reading.strides import Stride
from extractor_service.sources.base import will_read

if TYPE_CHECKING:
    from collections.abc import Container

    from extractor_service.formats.reading.ifd import Directory
    from extractor_service.formats.reading.reader import Reader

_DIRECTORY_BYTES = 1024  # bytes asked for unseen: room for 84 entries of 12 bytes
_MOST_BYTES = 64 * 1024  # larger values are blocks or tables, not asked for before they are needed
_MOST_OF_LIST_BYTES = 2048  # longer lists are strip tables and curves: their length says it all


class Announcer:
    """Of one walk; see `walk.Walk`."""

    def __init__(self, reader: Reader, pointers: Container[int]) -> None:
        """`pointers`: tags that lead to directories."""
        self._reader = reader
        self._pointers = pointers
        self._stride = Stride()
        self._shifts: list[tuple[int, int]] = []

    def directory(self, offset: int) -> None:
        """Names where the chain's next directories are likely to be, with values at the places that the last one's had."""
        hints = [
            (self._reader.base + place + shift, length)
            for place in (offset, *self._stride.following(offset))
            for shift, length in ((0, _DIRECTORY_BYTES), *self._shifts)
        ]
        will_read(self._reader.source, hints)

    def values(self, offset: int, directory: Directory, *, is_in_chain: bool) -> None:
        """Names the values that the directory at `offset` keeps elsewhere and that will be read, and what it leads to."""
        reader = self._reader
        places = [
            (entry.offset, min(entry.size_bytes, _MOST_OF_LIST_BYTES))
            for entry in directory.entries
            if not entry.inline and 0 < entry.size_bytes <= _MOST_BYTES
        ]
        if directory.next_offset and is_in_chain:
            self._shifts = [(at - offset, length) for at, length in places]
        pointers = [
            (int.from_bytes(entry.inline[:4], "big" if reader.big_endian else "little"), _DIRECTORY_BYTES)
            for entry in directory.entries
            if entry.tag in self._pointers and entry.count == 1 and entry.inline
        ]
        will_read(reader.source, [(reader.base + at, size) for at, size in (*places, *pointers)])
