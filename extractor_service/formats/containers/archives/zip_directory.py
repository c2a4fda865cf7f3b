"""The directory of a ZIP archive, and single members by ranges. PKWARE, APPNOTE.TXT 6.3.10.

The directory stands at the end, so that an archive of any size costs its tail; members cost what they are. Nothing is
unpacked but what a reader asks for by name, and that is bounded.
"""

from __future__ import annotations

import bz2
import lzma
import struct
import zlib
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from extractor_service.document import ProblemKind
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.reading.reader import TruncatedError
from extractor_service.sources.base import will_read

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from extractor_service.document import Document
    from extractor_service.formats.reading.reader import Reader

MOST_MEMBERS = 20_000  # kept of one directory: 8 MB in a worker, and more than any office file has
MOST_CONTENT_BYTES = 4 * 1024 * 1024  # inflated, of one member
_LOCAL, _CENTRAL = b"PK\3\4", b"PK\1\2"
_END, _END_BYTES = b"PK\5\6", 22  # APPNOTE 4.3.16
_END_64, _LOCATOR_64 = b"PK\6\6", b"PK\6\7"
_COMMENT_SIZE = 65_535  # the longest behind the end record
_KEPT_OF_TEXTS = 1024  # of a name, a comment, extra fields
_TRIES = range(16)  # marks that look like an end, in comments
_WINDOW_BYTES = 256 * 1024  # of the directory, at once
_ENTRY = struct.Struct("<4sBBHHHIIIIHHHHHII")
_LOCAL_ENTRY = struct.Struct("<4sHHHIIIIHH")
_FULL_32, _FULL_16 = 0xFFFFFFFF, 0xFFFF  # the value stands in the ZIP64 extra field
_STORED, _DEFLATED, _BZIP2, _LZMA = 0, 8, 12, 14


