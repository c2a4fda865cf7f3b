"""Cabinets of Windows: folders, files, methods. Microsoft, MS-CAB 2."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.document import ProblemKind
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.containers.archives.listing import MOST_LISTED, SECTION, Listing, dos_date
from extractor_service.formats.reading.damage import tolerant
from extractor_service.formats.reading.reader import Reader

if TYPE_CHECKING:
    from extractor_service.document import Document, Value
    from extractor_service.sources.base import ByteSource

_METHODS = {0: "None", 1: "MSZIP", 2: "Quantum", 3: "LZX"}
_ATTRIBUTES = ((1, "read-only"), (2, "hidden"), (4, "system"), (0x40, "execute"))


@tolerant(SECTION)
def parse(source: ByteSource, document: Document) -> None:
    """The cabinet's header and its files."""
    reader = Reader(source, big_endian=False)
    if reader.exact(0, 4) != b"MSCF":
        raise CorruptFileError("no cabinet header")
    size, files_at = reader.u32(8), reader.u32(16)
    minor, major = reader.u8(24), reader.u8(25)
    folders, files, flags, set_id, number = reader.unpack("HHHHH", 26)
    listing = Listing(document)
    listing.fact("FormatVersion", f"{major}.{minor}")
    listing.fact("CabinetSize", size)
    listing.fact("FolderCount", folders)
    listing.fact("SetID", set_id)
    listing.fact("NumberInSet", number)
    if size > reader.length:
        document.problem(SECTION, ProblemKind.TRUNCATED, f"the cabinet has {size} bytes, the file {reader.length}", 8)  # fmt: skip
    listing.fact("Signed", flags & 4 != 0 and reader.length > size)
    at, folder_extra = 36, 0
    if flags & 4:
        header, folder_extra = reader.u16(36), reader.u8(38)
        at = 40 + header
    for _ in range((2 if flags & 1 else 0) + (2 if flags & 2 else 0)):
        at += reader.some(at, 256).find(b"\0") + 1
    methods: list[Value] = []
    for each in range(min(folders, 1000)):
        method = _METHODS.get(reader.u16(at + each * (8 + folder_extra) + 6) & 15, "unknown")
        if method not in methods:
            methods.append(method)
    listing.fact("Methods", methods)
    at = files_at
    for _ in range(min(files, MOST_LISTED)):
        length, _, folder, date, clock, attributes = reader.unpack("IIHHHH", at)
        raw = reader.some(at + 16, 256).partition(b"\0")[0]
        name = raw.decode("utf-8", "replace") if attributes & 0x80 else raw.decode("cp1252", "replace")
        labels = ", ".join(label for bit, label in _ATTRIBUTES if attributes & bit)
        listing.member(
            at, 16 + len(raw) + 1, name.replace("\\", "/"), length, Modified=dos_date(date << 16 | clock), Attributes=labels or None,
            ContinuedFromVolume=True if folder in {0xFFFD, 0xFFFF} else None, ContinuesInVolume=True if folder in {0xFFFE, 0xFFFF} else None,
        )  # fmt: skip
        at += 16 + len(raw) + 1
    listing.finish(files, is_complete=files <= MOST_LISTED)
