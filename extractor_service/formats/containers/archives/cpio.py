"""CPIO archives: new and old ASCII, and binary headers. POSIX.1 (pax, "cpio Interchange Format"); cpio(5) of FreeBSD."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from extractor_service.document import ProblemKind
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.containers.archives.listing import SECTION, Listing, unix_date
from extractor_service.formats.reading.damage import tolerant
from extractor_service.formats.reading.reader import Reader

if TYPE_CHECKING:
    from extractor_service.document import Document
    from extractor_service.sources.base import ByteSource

_MOST_HEADERS = 20_000  # walked, each of which may be a read
_LAST = "TRAILER!!!"
_KINDS = {0o04: "folder", 0o12: "symlink", 0o02: "device", 0o06: "device", 0o01: "fifo", 0o14: "socket"}
_DIALECTS = {b"070701": "newc", b"070702": "crc", b"070707": "odc"}


@tolerant(SECTION)
def parse(source: ByteSource, document: Document) -> None:
    """The members and the dialect."""
    reader = Reader(source)
    listing, at = Listing(document), 0
    magic = reader.some(0, 6)
    dialect = _DIALECTS.get(magic) or {b"\xc7\x71": "binary", b"\x71\xc7": "binary, big-endian"}.get(
        magic[:2], ""
    )
    if not dialect:
        raise CorruptFileError("no cpio header")
    listing.fact("Dialect", dialect)
    is_complete = False
    for _ in range(_MOST_HEADERS):
        if at >= reader.length:
            document.problem(SECTION, ProblemKind.TRUNCATED, "the archive has no end", at)
            is_complete = True
            break
        mode, user, group, modified, size, length, header, align = _header(reader, at, dialect)
        name = reader.exact(at + header, min(length, 4096)).rstrip(b"\0").decode("utf-8", "replace")
        if name == _LAST:
            is_complete = True
            break
        begin = _aligned(at + header + length, align, at)
        link = None
        if mode >> 12 == 0o12 and size <= 4096:  # what it points at is its data
            link = reader.some(begin, size).rstrip(b"\0").decode("utf-8", "replace")
        listing.member(
            at, header + length, name, size, Link=link, Modified=unix_date(modified), Kind=_KINDS.get(mode >> 12), Mode=f"{mode & 0o7777:04o}", UserID=user, GroupID=group,
        )  # fmt: skip
        at = _aligned(begin + size, align, 0)
    listing.finish(is_complete=is_complete)


def _aligned(place: int, align: int, base: int) -> int:
    del base
    return -(-place // align) * align


def _header(reader: Reader, at: int, dialect: str) -> tuple[int, int, int, int, int, int, int, int]:
    """Mode, user, group, time, size, length of the name, bytes of the header, alignment."""
    if dialect in {"newc", "crc"}:
        data = reader.exact(at, 110)
        if data[:5] != b"07070":
            raise ValueError(f"no header at {at}")
        if not data[6:].isalnum():
            raise ValueError(f"no header at {at}")
        numbers = [int(data[6 + 8 * each : 14 + 8 * each], 16) for each in range(13)]
        return numbers[1], numbers[2], numbers[3], numbers[5], numbers[6], numbers[11], 110, 4
    if dialect == "odc":
        data = reader.exact(at, 76)
        if data[:6] != b"070707" or not data.isdigit():
            raise ValueError(f"no header at {at}")
        mode, user, group, _, _ = (int(data[18 + 6 * each : 24 + 6 * each], 8) for each in range(5))
        return mode, user, group, int(data[48:59], 8), int(data[65:76], 8), int(data[59:65], 8), 76, 1
    words = struct.unpack((">" if "big" in dialect else "<") + "13H", reader.exact(at, 26))
    if words[0] != 0o70707:
        raise ValueError(f"no header at {at}")
    return (
        words[3],
        words[4],
        words[5],
        words[8] << 16 | words[9],
        words[11] << 16 | words[12],
        words[10],
        26,
        2,
    )
