"""Ogg: the first packets of each stream, and the last page. RFC 3533; RFC 7845 (Opus); xiph.org on Vorbis, Theora, Speex, FLAC."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from extractor_service.document import ProblemKind, Rational
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.containers import streams
from extractor_service.formats.containers.sound import flac
from extractor_service.formats.embedded.sound import id3, vorbis_comment
from extractor_service.formats.reading.damage import Surviving, tolerant
from extractor_service.formats.reading.reader import Reader
from extractor_service.formats.reading.table import Table
from extractor_service.formats.reading.tagset import Conversion
from extractor_service.sources.descriptor import BytesSource

if TYPE_CHECKING:
    from collections.abc import Iterator

    from extractor_service.document import Document, Value
    from extractor_service.sources.base import ByteSource

_MAGIC = b"OggS"
_HEAD_BYTES = 27  # of a page, before its lengths (RFC 3533, section 6)
_MOST_PAGES = 2000  # before every stream has told its headers; comments with pictures take hundreds
_MOST_PACKET_BYTES = 16 * 1024 * 1024  # all headers together
_TAIL_BYTES = 64 * 1024  # a page is shorter
_NO_POSITION = 2**64 - 1  # of a page on which no packet ends
_OPUS_PACKET = 960  # positions: 20 ms, unless an encoder is told otherwise (RFC 6716, 2.1.4)
_OPUS_RATE = 48000  # of positions, whatever the sound's own rate (RFC 7845, 4)
_VORBIS = Table("sound/Vorbis::Identification", "vorbis", "Vorbis")


def _quotient(value: Value) -> Value:
    """Two numbers of 24 bits, read as three of 16."""
    if not isinstance(value, list) or len(value) != 3:
        return value
    a, b, c = (each if isinstance(each, int) else 0 for each in value)
    bottom = (b & 0xFF) << 16 | c
    return ((a << 8) + (b >> 8)) / bottom if bottom else None


def _third(value: Value) -> str:
    return f"{int(value * 1000 + 0.5) / 1000:g}" if isinstance(value, (int, float)) else ""


def _shifted(bits: int, mask: int = -1) -> Conversion:
    return Conversion(lambda value: value >> bits & mask if isinstance(value, int) else value)


_OPUS = Table("sound/Opus::Header", "opus", "Opus")
_THEORA = Table(
    "sound/Theora::Identification", "theora", "Theora",
    {
        "TheoraVersion": Conversion(None, lambda value: ".".join(map(str, value)) if isinstance(value, list) else ""),
        "ImageWidth": _shifted(8), "ImageHeight": _shifted(8), "NominalVideoBitrate": _shifted(8), "Quality": _shifted(2),
        "PixelFormat": _shifted(3, 3), "FrameRate": Conversion(None, _third), "PixelAspectRatio": Conversion(_quotient, _third),
    },
    big_endian=True,
)  # fmt: skip


@dataclass
class _Logical:
    """One logical stream while its headers are read."""

    packets: list[bytes] = field(default_factory=list)
    open: bytearray = field(default_factory=bytearray)
    wanted: int = 2
    stream: streams.Stream = field(default_factory=streams.Stream)
    rate: float = 0.0
    """Positions a second."""
    skipped: int = 0
    """Positions before the sound begins."""
    first_page: tuple[int, int] = (0, 0)
    """The position at the end of the first page behind the headers, and how many packets end on it."""
    usual: int = 0
    """Positions that a packet takes, as a rule; none takes more than four times as many. 0 where that isn't known."""
    high_bits: int = 0
    """VP8: bits of a position below the number of the picture."""
    shift: int = 0
    """Theora: bits of a position that count from the last key frame."""

    @property
    def is_complete(self) -> bool:
        """Whether all headers are there."""
        return len(self.packets) >= self.wanted


