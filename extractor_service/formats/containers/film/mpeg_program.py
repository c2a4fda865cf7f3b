"""MPEG program streams (MPG, VOB) and bare video: streams by their packets, first and last times. ISO/IEC 11172-1; 13818-1, 2.5."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.containers import streams
from extractor_service.formats.containers.film import elementary, mpeg_clock
from extractor_service.formats.reading.damage import tolerant

if TYPE_CHECKING:
    from collections.abc import Iterator

    from extractor_service.document import Document
    from extractor_service.sources.base import ByteSource

SECTION = "mpeg"
_HEAD_BYTES, _TAIL_BYTES = 512 * 1024, 256 * 1024
_MOST_PAYLOAD_BYTES = 64 * 1024  # of each stream's beginning: its headers stand in the first picture
_PACK, _SYSTEM, _MAP, _PRIVATE, _PADDING, _NAVIGATION, _END = 0xBA, 0xBB, 0xBC, 0xBD, 0xBE, 0xBF, 0xB9
_MAPPED = {
    0x01: "mpeg1video",
    0x02: "mpeg2video",
    0x03: "mp2",
    0x04: "mp2",
    0x0F: "aac",
    0x10: "mpeg4",
    0x1B: "h264",
    0x24: "hevc",
    0x81: "ac3",
}
# Substreams of DVD's private stream, by their first byte.
_DVD = (
    (0x20, 0x40, "dvd_subtitle"),
    (0x80, 0x88, "ac3"),
    (0x88, 0x90, "dts"),
    (0xA0, 0xB0, "pcm_dvd"),
    (0xC0, 0xD0, "ac3"),
)


@dataclass
class _Elementary:
    stream: streams.Stream
    payload: bytearray = field(default_factory=bytearray)
    at: int = 0
    times: list[int] = field(default_factory=list)
    last: int | None = None


@tolerant(SECTION)
def parse(source: ByteSource, document: Document) -> None:
    """The streams that the first packets belong to; a bare video has one."""
    data = source.read_range(0, min(_HEAD_BYTES, source.size_bytes))
    if data[:4] == b"\0\0\x01\xb3":
        stream = streams.Stream("video", "mpeg1video")
        elementary.describe(document, data[:_MOST_PAYLOAD_BYTES], stream, 0)
        if stream.bit_rate:
            stream.duration = source.size_bytes * 8 / stream.bit_rate
        streams.add(document, [stream], stream.duration, size_bytes=source.size_bytes)
        return
    if data[:3] != b"\0\0\x01":
        raise CorruptFileError("no MPEG start code")
    program = _Program()
    program.read(data)
    size = min(_TAIL_BYTES, source.size_bytes)
    program.last_times(
        data if len(data) == source.size_bytes else source.read_range(source.size_bytes - size, size)
    )
    program.finish(document, source.size_bytes)
    if not document.sections:
        raise CorruptFileError("no stream")


class _Program:
    """What its packets say."""

    def __init__(self) -> None:
        self._streams: dict[int, _Elementary] = {}
        self._codecs: dict[int, str] = {}

    def read(self, data: bytes) -> None:
        """Beginnings of streams, and their times."""
        for identity, start, end, time in self._packets(data, 0):
            one = self._streams.get(identity)
            if one is None:
                one = _Elementary(streams.Stream(codec=self._codec(identity, data[start:end])), at=start)
                self._streams[identity] = one
            if time is not None:
                one.times.append(time)
            if len(one.payload) < _MOST_PAYLOAD_BYTES:
                one.payload += data[start:end]

    def last_times(self, data: bytes) -> None:
        """The last time of every stream."""
        start = data.find(b"\0\0\x01\xba")
        for identity, _, _, time in self._packets(data, max(0, start)):
            one = self._streams.get(identity)
            if one is not None and time is not None:
                one.last = mpeg_clock.later(one.last, time)

    def _packets(self, data: bytes, at: int) -> Iterator[tuple[int, int, int, int | None]]:
        """Identity (with the substream's in the second byte), content's begin and end, time of each packet."""
        while (at := data.find(b"\0\0\x01", at)) >= 0 and at + 6 <= len(data):
            code = data[at + 3]
            if code == _PACK:
                at += 14 + (data[at + 13] & 7) if at + 13 < len(data) and data[at + 4] >> 6 == 1 else 12
                continue
            if code < _PACK:
                at += 4
                continue
            end = at + 6 + int.from_bytes(data[at + 4 : at + 6])
            if code == _MAP:
                self._map(data[at + 6 : end])
            elif code == _PRIVATE or 0xC0 <= code <= 0xEF or code == 0xFD:
                start, time = _header(data, at + 6)
                identity = code
                if code == _PRIVATE and start < len(data):
                    identity = code << 8 | data[start]
                    start += _private_head(data[start])
                if start <= end:
                    yield identity, start, min(end, len(data)), time
            at = max(end, at + 4)

    def _map(self, table: bytes) -> None:
        """Stream types by identity (2.5.4)."""
        at = 4 + int.from_bytes(table[2:4]) + 2
        while at + 4 <= len(table) - 4:
            self._codecs[table[at + 1]] = _MAPPED.get(table[at], "")
            at += 4 + int.from_bytes(table[at + 2 : at + 4])

    def _codec(self, identity: int, content: bytes) -> str:
        if identity > 0xFF:
            sub = identity & 0xFF
            return next((name for low, high, name in _DVD if low <= sub < high), "")
        if self._codecs.get(identity):
            return self._codecs[identity]
        if identity >= 0xE0:
            if b"\0\0\x01\xb3" in content:
                return "mpeg2video"
            if b"\0\0\x01\x67" in content or b"\0\0\x01\x27" in content:
                return "h264"
            if b"\0\0\x01\x42\x01" in content:
                return "hevc"
            return "mpeg4" if b"\0\0\x01\xb0" in content or b"\0\0\x01\x20" in content else "mpeg2video"
        return "aac" if content[:2] in {b"\xff\xf1", b"\xff\xf9"} else "mp2"

    def finish(self, document: Document, size_bytes: int) -> None:
        """Adds the streams, pictures first; as long as their times say."""
        found, whole = [], 0.0
        first_of_all = mpeg_clock.earliest(time for each in self._streams.values() for time in each.times)
        for identity, one in sorted(self._streams.items(), key=lambda each: not 0xE0 <= each[0] <= 0xEF):
            stream = one.stream
            if not stream.codec:
                continue
            stream.kind = (
                "video"
                if 0xE0 <= identity <= 0xEF
                else "subtitle"
                if stream.codec.endswith("subtitle")
                else "audio"
            )
            if stream.codec == "pcm_dvd":
                _dvd_sound(bytes(one.payload[:8]), stream)
            else:
                elementary.describe(
                    document, bytes(one.payload), stream, None if stream.codec in {"ac3", "eac3"} else one.at
                )
            if one.times:
                first = mpeg_clock.earliest(one.times)
                ordered = sorted({mpeg_clock.since(first, each) for each in one.times})
                steps = sorted(after - before for before, after in pairwise(ordered))
                step = 0.0
                if stream.kind == "video" and stream.frame_rate:
                    step = mpeg_clock.HERTZ / stream.frame_rate
                elif stream.kind == "video" and steps:
                    step = steps[len(steps) // 2]
                    stream.frame_rate = mpeg_clock.HERTZ / step
                last = one.last if one.last is not None else first + ordered[-1]
                stream.duration = (mpeg_clock.until(first, last) + step) / mpeg_clock.HERTZ
                whole = max(whole, (mpeg_clock.until(first_of_all, last) + step) / mpeg_clock.HERTZ)
            found.append(stream)
        if found:
            streams.add(document, found, whole or None, size_bytes=size_bytes)


def _header(data: bytes, at: int) -> tuple[int, int | None]:
    """Where a packet's content begins, and its time: MPEG-2's head, or MPEG-1's with stuffing and buffer sizes before it."""
    if at + 3 > len(data):
        return at, None
    if data[at] >> 6 == 2:
        time = (
            mpeg_clock.time_of(data[at + 3 : at + 8]) if data[at + 1] & 0x80 and at + 8 <= len(data) else None
        )
        return at + 3 + data[at + 2], time
    while at < len(data) and data[at] == 0xFF:
        at += 1
    if at < len(data) and data[at] >> 6 == 1:
        at += 2
    kind = data[at] >> 4 if at < len(data) else 0
    if kind in {2, 3} and at + 5 <= len(data):
        return at + (5 if kind == 2 else 10), mpeg_clock.time_of(data[at : at + 5])
    return at + 1, None


def _private_head(sub: int) -> int:
    """Bytes before a substream's content: its identity, and where frames begin in it."""
    if 0x80 <= sub < 0x90 or 0xC0 <= sub < 0xD0:
        return 4
    return 4 if 0xA0 <= sub < 0xB0 else 1


def _dvd_sound(data: bytes, stream: streams.Stream) -> None:
    """Three bytes: numbers of frames, then bits, rate and channels (dvd.sourceforge.net, "LPCM")."""
    if len(data) >= 3:
        stream.bits = (16, 20, 24, 0)[data[1] >> 6] or None
        stream.sample_rate, stream.channels = (
            (48000, 96000, 44100, 32000)[data[1] >> 4 & 3],
            (data[1] & 7) + 1,
        )
