"""Images of optical discs: ISO 9660 with Joliet and Rock Ridge, bootable ones, and whether UDF is there too.

ECMA-119 (4th edition), 8 and 9; Joliet 1.0; IEEE P1282 (Rock Ridge); El Torito 1.0; ECMA-167, 2/8.3 (UDF); names as ExifTool has them.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

from extractor_service.document import ByteRange, ProblemKind
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.containers.archives.listing import MOST_LISTED, SECTION, Listing
from extractor_service.formats.reading.damage import Surviving, tolerant
from extractor_service.formats.reading.reader import Reader
from extractor_service.formats.reading.table import Table

if TYPE_CHECKING:
    from extractor_service.document import Document
    from extractor_service.sources.base import ByteSource

_SECTOR = 2048
_FIRST = 16  # sectors before the first descriptor (6.2.1)
_MOST_CONTINUED = 5  # areas of one record
_MOST_DESCRIPTORS = 64  # discs have three to five
_MOST_FOLDERS, _MOST_FOLDER_BYTES = 2000, 256 * 1024
_BOOT, _PRIMARY, _SECONDARY, _LAST = 0, 1, 2, 255
_VOLUME = Table("documents/ISO::PrimaryVolume", "iso", "ISO")
_BOOT_RECORD = Table("documents/ISO::BootRecord", "iso", "ISO")
_TEXTS = ((8, 32), (40, 32), (190, 128), (318, 128), (446, 128), (574, 128), (702, 38), (740, 36), (776, 37))
_DATES = (813, 830, 847, 864)
_JOLIET = (b"%/@", b"%/C", b"%/E")


class _Volume(NamedTuple):
    """The tree that is listed."""

    root_at: int
    root_bytes: int
    is_joliet: bool


@tolerant(SECTION)
def parse(source: ByteSource, document: Document) -> None:
    """The volume's description, how it boots, and its files."""
    reader = Reader(source, big_endian=False)
    listing = Listing(document)
    primary: _Volume | None = None
    joliet: _Volume | None = None
    at = _FIRST * _SECTOR
    for _ in range(_MOST_DESCRIPTORS):
        data = reader.some(at, _SECTOR)
        if len(data) < _SECTOR or data[1:6] != b"CD001":
            break
        kind = data[0]
        if kind == _PRIMARY and primary is None:
            _describe(data, at, document)
            primary = _volume(data, is_joliet=False)
        elif kind == _SECONDARY and data[88:91] in _JOLIET:
            joliet = _volume(data, is_joliet=True)
            listing.fact("JolietLevel", _JOLIET.index(data[88:91]) + 1)
            name = data[40:72].decode("utf-16-be", "replace").strip(" \0")
            if name:
                listing.fact("JolietVolumeName", name)
        elif kind == _BOOT:
            for key in (7, 39):
                text = data[key : key + 32].decode("latin-1").rstrip(" \0")
                _BOOT_RECORD.put(document, key, text, ByteRange(at + key, 32))
            if data[7:30] == b"EL TORITO SPECIFICATION":
                with Surviving(document, SECTION, "the boot catalog"):
                    _boots(reader, int.from_bytes(data[71:75], "little"), listing)
        at += _SECTOR
        if kind == _LAST:
            break
    if primary is None:
        raise CorruptFileError("no volume descriptor")
    _universal(reader, at, listing)
    has_rock_ridge = _has_rock_ridge(reader, primary)
    listing.fact("RockRidge", has_rock_ridge)
    is_complete = _walk(reader, primary if has_rock_ridge or joliet is None else joliet, document, listing)
    listing.finish(is_complete=is_complete)


def _describe(data: bytes, at: int, document: Document) -> None:
    for key, length in _TEXTS:
        text = data[key : key + length].decode("latin-1").rstrip(" \0")
        _VOLUME.put(document, key, text, ByteRange(at + key, length))
    _VOLUME.put(document, 80, int.from_bytes(data[80:84], "little"), ByteRange(at + 80, 8))
    _VOLUME.put(document, 128, int.from_bytes(data[128:130], "little"), ByteRange(at + 128, 4))
    date = _short_date(data[174:181])
    if date:
        _VOLUME.put(document, 174, date, ByteRange(at + 174, 7))
    for key in _DATES:
        date = _long_date(data[key : key + 17])
        if date:
            _VOLUME.put(document, key, date, ByteRange(at + key, 17))


def _volume(data: bytes, *, is_joliet: bool) -> _Volume:
    root = data[156:190]
    block = int.from_bytes(data[128:130], "little") or _SECTOR
    return _Volume(
        int.from_bytes(root[2:6], "little") * block, int.from_bytes(root[10:14], "little"), is_joliet
    )


def _zone(quarters: int) -> str:
    quarters -= 256 if quarters > 127 else 0
    minutes = abs(quarters) * 15
    return f"{'-' if quarters < 0 else '+'}{minutes // 60:02d}:{minutes % 60:02d}"


def _short_date(data: bytes) -> str:
    """9.1.5: years since 1900, month, day, hour, minute, second, quarters of an hour from Greenwich."""
    year, month, day, hour, minute, second, quarters = data
    return (
        f"{year + 1900:04d}:{month:02d}:{day:02d} {hour:02d}:{minute:02d}:{second:02d}{_zone(quarters)}"
        if month and day
        else ""
    )


def _long_date(data: bytes) -> str:
    """8.4.26.1: sixteen digits, and quarters of an hour."""
    text = data[:16].decode("latin-1")
    if not text.isdigit() or text[:4] == "0000":
        return ""
    return f"{text[:4]}:{text[4:6]}:{text[6:8]} {text[8:10]}:{text[10:12]}:{text[12:14]}.{text[14:16]}{_zone(data[16])}"


