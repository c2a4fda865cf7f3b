"""Chunks, the building blocks of RIFF; and those that WAVE and AVI share.

Microsoft, "Multimedia Programming Interface and Data Specifications 1.0"; EBU Tech 3285 (bext), 3306 (RF64); ITU-R BS.2088 (BW64).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from extractor_service.document import ByteRange, ProblemKind
from extractor_service.formats.embedded import xmp
from extractor_service.formats.embedded.sound import id3
from extractor_service.formats.reading import charsets, fields
from extractor_service.formats.reading.conversions import date_text, unix_time
from extractor_service.formats.reading.damage import Surviving
from extractor_service.formats.reading.table import Table
from extractor_service.formats.reading.tagset import Conversion

if TYPE_CHECKING:
    from collections.abc import Iterator

    from extractor_service.document import Document, Value
    from extractor_service.formats.reading.reader import Reader

SECTION = "riff"
MAX_CHUNKS = 10_000  # of 8 bytes at least: bounds a file of tiny chunks; then a Problem
_MOST_TEXT_BYTES, _MOST_PACKET_BYTES = 256 * 1024, 8 * 1024 * 1024
_UNKNOWN = 0xFFFFFFFF  # a length that is told elsewhere, or was never written
_1601_DAYS = 134774  # from 1601 to 1970
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_SLASHED = re.compile(r"(\d{4})/\s*(\d+)/\s*(\d+)/?\s+(\d+):\s*(\d+)\s*(P?)")
_DASHED = re.compile(r"(\d{4})[-/](\d+)[-/](\d+)\s+(\d+:\d+:\d+)")


class Chunk(NamedTuple):
    """One chunk; `offset` and `length` are those of its content."""

    kind: str
    """Four letters; of a list "LIST_INFO", its content without the type."""
    offset: int
    length: int


def walk(
    reader: Reader, document: Document, start: int, end: int, sizes: dict[str, int] | None = None
) -> Iterator[Chunk]:
    """The chunks between `start` and `end`; `sizes` has the lengths of those that 32 bits can't tell.

    One that reaches beyond is cut, with a Problem, and is the last.
    """
    offset = start
    for _ in range(MAX_CHUNKS):
        if offset + 8 > end:
            return
        code, length = reader.exact(offset, 4), reader.u32(offset + 4)
        kind = code.decode("latin-1")
        if length == _UNKNOWN and sizes and kind in sizes:
            length = sizes[kind]
        content = offset + 8
        if content + length > end:
            reason = "has no length" if length == _UNKNOWN else "is cut"
            message = f"chunk {kind!r} of {length} bytes {reason}"
            document.problem(SECTION, ProblemKind.TRUNCATED, message, reader.base + offset)
            length = end - content
        if code in {b"LIST", b"RIFF"} and length >= 4:
            kind = f"{kind}_{reader.exact(content, 4).decode('latin-1')}"
            yield Chunk(kind, content + 4, length - 4)
        else:
            yield Chunk(kind, content, length)
        offset = content + length + length % 2
    document.problem(SECTION, ProblemKind.LIMIT, f"more than {MAX_CHUNKS} chunks", reader.base + offset)


def riff_date(value: Value) -> Value:
    """The dates that cameras write: as C does, with slashes, with dashes."""
    if not isinstance(value, str):
        return value
    value = value.strip("\0\n ")
    parts = value.split()
    if len(parts) >= 5 and parts[1].lower() in _MONTHS and parts[2].isdigit() and parts[4][:4].isdigit():
        return f"{parts[4][:4]}:{_MONTHS.index(parts[1].lower()) + 1:02d}:{int(parts[2]):02d} {parts[3]}"
    found = _SLASHED.search(value)
    if found is not None:
        hour = int(found[4]) + (12 if found[6] else 0)
        return date_text(int(found[1]), int(found[2]), int(found[3]), hour, int(found[5]), 0)
    found = _DASHED.search(value)
    return f"{found[1]}:{found[2]}:{found[3]} {found[4]}" if found is not None else value


def _software(value: Value) -> Value:
    """Some cameras write a second name behind the first one's NUL."""
    if not isinstance(value, str):
        return value
    return re.sub(r"\s*\0+", ", ", re.sub(r"(\s*\0)+$", "", value), count=1).replace("\0", "")


