"""WebAssembly modules: what they import, export and say of their makers. W3C, WebAssembly Core 2.0, 5.5; tool conventions, "Producers"."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.document import ProblemKind
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.containers.programs import facts
from extractor_service.formats.containers.programs.facts import add
from extractor_service.formats.reading.damage import Surviving, tolerant
from extractor_service.formats.reading.reader import Reader

if TYPE_CHECKING:
    from extractor_service.document import Document, Value
    from extractor_service.sources.base import ByteSource

_SECTIONS = ("Custom", "Types", "Imports", "Functions", "Tables", "Memories", "Globals", "Exports", "Start", "Elements", "Code", "Data", "DataCount", "Tags")  # fmt: skip
_COUNTED = frozenset({1, 2, 3, 4, 5, 6, 7, 9, 10, 11})
_MOST_SECTIONS, _MOST_BYTES = 1000, 256 * 1024
_KINDS = {0: "function", 1: "table", 2: "memory", 3: "global", 4: "tag"}


@tolerant(facts.SECTION)
def parse(source: ByteSource, document: Document) -> None:
    """Counts of the sections, names of imports and exports, custom sections."""
    reader = Reader(source, big_endian=False)
    if reader.some(0, 4) != b"\0asm":
        raise CorruptFileError("no WebAssembly header")
    version, layer = reader.unpack("HH", 4)
    add(document, "WasmVersion", version, at=4)
    add(document, "WasmKind", "component" if layer else "module", at=6, size=2)
    custom: list[Value] = []
    at = 8
    for _ in range(_MOST_SECTIONS):
        if at >= reader.length:
            break
        kind = reader.u8(at)
        data = _Bytes(reader.some(at + 1, 5))
        length = data.number()
        begin = at + 1 + data.at
        if begin + length > reader.length:
            document.problem(
                facts.SECTION, ProblemKind.TRUNCATED, f"section {kind} of {length} bytes is cut", at
            )
            break
        with Surviving(document, facts.SECTION, f"section {kind}", at):
            _section(
                kind, _Bytes(reader.some(begin, min(length, _MOST_BYTES))), begin, length, document, custom
            )
        at = begin + length
    if custom:
        add(document, "CustomSections", custom)


class _Bytes:
    """Bytes that are read one behind the other."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def number(self) -> int:
        """LEB128, of 32 bits at most (5.2.2)."""
        value = shift = 0
        while True:
            byte = self.data[self.at]
            self.at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                return value
            if shift > 35:
                raise ValueError("a number of more than 32 bits")

    def name(self) -> str:
        """A text with its length before it."""
        length = self.number()
        text = self.data[self.at : self.at + length]
        if len(text) < length:
            raise IndexError("a name is cut")
        self.at += length
        return text.decode("utf-8", "replace")

    def skip_limits(self) -> None:
        """Of a memory or table."""
        flags = self.data[self.at]
        self.at += 1
        self.number()
        if flags & 1:
            self.number()


def _section(kind: int, data: _Bytes, at: int, length: int, document: Document, custom: list[Value]) -> None:
    if kind == 0:
        name = data.name()
        if len(custom) < facts.MOST_NAMES:
            custom.append(name)
        if name == "producers":
            _producers(data, document)
        elif name == "name" and data.data[data.at : data.at + 1] == b"\0":
            data.at += 1
            data.number()
            add(document, "ModuleName", data.name())
        elif name == "sourceMappingURL":
            add(document, "SourceMap", data.name())
        return
    if kind not in _COUNTED or kind >= len(_SECTIONS):
        return
    count = data.number()
    if count > length:
        raise ValueError(f"{count} entries in {length} bytes")
    add(document, f"{_SECTIONS[kind]}Count", count, at=at, size=length)
    if kind == 2:
        _imports(data, count, document)
    elif kind == 7:
        exports: list[Value] = []
        for _ in range(min(count, facts.MOST_NAMES)):
            name, what = data.name(), data.data[data.at]
            data.at += 1
            data.number()
            exports.append(f"{name} ({_KINDS.get(what, what)})")
        add(document, "Exports", exports)
    elif kind == 5 and count:
        flags = data.data[data.at]
        data.at += 1
        add(document, "MemoryPages", data.number())
        if flags & 1:
            add(document, "MaximumMemoryPages", data.number())


def _imports(data: _Bytes, count: int, document: Document) -> None:
    modules: list[Value] = []
    for _ in range(min(count, facts.MOST_NAMES)):
        module = data.name()
        data.name()
        kind = data.data[data.at]
        data.at += 1
        if kind in {1, 2}:
            data.at += kind == 1
            data.skip_limits()
        elif kind == 3:
            data.at += 2
        else:
            data.at += kind == 4
            data.number()
        if module not in modules:
            modules.append(module)
    if modules:
        add(document, "ImportedModules", modules)


def _producers(data: _Bytes, document: Document) -> None:
    for _ in range(min(data.number(), 20)):
        field = data.name()
        values: list[Value] = []
        for _ in range(min(data.number(), 50)):
            name, version = data.name(), data.name()
            values.append(f"{name} {version}".strip())
        shown = "".join(each.capitalize() for each in field.split("-"))
        add(document, f"Producer{shown}"[:60], values if len(values) > 1 else "".join(map(str, values)))
