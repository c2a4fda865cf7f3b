"""Maps: shapefiles and LAS point clouds. ESRI Shapefile (1998); ASPRS LAS 1.4 R15."""

from __future__ import annotations

import struct
from datetime import date, timedelta
from typing import TYPE_CHECKING

from extractor_service.document import ByteRange, Field, ProblemKind, Struct
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.reading.damage import Surviving, tolerant
from extractor_service.formats.reading.reader import Reader

if TYPE_CHECKING:
    from extractor_service.document import Document, Value
    from extractor_service.sources.base import ByteSource

SECTION = "geometry"
_SHAPES = {0: "Null", 1: "Point", 3: "PolyLine", 5: "Polygon", 8: "MultiPoint", 11: "PointZ", 13: "PolyLineZ", 15: "PolygonZ", 18: "MultiPointZ", 21: "PointM", 23: "PolyLineM", 25: "PolygonM", 28: "MultiPointM", 31: "MultiPatch"}  # fmt: skip
_MOST_SHAPE_BYTES = 16 * 1024 * 1024  # walked, to count shapes
_MOST_RECORDS = 200  # of a cloud, which has a handful


def _put(document: Document, name: str, value: Value, group: str, text: str = "", at: int = 0, size: int = 0) -> None:  # fmt: skip
    document.add(SECTION, Field(name, value, text, group=group, origin=ByteRange(at, size) if size else None))


@tolerant(SECTION)
def parse_shapefile(source: ByteSource, document: Document) -> None:
    """The header: kind of shapes and bounds; the index beside it has as many records as shapes."""
    reader = Reader(source)
    if reader.u32(0) != 9994:
        raise CorruptFileError("no shapefile header")
    words = reader.u32(24)
    little = reader.view(0, big_endian=False)
    version, kind = little.unpack("II", 28)
    _put(document, "FormatVersion", version, "Shapefile", "", 28, 4)
    _put(document, "ShapeType", kind, "Shapefile", _SHAPES.get(kind, f"Unknown ({kind})"), 32, 4)
    box = struct.unpack("<8d", reader.exact(36, 64))
    _put(document, "Bounds", [*box[:4]], "Shapefile", "", 36, 32)
    if kind in range(11, 19) or kind == 31:
        _put(document, "ZRange", [*box[4:6]], "Shapefile", "", 68, 16)
    if kind > 10 and any(box[6:8]) and all(abs(each) < 1e38 for each in box[6:8]):
        _put(document, "MRange", [*box[6:8]], "Shapefile", "", 84, 16)
    _put(document, "StatedSize", words * 2, "Shapefile", "", 24, 4)
    if words * 2 > reader.length:
        document.problem(
            SECTION, ProblemKind.TRUNCATED, f"{words * 2} bytes are stated, {reader.length} are there", 24
        )
    count = 0
    at = 100
    while at + 8 <= reader.length and at < _MOST_SHAPE_BYTES:
        length = reader.u32(at + 4)
        count, at = count + 1, at + 8 + 2 * length
    if at >= reader.length:
        _put(document, "ShapeCount", count, "Shapefile")
    else:
        document.problem(SECTION, ProblemKind.LIMIT, f"shapes in {at} of {reader.length} bytes were counted")


@tolerant(SECTION)
def parse_las(source: ByteSource, document: Document) -> None:
    """The public header and the variable records."""
    reader = Reader(source, big_endian=False)
    if reader.exact(0, 4) != b"LASF":
        raise CorruptFileError("no LAS header")
    major, minor = reader.u8(24), reader.u8(25)

    def put(name: str, value: Value, text: str = "", at: int = 0, size: int = 4) -> None:
        _put(document, name, value, "LAS", text, at, size)

    put("LASVersion", f"{major}.{minor}", "", 24, 2)
    put("FileSourceID", reader.u16(4), "", 4, 2)
    encoding = reader.u16(6)
    put(
        "GlobalEncoding",
        encoding,
        ", ".join(label for bit, label in ((1, "GPS standard time"), (16, "WKT")) if encoding & bit),
        6,
        2,
    )
    for name, at in (("SystemIdentifier", 26), ("GeneratingSoftware", 58)):
        put(name, reader.exact(at, 32).partition(b"\0")[0].decode("latin-1").strip(), "", at, 32)
    day, year, header, offset, records, form, length, points = reader.unpack("HHHIIBHI", 90)
    if 0 < day <= 366 and 1990 <= year <= 2100:
        put("CreateDate", f"{date(year, 1, 1) + timedelta(days=day - 1):%Y:%m:%d}", "", 90)
    put("PointFormat", form & 0x3F, "compressed (LAZ)" if form & 0x80 else "", 104, 1)
    put("PointSize", length, "", 105, 2)
    if minor >= 4 and header >= 375:
        points = reader.u64(247)
    put("PointCount", points, "", 247 if minor >= 4 else 107, 8)
    numbers = struct.unpack("<12d", reader.exact(131, 96))
    put("Scale", [*numbers[0:3]], "", 131, 24)
    put("Offset", [*numbers[3:6]], "", 155, 24)
    put("BoundsMinimum", [numbers[7], numbers[9], numbers[11]], "", 179, 48)
    put("BoundsMaximum", [numbers[6], numbers[8], numbers[10]], "", 179, 48)
    put("RecordCount", records, "", 100)
    if not form & 0x80 and offset + points * length > reader.length:
        document.problem(SECTION, ProblemKind.TRUNCATED, f"{points} points of {length} bytes are stated, {max(0, reader.length - offset)} bytes are there", 107)  # fmt: skip
    at = header
    for number in range(min(records, _MOST_RECORDS)):
        with Surviving(document, SECTION, f"record {number + 1}", at):
            user = reader.exact(at + 2, 16).partition(b"\0")[0].decode("latin-1")
            record, size = reader.unpack("HH", at + 18)
            text = reader.exact(at + 22, 32).partition(b"\0")[0].decode("latin-1")
            entries: tuple[tuple[str, Value], ...] = (
                ("User", user),
                ("ID", record),
                ("Size", size),
                ("Description", text),
            )
            document.add(
                SECTION, Field("Record", Struct(entries), group="LAS", origin=ByteRange(at, 54 + size))
            )
            if user == "LASF_Projection" and record == 2112:
                written = reader.exact(at + 54, min(size, 64 * 1024)).rstrip(b"\0").decode("utf-8", "replace")
                put("CRS", written, "", at + 54, size)
            at += 54 + size
