"""Musepack, stream versions 7 (musepack.net, "SV7 specification") and 8 (trac.musepack.net, "SV8 specification")."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.document import ByteRange, Field, ProblemKind
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.containers import streams
from extractor_service.formats.embedded.sound import ape_tag, id3
from extractor_service.formats.reading.damage import Surviving, tolerant
from extractor_service.formats.reading.reader import Reader
from extractor_service.formats.reading.table import Table
from extractor_service.formats.reading.tagset import Conversion

if TYPE_CHECKING:
    from extractor_service.document import Document
    from extractor_service.sources.base import ByteSource

SECTION = "mpc"
_GROUP = "MPC"
_RATES = (44100, 48000, 37800, 32000)
_FRAME_SAMPLES = 1152
_MOST_PACKETS = 64  # before the header: it is the first or the second (SV8 specification)


def _version_text(value: object) -> str:
    text = str(value)
    return f"{text[:-3]}{text[-3]}.{text[-2]}.{text[-1]}" if text.isdigit() and len(text) >= 3 else ""


_HEADER = Table("sound/MPC::Main", SECTION, _GROUP, {"EncoderVersion": Conversion(None, _version_text)})


@tolerant(SECTION)
def parse(source: ByteSource, document: Document) -> None:
    """The header, and the tags around the sound."""
    start, end = id3.around(source, document)
    end = ape_tag.trailing(source, document, end)
    reader = Reader(source, big_endian=False, base=start)
    magic = reader.some(0, 4)
    stream = streams.Stream("audio", channels=2)
    if magic[:3] == b"MP+" and magic[3] & 15 == 7:
        _seven(reader, document, stream)
    elif magic == b"MPCK":
        _eight(reader, document, stream)
    elif magic[:3] == b"MP+":
        document.problem(SECTION, ProblemKind.UNSUPPORTED, f"stream version {magic[3] & 15}", start)
    else:
        raise CorruptFileError("no Musepack header")
    streams.add(document, [stream], stream.duration, size_bytes=end - start)


def _seven(reader: Reader, document: Document, stream: streams.Stream) -> None:
    """Bits of little-endian bytes: the lowest of a byte is the first."""
    data = reader.exact(0, 28)
    bits = int.from_bytes(data, "little")
    found = {}
    for key, tag in _HEADER.tags.items():
        first, _, last = str(key)[3:].partition("-")
        low, high = int(first), int(last or first)
        value = bits >> low & (1 << high - low + 1) - 1
        found[tag.name] = value
        _HEADER.put(document, key, value, ByteRange(reader.base + low // 8, high // 8 - low // 8 + 1))
    stream.codec, stream.sample_rate = "musepack7", _RATES[found.get("SampleRate", 0) & 3]
    frames = found.get("TotalFrames", 0)
    if frames:
        last_samples = int.from_bytes(data[20:24], "little") >> 20 & 0x7FF
        samples = (frames - 1) * _FRAME_SAMPLES + (last_samples or _FRAME_SAMPLES)
        stream.duration = samples / stream.sample_rate


def _eight(reader: Reader, document: Document, stream: streams.Stream) -> None:
    at = 4
    stream.codec = "musepack8"
    with Surviving(document, SECTION, "a packet", reader.base):
        for _ in range(_MOST_PACKETS):
            kind = reader.exact(at, 2)
            size, width = _varying(reader, at + 2)
            content = at + 2 + width
            if kind == b"SH":
                place = content + 5
                samples, taken = _varying(reader, place)
                silence, also = _varying(reader, place + taken)
                flags = int.from_bytes(reader.exact(place + taken + also, 2))
                rate = _RATES[flags >> 13 & 3] if flags >> 13 < 4 else 0
                stream.channels, stream.sample_rate = (flags >> 4 & 15) + 1, rate or None
                if rate:
                    stream.duration = (samples - silence) / rate
                for name, value in (
                    ("StreamVersion", reader.u8(content + 4)),
                    ("TotalSamples", samples),
                    ("SampleRate", rate),
                    ("Channels", stream.channels),
                ):
                    document.add(
                        SECTION,
                        Field(name, value, group=_GROUP, origin=ByteRange(reader.base + content, size)),
                    )
                return
            if kind in {b"AP", b"SE"} or size < 3:
                return
            at += size


def _varying(reader: Reader, at: int) -> tuple[int, int]:
    """A number of seven bits a byte, and how many bytes it takes."""
    value = 0
    for width in range(1, 10):
        byte = reader.u8(at + width - 1)
        value = value << 7 | byte & 0x7F
        if not byte & 0x80:
            return value, width
    return value, 9
