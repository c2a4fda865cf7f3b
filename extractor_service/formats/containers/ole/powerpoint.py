"""PowerPoint 97 to 2003: size, slides and macros out of the document container. Microsoft, MS-PPT 2.4, 2.3.2."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.document import Field, ProblemKind
from extractor_service.formats.containers.ole.property_set import SECTION as PROPERTIES
from extractor_service.formats.reading.reader import Reader

if TYPE_CHECKING:
    from collections.abc import Iterator

    from extractor_service.document import Document, Value
    from extractor_service.formats.containers.ole.compound import CompoundFile, Stream

SECTION = "ole"
_MOST_RECORDS = 20_000  # at the top, and in the document container
_DOCUMENT, _ATOM, _LIST, _VBA, _VBA_ATOM, _SLIDE = 1000, 1001, 2000, 1023, 1024, 1006
_ENCRYPTED = 0xF3D1C4DF  # of the current user's atom (2.3.2)
_UNITS_PER_CM = 576 / 2.54  # master units: 576 an inch (MS-PPT specification, 2.2.4)


def read(file: CompoundFile, stream: Stream, document: Document) -> None:
    """Adds who saved it last, the size of slides, how many there are, and whether there are macros."""

    def add(name: str, value: Value, unit: str = "") -> None:
        document.add(SECTION, Field(name, value, unit=unit, group="PowerPoint"))

    if _user(file, document):
        add("Encryption", "yes")
        document.problem(SECTION, ProblemKind.UNSUPPORTED, "the presentation needs a password")
        return
    reader = Reader(stream, big_endian=False)
    slides, has_macros, size = 0, False, None
    for kind, at, length in _records(reader, 0, reader.length):
        if kind == _SLIDE:
            slides += 1
        elif kind == _DOCUMENT:
            for inner, place, inner_length in _records(reader, at, at + length):
                if inner == _ATOM and size is None:
                    size = reader.unpack("II", place)
                elif inner == _LIST:
                    has_macros |= _has_macros(reader, place, inner_length)
    if size is not None:
        for name, value in zip(("SlideWidth", "SlideHeight"), size, strict=True):
            add(name, round(value / _UNITS_PER_CM, 3), "cm")
    add("SlideRecords", slides)
    add("HasMacros", has_macros)


def _user(file: CompoundFile, document: Document) -> bool:
    """Adds the last user's name; says whether the presentation is encrypted."""
    entry = file.by_path.get("Current User")
    data = file.content(entry, 4096) if entry is not None else b""
    if len(data) < 28:
        return False
    size, place = (int.from_bytes(data[at : at + 4], "little") for at in (4, 8))
    length = size - place - 4
    if length >= 0 and len(data) >= size + 8:
        text = data[8 + place : 8 + place + length]
        name = text.partition(b"\0")[0].decode("cp1252", "replace")
        document.add(PROPERTIES, Field("CurrentUser", name, group="FlashPix"))
    return int.from_bytes(data[12:16], "little") == _ENCRYPTED


def _records(reader: Reader, at: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Yields (kind, where its data begins, length) of neighbouring records (2.3.1)."""
    end = min(end, reader.length)
    for _ in range(_MOST_RECORDS):
        if at + 8 > end:
            return
        _, kind, length = reader.unpack("HHI", at)
        yield kind, at + 8, length
        at += 8 + length


def _has_macros(reader: Reader, at: int, length: int) -> bool:
    for kind, place, inner in _records(reader, at, at + length):
        if kind == _VBA:
            for atom, where, size in _records(reader, place, place + inner):
                if atom == _VBA_ATOM and size >= 8:
                    return bool(reader.u32(where + 4))
    return False
