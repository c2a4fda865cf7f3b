"""ELF: programs, libraries, objects and cores of Unix. Tool Interface Standard, ELF 1.2; System V ABI (gabi 4.1), chapters 4, 5."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

from extractor_service.document import ByteRange, Field, ProblemKind
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.containers.programs import facts
from extractor_service.formats.containers.programs.facts import add
from extractor_service.formats.reading.damage import Surviving, tolerant
from extractor_service.formats.reading.reader import Reader
from extractor_service.formats.reading.table import Table

if TYPE_CHECKING:
    from extractor_service.document import Document, Value
    from extractor_service.sources.base import ByteSource

_HEADER = Table("documents/EXE::ELF", facts.EXE, "EXE")
# Machines that came after ExifTool's table (gabi, e_machine).
_MACHINES = {40: "ARM", 50: "IA-64", 62: "AMD x86-64", 183: "AArch64", 243: "RISC-V", 247: "Linux BPF", 252: "C-SKY", 258: "LoongArch", 20: "PowerPC", 21: "PowerPC64", 22: "S/390", 8: "MIPS", 43: "SPARC v9", 3: "Intel 386"}  # fmt: skip
_ABIS = {0: "System V", 1: "HP-UX", 2: "NetBSD", 3: "Linux", 6: "Solaris", 7: "AIX", 9: "FreeBSD", 12: "OpenBSD", 97: "ARM", 255: "Standalone"}  # fmt: skip
_LOAD, _DYNAMIC, _INTERPRETER, _NOTE, _STACK, _RELRO = 1, 2, 3, 4, 0x6474E551, 0x6474E552
_NEEDED, _STRTAB, _SONAME, _RPATH, _RUNPATH, _BIND_NOW, _FLAGS, _FLAGS_1, _SYMTAB = 1, 5, 14, 15, 29, 24, 30, 0x6FFFFFFB, 6  # fmt: skip
_NOW, _NOW_1, _PIE_1 = 8, 1, 0x08000000
_SYMBOLS, _DYNAMIC_SYMBOLS, _NO_BITS = 2, 11, 8
_MOST_DYNAMIC = 5000  # entries: programs have a hundred
_MOST_NOTE_BYTES = 64 * 1024  # of one segment of notes


class _Segment(NamedTuple):
    kind: int
    flags: int
    offset: int
    address: int
    size: int


class _Section(NamedTuple):
    name: str
    kind: int
    flags: int
    offset: int
    size: int
    entry_size: int


@tolerant(facts.SECTION)
def parse(source: ByteSource, document: Document) -> None:
    """The header, segments, the dynamic section, sections and notes."""
    reader = Reader(source)
    identity = reader.exact(0, 16)
    if identity[:4] != b"\x7fELF" or identity[4] not in {1, 2} or identity[5] not in {1, 2}:
        raise CorruptFileError("no ELF header")
    _File(reader.view(0, big_endian=identity[5] == 2), document, is_wide=identity[4] == 2).add(identity)


class _File:
    """One file."""

    def __init__(self, reader: Reader, document: Document, *, is_wide: bool) -> None:
        self._reader, self._document, self._is_wide = reader, document, is_wide
        self._word = "Q" if is_wide else "I"
        self._segments: list[_Segment] = []
        self._is_pie = False

    def add(self, identity: bytes) -> None:
        """Adds all that it says."""
        reader, document = self._reader, self._document
        word = self._word
        self._basics(identity)
        values = reader.unpack("HHI" + 3 * word + "IHHHHHH", 16)
        (
            kind,
            machine,
            _,
            entry,
            segments_at,
            sections_at,
            flags,
            _,
            size,
            count,
            section_size,
            sections,
            names,
        ) = values
        del size
        add(document, "Machine", machine, _MACHINES.get(machine, f"Unknown ({machine})"), 18, 2)
        add(document, "OSABI", identity[7], _ABIS.get(identity[7], f"Unknown ({identity[7]})"), 7, 1)
        add(document, "EntryPoint", entry, f"0x{entry:x}", 24, 8 if self._is_wide else 4)
        if flags:
            add(document, "MachineFlags", flags, f"0x{flags:x}")
        with Surviving(document, facts.SECTION, "the segments", segments_at):
            self._read_segments(segments_at, count)
        with Surviving(document, facts.SECTION, "the dynamic section"):
            self._dynamic(kind)
        with Surviving(document, facts.SECTION, "the sections", sections_at):
            self._sections(sections_at, section_size, sections, names)

    def _basics(self, identity: bytes) -> None:
        origin = ByteRange(4, 16)
        kind, machine = self._reader.unpack("HH", 16)
        for key, value in ((4, identity[4]), (5, identity[5]), (16, kind), (18, machine)):
            _HEADER.put(self._document, key, value, origin)

    def _read_segments(self, at: int, count: int) -> None:
        reader = self._reader
        size = 56 if self._is_wide else 32
        for number in range(min(count, facts.MOST_SECTIONS)):
            place = at + number * size
            if self._is_wide:
                kind, flags, offset, address, _, length = reader.unpack("IIQQQQ", place)
            else:
                kind, offset, address, _, length, _, flags = reader.unpack("IIIIIII", place)
            self._segments.append(_Segment(kind, flags, offset, address, length))
        add(self._document, "SegmentCount", count, at=at)
        for each in self._segments:
            if each.kind == _INTERPRETER:
                text = reader.exact(each.offset, min(each.size, 4096)).partition(b"\0")[0]
                add(
                    self._document,
                    "Interpreter",
                    text.decode("utf-8", "replace"),
                    at=each.offset,
                    size=each.size,
                )
            elif each.kind == _STACK:
                add(self._document, "ExecutableStack", bool(each.flags & 1))
            elif each.kind == _NOTE:
                with Surviving(self._document, facts.SECTION, "a note", each.offset):
                    self._notes(each.offset, each.size)
        if any(each.kind == _LOAD and each.flags & 3 == 3 for each in self._segments):
            add(self._document, "WritableAndExecutable", value=True)

    def _notes(self, at: int, size: int) -> None:
        """Build id and the oldest system that it runs on (gabi 5, "note section")."""
        reader, end = self._reader, at + min(size, _MOST_NOTE_BYTES)
        while at + 12 <= end:
            name_size, length, kind = reader.unpack("III", at)
            name = reader.some(at + 12, min(name_size, 64)).rstrip(b"\0")
            begin = at + 12 + (name_size + 3) // 4 * 4
            if begin + length > end:
                return
            data = reader.exact(begin, min(length, 1024))
            if name == b"GNU" and kind == 3:
                add(self._document, "BuildID", data.hex(), at=begin, size=length)
            elif name == b"GNU" and kind == 1 and length >= 16:
                system, *version = struct.unpack((">" if reader.big_endian else "<") + "IIII", data[:16])
                label = {0: "Linux", 1: "Hurd", 2: "Solaris", 3: "FreeBSD"}.get(system, str(system))
                add(self._document, "ABIVersion", f"{label} {'.'.join(map(str, version))}", at=begin)
            elif name == b"Go" and kind == 4:
                add(self._document, "GoBuildID", data.decode("latin-1").strip("\0"), at=begin, size=length)
            at = begin + (length + 3) // 4 * 4

    def _dynamic(self, kind: int) -> None:
        """What it needs from others (gabi 5, "dynamic section")."""
        segment = next((each for each in self._segments if each.kind == _DYNAMIC), None)
        has_relro = any(each.kind == _RELRO for each in self._segments)
        if segment is None:
            if kind in {2, 3}:
                add(self._document, "Linking", "static")
            return
        size = 16 if self._is_wide else 8
        rows: list[tuple[int, int]] = []
        for number in range(min(segment.size // size, _MOST_DYNAMIC)):
            tag, value = self._reader.unpack(2 * self._word, segment.offset + number * size)
            if tag == 0:
                break
            rows.append((tag, value))
        values = dict(rows)
        strings = self._place(values.get(_STRTAB, 0))
        needed: list[Value] = [self._string(strings, value) for tag, value in rows if tag == _NEEDED]
        self._is_pie = bool(values.get(_FLAGS_1, 0) & _PIE_1)
        add(self._document, "Linking", "dynamic" if needed or (kind == 3 and not self._is_pie) else "static")
        if needed:
            add(self._document, "NeededLibraries", needed[: facts.MOST_NAMES])
        for tag, name in ((_SONAME, "SOName"), (_RPATH, "RPath"), (_RUNPATH, "RunPath")):
            if tag in values:
                add(self._document, name, self._string(strings, values[tag]))
        is_bound = _BIND_NOW in values or values.get(_FLAGS, 0) & _NOW or values.get(_FLAGS_1, 0) & _NOW_1
        add(self._document, "RELRO", ("full" if is_bound else "partial") if has_relro else "none")
        has_interpreter = any(each.kind == _INTERPRETER for each in self._segments)
        if kind in {2, 3}:
            add(self._document, "PositionIndependent", kind == 3)
            add(self._document, "IsProgram", kind == 2 or has_interpreter or self._is_pie)

    def _place(self, address: int) -> int:
        for each in self._segments:
            if each.kind == _LOAD and each.address <= address < each.address + each.size:
                return each.offset + address - each.address
        return -1

    def _string(self, strings: int, offset: int) -> str:
        if strings < 0:
            return ""
        return self._reader.some(strings + offset, 4096).partition(b"\0")[0].decode("utf-8", "replace")

    def _sections(self, at: int, size: int, count: int, names_at: int) -> None:
        reader, document = self._reader, self._document
        form = "IIQQQQIIQQ" if self._is_wide else "IIIIIIIIII"
        if at and not count:  # more than the header can count (gabi 4, e_shnum)
            count = reader.unpack(form, at)[5]
        if not at or not count:
            return
        headers = [
            reader.unpack(form, at + number * size) for number in range(min(count, facts.MOST_SECTIONS))
        ]
        names = headers[names_at][4] if names_at < len(headers) else -1
        sections = [
            _Section(self._string(names, row[0]) if names >= 0 else "", row[1], row[2], row[4], row[5], row[9]) for row in headers
        ]  # fmt: skip
        add(document, "SectionCount", count, at=at)
        if count > facts.MOST_SECTIONS:
            document.problem(facts.SECTION, ProblemKind.LIMIT, f"{facts.MOST_SECTIONS} of {count} sections were read", at)  # fmt: skip
        listed: list[Value] = [each.name for each in sections if each.name]
        add(document, "SectionNames", listed)
        add(document, "Stripped", not any(each.kind == _SYMBOLS for each in sections))
        add(
            document,
            "HasDebugInformation",
            any(each.name.startswith((".debug_", ".zdebug_")) for each in sections),
        )
        for each in sections:
            if each.kind in {_SYMBOLS, _DYNAMIC_SYMBOLS} and each.entry_size:
                name = "SymbolCount" if each.kind == _SYMBOLS else "DynamicSymbolCount"
                add(document, name, each.size // each.entry_size, at=each.offset, size=each.size)
            elif each.name == ".comment" and each.kind != _NO_BITS:
                text = reader.some(each.offset, min(each.size, 4096))
                compilers: list[Value] = [
                    part.decode("utf-8", "replace") for part in text.split(b"\0") if part
                ]
                add(document, "Compiler", compilers if len(compilers) > 1 else "".join(map(str, compilers)), at=each.offset, size=each.size)  # fmt: skip
            elif each.name == ".note.gnu.build-id" and not self._segments:
                self._notes(each.offset, each.size)
            elif each.name == ".text" and each.kind != _NO_BITS:
                self._document.add(facts.SECTION, Field("CodeSize", each.size, unit="B", group="Program", origin=ByteRange(each.offset, each.size)))  # fmt: skip
        if b"UPX!" in reader.some(0, 4096)[52:512]:
            add(document, "Packer", "UPX")