@tolerant("vorbis")
def parse(source: ByteSource, document: Document) -> None:
    """Headers and comments of every stream; the duration by the last page."""
    start, end = id3.around(source, document)
    reader = Reader(source, big_endian=False, base=start, length=end - start)
    if reader.some(0, 4) != _MAGIC:
        raise CorruptFileError("no Ogg page")
    found = _headers(reader, document)
    for each in found.values():
        with Surviving(document, "vorbis", "a header", start):
            _describe(document, each)
    _durations(reader, found)
    shown = [each.stream for each in found.values() if each.stream.kind]
    duration = max((each.duration or 0 for each in shown), default=0)
    streams.add(document, shown, duration or None, size_bytes=end - start)


def _headers(reader: Reader, document: Document) -> dict[int, _Logical]:
    """The streams by their serial number, in order, each with its first packets."""
    found: dict[int, _Logical] = {}
    at = taken = 0
    with Surviving(document, "vorbis", "a page"):
        for _ in range(_MOST_PAGES):
            head = reader.some(at, _HEAD_BYTES)
            if head[:4] != _MAGIC or len(head) < _HEAD_BYTES:
                if head:
                    document.problem(
                        "vorbis", ProblemKind.DAMAGED, "no page where one should begin", reader.base + at
                    )
                break
            lengths = reader.exact(at + _HEAD_BYTES, head[26])
            body, size = at + _HEAD_BYTES + head[26], sum(lengths)
            serial = int.from_bytes(head[14:18], "little")
            if head[5] & 2:
                found.setdefault(serial, _Logical())
            logical = found.get(serial)
            if logical is not None and not logical.is_complete:
                taken += size
                if taken > _MOST_PACKET_BYTES:
                    document.problem(
                        "vorbis", ProblemKind.LIMIT, "headers of many megabytes", reader.base + at
                    )
                    break
                _take(logical, reader.exact(body, size), lengths)
            elif not head[5] & 2 and all(each.is_complete for each in found.values()):
                if logical is not None:
                    ends = sum(length < 255 for length in lengths)
                    logical.first_page = int.from_bytes(head[6:14], "little"), ends
                break
            at = body + size
    return found


def _take(logical: _Logical, data: bytes, lengths: bytes) -> None:
    """Packets end where a length is below 255."""
    place = 0
    for length in lengths:
        logical.open += data[place : place + length]
        place += length
        if length < 255:
            packet = bytes(logical.open)
            logical.open.clear()
            if not logical.packets and packet[:5] == b"\x7fFLAC":
                logical.wanted = 1 + max(1, int.from_bytes(packet[7:9]))
            elif not logical.packets and packet[:8] in {b"fishead\0", b"BBCD\0\0\0\0"}:
                logical.wanted = 1
            if not logical.is_complete:
                logical.packets.append(packet)


def _describe(document: Document, logical: _Logical) -> None:
    if not logical.packets:
        return
    first, stream = logical.packets[0], logical.stream
    comments: tuple[bytes, int] | None = None
    if first[:7] == b"\x01vorbis":
        told = _VORBIS.block(document, first[7:], None)
        stream.kind, stream.codec = "audio", "vorbis"
        stream.channels, stream.sample_rate = _number(told, "AudioChannels"), _number(told, "SampleRate")
        stream.bit_rate = _number(told, "NominalBitrate")
        if stream.bit_rate is not None and not 0 < stream.bit_rate < 2**31:
            stream.bit_rate = None
        logical.rate = stream.sample_rate or 0
        logical.usual = (
            (1 << (first[28] >> 4)) // 2 if len(first) > 28 else 0
        )  # half of a long block overlaps the next
        comments = (b"\x03vorbis", 7)
    elif first[:8] == b"OpusHead":
        _OPUS.block(document, first[8:], None)
        stream.kind, stream.codec, stream.channels, stream.sample_rate = "audio", "opus", first[9], _OPUS_RATE
        logical.usual = _OPUS_PACKET
        logical.rate, logical.skipped = _OPUS_RATE, int.from_bytes(first[10:12], "little")
        comments = (b"OpusTags", 8)
    elif first[:7] == b"\x80theora":
        _theora(document, logical, first)
        comments = (b"\x81theora", 7)
    elif first[:8] == b"Speex   " and len(first) >= 68:
        rate, channels, bit_rate = (
            int.from_bytes(first[at : at + 4], "little", signed=True) for at in (36, 48, 52)
        )
        stream.kind, stream.codec, stream.channels, stream.sample_rate = "audio", "speex", channels, rate
        stream.bit_rate, logical.rate = bit_rate if bit_rate > 0 else None, rate
        comments = (b"", 0)
    elif first[:5] == b"\x7fFLAC":
        _flac(document, logical)
    elif first[:6] == b"OVP80\x01" and len(first) >= 26:  # WebM's VP8 in Ogg (ffmpeg.org, libavformat)
        stream.kind, stream.codec = "video", "vp8"
        stream.width, stream.height = int.from_bytes(first[8:10]), int.from_bytes(first[10:12])
        stream.frame_rate = Rational(int.from_bytes(first[18:22]), int.from_bytes(first[22:26])).real()
        logical.rate, logical.shift = stream.frame_rate or 0, 0
        logical.high_bits = 32
    if comments is not None and len(logical.packets) > 1:
        magic, skip = comments
        packet = logical.packets[1]
        if packet.startswith(magic):
            reader = Reader(BytesSource(packet), big_endian=False)
            vorbis_comment.parse(reader, document, skip, len(packet) - skip, is_in_place=False)


