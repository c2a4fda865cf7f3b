"""7z archives: the database of files at the end. 7-Zip 24, DOC/7zFormat.txt (public domain).

The database is mostly packed itself; the standard library's LZMA unpacks it, bounded.
"""

from __future__ import annotations

import lzma
import struct
from typing import TYPE_CHECKING, NamedTuple

from extractor_service.document import ByteRange, Field, ProblemKind
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.containers.archives.listing import MOST_LISTED, SECTION, Listing, windows_date
from extractor_service.formats.reading.damage import tolerant
from extractor_service.formats.reading.reader import Reader

if TYPE_CHECKING:
    from extractor_service.document import Document, Value
    from extractor_service.sources.base import ByteSource

MAGIC = b"7z\xbc\xaf\x27\x1c"
_HEAD_BYTES = 32  # of the signature header (7zFormat specification)
_MOST_DATABASE_BYTES = 8 * 1024 * 1024  # packed or not: 100,000 files
_MOST_NAMES_BYTES = 2 * 1024 * 1024  # decoded: 50,000 names
_MOST_FILES, _MOST_FOLDERS = 200_000, 100_000
_END, _HEADER, _PROPERTIES, _MAIN, _FILES, _PACK, _UNPACK, _SUBSTREAMS, _SIZE, _CRC, _FOLDER, _CODERS, _COUNTS = 0, 1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13  # fmt: skip
_EMPTY, _EMPTY_FILE, _ANTI, _NAMES, _CREATED, _ACCESSED, _WRITTEN, _ATTRIBUTES, _ENCODED = 14, 15, 16, 17, 18, 19, 20, 21, 23  # fmt: skip
_AES, _LZMA, _LZMA2 = b"\x06\xf1\x07\x01", b"\x03\x01\x01", b"\x21"
_METHODS = {
    b"\0": "Copy", _LZMA2: "LZMA2", _LZMA: "LZMA", b"\x03\x04\x01": "PPMd", b"\x04\x01\x08": "Deflate", b"\x04\x01\x09": "Deflate64", b"\x04\x02\x02": "BZip2",
    b"\x03\x03\x01\x03": "BCJ", b"\x03\x03\x01\x1b": "BCJ2", b"\x03": "Delta", b"\x04": "BCJ x86", b"\x07": "ARM", b"\x0a": "ARM64", b"\x03\x03\x05\x01": "ARM",
    b"\x03\x03\x08\x05": "SPARC", b"\x03\x03\x02\x05": "PPC", b"\x04\xf7\x11\x01": "Zstandard", b"\x04\xf7\x11\x04": "LZ4", b"\x04\xf7\x11\x02": "Brotli", _AES: "AES-256",
}  # fmt: skip


class _Folder(NamedTuple):
    """Streams that are unpacked together."""

    methods: tuple[bytes, ...]
    properties: tuple[bytes, ...]
    sizes: tuple[int, ...]
    main: int
    crc: int | None

    @property
    def size(self) -> int:
        return self.sizes[self.main] if self.main < len(self.sizes) else 0


@tolerant(SECTION)
def parse(source: ByteSource, document: Document) -> None:
    """The version, methods and members."""
    reader = Reader(source, big_endian=False)
    head = reader.exact(0, _HEAD_BYTES)
    if head[:6] != MAGIC:
        raise CorruptFileError("no 7z header")
    version = f"7z v{head[6]}.{head[7]:02d}"
    document.add("zip", Field("FileVersion", version, group="ZIP", origin=ByteRange(6, 2)))
    listing = Listing(document)
    offset, size = struct.unpack_from("<QQ", head, 12)
    if not size:
        listing.finish()
        return
    at = _HEAD_BYTES + offset
    if size > _MOST_DATABASE_BYTES:
        document.problem(SECTION, ProblemKind.LIMIT, f"a database of {size} bytes isn't read", at)
        return
    data = reader.exact(at, size)
    for _ in range(4):  # a packed one may be packed again
        if data[:1] != bytes((_ENCODED,)):
            break
        unpacked = _decoded(reader, _Database(data, 1), listing, document)
        if unpacked is None:
            return
        data = unpacked
    database = _Database(data, 0)
    database.read()
    _list(database, document, listing, ByteRange(at, size), source.size_bytes)