def _windows_time(value: Value) -> Value:
    """Two halves of tenths of microseconds since 1601, in digits; some cameras write a date instead."""
    parts = value.split() if isinstance(value, str) else []
    if len(parts) != 2 or not all(part.isdigit() for part in parts):
        return value
    seconds = (int(parts[0]) * 2**32 + int(parts[1])) * 1e-7
    return unix_time(int(seconds - _1601_DAYS * 86400)) if seconds else None


def _scaled(factor: float) -> Conversion:
    def convert(value: Value) -> Value:
        text = value if isinstance(value, str) else ""
        return float(text) * factor if re.fullmatch(r"\d+(\.\d+)?", text) else value

    return Conversion(convert, None, "s")


def _colons(value: Value) -> Value:
    return value.replace("-", ":") if isinstance(value, str) else value


def _broadcast_date(value: Value) -> Value:
    """Ten characters of a day and eight of a time, with any separators."""
    return re.sub(r"^(\d{4}:\d\d:\d\d)", r"\1 ", value.replace("-", ":")) if isinstance(value, str) else value


def _long(value: Value) -> Value:
    """Two halves of a number, the lower one first."""
    halves = [each for each in value if isinstance(each, int)] if isinstance(value, list) else []
    return halves[0] + halves[1] * 2**32 if len(halves) == 2 else value


def _umid(value: Value) -> Value:
    if not isinstance(value, bytes):
        return value
    text = value.hex().upper()
    return text[:-64] if text.endswith("0" * 64) else text


def _statistics(value: Value) -> str:
    parts = value.split() if isinstance(value, str) else []
    if len(parts) != 4:
        return ""
    is_right = {"0": "Bad", "1": "OK"}.get(parts[3], parts[3])
    return f"{parts[0]} frames captured; {parts[1]} dropped; Data rate {parts[2]}; {is_right}"


INFO = Table(
    "sound/RIFF::Info", SECTION, "RIFF",
    {
        "DateCreated": Conversion(_colons), "Software": Conversion(_software), "Length": _scaled(0.001),
        "StartTimecode": _scaled(1e-7), "EndTimecode": _scaled(1e-7), "Statistics": Conversion(None, _statistics),
    },
)  # fmt: skip
_MAIN = Table("sound/RIFF::Main", SECTION, "RIFF", {"DateTimeOriginal": Conversion(riff_date)})
_BROADCAST = Table(
    "sound/RIFF::BroadcastExt", SECTION, "RIFF",
    {"DateTimeOriginal": Conversion(_broadcast_date), "TimeReference": Conversion(_long), "BWF_UMID": Conversion(_umid)},
)  # fmt: skip
BLOCKS = {
    "smpl": Table("sound/RIFF::Sampler", SECTION, "RIFF", unit="int32u"),
    "inst": Table("sound/RIFF::Instrument", SECTION, "RIFF", unit="int8s"),
    "acid": Table("sound/RIFF::Acidizer", SECTION, "RIFF"),
    "CSET": Table("sound/RIFF::CSET", SECTION, "RIFF", unit="int16u"),
}


