"""RAR archives, versions 1.5 to 4 and 5. RARLAB, "RAR 5.0 archive format"; technote.txt of RAR 4; names as ExifTool has them."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, NamedTuple

from extractor_service.document import ByteRange, Field, ProblemKind
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.containers.archives.listing import (
    MOST_LISTED,
    SECTION,
    Listing,
    dos_date,
    unix_date,
    windows_date,
)
from extractor_service.formats.reading.damage import tolerant
from extractor_service.formats.reading.reader import Reader
from extractor_service.formats.reading.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from extractor_service.document import Document, Value
    from extractor_service.sources.base import ByteSource

_V4, _V5 = b"Rar!\x1a\x07\0", b"Rar!\x1a\x07\x01\0"
_FOUR, _FIVE = Table("documents/ZIP::RAR", "zip", "ZIP"), Table("documents/ZIP::RAR5", "zip", "ZIP")
_MOST_EXTRAS = 20  # of one file: six kinds are known
_MOST_BLOCKS = 20_000  # walked, each of which may be a read
_MOST_HEADER_BYTES = 2 * 1024 * 1024  # RAR 5's own limit
_SFX_BYTES = 1024 * 1024  # where an archive may begin in a program
_MAIN, _FILE = 0x73, 0x74  # blocks of the old format that tell something
_HAS_COMMENT = {_MAIN: 2, _FILE: 8}  # a flag of each
_MAIN_BYTES = 13  # of the archive's own header, before a comment
_SYSTEMS_4 = {0: "MS-DOS", 1: "OS/2", 2: "Windows", 3: "Unix", 4: "Mac OS", 5: "BeOS"}
_LEVELS = {0: "Stored", 1: "Fastest", 2: "Fast", 3: "Normal", 4: "Good Compression", 5: "Best Compression"}


@tolerant(SECTION)
def parse(source: ByteSource, document: Document) -> None:
    """The archive's flags and comment, and its members."""
    reader = Reader(source, big_endian=False)
    at = reader.some(0, _SFX_BYTES).find(b"Rar!\x1a\x07") if reader.some(0, 4) != b"Rar!" else 0
    head = reader.some(max(at, 0), 8)
    if at < 0 or not head.startswith((_V4, _V5)):
        raise CorruptFileError("no RAR header")
    listing = Listing(document)
    is_five = head.startswith(_V5)
    version = "RAR v5" if is_five else "RAR v4"
    _FIVE.put(document, "FileVersion", version, ByteRange(at, 8))
    walk = _five if is_five else _four
    walk(reader, at + (8 if is_five else 7), document, listing)


def _member(
    document: Document, number: int, origin: ByteRange, rows: Iterator[tuple[str, Value, str]]
) -> None:
    for name, value, text in rows:
        document.add("zip", Field(name, value, text, group=f"Member{number}", origin=origin))


def _four(reader: Reader, at: int, document: Document, listing: Listing) -> None:
    """Blocks of the old format: checksum, type, flags, length, and bytes behind it that it counts itself."""
    is_complete = False
    for _ in range(_MOST_BLOCKS):
        if at + 7 > reader.length:
            is_complete = True
            break
        kind, flags, size = struct.unpack("<BHH", reader.exact(at + 2, 5))
        if size < 7:
            document.problem(SECTION, ProblemKind.DAMAGED, f"a block of {size} bytes", at)
            break
        if kind in _HAS_COMMENT and at + size <= reader.length and not _holds_four(reader.exact(at, size)):
            document.problem(SECTION, ProblemKind.DAMAGED, "a header whose checksum doesn't fit", at)
            break
        behind = reader.u32(at + 7) if flags & 0x8000 and at + 11 <= reader.length else 0
        if kind == 0x73:
            _archive_flags(flags, listing)
            if flags & 0x80:
                document.problem(SECTION, ProblemKind.UNSUPPORTED, "names and sizes are encrypted", at)
                return
        elif kind == 0x74 and size >= 32:
            behind = _file_four(reader.exact(at, size), at, document, listing)
        elif kind == 0x7B:
            is_complete = True
            break
        at += size + behind
        if at > reader.length:
            document.problem(SECTION, ProblemKind.TRUNCATED, "the last member is cut", at)
            is_complete = True
            break
    listing.finish(is_complete=is_complete)


def _holds_four(block: bytes) -> bool:
    """Whether a block's checksum fits. A comment inside it isn't counted; where it begins, only the archive's own header says."""
    stated, kind, flags = int.from_bytes(block[:2], "little"), block[2], int.from_bytes(block[3:5], "little")
    has_comment = bool(flags & _HAS_COMMENT[kind])
    if has_comment and kind != _MAIN:
        return True
    return zlib.crc32(block[2 : _MAIN_BYTES if has_comment else None]) & 0xFFFF == stated


