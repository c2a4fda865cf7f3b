"""SEG-Y: both headers of the file and the first trace's. SEG Technical Standards, "SEG-Y_r1.0" (2002) and "SEG-Y_r2.1" (2023).

Names are those of the binary header in segyio and Seismic Unix' readers; bytes count from 3201, as in the standard.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from extractor_service.document import ByteRange, Field, ProblemKind
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.reading.damage import tolerant
from extractor_service.formats.reading.reader import Reader, layout

if TYPE_CHECKING:
    from extractor_service.document import Document, Value
    from extractor_service.sources.base import ByteSource

SECTION: Final = "segy"
_TEXT_BYTES, _BINARY_BYTES, _TRACE_BYTES = 3200, 400, 240
_MOST_HEADERS: Final = 100  # blocks of text, or headers of a trace
_FORMATS: Final = {
    1: ("IBM float, 4 bytes", 4), 2: ("integer, 4 bytes", 4), 3: ("integer, 2 bytes", 2), 4: ("fixed point with gain", 4), 5: ("IEEE float, 4 bytes", 4),
    6: ("IEEE float, 8 bytes", 8), 7: ("integer, 3 bytes", 3), 8: ("integer, 1 byte", 1), 9: ("integer, 8 bytes", 8), 10: ("unsigned integer, 4 bytes", 4),
    11: ("unsigned integer, 2 bytes", 2), 12: ("unsigned integer, 8 bytes", 8), 15: ("unsigned integer, 3 bytes", 3), 16: ("unsigned integer, 1 byte", 1),
}  # fmt: skip
_SORTING: Final = {-1: "Other", 0: "Unknown", 1: "As recorded", 2: "CDP ensemble", 3: "Single fold continuous profile", 4: "Horizontally stacked", 5: "Common source point", 6: "Common receiver point", 7: "Common offset point", 8: "Common mid-point", 9: "Common conversion point"}  # fmt: skip
_SYSTEMS: Final = {0: "Unknown", 1: "Meters", 2: "Feet"}

_PRINTABLE: Final = bytes(range(32, 127))
_PRINTABLE_EBCDIC: Final = bytes(range(32, 127)).decode("ascii").encode("cp500")


class _Number(NamedTuple):
    name: str
    at: int  # as in the standard, from 1
    code: str = "h"
    labels: dict[int, str] | None = None


class _Header:
    """Numbers of one header, unpacked all at once: sixty calls of their own took longer than the rest of the file."""

    def __init__(self, group: str, first: int, numbers: tuple[_Number, ...]) -> None:
        self._group, self._numbers = group, numbers
        self._form, at = "", first
        for each in numbers:
            self._form += f"{each.at - at}x{each.code}"
            at = each.at + _WIDTHS[each.code]
        self._places = [(each.at - first, _WIDTHS[each.code]) for each in numbers]
        self._ranges = lru_cache(maxsize=4)(self._ranges_from)
        self._size = sum(_NUMBER_BYTES + len(group) + len(each.name) for each in numbers)

    def add_to(self, document: Document, data: bytes, order: str, origin: int) -> dict[str, int]:
        """Adds a field a number; the numbers by their names. `data` stands at `origin`."""
        values: tuple[int, ...] = layout(order + self._form).unpack_from(data)
        found: dict[str, int] = {}
        fields: list[Field] = []
        size, group = self._size, self._group
        for (name, _, _, labels), value, place in zip(
            self._numbers, values, self._ranges(origin), strict=True
        ):
            found[name] = value
            text = ""
            if labels:
                text = labels.get(value) or f"Unknown ({value})"
                size += len(text)
            fields.append(Field(name, value, text, "", None, group, "", place))
        document.put_all(SECTION, fields, size)
        return found

    def _ranges_from(self, origin: int) -> list[ByteRange]:
        return [ByteRange(origin + at, width) for at, width in self._places]


_WIDTHS: Final = {"h": 2, "H": 2, "i": 4}
_NUMBER_BYTES: Final = 9  # of a number in a document, as it is counted there
_BINARY: Final = _Header("Binary", 3201, (
    _Number("JobID", 3201, "i"), _Number("LineNumber", 3205, "i"), _Number("ReelNumber", 3209, "i"), _Number("Traces", 3213), _Number("AuxTraces", 3215),
    _Number("Interval", 3217, "H"), _Number("IntervalOriginal", 3219, "H"), _Number("Samples", 3221, "H"), _Number("SamplesOriginal", 3223, "H"),
    _Number("Format", 3225, "h", {key: label for key, (label, _) in _FORMATS.items()}), _Number("EnsembleFold", 3227), _Number("SortingCode", 3229, "h", _SORTING),
    _Number("VerticalSum", 3231), _Number("SweepFrequencyStart", 3233), _Number("SweepFrequencyEnd", 3235), _Number("SweepLength", 3237), _Number("Sweep", 3239),
    _Number("SweepChannel", 3241), _Number("SweepTaperStart", 3243), _Number("SweepTaperEnd", 3245), _Number("Taper", 3247), _Number("CorrelatedTraces", 3249),
    _Number("BinaryGainRecovery", 3251), _Number("AmplitudeRecovery", 3253), _Number("MeasurementSystem", 3255, "h", _SYSTEMS), _Number("ImpulseSignalPolarity", 3257),
    _Number("VibratoryPolarity", 3259), _Number("TraceFlag", 3503), _Number("ExtendedHeaders", 3505),
))  # fmt: skip
_TRACE: Final = _Header("FirstTrace", 1, (
    _Number("TraceSequenceLine", 1, "i"), _Number("TraceSequenceFile", 5, "i"), _Number("FieldRecord", 9, "i"), _Number("TraceNumber", 13, "i"),
    _Number("EnergySourcePoint", 17, "i"), _Number("CDP", 21, "i"), _Number("CDPTrace", 25, "i"), _Number("TraceIdentificationCode", 29), _Number("Offset", 37, "i"),
    _Number("ReceiverGroupElevation", 41, "i"), _Number("SourceSurfaceElevation", 45, "i"), _Number("ElevationScalar", 69), _Number("SourceGroupScalar", 71),
    _Number("SourceX", 73, "i"), _Number("SourceY", 77, "i"), _Number("GroupX", 81, "i"), _Number("GroupY", 85, "i"), _Number("CoordinateUnits", 89),
    _Number("SampleCount", 115, "H"), _Number("SampleInterval", 117, "H"), _Number("YearDataRecorded", 157), _Number("DayOfYear", 159),
    _Number("HourOfDay", 161), _Number("MinuteOfHour", 163), _Number("SecondOfMinute", 165), _Number("CDPX", 181, "i"), _Number("CDPY", 185, "i"),
    _Number("Inline", 189, "i"), _Number("Crossline", 193, "i"), _Number("ShotPoint", 197, "i"),
))  # fmt: skip


@tolerant(SECTION)
def parse(source: ByteSource, document: Document) -> None:
    """Text header by lines, binary header, first trace, and how many there are."""
    reader = Reader(source)
    text, codec = _text(reader.exact(0, _TEXT_BYTES))
    data = reader.exact(_TEXT_BYTES, _BINARY_BYTES)
    order = order_of(data)
    if not order:
        raise CorruptFileError("no binary header of SEG-Y")
    lines: list[Value] = [text[at : at + 80].rstrip() for at in range(0, _TEXT_BYTES, 80)]
    document.add(SECTION, Field("TextHeader", lines, codec, group="Text", origin=ByteRange(0, _TEXT_BYTES)))
    told = _BINARY.add_to(document, data, order, _TEXT_BYTES)
    major, minor = (
        data[300],
        data[301],
    )  # 3501, a byte each; in a turned file of revision 1 they are turned as well
    if order == "<" and not major:
        major, minor = minor, major
    origin = ByteRange(3500, 2)
    document.add(SECTION, Field("SEGYRevision", f"{major}.{minor}", group="Binary", origin=origin))
    document.add(SECTION, Field("ByteOrder", "big" if order == ">" else "little", group="File"))
    samples, width = told["Samples"], _FORMATS[told["Format"]][1]
    trace_header_bytes = _TRACE_BYTES
    if major >= 2:
        samples = layout(f"{order}I").unpack_from(data, 68)[0] or samples  # 3269
        more = layout(f"{order}i").unpack_from(data, 306)[0]  # 3507: four bytes in revision 2.0, two in 2.1
        trace_header_bytes += _TRACE_BYTES * next(
            (each for each in (more, more >> 16) if 0 <= each <= _MOST_HEADERS), 0
        )
    first = _TEXT_BYTES + _BINARY_BYTES + _TEXT_BYTES * _text_blocks(reader, told["ExtendedHeaders"])
    trace_bytes = trace_header_bytes + samples * width
    count = max(0, reader.length - first) // trace_bytes
    document.add(SECTION, Field("TraceCount", count, group="File"))
    if told["Interval"]:
        document.add(
            SECTION, Field("RecordLength", samples * told["Interval"] / 1000, unit="ms", group="File")
        )
    if reader.length > first and (reader.length - first) % trace_bytes and not told["TraceFlag"]:
        document.problem(
            SECTION, ProblemKind.DAMAGED, f"traces of {trace_bytes} bytes don't fill the file", first
        )
    if first + _TRACE_BYTES <= reader.length:
        _TRACE.add_to(document, reader.exact(first, _TRACE_BYTES), order, first)


def _text_blocks(reader: Reader, stated: int) -> int:
    """How many blocks of text follow: as many as are stated, or, for -1, up to the one that says so (SEG-Y_r1.0, 6)."""
    if stated >= 0:
        return stated
    for number in range(_MOST_HEADERS):
        block = reader.some(_TEXT_BYTES + _BINARY_BYTES + number * _TEXT_BYTES, _TEXT_BYTES)
        if any(b"SEG: ENDTEXT" in block.decode(codec, "replace").upper().encode("ascii", "replace") for codec in ("cp500", "latin-1")):  # fmt: skip
            return number + 1
    return 0


def order_of(binary: bytes) -> str:
    """The byte order of a binary header, by what its numbers may be; "" where they can't be one's."""
    for order in "><":
        interval, samples = layout(f"{order}H2xH").unpack_from(binary, 16)
        form, fold = layout(f"{order}hh").unpack_from(binary, 24)
        extended = layout(f"{order}h").unpack_from(binary, 304)[0]
        if form in _FORMATS and samples and -1 <= extended < 1000 and fold >= 0 and interval >= 0:
            return order
    return ""


def _text(data: bytes) -> tuple[str, str]:
    """EBCDIC by the standard, ASCII by habit: "C" and a number begin its lines."""
    if data[:1] == b"C":
        return data.decode("latin-1").replace("\0", " "), "ASCII"
    text = data.decode("cp500")
    if text[:1] == "C":
        return text, "EBCDIC"
    is_ascii = len(data.translate(None, _PRINTABLE)) < len(data.translate(None, _PRINTABLE_EBCDIC))
    return (data.decode("latin-1") if is_ascii else text).replace(
        "\0", " "
    ), "ASCII" if is_ascii else "EBCDIC"
