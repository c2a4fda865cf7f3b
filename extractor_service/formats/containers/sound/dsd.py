"""Sound of one bit a sample: Sony's DSF (DSF File Format Specification 1.01) and Philips' DSDIFF (DSDIFF 1.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.document import ByteRange, Field, ProblemKind
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.containers import streams
from extractor_service.formats.embedded.sound import id3
from extractor_service.formats.reading.damage import Surviving, tolerant
from extractor_service.formats.reading.reader import Reader
from extractor_service.formats.reading.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from extractor_service.document import Document, Value
    from extractor_service.sources.base import ByteSource

_HEADER = Table("sound/DSF::Main", "file", "File", unit="int32u")
_DIFF = "dsdiff"
_MOST_CHUNKS, _MOST_TEXT_BYTES = 1000, 64 * 1024


@tolerant("dsdiff")
def parse(source: ByteSource, document: Document) -> None:
    """A DSF file: its format chunk, and the ID3 tag that it points at."""
    reader = Reader(source, big_endian=False)
    if reader.some(0, 4) != b"DSD " or reader.some(28, 4) != b"fmt ":
        raise CorruptFileError("no DSF header")
    found = _HEADER.block(document, reader.exact(28, 52), 28)
    pointer = reader.u64(20)
    numbers = {name: value for name, value in found.items() if isinstance(value, int)}
    rate, samples = numbers.get("SampleRate", 0), numbers.get("SampleCount", 0)
    order = "msbf" if numbers.get("BitsPerSample") == 8 else "lsbf"
    stream = streams.Stream(
        "audio", f"dsd_{order}_planar", channels=numbers.get("ChannelCount"), sample_rate=rate or None
    )
    if rate and samples:
        stream.duration = samples / rate
        stream.bit_rate = rate * numbers.get("ChannelCount", 0)
    if pointer:
        if pointer < source.size_bytes:
            id3.leading(source, document, pointer)
        else:
            document.problem("id3", ProblemKind.TRUNCATED, "the tag lies beyond the end", pointer)
    streams.add(document, [stream], stream.duration, size_bytes=source.size_bytes)


@tolerant("dsdiff")
def parse_dsdiff(source: ByteSource, document: Document) -> None:
    """A DSDIFF file: its properties, texts, and an ID3 tag."""
    reader = Reader(source)
    if reader.some(0, 4) != b"FRM8" or reader.some(12, 4) != b"DSD ":
        raise CorruptFileError("no DSDIFF form")
    stream, data_bytes, frames = streams.Stream("audio", "dsd_msbf"), 0, 0
    for kind, at, length in _chunks(reader, document, 16, reader.length):
        with Surviving(document, _DIFF, "chunk", at, kind):
            if kind == b"PROP":
                for name, place, size in _chunks(reader, document, at + 4, at + length):
                    _property(reader, document, name, place, size, stream)
            elif kind == b"DSD ":
                data_bytes = length
            elif kind == b"DST ":
                stream.codec = "dst"
                frames = reader.u32(at + 12) if reader.some(at, 4) == b"FRTE" else 0
            elif kind == b"ID3 ":
                id3.leading(source, document, at)
            elif kind == b"DIIN":
                for name, place, size in _chunks(reader, document, at, at + length):
                    if name in {b"DIAR", b"DITI"}:
                        text = reader.exact(
                            place + 4, min(reader.u32(place), size - 4, _MOST_TEXT_BYTES)
                        ).decode("utf-8", "replace")
                        _add(document, "Artist" if name == b"DIAR" else "Title", text, place, size)
    rate = stream.sample_rate
    if rate and data_bytes and stream.channels:
        stream.duration = data_bytes * 8 / (rate * stream.channels)
        stream.bit_rate = rate * stream.channels
    elif frames:
        stream.duration = frames / 75
    streams.add(document, [stream], stream.duration, size_bytes=source.size_bytes)


def _property(
    reader: Reader, document: Document, kind: bytes, at: int, size: int, stream: streams.Stream
) -> None:
    if kind == b"FS  ":
        rate = reader.u32(at)
        stream.sample_rate = rate
        _add(document, "SampleRate", rate, at, 4)
    elif kind == b"CHNL":
        stream.channels = reader.u16(at)
        _add(document, "NumChannels", stream.channels, at, 2)
    elif kind == b"CMPR":
        code = reader.exact(at, 4).decode("latin-1")
        _add(document, "CompressionType", code.strip(), at, 4)
    elif kind == b"ABSS":
        hours, minutes, seconds = reader.u16(at), reader.u8(at + 2), reader.u8(at + 3)
        _add(document, "StartTime", f"{hours}:{minutes:02d}:{seconds:02d}", at, 8)
    del size


def _chunks(reader: Reader, document: Document, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    for _ in range(_MOST_CHUNKS):
        if at + 12 > end:
            return
        kind, length = reader.exact(at, 4), reader.u64(at + 4)
        if at + 12 + length > end:
            document.problem(_DIFF, ProblemKind.TRUNCATED, f"chunk {kind!r} of {length} bytes is cut", at)
            length = end - at - 12
        yield kind, at + 12, length
        at += 12 + length + length % 2


def _add(document: Document, name: str, value: Value, at: int, size: int) -> None:
    document.add(_DIFF, Field(name, value, group="DSDIFF", origin=ByteRange(at, size)))
