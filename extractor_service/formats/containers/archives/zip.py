"""ZIP archives: what the directory says of the archive and of its members. PKWARE, APPNOTE.TXT 6.3.10."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from extractor_service.document import ByteRange, Field, ProblemKind, size_of
from extractor_service.formats.containers.archives import listing, packages
from extractor_service.formats.containers.archives.zip_directory import Directory, Member, extra_fields
from extractor_service.formats.reading.damage import tolerant
from extractor_service.formats.reading.reader import Reader

if TYPE_CHECKING:
    from extractor_service.document import Document
    from extractor_service.sources.base import ByteSource

SECTION = "zip"
_METHODS = {
    0: "None", 1: "Shrunk", 2: "Reduced with compression factor 1", 3: "Reduced with compression factor 2", 4: "Reduced with compression factor 3",
    5: "Reduced with compression factor 4", 6: "Imploded", 7: "Tokenized", 8: "Deflated", 9: "Enhanced Deflate using Deflate64(tm)",
    10: "Imploded (old IBM TERSE)", 12: "BZIP2", 14: "LZMA (EFS)", 18: "IBM TERSE (new)", 19: "IBM LZ77 z Architecture (PFS)", 93: "Zstandard",
    95: "XZ", 96: "JPEG recompressed", 97: "WavPack compressed", 98: "PPMd version I, Rev 1", 99: "AES encrypted",
}  # fmt: skip
_SYSTEMS = {
    0: "MS-DOS",
    3: "Unix",
    7: "Macintosh",
    10: "Windows NTFS",
    14: "VFAT",
    19: "OS X",
}  # APPNOTE 4.4.2
_AES, _TIMES, _NTFS = 0x9901, 0x5455, 0x000A  # WinZip; Info-ZIP; APPNOTE 4.5.5
_FIELD_BYTES = 30  # of a member's fields on average: number or date, label and name
_AES_BITS = {1: 128, 2: 192, 3: 256}


@tolerant(SECTION)
def parse(source: ByteSource, document: Document) -> None:
    """The archive's comment and sums, its members, and what a program package says of itself."""
    directory = Directory(Reader(source), document, SECTION)
    found = listing.Listing(document)
    comment = directory.comment
    if comment:
        document.add("file", Field("Comment", _text(comment), group="File"))
    members = directory.members
    first = min((each.local_at for each in members), default=0)
    if first > 0:
        found.fact("BytesBeforeArchive", first)
    add_members(directory, document)
    for each in members:
        kind = "folder" if each.is_folder else "symlink" if each.attributes >> 28 == 0xA else ""
        method, is_strong = _method(each)
        can_be = directory.can_hold(each)
        found.member(
            each.entry_at, 46 + len(each.raw_name), each.name, each.size_bytes if can_be else None,
            PackedSize=each.compressed_bytes if can_be else None, Modified=_modified(each), Method=method, Kind=kind or None, Comment=_text(each.comment) or None,
            Encrypted=(is_strong or "ZipCrypto") if each.is_encrypted else None, System=_SYSTEMS.get(each.made_by >> 8),
        )  # fmt: skip
    _overlaps(members, document)
    found.finish(
        directory.member_count, is_complete=len(members) >= directory.member_count or not directory.is_whole
    )
    packages.add(directory, document)


def add_members(directory: Directory, document: Document) -> None:
    """Adds the headers of the first members, by ExifTool's names; a group is a member."""
    for number, each in enumerate(directory.members[: listing.MOST_LISTED], 1):
        group, origin = f"Member{number}", ByteRange(each.entry_at, 46 + len(each.raw_name))
        can_be = directory.can_hold(each)
        if not can_be:
            message = f"member {each.name[:60]!r} of {each.compressed_bytes} bytes isn't in a file of that length (left out)"
            document.problem(SECTION, ProblemKind.DAMAGED, message, each.entry_at)
        fields = _header(each, group, origin, has_sizes=can_be)
        texts = size_of(each.name) + len(each.comment) * 2
        document.put_all(SECTION, fields, (_FIELD_BYTES + len(group)) * len(fields) + texts)


def _header(member: Member, group: str, origin: ByteRange, *, has_sizes: bool) -> list[Field]:
    """Its fields: an office file has hundreds of them."""
    flags, method, date, crc = member.flags, member.method, listing.dos_date(member.stamp), member.crc
    label = _METHODS.get(method) or f"Unknown ({method})"
    told = [
        Field("ZipRequiredVersion", member.needed_version, "", "", None, group, "", origin),
        Field("ZipBitFlag", flags, f"0x{flags:04x}" if flags else "", "", None, group, "", origin),
        Field("ZipCompression", method, label, "", None, group, "", origin),
    ]
    if date:
        told.append(Field("ZipModifyDate", date, "", "", None, group, "", origin))
    told.append(Field("ZipCRC", crc, f"0x{crc:08x}", "", None, group, "", origin))
    if has_sizes:
        told.append(Field("ZipCompressedSize", member.compressed_bytes, "", "", None, group, "", origin))
        told.append(Field("ZipUncompressedSize", member.size_bytes, "", "", None, group, "", origin))
    told.append(Field("ZipFileName", member.name, "", "", None, group, "", origin))
    if member.comment:
        told.append(Field("ZipFileComment", _text(member.comment), "", "", None, group, "", origin))
    return told


def _text(data: bytes) -> str:
    try:
        return data.decode().rstrip("\0")
    except UnicodeDecodeError:
        return data.decode("cp437").rstrip("\0")


def _method(member: Member) -> tuple[str, str]:
    """How it is packed, and how it is encrypted where that is more than the old way."""
    if member.method == 99:
        for kind, data in extra_fields(member.extra):
            if kind == _AES and len(data) >= 7:
                inner = struct.unpack_from("<H", data, 5)[0]
                return _METHODS.get(inner, str(inner)), f"AES-{_AES_BITS.get(data[4], '?')}"
    strong = "strong (PKWARE)" if member.flags & 0x40 else ""
    return _METHODS.get(member.method, f"Unknown ({member.method})"), strong


def _modified(member: Member) -> str:
    """The time in UTC where an extra field has it, else that of the directory."""
    for kind, data in extra_fields(member.extra):
        if kind == _TIMES and len(data) >= 5 and data[0] & 1:
            return listing.unix_date(struct.unpack_from("<i", data, 1)[0])
        if kind == _NTFS and len(data) >= 16 and data[4:6] == b"\1\0":
            return listing.windows_date(struct.unpack_from("<Q", data, 8)[0])
    return listing.dos_date(member.stamp)


def _overlaps(members: list[Member], document: Document) -> None:
    """Members that share bytes: nobody packs so but who wants a small file to become a huge one."""
    end, before = 0, ""
    for each in sorted(members, key=lambda member: member.local_at):
        if each.local_at < end:
            document.problem(
                SECTION,
                ProblemKind.DAMAGED,
                f"members {before[:60]!r} and {each.name[:60]!r} overlap",
                each.local_at,
            )
            return
        end, before = each.local_at + 30 + len(each.raw_name) + each.compressed_bytes, each.name
