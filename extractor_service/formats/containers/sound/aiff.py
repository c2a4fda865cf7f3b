"""AIFF and AIFF-C. Apple, "Audio Interchange File Format: AIFF-C" (1991); chunks of EA IFF 85."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from extractor_service.document import ByteRange, ProblemKind
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.containers import codecs, streams
from extractor_service.formats.embedded.sound import id3
from extractor_service.formats.reading.conversions import date_after
from extractor_service.formats.reading.damage import Surviving, tolerant
from extractor_service.formats.reading.reader import Reader
from extractor_service.formats.reading.table import Table

if TYPE_CHECKING:
    from extractor_service.document import Document
    from extractor_service.sources.base import ByteSource

SECTION = "aiff"
_GROUP = "AIFF"
_MOST_CHUNKS, _MOST_TEXT_BYTES = 10_000, 256 * 1024
_MACINTOSH_YEAR = 1904  # where Apple's clock begins
_UNIX_SECONDS = 2_082_844_800  # from there to 1970
_MAIN = Table("sound/AIFF::Main", SECTION, _GROUP)
_COMMON = Table("sound/AIFF::Common", SECTION, _GROUP)
_VERSION = Table("sound/AIFF::FormatVers", SECTION, _GROUP)
_COMMENT = Table("sound/AIFF::Comment", SECTION, _GROUP)


def extended(data: bytes) -> float:
    """An IEEE 754 number of 80 bits: sign and exponent in 16, the mantissa in 64 with its first bit written."""
    exponent, mantissa = int.from_bytes(data[:2]), int.from_bytes(data[2:10])
    sign = -1.0 if exponent & 0x8000 else 1.0
    exponent &= 0x7FFF
    if not mantissa or exponent == 0x7FFF:
        return 0.0
    try:
        return sign * math.ldexp(mantissa, exponent - 16383 - 63)
    except OverflowError:
        return 0.0


@tolerant(SECTION)
def parse(source: ByteSource, document: Document) -> None:
    """The common chunk, texts, comments, ID3."""
    reader = Reader(source)
    if reader.some(0, 4) != b"FORM" or reader.some(8, 4) not in {b"AIFF", b"AIFC"}:
        raise CorruptFileError("no AIFF form")
    id3.trailing_only(source, document)
    stream, at = streams.Stream("audio"), 12
    for _ in range(_MOST_CHUNKS):
        if at + 8 > reader.length:
            break
        kind, length = reader.exact(at, 4), reader.u32(at + 4)
        content = at + 8
        if content + length > reader.length:
            document.problem(SECTION, ProblemKind.TRUNCATED, f"chunk {kind!r} of {length} bytes is cut", at)
        with Surviving(document, SECTION, "chunk", content, kind):
            _chunk(reader, document, kind, content, min(length, reader.length - content), stream)
        at = content + length + length % 2
    streams.add(document, [stream], stream.duration, size_bytes=source.size_bytes)


def _chunk(
    reader: Reader, document: Document, kind: bytes, at: int, length: int, stream: streams.Stream
) -> None:
    name = kind.decode("latin-1")
    if kind == b"COMM":
        _common(document, reader.exact(at, min(length, 512)), at, stream)
    elif kind == b"FVER":
        _VERSION.put(document, 0, _time(reader.u32(at)), ByteRange(at, 4))
    elif kind == b"COMT":
        _comments(document, reader.exact(at, min(length, _MOST_TEXT_BYTES)), at)
    elif kind == b"ID3 ":
        id3.leading(reader.source, document, at)
    elif name in _MAIN.tags:
        data = reader.exact(at, min(length, _MOST_TEXT_BYTES)).rstrip(b"\0")
        # Tools of Kabal's (AFsp) part their lines by NULs.
        _MAIN.put(document, name, _text(data).replace("\0", "\n"), ByteRange(at, length))


def _text(data: bytes) -> str:
    """Mac OS Roman, as the format has it; UTF-8 where it is that, as today's programs write."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("mac-roman")


def _time(seconds: int) -> str:
    """Zeros for clocks that were never set: they begin in 1904, or in 1970."""
    unset = seconds in {0, _UNIX_SECONDS}
    return "0000:00:00 00:00:00" if unset else date_after(_MACINTOSH_YEAR, seconds)


def _common(document: Document, data: bytes, at: int, stream: streams.Stream) -> None:
    channels, frames, bits = int.from_bytes(data[:2]), int.from_bytes(data[2:6]), int.from_bytes(data[6:8])
    rate = extended(data[8:18])
    shown = int(rate) if rate.is_integer() else rate
    for key, value, place, size in (
        (0, channels, 0, 2),
        (1, frames, 2, 4),
        (3, bits, 6, 2),
        (4, shown, 8, 10),
    ):
        _COMMON.put(document, key, value, ByteRange(at + place, size))
    code = "twos"
    if len(data) >= 22:
        code = data[18:22].decode("latin-1")
        _COMMON.put(document, 9, code, ByteRange(at + 18, 4))
        if len(data) > 22:
            name = _text(data[23 : 23 + data[22]])
            _COMMON.put(document, 11, name, ByteRange(at + 22, 1 + data[22]))
    stream.channels, stream.sample_rate = channels, round(rate)
    order = "le" if code == "sowt" else "be"
    width = -(-bits // 8) * 8
    if code in {"NONE", "twos", "sowt", "in24", "in32"}:
        stream.codec, stream.bits = ("pcm_s8" if width == 8 else f"pcm_s{width}{order}"), bits
        stream.bit_rate = round(rate) * channels * width
    else:
        stream.codec = codecs.by_fourcc(code)
    if rate > 0:
        per_frame = {"adpcm_ima_qt": 64, "mace3": 6, "mace6": 6, "qdm2": 1}.get(stream.codec, 1)
        stream.duration = frames * per_frame / rate


def _comments(document: Document, data: bytes, at: int) -> None:
    place = 2
    for _ in range(int.from_bytes(data[:2])):
        if place + 8 > len(data):
            break
        seconds, marker, size = (
            int.from_bytes(data[place + start : place + start + length])
            for start, length in ((0, 4), (4, 2), (6, 2))
        )
        _COMMENT.put(document, 0, _time(seconds), ByteRange(at + place, 4))
        if marker:
            _COMMENT.put(document, 1, marker, ByteRange(at + place + 4, 2))
        text = _text(data[place + 8 : place + 8 + size])
        _COMMENT.put(document, 2, text, ByteRange(at + place + 8, size))
        place += 8 + size + size % 2
