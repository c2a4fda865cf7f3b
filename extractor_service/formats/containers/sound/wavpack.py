"""WavPack. wavpack.com, "WavPack 5 File / Block Format", version 1 of 2020."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.containers import streams
from extractor_service.formats.containers.riff import chunks, wave
from extractor_service.formats.embedded.sound import ape_tag, id3
from extractor_service.formats.reading.conversions import COUNTED
from extractor_service.formats.reading.damage import tolerant
from extractor_service.formats.reading.reader import Reader
from extractor_service.formats.reading.table import Table

if TYPE_CHECKING:
    from extractor_service.document import Document
    from extractor_service.sources.base import ByteSource

_HEADER = Table("sound/WavPack::Main", "file", "File", {"BytesPerSample": COUNTED}, unit="int32u")
_RATES = (
    6000,
    8000,
    9600,
    11025,
    12000,
    16000,
    22050,
    24000,
    32000,
    44100,
    48000,
    64000,
    88200,
    96000,
    192000,
)
_HEADER_BYTES = 32  # of a block (WavPack 5 format)
_FLOATING, _DSD, _INITIAL, _FINAL, _MONO = 0x80, 0x80000000, 0x800, 0x1000, 0x4
_RATE_BLOCK, _CHANNELS_BLOCK, _DSD_BLOCK, _RIFF_BLOCK = 0x27, 0x0D, 0x0E, 0x21
_MOST_BLOCKS = 64  # of one group of channels


@tolerant("file")
def parse(source: ByteSource, document: Document) -> None:
    """The first block's header, its sub-blocks on rate and channels, and the tags around the sound."""
    start, end = id3.around(source, document)
    end = ape_tag.trailing(source, document, end)
    reader = Reader(source, big_endian=False, base=start)
    if reader.some(0, 4) != b"wvpk":
        raise CorruptFileError("no WavPack block")
    _HEADER.block(document, reader.exact(0, _HEADER_BYTES), start)
    flags, total = reader.u32(24), reader.u32(12)
    samples = None if total == 0xFFFFFFFF else total + (reader.u8(11) << 32)
    index = flags >> 23 & 15
    stream = streams.Stream("audio", "wavpack", sample_rate=_RATES[index] if index < len(_RATES) else None)
    if not flags & (_FLOATING | _DSD):
        stream.bits = ((flags & 3) + 1) * 8 - (flags >> 13 & 31)
    stream.channels = _channels(reader, document, stream)
    if samples and stream.sample_rate:
        stream.duration = samples / stream.sample_rate
    streams.add(document, [stream], stream.duration, size_bytes=end - start)


def _channels(reader: Reader, document: Document, stream: streams.Stream) -> int:
    """Of all blocks up to the one that ends the group; sub-blocks may say it at once."""
    at = channels = told = 0
    for _ in range(_MOST_BLOCKS):
        if reader.some(at, 4) != b"wvpk":
            break
        size, flags = reader.u32(at + 4) + 8, reader.u32(at + 24)
        place, end = at + _HEADER_BYTES, min(at + size, reader.length)
        while place + 2 <= end:
            kind, width = reader.u8(place), 2
            length = reader.u8(place + 1) * 2
            if kind & 0x80:
                length, width = int.from_bytes(reader.exact(place + 1, 3), "little") * 2, 4
            content = reader.some(place + width, min(length, 4))
            if kind & 0x3F == _RIFF_BLOCK and at == 0:
                inner = reader.view(reader.base + place + width, length)
                for chunk in chunks.walk(inner, document, 12, min(length, 1024)):
                    if chunk.kind == "fmt ":
                        wave.FORMAT.block(document, inner.some(chunk.offset, 16), inner.base + chunk.offset)
                        break
            if kind & 0x3F == _RATE_BLOCK and len(content) >= 3:
                stream.sample_rate = int.from_bytes(content[:3], "little")
            elif kind & 0x3F == _DSD_BLOCK and content and stream.sample_rate:
                stream.sample_rate <<= content[0] & 31  # bytes of eight bits, at so many times the rate
            elif kind & 0x3F == _CHANNELS_BLOCK and content:
                told = content[0] + ((content[2] & 15) << 8 if length >= 6 and len(content) > 2 else 0)
            place += width + length
        channels += 1 if flags & _MONO else 2
        if told or flags & _FINAL or not flags & _INITIAL:
            break
        at += size
    return told or channels
