"""PE: programs and libraries of Windows. Microsoft, "PE Format" (learn.microsoft.com/windows/win32/debug/pe-format); ECMA-335, II.25 (CLI)."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from extractor_service.document import ByteRange, Field, ProblemKind, Struct
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.containers.programs import facts, pe_resources
from extractor_service.formats.containers.programs.facts import add
from extractor_service.formats.reading.damage import Surviving, tolerant
from extractor_service.formats.reading.reader import Reader
from extractor_service.formats.reading.table import Table
from extractor_service.formats.reading.tagset import Conversion

if TYPE_CHECKING:
    from extractor_service.document import Document, Value
    from extractor_service.sources.base import ByteSource

_DIRECTORIES = ("Export", "Import", "Resource", "Exception", "Security", "Relocation", "Debug", "Architecture", "GlobalPointer", "TLS", "LoadConfig", "BoundImport", "IAT", "DelayImport", "CLR")  # fmt: skip
_FLAGS = ((0x20, "HighEntropyASLR"), (0x40, "ASLR"), (0x80, "ForceIntegrity"), (0x100, "DEP"), (0x400, "NoSEH"), (0x4000, "ControlFlowGuard"))  # fmt: skip
_PE32, _PE32_PLUS = 0x10B, 0x20B
_CODE_VIEW, _REPRODUCIBLE = 2, 16
_MOST_IMPORTS, _MOST_FUNCTIONS = 500, 100_000


def _dotted(value: Value) -> Value:
    return ".".join(map(str, value)) if isinstance(value, list) else value


def _date(value: Value) -> Value:
    return (
        f"{datetime.fromtimestamp(value, UTC):%Y:%m:%d %H:%M:%S}+00:00" if isinstance(value, int) else value
    )


_HEADER = Table(
    "documents/EXE::Main", facts.EXE, "EXE",
    {
        "TimeStamp": Conversion(_date), "EntryPoint": Conversion(printer=lambda value: f"0x{value:04x}"),
        **dict.fromkeys(("LinkerVersion", "OSVersion", "ImageVersion", "SubsystemVersion"), Conversion(_dotted)),
    }, unit="int16u",
)  # fmt: skip
_DEBUG = Table("documents/EXE::DebugRSDS", facts.EXE, "EXE")


class Section(NamedTuple):
    """One section."""

    name: str
    address: int
    virtual_bytes: int
    offset: int
    size: int
    flags: int


@tolerant(facts.SECTION)
def parse(source: ByteSource, document: Document) -> None:
    """Headers, sections, imports, exports, resources, debug information, signature and what stands behind."""
    reader = Reader(source, big_endian=False)
    if reader.some(0, 2) != b"MZ":
        raise CorruptFileError("no DOS header")
    at = reader.u32(60) if reader.length >= 64 else 0
    mark = reader.some(at, 4)
    if mark != b"PE\0\0":
        kind = {b"NE": "Windows 16 bit (NE)", b"LE": "VxD or OS/2 (LE)", b"LX": "OS/2 (LX)"}.get(
            mark[:2], "MS-DOS"
        )
        add(document, "ProgramType", kind, at=at if mark[:2] in {b"NE", b"LE", b"LX"} else 0)
        pages, last = reader.u16(4), reader.u16(2)
        if kind == "MS-DOS" and pages:
            add(document, "LoadedSize", (pages - bool(last)) * 512 + last, at=2, unit="B")
        return
    _Image(reader, document, at).add()


class _Image:
    """One image."""

    def __init__(self, reader: Reader, document: Document, at: int) -> None:
        self._reader, self._document, self._at = reader, document, at
        self._optional_at = at + 24
        self._optional_bytes = reader.u16(at + 20)
        self._is_wide = False
        self._directories: dict[str, tuple[int, int]] = {}
        self._sections: list[Section] = []

    def add(self) -> None:
        """Adds all that it says; a damaged part costs itself."""
        reader, document = self._reader, self._document
        magic = reader.u16(self._optional_at) if self._optional_bytes >= 2 else 0
        self._is_wide = magic == _PE32_PLUS
        _HEADER.block(document, reader.some(self._at + 4, 20 + self._optional_bytes), self._at + 4)
        add(document, "ProgramType", "library" if reader.u16(self._at + 22) & 0x2000 else "program", at=self._at + 22)  # fmt: skip
        for what, step in (
            ("the optional header", self._optional), ("the sections", self._read_sections), ("imports", self._imports), ("exports", self._exports),
            ("the resources", self._resources), ("debug information", self._debug), ("the signature", self._signature), ("the CLI header", self._cli), ("the rest", self._rest),
        ):  # fmt: skip
            with Surviving(document, facts.SECTION, what):
                step()

    def _optional(self) -> None:
        if not self._optional_bytes:
            return
        reader, at = self._reader, self._optional_at
        base = reader.u64(at + 24) if self._is_wide else reader.u32(at + 28)
        add(self._document, "ImageBase", base, f"0x{base:x}", at + (24 if self._is_wide else 28))
        add(self._document, "CheckSum", reader.u32(at + 64), f"0x{reader.u32(at + 64):08x}", at + 64)
        flags = reader.u16(at + 70)
        for bit, name in _FLAGS:
            if name in {"ASLR", "DEP", "ControlFlowGuard"} or flags & bit:
                add(self._document, name, bool(flags & bit), at=at + 70, size=2)
        count = reader.u32(at + (108 if self._is_wide else 92))
        begin = at + (112 if self._is_wide else 96)
        for number, name in enumerate(_DIRECTORIES[: min(count, 15)]):
            address, size = reader.unpack("II", begin + 8 * number)
            if address and size:
                self._directories[name] = (address, size)

    def _read_sections(self) -> None:
        reader, document = self._reader, self._document
        count = reader.u16(self._at + 6)
        at = self._optional_at + self._optional_bytes
        for number in range(min(count, facts.MOST_SECTIONS)):
            place = at + 40 * number
            name = reader.exact(place, 8).rstrip(b"\0").decode("latin-1")
            virtual, address, size, offset = reader.unpack("IIII", place + 8)
            self._sections.append(Section(name, address, virtual, offset, size, reader.u32(place + 36)))
        add(document, "SectionCount", count, at=self._at + 6, size=2)
        for each in self._sections:
            entries: list[tuple[str, Value]] = [
                ("Name", each.name),
                ("Size", each.size),
                ("VirtualSize", each.virtual_bytes),
            ]
            rights = "".join(
                letter
                for bit, letter in ((0x40000000, "r"), (0x80000000, "w"), (0x20000000, "x"))
                if each.flags & bit
            )
            entries.append(("Rights", rights))
            document.add(facts.SECTION, Field("Section", Struct(tuple(entries)), group="Sections", origin=ByteRange(each.offset, each.size)))  # fmt: skip
        packer = facts.packer([each.name for each in self._sections])
        code = next((each for each in self._sections if each.flags & 0x20000000 and each.size), None)
        if code is not None:
            bits = facts.entropy(reader.some(code.offset, min(code.size, facts.SAMPLE_BYTES)))
            add(document, "CodeEntropy", round(bits, 3), unit="bit")
            if packer or facts.is_packed(bits):
                add(document, "Packer", packer or "unknown (the code is as random as packed data)")

    def place(self, address: int) -> int:
        """Where an address of the loaded image stands in the file."""
        for each in self._sections:
            if each.address <= address < each.address + max(each.virtual_bytes, each.size):
                inner = address - each.address
                if inner < each.size:
                    return each.offset + inner
        if not self._sections or address < self._sections[0].address:
            return address  # the headers are loaded as they are
        raise ValueError(f"address {address:#x} is in no section")

    def _text(self, address: int) -> str:
        return self._reader.some(self.place(address), 512).partition(b"\0")[0].decode("latin-1")

    def _imports(self) -> None:
        if "Import" not in self._directories:
            return
        at = self.place(self._directories["Import"][0])
        libraries: list[Value] = []
        functions = 0
        for number in range(_MOST_IMPORTS):
            lookup, _, _, name, table = self._reader.unpack("IIIII", at + 20 * number)
            if not name:
                break
            libraries.append(self._text(name))
            functions += self._count(lookup or table, _MOST_FUNCTIONS - functions)
        add(self._document, "ImportedLibraries", libraries)
        add(self._document, "ImportedFunctions", functions)
        if "DelayImport" in self._directories:
            add(self._document, "HasDelayedImports", value=True)

    def _count(self, address: int, most: int) -> int:
        """Entries of a lookup table, which ends by zero."""
        size = 8 if self._is_wide else 4
        at = self.place(address)
        count = 0
        while count < most:
            data = self._reader.some(at + count * size, size * 512)
            for place in range(0, len(data) - size + 1, size):
                if not any(data[place : place + size]):
                    return count
                count += 1
            if len(data) < size * 512:
                return count
        return count

    def _exports(self) -> None:
        if "Export" not in self._directories:
            return
        at = self.place(self._directories["Export"][0])
        name, _, count, named, table = self._reader.unpack("IIIII", at + 12)
        add(self._document, "ExportName", self._text(name), at=at)
        add(self._document, "ExportedNames", named, at=at + 24)
        if count <= _MOST_FUNCTIONS:
            data = self._reader.exact(self.place(table), 4 * count) if count else b""
            used = sum(any(data[each : each + 4]) for each in range(0, len(data), 4))  # some slots are empty
            add(self._document, "ExportedFunctions", used, at=at + 20)

    def _resources(self) -> None:
        if "Resource" in self._directories:
            address, _ = self._directories["Resource"]
            pe_resources.add(self._reader, self.place(address), self.place, self._document)

    def _debug(self) -> None:
        if "Debug" not in self._directories:
            return
        address, size = self._directories["Debug"]
        at = self.place(address)
        for place in range(at, at + min(size, 28 * 100), 28):
            stamp = self._reader.u32(place + 4)
            kind, length, _, offset = self._reader.unpack("IIII", place + 12)
            if kind == _REPRODUCIBLE:
                add(self._document, "ReproducibleBuild", value=True, at=place, size=28)
            if kind != _CODE_VIEW or length < 25:
                continue
            data = self._reader.exact(offset, min(length, 2048))
            if data[:4] != b"RSDS":
                continue
            origin = ByteRange(offset, length)
            _DEBUG.put(self._document, 0, _date(stamp), origin)
            _DEBUG.put(self._document, 20, int.from_bytes(data[20:24], "little"), origin)
            _DEBUG.put(self._document, 24, data[24:].partition(b"\0")[0].decode("utf-8", "replace"), origin)
            add(
                self._document,
                "PDBSignature",
                str(uuid.UUID(bytes_le=data[4:20])).upper(),
                at=offset,
                size=length,
            )

    def _signature(self) -> None:
        """Whether there is one; nobody verifies it here (its place is one in the file, not an address)."""
        place = self._directories.get("Security")
        add(self._document, "Signed", place is not None)
        if place is not None:
            length, revision, kind = self._reader.unpack("IHH", place[0])
            add(self._document, "SignatureSize", length, at=place[0], size=length, unit="B")
            label = {1: "X.509", 2: "PKCS#7 (Authenticode)"}.get(kind, f"Unknown ({kind})")
            add(self._document, "SignatureType", kind, label, place[0] + 6, 2)
            del revision

    def _cli(self) -> None:
        if "CLR" not in self._directories:
            return
        at = self.place(self._directories["CLR"][0])
        _, major, minor, metadata, _, flags = self._reader.unpack("IHHIII", at)
        add(self._document, "CLRVersion", f"{major}.{minor}", at=at)
        add(self._document, "CLRFlags", flags, ", ".join(label for bit, label in ((1, "IL only"), (2, "32 bit required"), (8, "strong name")) if flags & bit), at + 16)  # fmt: skip
        root = self.place(metadata)
        if self._reader.u32(root) == 0x424A5342:  # "BSJB" (ECMA-335, II.24.2.1)
            length = self._reader.u32(root + 12)
            text = self._reader.exact(root + 16, min(length, 255)).partition(b"\0")[0]
            add(self._document, "CLRRuntime", text.decode("latin-1"), at=root + 16, size=length)

    def _rest(self) -> None:
        """Bytes behind the last section: installers carry their files there."""
        end = max((each.offset + each.size for each in self._sections if each.size), default=0)
        security = self._directories.get("Security")
        stop = security[0] if security is not None and security[0] >= end else self._reader.length
        rest = stop - end
        if end and rest > 8:
            add(self._document, "OverlaySize", rest, at=end, size=rest, unit="B")
        if end > self._reader.length:
            self._document.problem(facts.SECTION, ProblemKind.TRUNCATED, f"sections end at {end}, the file at {self._reader.length}")  # fmt: skip
