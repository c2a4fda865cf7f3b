"""dBASE tables, also beside shapefiles: columns and how many rows. dBASE 7 file structure; Visual FoxPro, "Table File Structure"."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.document import ByteRange, Field, ProblemKind, Struct
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.reading.damage import tolerant
from extractor_service.formats.reading.reader import Reader

if TYPE_CHECKING:
    from extractor_service.document import Document, Value
    from extractor_service.sources.base import ByteSource

SECTION = "dbf"
_VERSIONS = {0x02: "FoxBASE", 0x03: "dBASE III", 0x04: "dBASE 7", 0x30: "Visual FoxPro", 0x31: "Visual FoxPro, autoincrement", 0x83: "dBASE III with memo", 0x8B: "dBASE IV with memo", 0xF5: "FoxPro with memo"}  # fmt: skip
_CODE_PAGES = {0x01: "cp437", 0x02: "cp850", 0x03: "windows-1252", 0x13: "cp932", 0x4D: "cp936", 0x57: "windows-1252", 0x64: "cp852", 0x65: "cp866", 0xC8: "windows-1250", 0xC9: "windows-1251"}  # fmt: skip
_TYPES = {"C": "character", "N": "number", "F": "float", "D": "date", "L": "logical", "M": "memo", "I": "integer", "B": "double", "T": "date and time", "Y": "currency", "@": "timestamp", "O": "double", "+": "autoincrement"}  # fmt: skip
_MOST_COLUMNS = 2046  # of Visual FoxPro


@tolerant(SECTION)
def parse(source: ByteSource, document: Document) -> None:
    """The header and its columns."""
    reader = Reader(source, big_endian=False)
    version, year, month, day, count, header, row = reader.unpack("BBBBIHH", 0)
    if header < 33 or row < 1:
        raise CorruptFileError("no dBASE header")

    def put(name: str, value: Value, text: str = "", at: int = 0, size: int = 4) -> None:
        document.add(SECTION, Field(name, value, text, group="DBF", origin=ByteRange(at, size)))

    put("DBFVersion", version, _VERSIONS.get(version, f"Unknown ({version:#x})"), 0, 1)
    if 1 <= month <= 12 and 1 <= day <= 31:
        put("ModifyDate", f"{year + 1900:04d}:{month:02d}:{day:02d}", "", 1, 3)
    put("RowCount", count, "", 4)
    put("RowSize", row, "", 10, 2)
    page = reader.u8(29)
    if page:
        put("CodePage", page, _CODE_PAGES.get(page, f"Unknown ({page:#x})"), 29, 1)
    width, at, columns = (48, 68, 0) if version == 4 else (32, 32, 0)
    while at + width <= header and reader.u8(at) != 0x0D and columns < _MOST_COLUMNS:
        data = reader.exact(at, width)
        name_bytes = 32 if width == 48 else 11
        name = data[:name_bytes].partition(b"\0")[0].decode(_CODE_PAGES.get(page, "cp1252"), "replace")
        kind = chr(data[name_bytes])
        length, decimals = (data[33], data[34]) if width == 48 else (data[16], data[17])
        entries: tuple[tuple[str, Value], ...] = (
            ("Name", name),
            ("Type", _TYPES.get(kind, kind)),
            ("Length", length),
            ("Decimals", decimals),
        )
        document.add(SECTION, Field("Column", Struct(entries), group="Columns", origin=ByteRange(at, width)))
        at, columns = at + width, columns + 1
    put("ColumnCount", columns, "", 32, max(0, at - 32))
    if header + count * row > reader.length + 1:
        document.problem(SECTION, ProblemKind.TRUNCATED, f"{count} rows of {row} bytes are stated, {max(0, reader.length - header)} bytes are there", 4)  # fmt: skip
