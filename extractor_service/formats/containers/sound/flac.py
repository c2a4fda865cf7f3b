"""FLAC: stream information, comments, pictures. RFC 9639, section 8."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.document import ProblemKind
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.containers import streams
from extractor_service.formats.containers.riff import chunks
from extractor_service.formats.embedded.sound import id3, vorbis_comment
from extractor_service.formats.reading import bits
from extractor_service.formats.reading.conversions import COUNTED
from extractor_service.formats.reading.damage import Surviving, tolerant
from extractor_service.formats.reading.reader import Reader
from extractor_service.formats.reading.table import Table
from extractor_service.formats.reading.tagset import Conversion

if TYPE_CHECKING:
    from extractor_service.document import Document
    from extractor_service.sources.base import ByteSource

SECTION = "flac"
MAGIC = b"fLaC"
_MOST_BLOCKS = 4096  # before the last one says so: real files have ten
_PICTURE_HEAD_BYTES = 4096  # MIME type, description and numbers before a picture
_STREAM, _APPLICATION, _COMMENTS, _PICTURE = 0, 2, 4, 6
_INFORMATION = Table(
    "sound/FLAC::StreamInfo", SECTION, "FLAC",
    {
        "Channels": COUNTED, "BitsPerSample": COUNTED,
        "MD5Signature": Conversion(lambda value: value.hex() if isinstance(value, bytes) else value),
    },
)  # fmt: skip


@tolerant(SECTION)
def parse(source: ByteSource, document: Document) -> None:
    """Stream information, comments and pictures, behind an ID3 tag or not."""
    start, end = id3.around(source, document)
    reader = Reader(source, base=start)
    if reader.some(0, 4) != MAGIC:
        raise CorruptFileError("no FLAC stream")
    stream = blocks(reader, document, 4)
    streams.add(document, [stream], stream.duration, size_bytes=end - start)


def blocks(reader: Reader, document: Document, at: int) -> streams.Stream:
    """Adds what the metadata blocks from `at` on say; returns the stream."""
    stream = streams.Stream("audio", "flac")
    for _ in range(_MOST_BLOCKS):
        if at + 4 > reader.length:
            document.problem(
                SECTION, ProblemKind.TRUNCATED, "the metadata blocks don't end", reader.base + at
            )
            break
        head = reader.u32(at)
        kind, length = head >> 24 & 0x7F, head & 0xFFFFFF
        at += 4
        with Surviving(document, SECTION, f"block {kind}", reader.base + at):
            block(reader, document, kind, at, length, stream)
        at += length
        if head >> 31:
            break
    return stream


def block(
    reader: Reader, document: Document, kind: int, at: int, length: int, stream: streams.Stream
) -> None:
    """Adds what one block says; fills `stream`."""
    place = reader.base + at
    if kind == _STREAM:
        found = bits.parse(document, _INFORMATION, reader.exact(at, min(length, 34)), place)
        stream.sample_rate = found.get("SampleRate")
        stream.channels, stream.bits = found.get("Channels", 0) + 1, found.get("BitsPerSample", 0) + 1
        if found.get("TotalSamples") and stream.sample_rate:  # 0 is unknown
            stream.duration = found["TotalSamples"] / stream.sample_rate
    elif kind == _COMMENTS:
        reader.exact(at + length, 0)
        vorbis_comment.parse(reader.view(place, length, big_endian=False), document, 0, length)
    elif kind == _PICTURE:
        reader.exact(at + length, 0)
        vorbis_comment.picture(reader.exact(at, min(length, _PICTURE_HEAD_BYTES)), document, place, length)
    elif kind == _APPLICATION and reader.some(at, 4) == b"riff" and reader.some(at + 4, 4) != b"RIFF":
        inner = reader.view(place + 4, length - 4, big_endian=False)
        for chunk in chunks.walk(inner, document, 0, length - 4):
            chunks.shared(inner, document, chunk)
