"""Canon CRW: a heap of records, in heaps, instead of TIFF directories. Canon's CIFF specification 1.0r4 (1997)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.document import ByteRange, Field, ProblemKind
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.embedded import exif
from extractor_service.formats.embedded.makernotes import canon
from extractor_service.formats.embedded.makernotes.base import SECTION, Notes
from extractor_service.formats.embedded.makernotes.tables import Vendor
from extractor_service.formats.embedded.walk import Walk
from extractor_service.formats.reading import binary, fields, ifd
from extractor_service.formats.reading import conversions as conv
from extractor_service.formats.reading.damage import Surviving
from extractor_service.formats.reading.reader import Reader, TruncatedError
from extractor_service.formats.reading.tagset import Conversion

if TYPE_CHECKING:
    from extractor_service.document import Document, Value
    from extractor_service.sources.base import ByteSource

_GROUP = "CanonRaw"
_MAX_RECORDS = 1000  # of one heap, of 65,535 that its 16-bit count may claim; the rest is left out
_MAX_DEPTH = 6  # heaps in heaps: bounds the recursion; what lies deeper is left out
_RECORD_BYTES = 512  # what a record costs beside its value
_MAX_VALUE_BYTES = 4096  # longer values are pictures or unknown blocks: told by their size
_PICTURES = frozenset({0x2005, 0x2007, 0x2008})  # raw data, the JPEG, the thumbnail
_IN_ENTRY, _HEAPS = 0x4000, frozenset({0x2800, 0x3000})
# records that hold a structure: table, unit
_STRUCTURES = {
    0x1803: ("ImageFormat", "int32u"), 0x1810: ("ImageInfo", "int32u"), 0x180E: ("TimeStamp", "int32u"), 0x1813: ("FlashInfo", "float"),
    0x1818: ("ExposureInfo", "float"), 0x1835: ("DecoderTable", "int32u"), 0x10B5: ("RawJpgInfo", "int16u"), 0x1030: ("WhiteSample", "int16u"),
    0x080A: ("MakeModel", "string"),
}  # fmt: skip
# records that are maker notes' tags under other numbers
_NOTES = {
    0x102D: 0x01,
    0x102A: 0x04,
    0x1029: 0x02,
    0x1038: 0x12,
    0x1093: 0x93,
    0x1031: 0xE0,
    0x10A9: 0xA9,
    0x1033: 0x0F,
}


_COMMENT, _IN_DESCRIPTION = 0x0805, 0x2804  # a text, which says something else in the heap of descriptions


def _time(value: Value) -> Value:
    return 2**-value if isinstance(value, (int, float)) and abs(value) < 100 else 0


def _number(value: Value) -> str:
    """A directory's and a file's number."""
    return f"{value // 10000}-{value % 10000:04d}" if isinstance(value, int) and value >= 10000 else ""


def _aperture(value: Value) -> Value:
    return 2 ** (value / 2) if isinstance(value, (int, float)) else value


_VENDOR = Vendor(
    "raw",
    _GROUP,
    {
        "DateTimeOriginal": Conversion(conv.unix_time),
        "SelfTimerTime": Conversion(conv.scaled(1 / 1000), conv.suffixed(" s"), "s"),
        "TargetDistanceSetting": Conversion(None, conv.suffixed(" mm"), "mm"),
        "MeasuredEV": Conversion(conv.scaled(1, 5), None, "EV"),
        "ShutterSpeedValue": Conversion(_time, conv.exposure_text, "s"),
        "ApertureValue": Conversion(_aperture, conv.fixed("f/{:.1f}")),
        "FileNumber": Conversion(None, _number),
    },
)


def parse(source: ByteSource, document: Document) -> None:
    """Every record of the root heap."""
    at(source, document, 0, source.size_bytes, _GROUP)


def at(source: ByteSource, document: Document, base: int, length: int, group: str) -> None:
    """The heaps that begin at `base`: a file, or a segment of a JPEG from a camera before EXIF."""
    order = Reader(source, base=base).some(0, 2)
    reader = Reader(source, big_endian=order == b"MM", base=base, length=length)
    try:
        start = reader.u32(2)
        walk = _Walk(reader, document, group)
        walk.heap(start, reader.length, 0)
    except TruncatedError as error:
        if not document.sections:
            raise CorruptFileError("no record could be read") from error
        document.problem(SECTION, ProblemKind.TRUNCATED, str(error), error.offset)


class _Walk:
    def __init__(self, reader: Reader, document: Document, group: str) -> None:
        self._reader = reader
        self._group = group
        self._document = document
        self._outer = Walk(ifd.Directories(reader), document, exif.EMBEDDED, "crw")
        self._notes = Notes(self._outer, canon.VENDOR, reader)
        self._records = Notes(self._outer, _VENDOR, reader)
        self._seen: set[tuple[int, int]] = set()

    def heap(self, start: int, end: int, depth: int, inside: int = 0) -> None:
        reader = self._reader
        if depth > _MAX_DEPTH or (start, end) in self._seen:
            return
        self._seen.add((start, end))
        table = start + reader.u32(end - 4)
        for index in range(min(reader.u16(table), _MAX_RECORDS)):
            place = table + 2 + index * 10
            kind, size, offset = reader.u16(place), reader.u32(place + 2), reader.u32(place + 6)
            if kind & 0xC000 == _IN_ENTRY:
                size, at = 8, place + 2
            elif kind & 0xC000:
                continue
            else:
                at = start + offset
            number = kind & 0x3FFF
            self._document.spend(_RECORD_BYTES)
            if kind & 0x3800 in _HEAPS:
                with Surviving(self._document, SECTION, f"heap {number}", reader.base + at):
                    self.heap(at, at + size, depth + 1, number)
            else:
                with Surviving(self._document, SECTION, f"record {number}", reader.base + at):
                    self._record(number, at, size, inside)

    def _record(self, number: int, at: int, size: int, inside: int) -> None:
        note = _NOTES.get(number)
        structure = _STRUCTURES.get(number)
        if note is not None:
            entry = ifd.Entry(note, 3, size // 2, at, size)
            handler = canon.INSIDE[note]
            self._document.spend(size)
            if callable(handler):
                handler(self._notes, entry)
            else:
                self._notes.block(self._reader.exact(at, size), handler, at)
            return
        if structure is not None:
            self._structure(structure, at, min(size, _MAX_VALUE_BYTES))
            return
        is_comment = number == _COMMENT and inside != _IN_DESCRIPTION
        tag = self._records.table("CanonRaw::Main", {_COMMENT: int(is_comment)}).get(number)
        if tag is None or tag.hidden:
            return
        origin = ByteRange(self._reader.base + at, size)
        if tag.binary or size > _MAX_VALUE_BYTES or number in _PICTURES:
            fields.add_binary(self._document, SECTION, self._group, tag.name, size, origin)
            return
        kind = (
            (tag.form or tag.kind)
            if (tag.form or tag.kind) in binary.CODES
            else {0x0800: "string", 0x1000: "int16u", 0x1800: "int32u"}.get(number & 0x3800, "int8u")
        )
        count = 1 if number & 0x3800 == 0x1800 and kind == "int32u" else max(1, size // binary.CODES[kind][1])
        value: Value = binary.read(
            self._reader.exact(at, size), 0, kind, count, big_endian=self._reader.big_endian
        )
        if isinstance(value, list) and kind != "int8u" and size == 8:
            value = value[0]
        fields.add(self._document, SECTION, self._group, tag, value, origin)

    def _structure(self, structure: tuple[str, str], at: int, size: int) -> None:
        name, unit = structure
        data = self._reader.exact(at, size)
        origin = ByteRange(self._reader.base + at, size)
        if name == "MakeModel":
            make, _, rest = data.partition(b"\0")
            model = rest.partition(b"\0")[0]
            self._outer.make, self._outer.model = make.decode("latin-1"), model.decode("latin-1")
            for key, text in (("Make", make), ("Model", model)):
                self._document.add(
                    SECTION, Field(key, text.decode("latin-1"), group=self._group, origin=origin)
                )
            return
        binary.parse(
            data,
            binary.Layout(unit, big_endian=self._reader.big_endian),
            self._records.table(f"CanonRaw::{name}"),
            binary.Place(self._document, SECTION, self._group),
            origin=origin.offset_bytes,
        )