class Member(NamedTuple):
    """One entry of the directory."""

    name: str
    raw_name: bytes
    needed_version: int
    flags: int
    method: int
    stamp: int
    """Date and time as MS-DOS packs them (APPNOTE 4.4.6), in local time of the packer."""
    crc: int
    compressed_bytes: int
    size_bytes: int
    local_at: int
    """Where its local header stands in the file."""
    comment: bytes
    extra: bytes
    entry_at: int
    made_by: int
    attributes: int

    @property
    def is_encrypted(self) -> bool:
        """Whether a password is needed."""
        return bool(self.flags & 1)

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder."""
        return self.name.endswith("/")


class Directory:
    """The directory of one archive; trouble becomes Problems of `section`."""

    def __init__(self, reader: Reader, document: Document, section: str) -> None:
        """Finds the end record, which says where the rest stands.

        Raises:
            CorruptFileError: the file has neither an end record nor a first member.
        """
        self._reader, self._document, self._section = reader.view(0, big_endian=False), document, section
        self.comment = b""
        self.is_split = False
        self.member_count = self._size = self._at = self._shift = 0
        self.is_whole = self._find_end()
        if not self.is_whole and reader.some(0, 4) != _LOCAL:
            raise CorruptFileError("neither a directory nor a member")
        if not self.is_whole:
            document.problem(
                section,
                ProblemKind.TRUNCATED,
                "the directory is missing: its members are read from the beginning",
            )

    @cached_property
    def members(self) -> list[Member]:
        """The first `MOST_MEMBERS` of them, in the directory's order."""
        found: list[Member] = []
        for member in self._entries() if self.is_whole else self._from_local_headers():
            found.append(member)
            if len(found) == MOST_MEMBERS:
                break
        if not self.is_whole:
            self.member_count = len(found)
        return found

    @cached_property
    def by_name(self) -> dict[str, Member]:
        """Members by name; of two with one name the first, which most programs take."""
        found: dict[str, Member] = {}
        for member in self.members:
            found.setdefault(member.name, member)
        return found

    def prefetch(self, members: Iterable[Member]) -> None:
        """Says that these are read next: a distant file sends them in one answer."""
        spans = []
        for each in members:
            length = 30 + len(each.raw_name) + len(each.extra) + each.compressed_bytes + 64
            spans.append((each.local_at, min(length, MOST_CONTENT_BYTES)))
        will_read(self._reader.source, spans)

    def content(self, member: Member, most_bytes: int = MOST_CONTENT_BYTES) -> bytes:
        """The first `most_bytes` of what it holds; b"" with a Problem where it can't be had."""
        try:
            data = self._content(member, most_bytes)
        except (
            TruncatedError,
            ValueError,
            struct.error,
            EOFError,
            OSError,
            zlib.error,
            lzma.LZMAError,
        ) as error:
            kind = ProblemKind.TRUNCATED if isinstance(error, TruncatedError) else ProblemKind.DAMAGED
            self._document.problem(
                self._section, kind, f"member {member.name[:80]!r}: {error}", member.local_at
            )
            return b""
        self._document.spend(len(data))
        return data

    def text(self, name: str, most_bytes: int = MOST_CONTENT_BYTES) -> bytes:
        """The content of the member of that name; b"" without one."""
        member = self.by_name.get(name)
        return self.content(member, most_bytes) if member is not None else b""

    def pieces(self, member: Member, most_bytes: int) -> Iterator[bytes]:
        """The content of a deflated or stored member piece by piece, `most_bytes` of it at most."""
        if member.method not in {_STORED, _DEFLATED}:
            raise ValueError(f"packed by method {member.method}, which isn't read")
        at, left = self._data_at(member), member.compressed_bytes
        inflate = zlib.decompressobj(-15) if member.method == _DEFLATED else None
        given = 0
        while left > 0 and given < most_bytes:
            data = self._reader.exact(at, min(left, _WINDOW_BYTES))
            at, left = at + len(data), left - len(data)
            while data and given < most_bytes:
                piece = inflate.decompress(data, _WINDOW_BYTES) if inflate is not None else data
                data = inflate.unconsumed_tail if inflate is not None else b""
                given += len(piece)
                yield piece

    def _content(self, member: Member, most_bytes: int) -> bytes:
        if member.is_encrypted:
            raise ValueError("it is encrypted")
        at = self._data_at(member)
        # Deflate never makes less than a thousandth of something (RFC 1951: 258 bytes by two bits).
        stored = self._reader.exact(at, min(member.compressed_bytes, most_bytes + 1024))
        if member.method == _STORED:
            return stored[:most_bytes]
        if member.method == _DEFLATED:
            return zlib.decompressobj(-15).decompress(stored, most_bytes)
        if member.method == _BZIP2:
            return bz2.BZ2Decompressor().decompress(stored, most_bytes)
        if member.method == _LZMA:
            return _lzma(stored, most_bytes)
        raise ValueError(f"packed by method {member.method}, which isn't read")

    def _data_at(self, member: Member) -> int:
        header = _LOCAL_ENTRY.unpack(self._reader.exact(member.local_at, _LOCAL_ENTRY.size))
        if header[0] != _LOCAL:
            raise ValueError("no local header where the directory says")
        return member.local_at + _LOCAL_ENTRY.size + int(header[8]) + int(header[9])

    def _find_end(self) -> bool:
        reader = self._reader
        tries = 0
        # Most archives have no comment: the end record is within the last bytes.
        for length in (min(1024, reader.length), min(_END_BYTES + _COMMENT_SIZE, reader.length)):
            tail_at = reader.length - length
            tail = reader.exact(tail_at, length)
            place = tail.rfind(_END)
            while place >= 0:
                tries += 1
                if tries not in _TRIES:
                    return False
                if place + _END_BYTES <= len(tail) and self._take_end(tail[place:], tail_at + place):
                    return True
                place = tail.rfind(_END, 0, place)
        return False

    def _take_end(self, record: bytes, at: int) -> bool:
        _, disk, directory_disk, here, count, size, offset, comment = struct.unpack_from("<4sHHHHIIH", record)
        end = at
        if count == _FULL_16 or _FULL_32 in {size, offset}:
            wide = self._end_64(at)
            if wide is not None:
                disk, directory_disk, count, size, offset, end = wide
        begin = end - size  # what stands before an archive moves it: programs that unpack themselves
        reader = self._reader
        if begin < 0 or (size and reader.some(begin, 4) != _CENTRAL):
            begin = offset
            if size and reader.some(begin, 4) != _CENTRAL:
                return False
        self.member_count, self._size, self._at, self._shift = count, size, begin, begin - offset
        self.comment = record[_END_BYTES : _END_BYTES + comment]
        if disk not in {0, _FULL_16} or directory_disk not in {0, _FULL_16} or (here not in {count, _FULL_16} and count < _FULL_16):  # fmt: skip
            self.is_split = True
            self._document.problem(
                self._section, ProblemKind.UNSUPPORTED, f"one part of an archive in {disk + 1} parts", at
            )
        return True

    def can_hold(self, member: Member) -> bool:
        """Whether the file has as many bytes as a member is said to take; of a file that was cut or split nobody can tell."""
        return (
            self.is_split
            or not self.is_whole
            or member.local_at + member.compressed_bytes <= self._reader.length
        )

    def _end_64(self, at: int) -> tuple[int, int, int, int, int, int] | None:
        """What the ZIP64 end record has (APPNOTE 4.3.14): both disks, how many members, the directory's size and offset; and its place."""
        reader = self._reader
        locator = reader.some(at - 20, 20) if at >= 20 else b""
        if locator[:4] != _LOCATOR_64:
            return None
        place = int.from_bytes(locator[8:16], "little")
        if reader.some(place, 4) != _END_64 and at >= 76:
            place = at - 76  # its usual place, in an archive that was moved
        record = reader.some(place, 56)
        if record[:4] != _END_64 or len(record) < 56:
            self._document.problem(self._section, ProblemKind.DAMAGED, "the ZIP64 end record is missing", at)
            return None
        disk, directory_disk, _, count, size, offset = struct.unpack_from("<IIQQQQ", record, 16)
        return disk, directory_disk, count, size, offset, place

    def _entries(self) -> Iterator[Member]:
        reader, at, end = self._reader, self._at, self._at + self._size
        window, window_at, count = b"", at, 0
        while at < end and count < self.member_count:
            inner = at - window_at
            if inner + _ENTRY.size + 3 * _FULL_16 > len(window) and window_at + len(window) < end:
                window_at, inner = at, 0
                window = reader.some(at, min(_WINDOW_BYTES, end - at))
            if inner + _ENTRY.size > len(window) or window[inner : inner + 4] != _CENTRAL:
                break
            fields = _ENTRY.unpack_from(window, inner)
            length = _ENTRY.size + fields[10] + fields[11] + fields[12]
            if inner + length > len(window):
                break
            yield self._member(fields, window[inner + _ENTRY.size : inner + length], at)
            at, count = at + length, count + 1
        if count < self.member_count:
            self._document.problem(
                self._section,
                ProblemKind.DAMAGED,
                f"the directory ends after {count} of {self.member_count} members",
                at,
            )

    def _member(self, fields: tuple[int, ...], rest: bytes, at: int) -> Member:
        (_, made_by, system, needed, flags, method, stamp, crc, compressed, size, name, extra, _, _, _, attributes, local) = fields  # fmt: skip
        extras = rest[name : name + extra]
        if _FULL_32 in {size, compressed, local}:
            size, compressed, local = _wide(extras, size, compressed, local)
        raw = rest[:name]
        return Member(
            name_of(raw, flags, extras)[:_KEPT_OF_TEXTS], raw[:_KEPT_OF_TEXTS], needed, flags, method, stamp, crc, compressed, size, local + self._shift,
            rest[name + extra : name + extra + _KEPT_OF_TEXTS], extras[:_KEPT_OF_TEXTS], at, made_by | system << 8, attributes,
        )  # fmt: skip

    def _from_local_headers(self) -> Iterator[Member]:
        reader, at = self._reader, 0
        while True:
            data = reader.some(at, _LOCAL_ENTRY.size)
            if len(data) < _LOCAL_ENTRY.size or data[:4] != _LOCAL:
                return
            _, needed, flags, method, stamp, crc, compressed, size, name, extra = _LOCAL_ENTRY.unpack(data)
            rest = reader.some(at + _LOCAL_ENTRY.size, name + extra)
            extras = rest[name:]
            if _FULL_32 in {size, compressed}:
                size, compressed, _ = _wide(extras, size, compressed, 0)
            raw = rest[:name]
            yield Member(
                name_of(raw, flags, extras), raw, needed, flags, method, stamp, crc, compressed, size, at, b"", extras, at, 0, 0
            )  # fmt: skip
            if flags & 8 and not compressed:  # its length stands behind its data, wherever that ends
                return
            at += _LOCAL_ENTRY.size + name + extra + compressed