def _archive_flags(flags: int, listing: Listing) -> None:
    for bit, name in (
        (1, "IsVolume"),
        (8, "Solid"),
        (4, "Locked"),
        (0x40, "HasRecoveryRecord"),
        (0x100, "IsFirstVolume"),
    ):
        if flags & bit or name == "Solid":
            listing.fact(name, bool(flags & bit))
    if flags & 2:
        listing.fact("HasComment", value=True)


def _file_four(data: bytes, at: int, document: Document, listing: Listing) -> int:
    flags = struct.unpack_from("<H", data, 3)[0]
    packed, size, system, crc, stamp, _, method, length, attributes = struct.unpack_from(
        "<IIBIIBBHI", data, 7
    )
    place = 32
    if flags & 0x100:
        high_packed, high = struct.unpack_from("<II", data, place)
        packed, size, place = packed | high_packed << 32, size | high << 32, place + 8
    raw = data[place : place + length]
    name = _name(raw, has_unicode=bool(flags & 0x200))
    is_folder = flags & 0xE0 == 0xE0
    date = dos_date(stamp)
    exact = _exact_date(date, data, place + length, flags)
    if listing.count < MOST_LISTED:
        tag = _FOUR.tags
        rows: list[tuple[str, Value, str]] = [
            ("CompressedSize", packed, ""), ("UncompressedSize", size, ""), ("OperatingSystem", system, tag[8].text(system)),
            ("PackingMethod", method, tag[18].text(method)), ("ArchivedFileName", name, ""),
        ]  # fmt: skip
        if date:
            rows.insert(3, ("ModifyDate", date, ""))
        _member(document, listing.count + 1, ByteRange(at, len(data)), iter(rows))
    listing.member(
        at, len(data), name.replace("\\", "/"), size, PackedSize=packed, Modified=exact or None, Method=_LEVELS.get(method - 0x30, str(method)), Kind="folder" if is_folder else None,
        Encrypted=True if flags & 4 else None, System=_SYSTEMS_4.get(system), CRC=f"{crc:08x}", ContinuedFromVolume=True if flags & 1 else None,
        ContinuesInVolume=True if flags & 2 else None, Attributes=f"0x{attributes:x}",
    )  # fmt: skip
    return int(packed)


def _exact_date(date: str, data: bytes, at: int, flags: int) -> str:
    """The time with the odd second, which MS-DOS can't say (technote, "EXT_TIME"): behind the name, and a salt."""
    at += 8 if flags & 0x400 else 0
    if not flags & 0x1000 or not date or at + 2 > len(data):
        return date
    kinds = struct.unpack_from("<H", data, at)[0] >> 12
    if kinds & 8 and kinds & 4:
        second = int(date[17:19]) + 1
        return f"{date[:17]}{second:02d}" if second < 60 else date
    return date


def _name(raw: bytes, *, has_unicode: bool) -> str:
    plain, nul, packed = raw.partition(b"\0")
    if has_unicode and nul and packed:
        return _unpacked_name(plain, packed)
    try:
        return raw.decode().rstrip("\0")
    except UnicodeDecodeError:
        return plain.decode("cp437")


def _unpacked_name(plain: bytes, packed: bytes) -> str:
    """RAR's own packing of UTF-16 (technote, "unicode file name"): a high byte for all, two bits how each is written."""
    high, at, flags, bits = packed[0], 1, 0, 0
    out = bytearray()
    while at < len(packed) and len(out) < 4096:
        if not bits:
            flags, bits, at = packed[at], 8, at + 1
            if at > len(packed):
                break
        bits -= 2
        how = flags >> bits & 3
        if how == 3:
            length = packed[at] if at < len(packed) else 0
            at += 1
            begin = len(out) // 2
            if length & 0x80:
                shift = packed[at] if at < len(packed) else 0
                at += 1
                for each in range((length & 0x7F) + 2):
                    low = plain[begin + each] if begin + each < len(plain) else 0
                    out += bytes(((low + shift) & 0xFF, high))
            else:
                for each in range(length + 2):
                    out += bytes((plain[begin + each] if begin + each < len(plain) else 0, 0))
            continue
        if at + (how == 2) >= len(packed):
            break
        out += bytes((packed[at], 0 if how == 0 else high if how == 1 else packed[at + 1]))
        at += 1 + (how == 2)
    return out.decode("utf-16-le", "replace")


