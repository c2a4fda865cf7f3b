"""Drawings and maps: DXF, shapefiles, LAS point clouds. Autodesk, "DXF Reference"; ESRI Shapefile (1998); ASPRS LAS 1.4 R15."""

from __future__ import annotations

import io
import struct
from datetime import date, timedelta
from typing import TYPE_CHECKING

from extractor_service.document import ByteRange, Field, ProblemKind, Struct
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.containers.text.lines import decoded
from extractor_service.formats.reading.damage import Surviving, tolerant
from extractor_service.formats.reading.reader import Reader

if TYPE_CHECKING:
    from extractor_service.document import Document, Value
    from extractor_service.sources.base import ByteSource

SECTION = "geometry"
_MOST_DXF_BYTES = 16 * 1024 * 1024  # read: groups are counted one by one, a second for so many
_DXF_VERSIONS = {"AC1006": "R10", "AC1009": "R11/R12", "AC1012": "R13", "AC1014": "R14", "AC1015": "2000", "AC1018": "2004", "AC1021": "2007", "AC1024": "2010", "AC1027": "2013", "AC1032": "2018"}  # fmt: skip
_DXF_NAMES = {
    "$ACADVER": "DXFVersion", "$DWGCODEPAGE": "CodePage", "$INSUNITS": "Units", "$MEASUREMENT": "Measurement", "$LASTSAVEDBY": "LastSavedBy", "$EXTMIN": "BoundsMinimum",
    "$EXTMAX": "BoundsMaximum", "$TDCREATE": "CreateDate", "$TDUPDATE": "ModifyDate", "$TDINDWG": "EditingDays", "$PROJECTNAME": "ProjectName", "$FINGERPRINTGUID": "FingerprintGUID", "$VERSIONGUID": "VersionGUID",
}  # fmt: skip
_UNITS = {
    0: "unitless",
    1: "inches",
    2: "feet",
    3: "miles",
    4: "millimeters",
    5: "centimeters",
    6: "meters",
    7: "kilometers",
}
_DATES = frozenset({"$TDCREATE", "$TDUPDATE"})
_JULIAN_OF_1970 = 2_440_587.5  # the Julian day on which 1970 began
_SHAPES = {0: "Null", 1: "Point", 3: "PolyLine", 5: "Polygon", 8: "MultiPoint", 11: "PointZ", 13: "PolyLineZ", 15: "PolygonZ", 18: "MultiPointZ", 21: "PointM", 23: "PolyLineM", 25: "PolygonM", 28: "MultiPointM", 31: "MultiPatch"}  # fmt: skip
_MOST_RECORDS = 200  # of a cloud, which has a handful


def _put(document: Document, name: str, value: Value, group: str, text: str = "", at: int = 0, size: int = 0) -> None:  # fmt: skip
    document.add(SECTION, Field(name, value, text, group=group, origin=ByteRange(at, size) if size else None))


@tolerant(SECTION)
def parse_dxf(source: ByteSource, document: Document) -> None:
    """Header variables, and how many layers, blocks and entities."""
    data = Reader(source).some(0, _MOST_DXF_BYTES)
    if data.startswith(b"AutoCAD Binary DXF"):
        _put(document, "Encoding", "binary", "DXF")
        document.problem(SECTION, ProblemKind.UNSUPPORTED, "binary DXF isn't read")
        return
    lines = io.StringIO(decoded(data))
    first = lines.readline().strip()
    if first not in {"0", "999"}:
        raise CorruptFileError("no DXF groups")
    lines.seek(0)
    _put(document, "Encoding", "ASCII", "DXF")
    if len(data) < source.size_bytes:
        document.problem(SECTION, ProblemKind.LIMIT, f"{len(data)} of {source.size_bytes} bytes were read")
    section = variable = ""
    point: list[float] = []
    layers: list[Value] = []
    counts: dict[str, int] = {}
    blocks = 0
    is_layer = False
    before = ("", "")
    number = -1
    while (line := lines.readline()) != "":
        number += 1
        code, text = line.strip(), lines.readline().strip()
        previous, before = before, (code, text)
        if code == "999" and number < 20:
            _put(document, "Comment", text, "DXF")
        if code == "0":
            is_layer = section == "TABLES" and text == "LAYER"
            if section == "ENTITIES" and text != "ENDSEC":
                counts[text] = counts.get(text, 0) + 1
            blocks += section == "BLOCKS" and text == "BLOCK"
            if text == "ENDSEC":
                section = ""
            continue
        if code == "2" and previous == ("0", "SECTION"):
            section = text
        elif section == "HEADER" and code == "9":
            variable, point = text, []
        elif section == "HEADER" and variable in _DXF_NAMES:
            with Surviving(document, SECTION, variable):
                _variable(variable, text, point, document)
        elif is_layer and code == "2":
            layers.append(text)
    if layers:
        _put(document, "Layers", layers[:500], "DXF")
    _put(document, "BlockCount", blocks, "DXF")
    _put(document, "EntityCount", sum(counts.values()), "DXF")
    for kind, count in sorted(counts.items())[:100]:
        _put(document, f"Entity{kind[:30]}", count, "DXF")


def _variable(variable: str, text: str, point: list[float], document: Document) -> None:
    name = _DXF_NAMES[variable]
    if variable in {"$EXTMIN", "$EXTMAX"}:
        point.append(float(text))
        # Untouched drawings have 1e20 and -1e20.
        if len(point) == 3 and all(abs(each) < 1e19 for each in point):
            _put(document, name, [*point], "DXF")
        return
    if variable in _DATES:
        days = float(text) - _JULIAN_OF_1970
        if 0 < days < 100_000:
            seconds = round(days % 1 * 86_400)
            day = date(1970, 1, 1) + timedelta(days=int(days))
            _put(
                document,
                name,
                f"{day:%Y:%m:%d} {seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}",
                "DXF",
            )
        return
    if variable == "$ACADVER":
        _put(document, name, text, "DXF", _DXF_VERSIONS.get(text, ""))
    elif variable == "$INSUNITS":
        _put(document, name, int(text), "DXF", _UNITS.get(int(text), f"Unknown ({text})"))
    elif variable == "$MEASUREMENT":
        _put(document, name, int(text), "DXF", "metric" if int(text) else "English")
    elif variable == "$TDINDWG":
        _put(document, name, float(text), "DXF")
    elif text:
        _put(document, name, text[:500], "DXF")


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
    while at + 8 <= reader.length and at < _MOST_DXF_BYTES:
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
