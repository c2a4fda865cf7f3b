"""MPEG transport streams, with or without the time codes of AVCHD: programs, streams, first and last times. ISO/IEC 13818-1, 2.4."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

from extractor_service.document import ProblemKind
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.containers import streams
from extractor_service.formats.containers.film import elementary, mpeg_clock
from extractor_service.formats.reading import charsets, fields
from extractor_service.formats.reading.conversions import duration_text
from extractor_service.formats.reading.damage import tolerant
from extractor_service.formats.reading.table import Table
from extractor_service.formats.reading.tagset import Conversion, Tag

if TYPE_CHECKING:
    from collections.abc import Iterator

    from extractor_service.document import Document
    from extractor_service.sources.base import ByteSource

SECTION = "m2ts"
_GROUP = "M2TS"
_HEAD_BYTES, _TAIL_BYTES = 512 * 1024, 256 * 1024
_MOST_PAYLOAD_BYTES = 64 * 1024  # of each stream's beginning
_SYNC = 0x47
_PAT, _SDT, _SERVICE = 0x00, 0x11, 0x48
_TYPES = {
    0x01: "mpeg1video", 0x02: "mpeg2video", 0x03: "mp2", 0x04: "mp2", 0x0F: "aac", 0x10: "mpeg4", 0x11: "aac_latm", 0x1B: "h264", 0x20: "h264", 0x21: "jpeg2000",
    0x24: "hevc", 0x33: "vvc", 0x42: "cavs", 0x81: "ac3", 0x82: "dts", 0x83: "truehd", 0x84: "eac3", 0x85: "dts", 0x86: "dts", 0x87: "eac3", 0x8A: "dts", 0x90: "hdmv_pgs_subtitle",
    0x92: "hdmv_text_subtitle", 0xA1: "eac3", 0xA2: "dts", 0xD1: "dirac", 0xEA: "vc1",
}  # fmt: skip
_BLU_RAY_LPCM = 0x80  # DigiCipher elsewhere
_REGISTRATIONS = {b"AC-3": "ac3", b"EAC3": "eac3", b"DTS1": "dts", b"DTS2": "dts", b"DTS3": "dts", b"HEVC": "hevc", b"VC-1": "vc1", b"Opus": "opus", b"BSSD": "s302m", b"drac": "dirac", b"KLVA": "klv"}  # fmt: skip
_DESCRIPTORS = {
    0x56: "dvb_teletext",
    0x59: "dvb_subtitle",
    0x6A: "ac3",
    0x7A: "eac3",
    0x7B: "dts",
    0x7C: "aac",
}
_VIDEO = frozenset(
    {"mpeg1video", "mpeg2video", "mpeg4", "h264", "hevc", "vvc", "vc1", "cavs", "dirac", "jpeg2000"}
)
_TIMED = frozenset(
    {"h264", "hevc", "vvc"}
)  # a packet a picture, as a rule: times say more than what encoders claim
_SUBTITLES = frozenset({"dvb_subtitle", "dvb_teletext", "hdmv_pgs_subtitle", "hdmv_text_subtitle"})
_MAIN = Table(
    "film/M2TS::Main",
    SECTION,
    _GROUP,
    {
        "Duration": Conversion(
            None, lambda value: duration_text(value) if isinstance(value, (int, float)) else "", "s"
        )
    },
)
_PROVIDER, _NAME = (Tag((name, "string", 1, "", None, "")) for name in ("ServiceProvider", "ServiceName"))


@dataclass
class _Elementary:
    """One stream of a program."""

    kind: int
    stream: streams.Stream
    payload: bytearray = field(default_factory=bytearray)
    times: list[int] = field(default_factory=list)
    last: int | None = None


def layout_of(data: bytes) -> tuple[int, int] | None:
    """Where the first packet's sync byte stands, and how far apart they are: 188, 192 with time codes, 204 with parity."""
    for start in range(min(len(data), 400)):
        if data[start] == _SYNC:
            for step in (188, 192, 204):
                if all(
                    start + step * each < len(data) and data[start + step * each] == _SYNC
                    for each in (1, 2, 3)
                ):
                    return start, step
    return None


@tolerant(SECTION)
def parse(source: ByteSource, document: Document) -> None:
    """Streams by the program map, their first headers, and how long they play."""
    data = source.read_range(0, min(_HEAD_BYTES, source.size_bytes))
    found = layout_of(data)
    if found is None:
        raise CorruptFileError("no transport packets")
    start, step = found
    if start > (4 if step == 192 else 0):
        document.problem(SECTION, ProblemKind.DAMAGED, "it doesn't begin with a packet", 0)
    reader = _Transport(document, step)
    reader.read(data, start)
    if len(data) < source.size_bytes:
        at = source.size_bytes - min(_TAIL_BYTES, source.size_bytes - len(data))
        at += (start - at) % step
        reader.last_times(source.read_range(at, source.size_bytes - at))
    else:
        reader.all_was_read()
    reader.finish(source.size_bytes)


