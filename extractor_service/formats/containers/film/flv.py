"""Flash video: the first packets of sound and pictures, and the metadata. Adobe, "Video File Format Specification 10.1"; AMF 0."""

from __future__ import annotations

import math
import struct
from contextlib import suppress
from typing import TYPE_CHECKING

from extractor_service.document import ByteRange, Field, ProblemKind
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.containers import streams
from extractor_service.formats.containers.isobmff import codec_boxes
from extractor_service.formats.reading import bits
from extractor_service.formats.reading.conversions import COUNTED, date_after, duration_text, zone_text
from extractor_service.formats.reading.damage import NONSENSE, Surviving, tolerant
from extractor_service.formats.reading.reader import Reader
from extractor_service.formats.reading.table import Table
from extractor_service.formats.reading.tagset import Conversion

if TYPE_CHECKING:
    from extractor_service.document import Document, Value
    from extractor_service.sources.base import ByteSource

SECTION = "flash"
_GROUP = "Flash"
_AUDIO, _VIDEO, _SCRIPT = 8, 9, 18
_MOST_PACKETS = 400  # before sound and pictures have both begun; live streams may have one of them alone
_MOST_SCRIPT_BYTES, _MOST_VALUES, _MOST_DEPTH = 1024 * 1024, 20_000, 12
_FIXED_RATES = {
    4: 16000,
    5: 8000,
    7: 8000,
    8: 8000,
    11: 16000,
    14: 8000,
}  # of speech and telephones, whatever the head says
_RATES = (5512, 11025, 22050, 44100)
_AUDIO_CODECS = {
    0: "pcm_s16le", 1: "adpcm_swf", 2: "mp3", 3: "pcm_s16le", 4: "nellymoser", 5: "nellymoser", 6: "nellymoser", 7: "pcm_alaw", 8: "pcm_mulaw",
    10: "aac", 11: "speex", 14: "mp3",
}  # fmt: skip
_VIDEO_CODECS = {2: "flv1", 3: "flashsv", 4: "vp6f", 5: "vp6a", 6: "flashsv2", 7: "h264", 12: "hevc"}


def _thousand(value: Value) -> Value:
    return value * 1000 if isinstance(value, (int, float)) else value


def _rounded(value: Value) -> str:
    return f"{int(value * 1000 + 0.5) / 1000:g}" if isinstance(value, (int, float)) else ""


def _clock(value: Value) -> str:
    return duration_text(value) if isinstance(value, (int, float)) else ""


_AUDIO_HEADER = Table(
    "film/Flash::Audio", SECTION, _GROUP,
    {
        "AudioSampleRate": Conversion(lambda value: _RATES[value] if isinstance(value, int) else value),
        "AudioBitsPerSample": Conversion(lambda value: 8 * (value + 1) if isinstance(value, int) else value), "AudioChannels": COUNTED,
    },
)  # fmt: skip
_VIDEO_HEADER = Table("film/Flash::Video", SECTION, _GROUP)
_META = Table(
    "film/Flash::Meta", SECTION, _GROUP,
    {
        "AudioBitrate": Conversion(_thousand), "VideoBitrate": Conversion(_thousand), "TotalDataRate": Conversion(_thousand),
        "Duration": Conversion(None, _clock, "s"), "StartTime": Conversion(None, _clock, "s"), "FrameRate": Conversion(None, _rounded),
        "CreateDate": Conversion(lambda value: value.rstrip() if isinstance(value, str) else value),
    },
)  # fmt: skip


@tolerant(SECTION)
def parse(source: ByteSource, document: Document) -> None:
    """The first packet of each kind; the duration by the metadata, else by the last packet's time."""
    reader = Reader(source)
    if reader.some(0, 3) != b"FLV":
        raise CorruptFileError("no FLV header")
    film = _Film(reader, document)
    at = reader.u32(5) + 4
    with Surviving(document, SECTION, "a packet", at):
        for _ in range(_MOST_PACKETS):
            if at + 11 > reader.length or film.is_complete(reader.u8(4)):
                break
            at = film.packet(at)
    film.finish()