def _theora(document: Document, logical: _Logical, first: bytes) -> None:
    """The identification header (Theora specification, 6.2)."""
    data, stream = first[7:], logical.stream
    _THEORA.block(document, data, None)
    if len(data) < 35:
        return
    stream.kind, stream.codec = "video", "theora"
    stream.width, stream.height = int.from_bytes(data[7:10]), int.from_bytes(data[10:13])
    rate = Rational(int.from_bytes(data[15:19]), int.from_bytes(data[19:23])).real()
    stream.frame_rate, logical.rate = rate, rate or 0
    logical.shift = int.from_bytes(data[33:35]) >> 5 & 31


def _flac(document: Document, logical: _Logical) -> None:
    """FLAC's blocks, one a packet; the first behind a head of nine bytes and "fLaC" (RFC 9639, 10.1)."""
    logical.stream = streams.Stream("audio", "flac")
    for packet in [logical.packets[0][13:], *logical.packets[1:]]:
        if len(packet) >= 4:
            reader = Reader(BytesSource(packet))
            flac.block(reader, document, packet[0] & 0x7F, 4, len(packet) - 4, logical.stream)
    logical.rate = logical.stream.sample_rate or 0


def _durations(reader: Reader, found: dict[int, _Logical]) -> None:
    """By the last pages' positions; the tail of the file has one of every stream, as a rule."""
    size = min(_TAIL_BYTES, reader.length)
    data = reader.some(reader.length - size, size)
    last: dict[int, int] = {}
    for place in _pages(data):
        serial, position = (
            int.from_bytes(data[place + 14 : place + 18], "little"),
            int.from_bytes(data[place + 6 : place + 14], "little"),
        )
        if position != _NO_POSITION:
            last[serial] = position
    for serial, logical in found.items():
        position = last.get(serial, 0) >> logical.high_bits
        if logical.shift:
            position = (position >> logical.shift) + (position & (1 << logical.shift) - 1)
        start = max(logical.skipped, _start(logical))
        if logical.rate and position > start:
            logical.stream.duration = (position - start) / logical.rate


def _start(logical: _Logical) -> int:
    """The position before the first packet; not 0 where a stream was recorded from the middle (RFC 7845, 4.5)."""
    position, packets = logical.first_page
    if not logical.usual or position == _NO_POSITION or position <= 4 * logical.usual * packets:
        return 0
    return position - logical.usual * packets


def _pages(data: bytes) -> Iterator[int]:
    place = data.find(_MAGIC)
    while place >= 0:
        lengths = (
            data[place + _HEAD_BYTES : place + _HEAD_BYTES + data[place + 26]]
            if place + _HEAD_BYTES <= len(data)
            else b""
        )
        if lengths and not data[place + 4] and place + _HEAD_BYTES + len(lengths) + sum(lengths) <= len(data):
            yield place
        place = data.find(_MAGIC, place + 4)


def _number(told: dict[str, Value], name: str) -> int | None:
    value = told.get(name)
    return value if isinstance(value, int) else None
