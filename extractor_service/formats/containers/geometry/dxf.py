"""Drawings in DXF, as text or binary: header variables, layers, counts. Autodesk, "DXF Reference" (2018), "Binary DXF Files"."""

from __future__ import annotations

import io
import struct
from datetime import date, timedelta
from typing import TYPE_CHECKING

from extractor_service.document import Field, ProblemKind
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.containers.text.lines import decoded
from extractor_service.formats.reading.damage import Surviving, tolerant
from extractor_service.formats.reading.reader import Reader

if TYPE_CHECKING:
    from collections.abc import Iterator

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
_SENTINEL = b"AutoCAD Binary DXF\r\n\x1a\0"
# How values of group codes are stored ("group code value types"): the last code of each range.
_STORED = (
    (9, "s"), (59, "d"), (79, "h"), (99, "i"), (109, "s"), (149, "d"), (169, "q"), (179, "h"), (239, "d"), (269, "s"), (289, "h"), (299, "b"), (309, "s"), (319, "x"),
    (369, "s"), (389, "h"), (399, "s"), (409, "h"), (419, "s"), (429, "i"), (439, "s"), (459, "i"), (469, "d"), (481, "s"), (1003, "s"), (1004, "x"), (1009, "s"),
    (1059, "d"), (1070, "h"), (1071, "i"),
)  # fmt: skip


@tolerant(SECTION)
def parse(source: ByteSource, document: Document) -> None:
    """What the groups say, one after the other; counts, where all were read."""
    data = Reader(source).some(0, _MOST_DXF_BYTES)
    is_binary = data.startswith(_SENTINEL)
    groups = _binary(data) if is_binary else _text(data)
    _put(document, "Encoding", "binary" if is_binary else "ASCII")
    is_whole = len(data) == source.size_bytes
    if not is_whole:
        document.problem(SECTION, ProblemKind.LIMIT, f"{len(data)} of {source.size_bytes} bytes were read")
    drawing = _Drawing(document)
    try:
        for code, text in groups:
            drawing.see(code, text)
    except (struct.error, IndexError, ValueError) as error:
        document.problem(SECTION, ProblemKind.DAMAGED, f"the groups end early: {error}")
        is_whole = False
    drawing.finish(is_whole=is_whole)


def _text(data: bytes) -> Iterator[tuple[int, str]]:
    lines = io.StringIO(decoded(data))
    if lines.readline().strip() not in {"0", "999"}:
        raise CorruptFileError("no DXF groups")
    lines.seek(0)
    while (line := lines.readline()) != "":
        yield int(line), lines.readline().strip()


def _binary(data: bytes) -> Iterator[tuple[int, str]]:
    """Codes of two bytes, or of one in old files: the first group is 0 and a text."""
    at = len(_SENTINEL)
    is_wide = data[at + 1 : at + 2] == b"\0"
    while at < len(data):
        code = data[at]
        at += 1
        if is_wide:
            code |= data[at] << 8
            at += 1
        elif code == 255:
            code = struct.unpack_from("<H", data, at)[0]
            at += 2
        kind = next((kind for last, kind in _STORED if code <= last), "s")
        if kind == "s":
            end = data.index(b"\0", at)
            yield code, decoded(data[at:end])
            at = end + 1
        elif kind == "x":
            at += 1 + data[at]
        else:
            yield code, f"{struct.unpack_from('<' + kind, data, at)[0]!r}"
            at += struct.calcsize("<" + kind)


def _put(document: Document, name: str, value: Value, text: str = "") -> None:
    document.add(SECTION, Field(name, value, text, group="DXF"))


class _Drawing:
    """What the groups have said so far."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._section = self._variable = ""
        self._point: list[float] = []
        self._layers: list[Value] = []
        self._counts: dict[str, int] = {}
        self._blocks = self._comments = 0
        self._is_layer = False
        self._before = (-1, "")

    def see(self, code: int, text: str) -> None:
        """One group."""
        before, self._before = self._before, (code, text)
        if code == 999 and self._comments < 20:
            self._comments += 1
            _put(self._document, "Comment", text[:1000])
        elif code == 0:
            self._is_layer = self._section == "TABLES" and text == "LAYER"
            if self._section == "ENTITIES" and text != "ENDSEC" and len(self._counts) < 1000:
                self._counts[text] = self._counts.get(text, 0) + 1
            self._blocks += self._section == "BLOCKS" and text == "BLOCK"
            if text == "ENDSEC":
                self._section = ""
        elif code == 2 and before == (0, "SECTION"):
            self._section = text
        elif self._section == "HEADER" and code == 9:
            self._variable, self._point = text, []
        elif self._section == "HEADER" and self._variable in _DXF_NAMES:
            with Surviving(self._document, SECTION, self._variable):
                _variable(self._variable, text, self._point, self._document)
        elif self._is_layer and code == 2 and len(self._layers) < 500:
            self._layers.append(text)

    def finish(self, *, is_whole: bool) -> None:
        """Layers, and counts where all was seen."""
        if self._layers:
            _put(self._document, "Layers", self._layers)
        if not is_whole:
            return
        _put(self._document, "BlockCount", self._blocks)
        _put(self._document, "EntityCount", sum(self._counts.values()))
        for kind, count in sorted(self._counts.items())[:100]:
            _put(self._document, f"Entity{kind[:30]}", count)


def _variable(variable: str, text: str, point: list[float], document: Document) -> None:
    name = _DXF_NAMES[variable]
    if variable in {"$EXTMIN", "$EXTMAX"}:
        point.append(float(text))
        # Untouched drawings have 1e20 and -1e20.
        if len(point) == 3 and all(abs(each) < 1e19 for each in point):
            _put(document, name, [*point])
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
            )
        return
    if variable == "$ACADVER":
        _put(document, name, text, _DXF_VERSIONS.get(text, ""))
    elif variable == "$INSUNITS":
        _put(document, name, int(text), _UNITS.get(int(text), f"Unknown ({text})"))
    elif variable == "$MEASUREMENT":
        _put(document, name, int(text), "metric" if int(text) else "English")
    elif variable == "$TDINDWG":
        _put(document, name, float(text))
    elif text:
        _put(document, name, text[:500])