def _boots(reader: Reader, sector: int, listing: Listing) -> None:
    """The catalog's platforms (El Torito, 2)."""
    data = reader.exact(sector * _SECTOR, _SECTOR)
    platforms = {0: "x86 BIOS", 1: "PowerPC", 2: "Mac", 0xEF: "UEFI"}
    found = [platforms.get(data[1], str(data[1]))]
    for at in range(64, _SECTOR, 32):
        if data[at] in {0x90, 0x91}:
            found.append(platforms.get(data[at + 1], str(data[at + 1])))
        if data[at] == 0x91:
            break
    listing.fact("BootPlatforms", [*found])
    listing.fact("BootMedia", {0: "no emulation", 1: "1.2 MB floppy", 2: "1.44 MB floppy", 3: "2.88 MB floppy", 4: "hard disk"}.get(data[33] & 15, "unknown"))  # fmt: skip


def _universal(reader: Reader, at: int, listing: Listing) -> None:
    """Whether descriptors of UDF follow (ECMA-167, 2/9)."""
    for number in range(8):
        mark = reader.some(at + number * _SECTOR + 1, 5)
        if mark in {b"NSR02", b"NSR03"}:
            listing.fact("UDF", "1.x" if mark == b"NSR02" else "2.x")
            return


def _records(data: bytes) -> list[bytes]:
    """Directory records; none crosses a sector (6.8.1.1)."""
    found, at = [], 0
    while at + 33 < len(data):
        length = data[at]
        if length < 34:  # the shortest (9.1); none is the end of the sector
            at = (at // _SECTOR + 1) * _SECTOR
            continue
        found.append(data[at : at + length])
        at += length
    return found


def _system_use(record: bytes) -> bytes:
    begin = 33 + record[32]
    return record[begin + (begin & 1) :]


def _has_rock_ridge(reader: Reader, volume: _Volume) -> bool:
    records = _records(reader.some(volume.root_at, min(volume.root_bytes, _SECTOR)))
    return bool(records) and _system_use(records[0])[:2] == b"SP"


def _walk(reader: Reader, volume: _Volume, document: Document, listing: Listing) -> bool:
    """Lists the tree, folder by folder; whether all was seen."""
    waiting = [(volume.root_at, volume.root_bytes, "")]
    seen: set[int] = set()
    while waiting:
        at, size, path = waiting.pop(0)
        if at in seen:
            continue
        seen.add(at)
        if len(seen) > _MOST_FOLDERS or listing.count > MOST_LISTED:
            return False
        if size > _MOST_FOLDER_BYTES:
            document.problem(SECTION, ProblemKind.LIMIT, f"of folder {path[:100]!r} {_MOST_FOLDER_BYTES} bytes were read", at)  # fmt: skip
        with Surviving(document, SECTION, f"folder {path[:100]!r}", at):
            document.spend(min(size, _MOST_FOLDER_BYTES))
            for record in _records(reader.exact(at, min(size, _MOST_FOLDER_BYTES)))[2:]:
                extent, length = struct.unpack_from("<I4xI", record, 2)
                is_folder = bool(record[25] & 2)
                name, facts = _name(reader, record, volume)
                if facts.pop("relocated", None):
                    continue
                full = f"{path}{name}{'/' if is_folder else ''}"
                listing.member(
                    extent * _SECTOR, length, full, 0 if is_folder else length, Modified=_short_date(record[18:25]), Kind="folder" if is_folder else facts.get("kind"),
                    Mode=facts.get("mode"), Link=facts.get("link"),
                )  # fmt: skip
                if is_folder:
                    waiting.append((extent * _SECTOR, length, full))
    return True


def _name(reader: Reader, record: bytes, volume: _Volume) -> tuple[str, dict[str, str]]:
    raw = record[33 : 33 + record[32]]
    if volume.is_joliet:
        return raw.decode("utf-16-be", "replace").removesuffix(";1"), {}
    name, facts = raw.decode("latin-1").removesuffix(";1").removesuffix("."), {}
    data, long_name = _system_use(record), b""
    at = continued = 0
    while at + 4 <= len(data) and data[at + 2] >= 4:
        kind, field = data[at : at + 2], data[at + 4 : at + data[at + 2]]
        if kind == b"NM" and field and not field[0] & 6:
            long_name += field[1:]
        elif kind == b"PX" and len(field) >= 4:
            mode = int.from_bytes(field[:4], "little")
            facts["mode"] = f"{mode & 0o7777:04o}"
            if mode >> 12 == 0o12:
                facts["kind"] = "symlink"
        elif kind == b"SL" and len(field) > 1:
            facts["link"] = _link(field[1:])
        elif kind == b"RE":
            facts["relocated"] = "yes"
        elif (
            kind == b"CE" and len(field) >= 24 and continued < _MOST_CONTINUED
        ):  # goes on elsewhere (SUSP 5.1)
            continued += 1
            block, offset, length = struct.unpack_from("<I4xI4xI", field)
            data = data[: at + data[at + 2]] + reader.some(block * _SECTOR + offset, min(length, _SECTOR))
        at += data[at + 2]
    return (long_name.decode("utf-8", "replace") if long_name else name), facts


def _link(data: bytes) -> str:
    parts, at = [], 0
    while at + 2 <= len(data):
        flags, length = data[at], data[at + 1]
        parts.append(
            "."
            if flags & 2
            else ".."
            if flags & 4
            else ""
            if flags & 8
            else data[at + 2 : at + 2 + length].decode("utf-8", "replace")
        )
        at += 2 + length
    return "/".join(parts)