class _Film:
    """What its packets say, one after the other."""

    def __init__(self, reader: Reader, document: Document) -> None:
        self._reader = reader
        self._document = document
        self._video: streams.Stream | None = None
        self._audio: streams.Stream | None = None
        self._told: dict[str, Value] = {}

    def is_complete(self, flags: int) -> bool:
        """Whether every kind that the header announces has been met."""
        return (
            (not flags & 1 or self._video is not None) and (not flags & 4 or self._audio is not None)
            and bool(self._told) and flags & 5 != 0
        )  # fmt: skip

    def packet(self, at: int) -> int:
        """Reads one packet; returns where the next one begins."""
        reader = self._reader
        head = reader.u32(at)
        kind, length = head >> 24 & 31, head & 0xFFFFFF
        body = at + 11
        if kind == _SCRIPT and length <= _MOST_SCRIPT_BYTES:
            script = _Script(reader.exact(body, length), self._document, reader.base + body)
            script.read()
            self._told.update(script.told)
        elif kind == _AUDIO and self._audio is None and length:
            self._first_sound(reader.exact(body, min(length, 64)), body)
        elif kind == _VIDEO and self._video is None and length:
            self._first_picture(reader.exact(body, min(length, 512)), body)
        return body + length + 4

    def _first_sound(self, data: bytes, at: int) -> None:
        bits.parse(self._document, _AUDIO_HEADER, data[:1], at)
        code = data[0] >> 4
        stream = streams.Stream(
            "audio",
            _AUDIO_CODECS.get(code, ""),
            channels=(data[0] & 1) + 1,
            sample_rate=_RATES[data[0] >> 2 & 3],
        )
        if code in _FIXED_RATES:
            stream.sample_rate = _FIXED_RATES[code]
        if code in {4, 5, 11, 14}:
            stream.channels = 1 if code != 14 else stream.channels
        elif code == 10 and len(data) > 3 and data[1] == 0:
            with suppress(*NONSENSE):  # what the packet says stands
                codec_boxes.audio_configuration(data[2:], stream)
        elif code == 0 and not data[0] & 2:
            stream.codec = "pcm_u8"
        self._audio = stream

    def _first_picture(self, data: bytes, at: int) -> None:
        bits.parse(self._document, _VIDEO_HEADER, data[:1], at)
        code = data[0] & 15
        stream = streams.Stream("video", _VIDEO_CODECS.get(code, ""))
        if data[0] & 0x80:  # enhanced: four letters (Veovera, "Enhanced RTMP")
            stream.codec = {"avc1": "h264", "hvc1": "hevc", "av01": "av1", "vp09": "vp9"}.get(
                data[1:5].decode("latin-1"), ""
            )
        elif code == 7 and len(data) > 9 and data[1] == 0:
            codec_boxes.read(b"avcC", data[5:], stream)
        elif code == 2 and len(data) > 9:
            stream.width, stream.height = _sorenson_size(data[1:])
        elif code in {3, 6} and len(data) >= 5:
            packed = int.from_bytes(data[1:5])
            stream.width, stream.height = packed >> 16 & 0xFFF, packed & 0xFFF
        self._video = stream

    def finish(self) -> None:
        """Adds the streams; the picture's size is the metadata's, where the packets don't say it."""
        told = {key: value for key, value in self._told.items() if isinstance(value, (int, float))}
        found = [each for each in (self._video, self._audio) if each is not None]
        seconds = told.get("duration") or None
        if not seconds:
            with Surviving(self._document, SECTION, "the last packet"):
                seconds = self._last_time()
        if self._video is not None:
            for attribute, key in (("width", "width"), ("height", "height")):
                if getattr(self._video, attribute) is None and told.get(key):
                    setattr(self._video, attribute, int(told[key]))
            self._video.frame_rate = told.get("framerate") or None
        for each in found:
            each.duration = seconds
        streams.add(self._document, found, seconds, size_bytes=self._reader.source.size_bytes)

    def _last_time(self) -> float | None:
        """Seconds of the last packet, by the length that stands behind it."""
        reader = self._reader
        size = reader.u32(reader.length - 4)
        at = reader.length - 4 - size
        if at < 9 or size < 11:
            return None
        data = reader.exact(at + 4, 4)
        return (int.from_bytes(data[:3]) | data[3] << 24) / 1000