def extra_fields(extra: bytes) -> Iterator[tuple[int, bytes]]:
    """Header ids and data of an extra field (APPNOTE 4.5)."""
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<HH", extra, at)
        yield kind, extra[at + 4 : at + 4 + length]
        at += 4 + length


def name_of(raw: bytes, flags: int, extra: bytes = b"") -> str:
    """A name: UTF-8 where that is said or true, else code page 437 (APPNOTE, appendix D); NULs end it."""
    if extra and not raw.isascii():
        for kind, data in extra_fields(extra):
            if kind == 0x7075 and data[1:5] == struct.pack("<I", zlib.crc32(raw)):  # Info-ZIP's Unicode path
                raw, flags = data[5:], 0x800
    if raw.isascii():
        return raw.decode().partition("\0")[0]
    try:
        return raw.decode().partition("\0")[0]
    except UnicodeDecodeError:
        return raw.decode("utf-8", "replace") if flags & 0x800 else raw.decode("cp437")


def _wide(extra: bytes, size: int, compressed: int, local: int) -> tuple[int, int, int]:
    """Sizes and place out of the ZIP64 extra field, which has only those that don't fit (APPNOTE 4.5.3)."""
    for kind, data in extra_fields(extra):
        if kind != 1:
            continue
        values = [int.from_bytes(data[at : at + 8], "little") for at in range(0, len(data) - 7, 8)]
        size = values.pop(0) if size == _FULL_32 and values else size
        compressed = values.pop(0) if compressed == _FULL_32 and values else compressed
        local = values.pop(0) if local == _FULL_32 and values else local
    return size, compressed, local


def _lzma(stored: bytes, most_bytes: int) -> bytes:
    """APPNOTE 5.8: a version, the length of the properties, these, then the raw stream."""
    length = int.from_bytes(stored[2:4], "little")
    first, dictionary = struct.unpack_from("<BI", stored, 4)
    filters = [
        {
            "id": lzma.FILTER_LZMA1, "dict_size": min(max(dictionary, 4096), MOST_CONTENT_BYTES),
            "lc": first % 9, "lp": first // 9 % 5, "pb": first // 45,
        }
    ]  # fmt: skip
    return lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=filters).decompress(
        stored[4 + length :], most_bytes
    )
