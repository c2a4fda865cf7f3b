"""Mach-O: programs and libraries of macOS and iOS, also fat ones. Apple, mach-o/loader.h and fat.h; cs_blobs.h (signatures)."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from extractor_service.document import ByteRange, Field, ProblemKind
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.containers.programs import facts
from extractor_service.formats.reading.damage import Surviving, tolerant
from extractor_service.formats.reading.reader import Reader
from extractor_service.formats.reading.table import Table

if TYPE_CHECKING:
    from extractor_service.document import Document, Value
    from extractor_service.sources.base import ByteSource

_TABLE = Table("documents/EXE::MachO", facts.EXE, "EXE")
_MAGICS = {b"\xfe\xed\xfa\xce": (False, True), b"\xfe\xed\xfa\xcf": (True, True), b"\xce\xfa\xed\xfe": (False, False), b"\xcf\xfa\xed\xfe": (True, False)}  # fmt: skip
_FAT, _FAT_64 = b"\xca\xfe\xba\xbe", b"\xca\xfe\xba\xbf"
_MOST_ARCHITECTURES, _MOST_COMMANDS, _MOST_COMMAND_BYTES = 30, 2000, 1024 * 1024
_SEGMENT, _SYMTAB, _DYLIB, _ID_DYLIB, _WEAK_DYLIB, _DYLINKER, _UUID, _SEGMENT_64, _SIGNATURE = 1, 2, 0xC, 0xD, 0x80000018, 0xE, 0x1B, 0x19, 0x1D  # fmt: skip
_RPATH, _SOURCE_VERSION, _BUILD_VERSION, _MIN_MACOS, _MIN_IOS, _ENCRYPTED, _ENCRYPTED_64, _MAIN = 0x8000001C, 0x2A, 0x32, 0x24, 0x25, 0x21, 0x2C, 0x80000028  # fmt: skip
_PLATFORMS = {1: "macOS", 2: "iOS", 3: "tvOS", 4: "watchOS", 6: "Mac Catalyst", 7: "iOS simulator", 8: "tvOS simulator", 10: "DriverKit", 11: "visionOS"}  # fmt: skip
_EXECUTABLE = 2  # the only type that the flag is for (loader.h)
_PIE = 0x200000  # a flag (loader.h, https://opensource.apple.com)


@tolerant(facts.SECTION)
def parse(source: ByteSource, document: Document) -> None:
    """The header and load commands of each architecture."""
    reader = Reader(source)
    magic = reader.exact(0, 4)
    if magic in _MAGICS:
        _architecture(reader.view(0), document, "Program", is_alone=True)
        return
    if magic not in {_FAT, _FAT_64}:
        raise CorruptFileError("no Mach-O header")
    count = reader.u32(4)
    _TABLE.put(document, 2, count, ByteRange(4, 4))
    size = 32 if magic == _FAT_64 else 20
    places: list[tuple[int, int]] = []
    kinds: list[tuple[int, int]] = []
    for number in range(min(count, _MOST_ARCHITECTURES)):
        at = 8 + number * size
        kinds.append((_signed(reader.u32(at)), _signed(reader.u32(at + 4))))
        places.append((reader.u64(at + 8), reader.u64(at + 16)) if size == 32 else (reader.u32(at + 8), reader.u32(at + 12)))  # fmt: skip
    types: list[Value] = [kind for kind, _ in kinds]
    subtypes: list[Value] = [f"{kind} {sub}" for kind, sub in kinds]
    for key, values in ((3, types), (4, subtypes)):
        tag = _TABLE.tags[key]
        text = ", ".join(tag.text(each) for each in values)
        document.add(facts.EXE, Field(tag.name, values, text, group="EXE", origin=ByteRange(8, count * size)))
    if count > _MOST_ARCHITECTURES:
        document.problem(facts.SECTION, ProblemKind.DAMAGED, f"{count} architectures", 4)
    for number, (offset, length) in enumerate(places, 1):
        with Surviving(document, facts.SECTION, f"architecture {number}", offset):
            inner = reader.view(offset, length)
            if inner.some(0, 8) == b"!<arch>\n":
                _TABLE.put(document, 5, -1, ByteRange(offset, 8))
                continue
            _architecture(inner, document, f"Program{number}", is_alone=False, is_first=number == 1)


def _signed(value: int) -> int:
    return value - (1 << 32) if value & 0x80000000 else value


def _kind(document: Document, kind: int, sub: int, at: int) -> None:
    _TABLE.put(document, 3, kind, ByteRange(at, 4))
    _TABLE.put(document, 4, f"{kind} {sub}", ByteRange(at + 4, 4))


def _architecture(
    reader: Reader, document: Document, group: str, *, is_alone: bool, is_first: bool = True
) -> None:
    is_wide, is_big = _MAGICS.get(reader.exact(0, 4), (None, None))
    if is_wide is None:
        raise CorruptFileError("no Mach-O header")
    reader = reader.view(reader.base, reader.length, big_endian=is_big)
    kind, sub, file_type, count, size, flags = reader.unpack("IIIIII", 4)
    at = reader.base
    if is_alone:
        _TABLE.put(document, 0, "64 bit" if is_wide else "32 bit", ByteRange(at, 4))
        _TABLE.put(document, 1, "Big endian" if is_big else "Little endian", ByteRange(at, 4))
        _kind(document, _signed(kind), _signed(sub), at + 4)
    if is_first:
        _TABLE.put(document, 5, file_type, ByteRange(at + 12, 4))
    if is_alone:
        _TABLE.put(document, 6, flags, ByteRange(at + 24, 4))
    if size > _MOST_COMMAND_BYTES:
        document.problem(facts.SECTION, ProblemKind.DAMAGED, f"load commands of {size} bytes", at)
    commands = _Commands(reader, document, group)
    if file_type == _EXECUTABLE:
        commands.put("PositionIndependent", bool(flags & _PIE))
    place = 32 if is_wide else 28
    end = place + min(size, _MOST_COMMAND_BYTES)
    for _ in range(min(count, _MOST_COMMANDS)):
        if place + 8 > end:
            break
        command, length = reader.unpack("II", place)
        if length < 8:
            raise ValueError(f"a load command of {length} bytes")
        with Surviving(document, facts.SECTION, f"load command {command:#x}", at + place):
            commands.see(command, place, length)
        place += length
    commands.finish(count)


class _Commands:
    """What load commands say."""

    def __init__(self, reader: Reader, document: Document, group: str) -> None:
        self._reader, self._document, self._group = reader, document, group
        self._libraries: list[Value] = []
        self._paths: list[Value] = []
        self._segments: list[Value] = []
        self._sections = 0
        self._is_signed = False

    def put(self, name: str, value: Value, text: str = "") -> None:
        """One fact."""
        self._document.add(facts.SECTION, Field(name, value, text, group=self._group))

    def see(self, command: int, at: int, length: int) -> None:
        """One command."""
        reader = self._reader
        if command in {_DYLIB, _WEAK_DYLIB, _ID_DYLIB}:
            name = self._text(at + reader.u32(at + 8), length)
            version = _version(reader.u32(at + 16))
            if command == _ID_DYLIB:
                self.put("InstallName", name)
                self.put("LibraryVersion", version)
            elif len(self._libraries) < facts.MOST_NAMES:
                self._libraries.append(f"{name} ({version})")
        elif command in {_SEGMENT, _SEGMENT_64}:
            self._segments.append(reader.exact(at + 8, 16).rstrip(b"\0").decode("latin-1"))
            self._sections += reader.u32(at + (64 if command == _SEGMENT_64 else 48))
        elif command == _UUID:
            self.put("UUID", str(uuid.UUID(bytes=reader.exact(at + 8, 16))).upper())
        elif command == _DYLINKER:
            self.put("Interpreter", self._text(at + reader.u32(at + 8), length))
        elif command == _RPATH:
            self._paths.append(self._text(at + reader.u32(at + 8), length))
        elif command == _SYMTAB:
            self.put("SymbolCount", reader.u32(at + 12))
        elif command == _MAIN:
            entry = reader.u64(at + 8)
            self.put("EntryPoint", entry, f"0x{entry:x}")
        elif command == _BUILD_VERSION:
            platform = reader.u32(at + 8)
            self.put("Platform", platform, _PLATFORMS.get(platform, f"Unknown ({platform})"))
            self.put("MinimumOSVersion", _version(reader.u32(at + 12)))
            self.put("SDKVersion", _version(reader.u32(at + 16)))
        elif command in {_MIN_MACOS, _MIN_IOS}:
            self.put(
                "Platform", 1 if command == _MIN_MACOS else 2, "macOS" if command == _MIN_MACOS else "iOS"
            )
            self.put("MinimumOSVersion", _version(reader.u32(at + 8)))
            self.put("SDKVersion", _version(reader.u32(at + 12)))
        elif command == _SOURCE_VERSION:
            value = reader.u64(at + 8)
            parts = [
                value >> 40,
                value >> 30 & 0x3FF,
                value >> 20 & 0x3FF,
                value >> 10 & 0x3FF,
                value & 0x3FF,
            ]
            self.put("SourceVersion", ".".join(map(str, parts)))
        elif command in {_ENCRYPTED, _ENCRYPTED_64}:
            self.put("Encrypted", bool(reader.u32(at + 16)))
        elif command == _SIGNATURE:
            self._is_signed = True
            with Surviving(self._document, facts.SECTION, "the signature"):
                self._signature(reader.u32(at + 8), reader.u32(at + 12))

    def _text(self, at: int, length: int) -> str:
        return self._reader.some(at, min(length, 4096)).partition(b"\0")[0].decode("utf-8", "replace")

    def _signature(self, at: int, length: int) -> None:
        """The code directory's identifier and team; nobody verifies it (big-endian, whatever the file is)."""
        data = self._reader.some(at, min(length, 64 * 1024))
        if data[:4] != b"\xfa\xde\x0c\xc0":
            return
        for number in range(min(int.from_bytes(data[8:12], "big"), 20)):
            place = int.from_bytes(data[16 + 8 * number : 20 + 8 * number], "big")
            if data[place : place + 4] != b"\xfa\xde\x0c\x02":
                continue
            version = int.from_bytes(data[place + 8 : place + 12], "big")
            flags = int.from_bytes(data[place + 12 : place + 16], "big")
            name = place + int.from_bytes(data[place + 20 : place + 24], "big")
            self.put(
                "SigningIdentifier", data[name : name + 512].partition(b"\0")[0].decode("utf-8", "replace")
            )
            self.put("AdHocSigned", bool(flags & 2))
            team = int.from_bytes(data[place + 48 : place + 52], "big") if version >= 0x20200 else 0
            if team:
                text = data[place + team : place + team + 64].partition(b"\0")[0]
                self.put("SigningTeam", text.decode("utf-8", "replace"))
            return

    def finish(self, count: int) -> None:
        """What was collected."""
        self.put("LoadCommands", count)
        for name, values in (("NeededLibraries", self._libraries), ("RunPath", self._paths), ("SegmentNames", self._segments)):  # fmt: skip
            if values:
                self.put(name, values)
        self.put("SectionCount", self._sections)
        self.put("Signed", self._is_signed)


def _version(value: int) -> str:
    return f"{value >> 16}.{value >> 8 & 0xFF}.{value & 0xFF}"