def _sorenson_size(data: bytes) -> tuple[int | None, int | None]:
    """Width and height out of Sorenson's picture header: behind 30 bits, a code of three, then 8 or 16 bits each."""
    packed = int.from_bytes(data[:9])
    code = packed >> 72 - 33 & 7
    if code in {0, 1}:
        width = 8 if code == 0 else 16
        return packed >> 72 - 33 - width & (1 << width) - 1, packed >> 72 - 33 - 2 * width & (1 << width) - 1
    return {2: (352, 288), 3: (176, 144), 4: (128, 96), 5: (320, 240), 6: (160, 120)}.get(code, (None, None))


class _Script:
    """A packet of AMF 0: the name of an event, then values; lists of names and values are fields."""

    def __init__(self, data: bytes, document: Document, at: int) -> None:
        self._data = data
        self._document = document
        self._at = at
        self._place = self._count = 0
        self.told: dict[str, Value] = {}

    def read(self) -> None:
        """All values behind the name "onMetaData"; raises what cut data raises."""
        if self._byte() != 2 or self._text(2) not in {"onMetaData", "onXMPData"}:
            return
        while self._place < len(self._data):
            self._value("", 0)

    def _take(self, size: int) -> bytes:
        part = self._data[self._place : self._place + size]
        if len(part) < size:
            raise IndexError("a script packet is cut")
        self._place += size
        return part

    def _byte(self) -> int:
        return self._take(1)[0]

    def _text(self, width: int) -> str:
        return self._take(int.from_bytes(self._take(width))).decode("utf-8", "replace")

    def _value(self, path: str, depth: int) -> Value:
        """The next value; None for structures, whose own values have become fields."""
        self._count += 1
        if self._count > _MOST_VALUES or depth > _MOST_DEPTH:
            raise ValueError("too many values")
        kind = self._byte()
        if kind == 0:
            return _number(struct.unpack(">d", self._take(8))[0])
        if kind == 1:
            return "Yes" if self._byte() else "No"
        if kind == 2:
            return self._text(2)
        if kind in {3, 8, 16}:
            if kind == 8:
                self._take(4)
            elif kind == 16:
                self._text(2)
            self._members(path, depth)
            return None
        if kind == 10:
            return self._list(path, depth)
        if kind == 11:
            return self._date()
        if kind in {12, 15}:
            return self._text(4)
        if kind == 7:
            return int.from_bytes(self._take(2))
        if kind in {5, 6, 9, 13}:
            return None
        raise ValueError(f"a value of type {kind}")

    def _members(self, path: str, depth: int) -> None:
        while True:
            name = self._text(2)
            start = self._place
            if not name and self._data[self._place : self._place + 1] == b"\t":
                self._place += 1
                return
            if name == "cuePoints" and not path:
                name = "CuePoint"
            full = path + name[:1].upper() + name[1:] if path else name
            value = self._value(full, depth + 1)
            if value is not None and value != []:
                self._put(full, value, start)

    def _list(self, path: str, depth: int) -> Value:
        found: list[Value] = []
        for index in range(int.from_bytes(self._take(4))):
            value = self._value(f"{path}{index}", depth + 1)
            if value is not None:
                found.append(value)
        return found

    def _date(self) -> Value:
        milliseconds, zone = struct.unpack(">dh", self._take(10))
        if not math.isfinite(milliseconds):
            return None
        seconds, rest = divmod(milliseconds / 1000, 1)
        fraction = f"{rest:.6f}"[1:].rstrip("0").rstrip(".")
        text = date_after(1970, seconds)
        return f"{text}{fraction}{zone_text(zone)}" if text else None

    def _put(self, key: str, value: Value, start: int) -> None:
        origin = ByteRange(self._at + start, self._place - start)
        if key in _META.tags:
            self.told[key] = value
            _META.put(self._document, key, value, origin)
        elif key.replace("_", "").isalnum() and key.isascii():
            self._document.add(SECTION, Field(key[:1].upper() + key[1:], value, group=_GROUP, origin=origin))
        else:
            self._document.problem(
                SECTION, ProblemKind.UNSUPPORTED, f"metadata of the name {key[:40]!r}", self._at + start
            )


def _number(value: float) -> Value:
    if not math.isfinite(value):
        return None
    return int(value) if value.is_integer() and abs(value) < 2**63 else value