class _Transport:
    """What its packets say."""

    def __init__(self, document: Document, step: int) -> None:
        self._document = document
        self._step = step
        self._maps: set[int] = set()
        self._sections: dict[int, bytearray] = {}
        self._streams: dict[int, _Elementary] = {}
        self._done: set[int] = set()
        self._wanted = {_PAT, _SDT}
        """Packets of these are read whatever they say of themselves: tables until they are whole, streams until their headers are."""
        self._clocks: list[int] = []
        self._last_clock: int | None = None

    def _packets(self, data: bytes, start: int) -> Iterator[tuple[int, bool, bytes, int | None]]:
        """Identity, whether something begins in it, payload and clock of each packet that may tell a time, or is wanted."""
        at, wanted = start, self._wanted
        while at + 188 <= len(data):
            if data[at] != _SYNC:
                following = data.find(_SYNC, at + 1)
                if following < 0:
                    return
                at = following
                continue
            begins = data[at + 1]
            if (
                not begins & 0x40
                and not data[at + 3] & 0x20
                and ((begins & 0x1F) << 8 | data[at + 2]) not in wanted
            ):
                at += self._step
                continue
            head = int.from_bytes(data[at : at + 4])
            place, clock = at + 4, None
            if head & 0x20:
                length = data[place]
                if length >= 7 and data[place + 1] & 0x10:
                    packed = int.from_bytes(data[place + 2 : place + 8])
                    clock = (packed >> 15) * 300 + (packed & 0x1FF)
                place += 1 + length
            payload = data[place : at + 188] if head & 0x10 and place < at + 188 else b""
            yield head >> 8 & 0x1FFF, bool(head & 0x400000), payload, clock
            at += self._step

    def read(self, data: bytes, start: int) -> None:
        """Tables and beginnings of streams."""
        for identity, begins, payload, clock in self._packets(data, start):
            if clock is not None:
                self._clocks.append(clock)
            if identity in {_PAT, _SDT} or identity in self._maps:
                self._section(identity, payload, begins=begins)
            elif identity in self._streams and payload:
                self._payload(identity, payload, begins=begins)

    def all_was_read(self) -> None:
        """What `last_times` finds, of a file that has no more than its head."""
        self._last_clock = self._clocks[-1] if self._clocks else None
        for one in self._streams.values():
            for time in one.times:
                one.last = mpeg_clock.later(one.last, time)

    def last_times(self, data: bytes) -> None:
        """The last time of every stream, and the last clock."""
        self._wanted.clear()
        for identity, begins, payload, clock in self._packets(data, max(0, data.find(_SYNC))):
            if clock is not None:
                self._last_clock = clock
            one = self._streams.get(identity)
            if one is not None and begins:
                time, _ = _packet_time(payload)
                if time is not None:
                    one.last = mpeg_clock.later(one.last, time)

    def _section(self, identity: int, payload: bytes, *, begins: bool) -> None:
        """Tables may take several packets (2.4.4)."""
        if identity in self._done:
            return
        if begins and payload:
            self._sections[identity] = bytearray(payload[1 + payload[0] :])
        elif identity in self._sections:
            self._sections[identity] += payload
        table = self._sections.get(identity, bytearray())
        if len(table) < 3:
            return
        size = 3 + ((table[1] & 15) << 8 | table[2])
        if len(table) < size:
            return
        content = bytes(table[:size])
        if identity == _PAT and content[0] == 0:
            for at in range(8, size - 7, 4):
                if int.from_bytes(content[at : at + 2]):
                    self._maps.add(int.from_bytes(content[at + 2 : at + 4]) & 0x1FFF)
            self._wanted |= self._maps
        elif identity == _SDT and content[0] == 0x42:
            self._services(content)
        elif content[0] == 2:
            self._program(content)
        else:
            return
        self._done.add(identity)
        if identity not in self._streams:
            self._wanted.discard(identity)

    def _program(self, table: bytes) -> None:
        at = 12 + (int.from_bytes(table[10:12]) & 0xFFF)
        is_blu_ray = b"HDMV" in table[12:at]
        while at + 5 <= len(table) - 4:
            kind, identity = table[at], int.from_bytes(table[at + 1 : at + 3]) & 0x1FFF
            length = int.from_bytes(table[at + 3 : at + 5]) & 0xFFF
            self._stream(kind, identity, table[at + 5 : at + 5 + length], is_blu_ray=is_blu_ray)
            at += 5 + length

    def _stream(self, kind: int, identity: int, descriptors: bytes, *, is_blu_ray: bool) -> None:
        codec = _TYPES.get(kind, "")
        if kind == _BLU_RAY_LPCM and is_blu_ray:
            codec = "pcm_bluray"
        stream = streams.Stream(codec=codec)
        at = 0
        while at + 2 <= len(descriptors):
            tag, length = descriptors[at], descriptors[at + 1]
            content = descriptors[at + 2 : at + 2 + length]
            if tag == 5 and (not stream.codec or kind == 6):
                stream.codec = _REGISTRATIONS.get(content[:4], stream.codec)
            elif tag in _DESCRIPTORS and kind == 6:
                stream.codec = _DESCRIPTORS[tag]
            elif tag == 0x7F and content[:1] == b"\x80" and stream.codec == "opus":
                stream.sample_rate, stream.channels = (
                    48000,
                    (content[1] if content[1] <= 8 else 2) if len(content) > 1 else None,
                )
            if tag in {0x0A, 0x59, 0x56} and len(content) >= 3:
                language = content[:3].decode("latin-1")
                stream.language = language if language.isalpha() and language != "und" else ""
            at += 2 + length
        stream.kind = (
            "video"
            if stream.codec in _VIDEO
            else "subtitle"
            if stream.codec in _SUBTITLES
            else "audio"
            if stream.codec and stream.codec != "klv"
            else "data"
        )
        self._streams.setdefault(identity, _Elementary(kind, stream))
        self._wanted.add(identity)
        name = {"video": "VideoStreamType", "audio": "AudioStreamType"}.get(stream.kind)
        if name is not None and kind != 6:
            _MAIN.put(self._document, name, kind)

    def _services(self, table: bytes) -> None:
        """Who sends it, by the service description (ETSI EN 300 468, 5.2.3)."""
        at = 11
        while at + 5 <= len(table) - 4:
            length = int.from_bytes(table[at + 3 : at + 5]) & 0xFFF
            place, end = at + 5, at + 5 + length
            while place + 2 <= min(end, len(table)):
                if table[place] == _SERVICE:
                    start = place + 3
                    for tag in (_PROVIDER, _NAME):
                        size = table[start] if start < len(table) else 0
                        text = str(charsets.text(table[start + 1 : start + 1 + size].lstrip(b"\x15\x05\x10")))
                        if text:
                            fields.add(self._document, SECTION, _GROUP, tag, text, None)
                        start += 1 + size
                place += 2 + table[place + 1]
            at = end

    def _payload(self, identity: int, payload: bytes, *, begins: bool) -> None:
        one = self._streams[identity]
        if begins:
            time, start = _packet_time(payload)
            if time is not None:
                one.times.append(time)
            payload = payload[start:]
        if len(one.payload) >= _MOST_PAYLOAD_BYTES:
            self._wanted.discard(identity)
        elif begins or one.payload:
            one.payload += payload

    def finish(self, size_bytes: int) -> None:
        """Adds the streams: as long as their times say, and one picture more."""
        found, whole = [], None
        first_of_all = mpeg_clock.earliest(each.times[0] for each in self._streams.values() if each.times)
        for one in self._streams.values():
            stream = one.stream
            elementary.describe(
                self._document, bytes(one.payload), stream, 0 if stream.codec in {"ac3", "eac3"} else None
            )
            if one.times:
                first = mpeg_clock.earliest(one.times[:32])
                step: float | None = _step([mpeg_clock.since(first, each) for each in one.times])
                if stream.frame_rate and stream.codec not in _TIMED:
                    step = mpeg_clock.HERTZ / stream.frame_rate
                last = one.last if one.last is not None else one.times[-1]
                if stream.kind != "video":
                    step = 0  # a packet has many frames of sound: how many, the times don't say
                elif step:
                    stream.frame_rate = mpeg_clock.HERTZ / step
                stream.duration = (mpeg_clock.until(first, last) + (step or 0)) / mpeg_clock.HERTZ
                whole = max(
                    whole or 0, (mpeg_clock.until(first_of_all, last) + (step or 0)) / mpeg_clock.HERTZ
                )
            found.append(stream)
        if self._clocks and self._last_clock is not None:
            ticks = self._last_clock - self._clocks[0]
            if ticks > 0:
                seconds = ticks / 27_000_000
                fields.add(
                    self._document,
                    SECTION,
                    _GROUP,
                    _MAIN.tags["Duration"],
                    int(seconds) if seconds.is_integer() else seconds,
                    None,
                )
        streams.add(self._document, found, whole, size_bytes=size_bytes)


def _packet_time(payload: bytes) -> tuple[int | None, int]:
    """The presentation time of a packetised stream's packet, and where its content begins (2.4.3.6)."""
    if payload[:3] != b"\0\0\x01" or len(payload) < 9:
        return None, 0
    if payload[3] in {0xBC, 0xBE, 0xBF, 0xF0, 0xF1, 0xF2, 0xF8, 0xFF}:
        return None, 6
    start = 9 + payload[8]
    if not payload[7] & 0x80 or len(payload) < 14:
        return None, start
    return mpeg_clock.time_of(payload[9:14]), start


def _step(times: list[int]) -> int | None:
    """Ticks from one picture to the next, which is the commonest distance of sorted times."""
    ordered = sorted(set(times))
    steps = [
        after - before for before, after in pairwise(ordered) if 0 < after - before < mpeg_clock.HERTZ * 10
    ]
    return sorted(steps)[len(steps) // 2] if steps else None