def _decoded(reader: Reader, database: _Database, listing: Listing, document: Document) -> bytes | None:
    database.streams()
    folder = database.folders[0] if database.folders else None
    if folder is None or not database.packed:
        raise ValueError("a packed database without streams")
    if _AES in folder.methods:
        listing.fact("HeaderEncrypted", value=True)
        document.problem(SECTION, ProblemKind.UNSUPPORTED, "names and sizes are encrypted")
        return None
    if max(folder.size, database.packed[0]) > _MOST_DATABASE_BYTES or len(folder.methods) != 1:
        document.problem(SECTION, ProblemKind.LIMIT, f"a database of {folder.size} bytes isn't unpacked")
        return None
    packed = reader.exact(_HEAD_BYTES + database.packed_at, database.packed[0])
    document.spend(folder.size)
    method, properties = folder.methods[0], folder.properties[0]
    if method == b"\0":
        return packed
    if method == _LZMA:
        first, dictionary = struct.unpack_from("<BI", properties)
        chain = {"id": lzma.FILTER_LZMA1, "dict_size": max(4096, min(dictionary, folder.size + 4096)), "lc": first % 9, "lp": first // 9 % 5, "pb": first // 45}  # fmt: skip
    elif method == _LZMA2:
        chain = {"id": lzma.FILTER_LZMA2, "dict_size": max(4096, folder.size + 4096)}
    else:
        document.problem(SECTION, ProblemKind.UNSUPPORTED, f"the database is packed by {_METHODS.get(method, method.hex())}")  # fmt: skip
        return None
    try:
        return lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=[chain]).decompress(packed, folder.size)
    except lzma.LZMAError as error:
        raise ValueError(f"the database can't be unpacked: {error}") from error


def _list(database: _Database, document: Document, listing: Listing, origin: ByteRange, packed: int) -> None:
    methods: list[Value] = []
    is_encrypted = False
    for folder in database.folders[:1000]:
        for method in folder.methods:
            name = _METHODS.get(method, method.hex())
            is_encrypted |= method == _AES
            if name not in methods:
                methods.append(name)
    if methods:
        listing.fact("Methods", methods)
    listing.fact("Solid", any(count > 1 for count in database.counts))
    listing.fact("BlockCount", len(database.folders))
    if is_encrypted:
        listing.fact("Encrypted", value=True)
    sizes, crcs = iter(database.sizes), iter(database.crcs)
    for number, name in enumerate(database.names):
        has_stream = number not in database.empty
        size, crc = (next(sizes, 0), next(crcs, None)) if has_stream else (0, None)
        written = database.written.get(number)
        is_folder = number in database.empty and number not in database.empty_files
        date = windows_date(written) if written else ""
        if number < MOST_LISTED:
            if date:
                document.add("zip", Field("ModifyDate", date[:19] + "+00:00", group=f"Member{number + 1}", origin=origin))  # fmt: skip
            document.add("zip", Field("ArchivedFileName", name, group=f"Member{number + 1}", origin=origin))
        listing.member(
            origin.offset_bytes, origin.length_bytes, name, size, Modified=date or None, Kind="folder" if is_folder else None, CRC=f"{crc:08x}" if crc is not None else None,
            Encrypted=True if is_encrypted and has_stream else None, Attributes=f"0x{database.attributes[number]:x}" if number in database.attributes else None,
        )  # fmt: skip
    listing.finish(packed_bytes=packed)


