"""FlashPix streams in JPEG's APP2 (in APP4 of some of HP's cameras): a list of contents, then the streams in parts.

EXIF 2.32 (JEITA CP-3451X) section 4.7.3; FlashPix format specification 1.0.1 (property sets and their tables), whose names
exiftool.org/TagNames/FlashPix.html has. Streams are read by ranges over the segments that hold them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from extractor_service.document import ByteRange, ProblemKind
from extractor_service.formats.containers.ole import property_set
from extractor_service.formats.reading import fields
from extractor_service.formats.reading.damage import Surviving
from extractor_service.formats.reading.table import Table
from extractor_service.sources.pieces import PiecedSource

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extractor_service.document import Document
    from extractor_service.formats.reading.reader import Reader

SECTION, _GROUP = property_set.SECTION, property_set.GROUP
_CONTENTS, _STREAM = 1, 2  # kinds of segments
_STORAGE = 0xFFFFFFFF  # instead of a size: a folder, followed by its class
_MAX_ENTRIES = 512  # of the list; cameras have two to ten
_MAX_NAME_BYTES = 512  # of one name
_MAX_SET_BYTES = 256 * 1024  # of a property set
_MAX_SEARCHED_BYTES = 2048  # of a stream, for the picture that begins in it
_HEAD_BYTES = 28  # of streams that aren't property sets
_NUMBERED = re.compile(r"(.+?)(?: \d{6}|_[0-9a-f]{16})")
_FUJI_INDEX, _FUJI_HEAD_BYTES = 512, 47  # a preview without a list


_SUBIMAGE = Table("documents/FlashPix::SubimageHdr", SECTION, _GROUP, unit="int32u")
_BINARY = {"\5Screen Nail": "ScreenNail", "Audio Stream": "AudioStream"}


@dataclass
class _Entry:
    """One stream of the list, and where its parts lie."""

    name: str
    size: int
    pieces: list[tuple[int, int]] = field(default_factory=list)
    held: int = 0
    is_broken: bool = False

    def add(self, place: int, length: int, begin: int) -> bool:
        """One part, of the stream's bytes from `begin` on; False for the first that doesn't join, behind which none counts."""
        if self.is_broken:
            return True
        skipped = self.held - begin
        self.is_broken = skipped < 0
        if 0 <= skipped < length:
            self.pieces.append((place + skipped, length - skipped))
            self.held += length - skipped
        return not self.is_broken


def parse(reader: Reader, segments: Sequence[tuple[int, int]], document: Document) -> None:
    """Adds what the streams say whose parts lie in `segments`, each an offset and a length within `reader`'s window."""
    entries: list[_Entry] = []
    fuji: list[tuple[int, int]] = []
    with Surviving(document, SECTION, "FlashPix segments"):
        for offset, length in segments:
            kind = reader.u8(offset + 6)
            if kind == _CONTENTS:
                entries = _contents(reader.exact(offset, length), document, reader.base + offset)
            elif kind == _STREAM and length > 13:
                index, place = int.from_bytes(reader.exact(offset + 7, 2)), reader.base + offset
                if index < len(entries):
                    begin = int.from_bytes(reader.exact(offset + 9, 4))
                    if not entries[index].add(place + 13, length - 13, begin):
                        message = f"{entries[index].name[:40]!r} lacks a part before {begin}"
                        document.problem(SECTION, ProblemKind.TRUNCATED, message, place)
                elif index == _FUJI_INDEX and length > 13 + _FUJI_HEAD_BYTES:
                    fuji.append((place + 13 + _FUJI_HEAD_BYTES, length - 13 - _FUJI_HEAD_BYTES))
    for entry in entries:
        if entry.pieces and entry.size != _STORAGE:
            with Surviving(document, SECTION, repr(entry.name[:40]), entry.pieces[0][0]):
                _stream(reader, entry, document)
    if fuji:
        _picture(PiecedSource(reader.source, fuji), 0, document)


def _contents(data: bytes, document: Document, at: int) -> list[_Entry]:
    """Sizes and names of the streams, in the order that parts go by."""
    count, offset, entries = int.from_bytes(data[7:9]), 9, []
    for _ in range(min(count, _MAX_ENTRIES)):
        size = int.from_bytes(data[offset : offset + 4])
        offset += 5  # and what bytes are that no part has
        stop = _name_end(data, offset)
        if stop < 0:
            document.problem(
                SECTION, ProblemKind.TRUNCATED, f"the list of {count} streams is cut", at + offset
            )
            break
        name = data[offset:stop].decode("utf-16-le", "replace").rpartition("/")[2]
        offset = stop + 2 + (16 if size == _STORAGE else 0)
        entries.append(_Entry(name, size))
    return entries


def _name_end(data: bytes, offset: int) -> int:
    """Where the NUL of two bytes stands that ends a name; -1 without one."""
    for place in range(offset, min(len(data) - 1, offset + _MAX_NAME_BYTES), 2):
        if data[place] == data[place + 1] == 0:
            return place
    return -1


def _stream(reader: Reader, entry: _Entry, document: Document) -> None:
    source = PiecedSource(reader.source, entry.pieces)
    size = min(source.size_bytes, entry.size)
    numbered = _NUMBERED.fullmatch(entry.name)
    name = entry.name if entry.name in property_set.SETS or numbered is None else numbered[1]
    described = property_set.SETS.get(name)
    if described is not None:
        if size > _MAX_SET_BYTES:
            document.problem(
                SECTION, ProblemKind.LIMIT, f"a property set of {size} bytes", entry.pieces[0][0]
            )
            return
        document.spend(size)
        property_set.read(source.read_range(0, size), document, described, _GROUP, source.place_of(0, size))
    elif name in _BINARY and size > _HEAD_BYTES:
        length = size - _HEAD_BYTES
        at = source.place_of(_HEAD_BYTES, length)
        place = None if at is None else ByteRange(at, length)
        fields.add_binary(document, SECTION, _GROUP, _BINARY[name], length, place)
        if name.endswith("Nail"):
            _picture(source, _HEAD_BYTES, document, size)
    elif name == "Subimage 0000 Header":
        _SUBIMAGE.block(document, source.read_range(_HEAD_BYTES, 64), source.place_of(_HEAD_BYTES, 36))
    elif name == "ICC Profile 0001" and size <= _MAX_SET_BYTES:
        from extractor_service.formats.embedded import icc  # noqa: PLC0415 - rare

        icc.parse(
            source.read_range(_HEAD_BYTES, size), document, source.place_of(_HEAD_BYTES, size - _HEAD_BYTES)
        )


def _picture(source: PiecedSource, start: int, document: Document, size: int | None = None) -> None:
    """The JPEG that begins near `start`."""
    size = source.size_bytes if size is None else size
    found = source.read_range(start, _MAX_SEARCHED_BYTES).find(b"\xff\xd8\xff")
    if found >= 0:
        offset = start + found
        at = source.place_of(offset, size - offset)
        place = None if at is None else ByteRange(at, size - offset)
        fields.add_binary(document, SECTION, _GROUP, "PreviewImage", size - offset, place)