def _five(reader: Reader, at: int, document: Document, listing: Listing) -> None:
    """Blocks of RAR 5: checksum, length, type, flags, length of extras and data, in numbers of seven bits a byte."""
    is_complete = False
    for _ in range(_MOST_BLOCKS):
        if at + 7 > reader.length:
            is_complete = True
            break
        length, begin = _number(reader.some(at + 4, 10), 0)
        if not 0 < length <= _MOST_HEADER_BYTES:
            document.problem(SECTION, ProblemKind.DAMAGED, f"a header of {length} bytes", at)
            break
        data = reader.exact(at + 4 + begin, length)
        if zlib.crc32(reader.exact(at + 4, begin) + data) != reader.u32(at):
            document.problem(SECTION, ProblemKind.DAMAGED, "a header whose checksum doesn't fit", at)
            break
        kind, place = _number(data, 0)
        flags, place = _number(data, place)
        extra, place = _number(data, place) if flags & 1 else (0, place)
        behind, place = _number(data, place) if flags & 2 else (0, place)
        if kind == 4:
            listing.fact("HeaderEncrypted", value=True)
            document.problem(SECTION, ProblemKind.UNSUPPORTED, "names and sizes are encrypted", at)
            return
        extras = data[len(data) - extra :] if extra else b""
        if kind == 1:
            own, _ = _number(data, place)
            for bit, name in ((1, "IsVolume"), (4, "Solid"), (8, "HasRecoveryRecord"), (16, "Locked")):
                if own & bit or name == "Solid":
                    listing.fact(name, bool(own & bit))
        elif kind == 2:
            block = _Block(data, place, flags, behind, extras, ByteRange(at, 4 + begin + length))
            _file_five(block, document, listing)
        elif kind == 3 and b"CMT" in data[place:] and behind < 64 * 1024:
            comment = reader.some(at + 4 + begin + length, behind).rstrip(b"\0")
            document.add("file", Field("Comment", comment.decode("utf-8", "replace"), group="File"))
        elif kind == 5:
            is_complete = True
            break
        at += 4 + begin + length + behind
        if at > reader.length:
            document.problem(SECTION, ProblemKind.TRUNCATED, "the last member is cut", at)
            is_complete = True
            break
    listing.finish(is_complete=is_complete)


class _Block(NamedTuple):
    """The header of a file in RAR 5."""

    data: bytes
    place: int
    """Where its own fields begin."""
    flags: int
    packed: int
    extras: bytes
    origin: ByteRange


def _file_five(block: _Block, document: Document, listing: Listing) -> None:
    data, place, header, packed, extras, origin = block
    flags, place = _number(data, place)
    size, place = _number(data, place)
    attributes, place = _number(data, place)
    modified = ""
    if flags & 2:
        modified, place = unix_date(struct.unpack_from("<I", data, place)[0]), place + 4
    crc = ""
    if flags & 4:
        crc, place = f"{struct.unpack_from('<I', data, place)[0]:08x}", place + 4
    method, place = _number(data, place)
    system, place = _number(data, place)
    length, place = _number(data, place)
    name = data[place : place + length].decode("utf-8", "replace").rstrip("\0")
    encrypted, link = False, ""
    for kind, content in _extras(extras):
        if kind == 1:
            encrypted = True
        elif kind == 3:
            modified = _time(content) or modified
        elif kind == 5:
            link = _link(content)
    if listing.count < MOST_LISTED:
        rows: list[tuple[str, Value, str]] = []
        if header & 2:
            rows.append(("CompressedSize", packed, ""))
        if not flags & 8:
            rows.append(("UncompressedSize", size, ""))
        rows.append(("OperatingSystem", system, _FIVE.tags["OperatingSystem"].text(system)))
        rows.append(("ArchivedFileName", name, ""))
        _member(document, listing.count + 1, origin, iter(rows))
    listing.member(
        *origin, name, None if flags & 8 else size, PackedSize=packed, Modified=modified or None, Method=_LEVELS.get(method >> 7 & 7, str(method >> 7 & 7)),
        Kind="symlink" if link else "folder" if flags & 1 else None, Encrypted=True if encrypted else None, System={0: "Windows", 1: "Unix"}.get(system), CRC=crc or None,
        Link=link or None, Attributes=f"0x{attributes:x}", ContinuedFromVolume=True if header & 8 else None, ContinuesInVolume=True if header & 16 else None,
    )  # fmt: skip


def _extras(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    for _ in range(_MOST_EXTRAS):
        if at >= len(data):
            return
        size, at = _number(data, at)
        kind, begin = _number(data, at)
        yield kind, data[begin : at + size]
        at += max(size, 1)


def _time(content: bytes) -> str:
    flags, at = _number(content, 0)
    if not flags & 2:
        return ""
    return unix_date(struct.unpack_from("<I", content, at)[0]) if flags & 1 else windows_date(struct.unpack_from("<Q", content, at)[0])  # fmt: skip


def _link(content: bytes) -> str:
    _, at = _number(content, 0)
    _, at = _number(content, at)
    length, at = _number(content, at)
    return content[at : at + length].decode("utf-8", "replace")


def _number(data: bytes, at: int) -> tuple[int, int]:
    """A number of seven bits a byte, and where it ends."""
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if not byte & 0x80:
            return value, at
        shift += 7
        if shift > 63:
            raise ValueError("a number that doesn't end")