class _Database:
    """The database, read one number behind the other."""

    def __init__(self, data: bytes, at: int) -> None:
        self._data, self._at = data, at
        self.packed_at = 0
        self.packed: list[int] = []
        self.folders: list[_Folder] = []
        self.counts: list[int] = []
        self.sizes: list[int] = []
        self.crcs: list[int | None] = []
        self.names: list[str] = []
        self.empty: set[int] = set()
        self.empty_files: set[int] = set()
        self.written: dict[int, int] = {}
        self.attributes: dict[int, int] = {}

    def read(self) -> None:
        """All of a header."""
        if self._byte() != _HEADER:
            raise ValueError("no database of files")
        kind = self._byte()
        if kind == _PROPERTIES:
            while self._byte() != _END:
                self._skip(self._number())
            kind = self._byte()
        if kind == 3:  # streams of its own, which nobody writes
            raise ValueError("a database in streams of its own")
        if kind == _MAIN:
            self.streams()
            kind = self._byte()
        if kind == _FILES:
            self._files()

    def streams(self) -> None:
        """Where packed streams are, and how they unpack."""
        kind = self._byte()
        if kind == _PACK:
            self.packed_at, count = self._number(), self._counted(_MOST_FOLDERS)
            kind = self._byte()
            while kind != _END:
                if kind == _SIZE:
                    self.packed = [self._number() for _ in range(count)]
                elif kind == _CRC:
                    self._digests(count)
                kind = self._byte()
            kind = self._byte()
        if kind == _UNPACK:
            self._unpack()
            kind = self._byte()
        self.counts = [1] * len(self.folders)
        self.sizes = [each.size for each in self.folders]
        self.crcs = [each.crc for each in self.folders]
        if kind == _SUBSTREAMS:
            self._substreams()
            kind = self._byte()
        if kind != _END:
            raise ValueError(f"property {kind} where the streams end")

    def _unpack(self) -> None:
        if self._byte() != _FOLDER:
            raise ValueError("no folders")
        count = self._counted(_MOST_FOLDERS)
        if self._byte():
            raise ValueError("folders in a stream of their own")
        read = [self._folder() for _ in range(count)]
        if self._byte() != _CODERS:
            raise ValueError("no sizes of folders")
        sizes = [tuple(self._number() for _ in range(outputs)) for _, _, outputs, _ in read]
        kind = self._byte()
        defined: dict[int, int] = {}
        while kind != _END:
            if kind == _CRC:
                defined = self._digests(count)
            kind = self._byte()
        self.folders = [
            _Folder(methods, properties, sizes[number], main, defined.get(number))
            for number, (methods, properties, _, main) in enumerate(read)
        ]

    def _folder(self) -> tuple[tuple[bytes, ...], tuple[bytes, ...], int, int]:
        count = self._counted(32)
        methods, properties = [], []
        inputs = outputs = 0
        for _ in range(count):
            flags = self._byte()
            methods.append(self._bytes(flags & 15))
            ins, outs = (self._number(), self._number()) if flags & 0x10 else (1, 1)
            inputs, outputs = inputs + ins, outputs + outs
            properties.append(self._bytes(self._number()) if flags & 0x20 else b"")
        if inputs > 64 or outputs > 64:
            raise ValueError("a folder of too many streams")
        bound = set()
        for _ in range(outputs - 1):
            self._number()
            bound.add(self._number())
        if inputs - (outputs - 1) > 1:
            for _ in range(inputs - (outputs - 1)):
                self._number()
        main = next((each for each in range(outputs) if each not in bound), 0)
        return tuple(methods), tuple(properties), outputs, main

    def _substreams(self) -> None:
        kind = self._byte()
        if kind == _COUNTS:
            self.counts = [self._counted(_MOST_FILES) for _ in self.folders]
            kind = self._byte()
        if sum(self.counts) > _MOST_FILES:
            raise ValueError("too many files")
        sizes: list[int] = []
        for folder, count in zip(self.folders, self.counts, strict=True):
            left = folder.size
            for _ in range(count - 1 if kind == _SIZE else 0):
                sizes.append(self._number())
                left -= sizes[-1]
            if count:
                sizes += [left] if kind == _SIZE or count == 1 else [0] * count
        self.sizes = sizes
        if kind == _SIZE:
            kind = self._byte()
        while kind != _END:
            if kind == _CRC:
                self._stream_digests()
            kind = self._byte()

    def _stream_digests(self) -> None:
        """Digests of the streams whose folder's own isn't theirs."""
        wanted = [
            count if count != 1 or folder.crc is None else 0
            for folder, count in zip(self.folders, self.counts, strict=True)
        ]
        found = self._digests(sum(wanted))
        self.crcs = []
        number = 0
        for folder, count, open_ones in zip(self.folders, self.counts, wanted, strict=True):
            self.crcs += (
                [found.get(number + each) for each in range(open_ones)] if open_ones else [folder.crc] * count
            )
            number += open_ones

    def _files(self) -> None:
        count = self._counted(_MOST_FILES)
        self.names = [""] * count
        seen: set[int] = set()
        while (kind := self._byte()) != _END:
            size = self._number()
            end = self._at + size
            if kind in seen and kind != 0x19:  # padding may come twice
                raise ValueError(f"property {kind} twice")
            seen.add(kind)
            if kind == _EMPTY:
                self.empty = set(self._bits(count))
            elif kind == _EMPTY_FILE:
                order = sorted(self.empty)
                self.empty_files = {order[each] for each in self._bits(len(order))}
            elif kind == _NAMES and not self._byte():
                text = (
                    self._data[self._at : min(end, self._at + _MOST_NAMES_BYTES)]
                    .decode("utf-16-le", "replace")
                    .split("\0")
                )
                self.names = (text + self.names)[:count]
                self._at = end
            elif kind in {_WRITTEN, _ATTRIBUTES}:
                defined = list(range(count)) if self._byte() else self._bits(count)
                if not self._byte():
                    width, form = (8, "<Q") if kind == _WRITTEN else (4, "<I")
                    found = self.written if kind == _WRITTEN else self.attributes
                    for each in defined:
                        found[each] = struct.unpack_from(form, self._data, self._at)[0]
                        self._at += width
            if self._at > end or end > len(self._data):
                raise ValueError(f"property {kind} is longer than it says")
            self._at = end

    def _digests(self, count: int) -> dict[int, int]:
        """CRC-32 by number, of those that have one."""
        defined = list(range(count)) if self._byte() else self._bits(count)
        data = self._bytes(4 * len(defined))
        return dict(zip(defined, struct.unpack(f"<{len(defined)}I", data), strict=True))

    def _bits(self, count: int) -> list[int]:
        data = self._bytes((count + 7) // 8)
        return [each for each in range(count) if data[each >> 3] & 0x80 >> (each & 7)]

    def _byte(self) -> int:
        value = self._data[self._at]
        self._at += 1
        return value

    def _bytes(self, length: int) -> bytes:
        data = self._data[self._at : self._at + length]
        if len(data) < length:
            raise ValueError("the database is cut")
        self._at += length
        return data

    def _skip(self, length: int) -> None:
        self._at += length

    def _counted(self, most: int) -> int:
        count = self._number()
        if count > most or count > 8 * len(self._data):
            raise ValueError(f"{count} entries")
        return count

    def _number(self) -> int:
        """The first byte's leading ones say how many bytes follow."""
        first, mask, value = self._byte(), 0x80, 0
        for index in range(8):
            if not first & mask:
                return value | (first & (mask - 1)) << 8 * index
            value |= self._byte() << 8 * index
            mask >>= 1
        return value