def shared(reader: Reader, document: Document, chunk: Chunk) -> bool:
    """Adds what chunks say that any RIFF file may have; whether this is one."""
    kind, offset, length = chunk
    at = reader.base + offset
    origin = ByteRange(at, length)
    if kind in {"LIST_INFO", "LIST_INF0"}:
        info(reader, document, offset, length)
    elif kind == "LIST_adtl":
        for inner in walk(reader, document, offset, offset + length):
            _label(reader, document, inner)
    elif kind == "bext":
        _broadcast(document, reader.exact(offset, min(length, _MOST_TEXT_BYTES)), at)
    elif kind in BLOCKS:
        BLOCKS[kind].block(document, reader.exact(offset, min(length, _MOST_TEXT_BYTES)), at)
    elif kind in {"_PMX", "XMP "}:
        xmp.parse(_packet(reader, document, chunk), document, origin)
    elif kind in {"iXML", "aXML", "axml", "chna"}:
        if kind != "chna":
            from extractor_service.formats.embedded import plain_xml  # noqa: PLC0415 - rare

            plain_xml.parse(_packet(reader, document, chunk), document, kind, origin)
    elif kind in {"id3 ", "ID3 "}:
        id3.leading(reader.source, document, at)
    elif kind == "C2PA":
        from extractor_service.formats.embedded import jumbf_fields  # noqa: PLC0415 - when first met

        jumbf_fields.parse(reader.view(at, length, big_endian=True), document)
    elif kind == "IDIT":
        _MAIN.put(document, kind, reader.exact(offset, min(length, 64)).decode("latin-1"), origin)
    elif kind in {"cue ", "plst"}:
        fields.add_binary(document, SECTION, "RIFF", _MAIN.tags[kind].name, length, origin)
    elif kind in {"afsp", "guan"}:
        _MAIN.put(
            document,
            kind,
            charsets.text(reader.exact(offset, min(length, _MOST_TEXT_BYTES)).rstrip(b"\0")),
            origin,
        )
    elif kind == "JUNK" and length:
        text = reader.exact(offset, min(length, 512)).rstrip(b"\0")
        if length <= 512 and text and all(0x20 <= byte < 0x7F for byte in text):
            _MAIN.put(document, kind, text.decode("ascii"), origin)
    else:
        return False
    return True


def info(reader: Reader, document: Document, offset: int, length: int) -> None:
    """The texts of a LIST of type INFO."""
    for chunk in walk(reader, document, offset, offset + length):
        with Surviving(document, SECTION, "chunk", reader.base + chunk.offset, chunk.kind):
            data = reader.exact(chunk.offset, min(chunk.length, _MOST_TEXT_BYTES))
            tag = INFO.tags.get(chunk.kind)
            text = charsets.text(data if chunk.kind == "ISFT" else data.rstrip(b"\0"))
            value: Value = text
            if chunk.kind == "DTIM":
                value = _windows_time(text)
            elif chunk.kind == "IDIT":
                value = riff_date(text)
            if tag is not None and value is not None:
                INFO.put(document, chunk.kind, value, ByteRange(reader.base + chunk.offset, chunk.length))


def _label(reader: Reader, document: Document, chunk: Chunk) -> None:
    if chunk.kind not in {"labl", "note", "ltxt"} or chunk.length < 4:
        return
    data = reader.exact(chunk.offset, min(chunk.length, _MOST_TEXT_BYTES))
    number = int.from_bytes(data[:4], "little")
    origin = ByteRange(reader.base + chunk.offset, chunk.length)
    if chunk.kind == "ltxt":
        numbers = [int.from_bytes(data[place : place + 2], "little") for place in range(12, 20, 2)]
        text = charsets.text(data[20:].rstrip(b"\0"))
        count = int.from_bytes(data[4:8], "little")
        value = f"{number} {count} '{data[8:12].decode('latin-1')}' {' '.join(map(str, numbers))} {text}"
    else:
        value = f"{number} {charsets.text(data[4:].split(bytes(1))[0])}"
    _MAIN.put(document, chunk.kind, value, origin)


def _broadcast(document: Document, data: bytes, at: int) -> None:
    head = data[:602]
    for key, tag in _BROADCAST.tags.items():
        if key != 602:
            continue
        history = charsets.text(data[602:].rstrip(b"\0"))
        if history:
            fields.add(document, SECTION, "RIFF", tag, history, ByteRange(at + 602, len(data) - 602))
    _BROADCAST.block(document, head, at)


def _packet(reader: Reader, document: Document, chunk: Chunk) -> bytes:
    if chunk.length > _MOST_PACKET_BYTES:
        message = f"a packet of {chunk.length} bytes isn't read"
        document.problem(SECTION, ProblemKind.LIMIT, message, reader.base + chunk.offset)
        return b""
    return reader.exact(chunk.offset, chunk.length)
