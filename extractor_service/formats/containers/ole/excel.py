"""Excel 5 to 2003: sheets, protection and encryption out of the workbook's first records. Microsoft, MS-XLS 2.4."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.document import Field, ProblemKind
from extractor_service.formats.reading.reader import Reader, layout

if TYPE_CHECKING:
    from extractor_service.document import Document, Value
    from extractor_service.formats.containers.ole.compound import Stream

SECTION = "ole"
_MOST_RECORDS = 20_000  # of the globals: styles and names of a large workbook
_BOF, _EOF, _SHEET, _PASSWORD, _WINDOW, _STRUCTURE, _NAME, _WRITE = 0x809, 0x0A, 0x85, 0x2F, 0x19, 0x12, 0x18, 0x86  # fmt: skip
_TELLING = frozenset({_BOF, _EOF, _SHEET, _PASSWORD, _WINDOW, _STRUCTURE, _NAME, _WRITE})
_VERSIONS = {0x500: "Excel 5.0/95", 0x600: "Excel 97-2003"}


def read(stream: Stream, document: Document) -> None:
    """Adds them."""

    def add(name: str, value: Value) -> None:
        document.add(SECTION, Field(name, value, group="Excel"))

    reader = Reader(stream, big_endian=False)
    head = layout("<HH").unpack
    at, version = 0, 0x600
    names: list[Value] = []
    hidden: list[Value] = []
    macros = defined = 0
    for _ in range(_MOST_RECORDS):
        if at + 4 > reader.length:
            break
        kind, length = head(reader.exact(at, 4))
        if kind not in _TELLING:
            at += 4 + length
            continue
        if kind == _BOF:
            version = reader.u16(at + 4)
            add("BIFFVersion", _VERSIONS.get(version, f"{version:#x}"))
        elif kind == _PASSWORD:
            add("Encryption", {0: "XOR", 1: "RC4"}.get(reader.u16(at + 4), "yes") if length >= 2 else "XOR")
            document.problem(SECTION, ProblemKind.UNSUPPORTED, "the workbook needs a password")
            return
        elif kind == _SHEET and length >= 8:
            data = reader.exact(at + 4, length)
            name = _name(data, version)
            names.append(name)
            if data[4] & 3:
                hidden.append(name)
            macros += data[5] == 1
        elif kind in {_WINDOW, _STRUCTURE} and length >= 2 and reader.u16(at + 4):
            add("WindowsProtected" if kind == _WINDOW else "WorkbookProtected", value=True)
        elif kind == _WRITE:
            add("WriteProtected", value=True)
        elif kind == _NAME:
            defined += 1
        elif kind == _EOF:
            break
        at += 4 + length
    add("Sheets", len(names))
    if names:
        add("SheetNames", names[:1000])
    if hidden:
        add("HiddenSheets", hidden[:1000])
    if macros:
        add("MacroSheets", macros)
    if defined:
        add("DefinedNames", defined)


def _name(data: bytes, version: int) -> str:
    length = data[6]
    if version < 0x600:
        return data[7 : 7 + length].decode("cp1252", "replace")
    if data[7] & 1:
        return data[8 : 8 + 2 * length].decode("utf-16-le", "replace")
    return data[8 : 8 + length].decode("latin-1")
