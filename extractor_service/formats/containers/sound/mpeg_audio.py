"""MPEG audio, layers I to III. ISO/IEC 11172-3, 2.4.1.3; 13818-3; Xing and VBRI headers (codeproject.com, "MPEG Audio Frame
Header"); LAME tag (gabriel.mp3-tech.org/mp3infotag.html).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from extractor_service.document import ByteRange, ProblemKind
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.containers import streams
from extractor_service.formats.embedded.sound import ape_tag, id3, id3_frames
from extractor_service.formats.reading import bits, fields
from extractor_service.formats.reading.damage import tolerant
from extractor_service.formats.reading.mpeg_frame import mpeg_frame
from extractor_service.formats.reading.table import Table
from extractor_service.formats.reading.tagset import Tag

if TYPE_CHECKING:
    from extractor_service.document import Document
    from extractor_service.formats.reading.mpeg_frame import MpegFrame
    from extractor_service.sources.base import ByteSource

SECTION = "mpeg"
_GROUP = "MPEG"
_SEARCH_BYTES = 128 * 1024  # before the first frame there may be padding, or what isn't sound
_FRAME_BYTES = 1600  # the longest frame has 1,441; the headers inside stand in its first 200
_AUDIO = Table("sound/MPEG::Audio", SECTION, _GROUP)
_XING = Table("sound/MPEG::Xing", SECTION, _GROUP)
_LAME = Table("sound/MPEG::Lame", SECTION, _GROUP)
_RATE = Tag(("AudioBitrate", "int32u", 1, "", None, ""))
_OF_LAYER_3, _OF_OTHERS = frozenset({"MSStereo", "IntensityStereo"}), frozenset({"ModeExtension"})
# LAME 3.90 and later write nine characters, then numbers; what came before them wrote a longer text.
_ENCODER = re.compile(rb"LAME3\.(\d+)[ -~]?|(?:LAME|GOGO|L3\.)[ -~]{0,16}")
_SLACK, _SLACK_BYTES = 0.1, 4096  # beside what the encoder counted: padding, and tags that nobody knows
# Bits a second of MPEG-1 and MPEG-2, and the most by layer (11172-3, 13818-3, 2.4.2.3).
_SLOWEST_1, _SLOWEST_2, _FASTEST = 32_000, 8_000, {1: 448_000, 2: 384_000, 3: 320_000}
_BY_HAND = frozenset({"AudioBitrate", "SampleRate"})


@tolerant(SECTION)
def parse(source: ByteSource, document: Document) -> None:
    """The first frame's header, what encoders write into it, and tags of all kinds before and behind the sound."""
    start, end = id3.around(source, document)
    start += ape_tag.leading(source, document, start)
    end = ape_tag.trailing(source, document, end)
    found = _first_frame(source, start, end)
    if found is None:
        if not document.sections:
            raise CorruptFileError("no MPEG audio frame")
        document.problem(SECTION, ProblemKind.DAMAGED, "no MPEG audio frame", start)
        return
    at, frame = found
    data = source.read_range(at, _FRAME_BYTES)
    stream = streams.Stream(
        "audio",
        f"mp{frame.layer}",
        channels=frame.channels,
        sample_rate=frame.sample_rate,
        bit_rate=frame.bit_rate,
    )
    stated = header(document, data, at, frame)
    stream.duration = stated.frames * frame.samples / frame.sample_rate if stated is not None else 0
    length = end - at
    if stated is not None and stated.length > length + _SLACK * length + _SLACK_BYTES:
        message = f"{length} bytes of sound, where the encoder says {stated.length}"
        document.problem(SECTION, ProblemKind.TRUNCATED, message, at)
        length = stated.length
    elif stated is not None and not _may_be(stated, stream.duration, length, frame):
        message = f"the encoder speaks of {stated.frames} frames in {stated.length} bytes, there are {length}"
        document.problem(SECTION, ProblemKind.DAMAGED, message, at)
        stream.duration = 0
    if stream.duration:
        stream.bit_rate = round(length * 8 / stream.duration)
    else:  # the frame in which an encoder writes is none of the sound
        start = at + frame.length if stated is not None else at
        stream.duration, stream.bit_rate = _counted(source, start, end, frame)
    streams.add(document, [stream], stream.duration, size_bytes=end - at, chapters=_chapters(document))


def _chapters(document: Document) -> list[streams.Chapter]:
    """Those of the tag, in its order."""
    told = document.sections.get("id3", ())
    starts = [each.value for each in told if each.name == id3_frames.CHAPTER_START]
    titles = [each.value for each in told if each.name == id3_frames.CHAPTER_TITLE]
    return [
        streams.Chapter(start, str(title))
        for start, title in zip(starts, titles, strict=True)
        if isinstance(start, float)
    ]


def _counted(source: ByteSource, at: int, end: int, first: MpegFrame) -> tuple[float, int]:
    """Seconds and bits a second by the frames of the file's beginning: all of a short file, the mean of a long one."""
    data, place, samples = source.read_range(at, min(_SEARCH_BYTES, end - at)), 0, 0
    while (frame := mpeg_frame(data[place : place + 4])) is not None and frame.is_like(first):
        samples, place = samples + frame.samples, place + frame.length
    seconds = samples / first.sample_rate
    if at + place < end and place >= len(data) // 2:
        seconds *= (end - at) / place
    elif place < len(data) // 2:  # something else is between: by the rate that the first frame states
        seconds = (end - at) * 8 / first.bit_rate
    return seconds, round((end - at) * 8 / seconds)


def _first_frame(source: ByteSource, start: int, end: int) -> tuple[int, MpegFrame] | None:
    """Place and head of the first frame that another one follows, or that ends the file."""
    data = source.read_range(start, min(_SEARCH_BYTES, max(0, end - start)))
    place, lone = data.find(b"\xff"), None
    while place >= 0:
        frame = mpeg_frame(data[place : place + 4])
        if frame is not None:
            after = place + frame.length
            following = mpeg_frame(data[after : after + 4])
            if following is not None and following.is_like(frame):
                return start + place, frame
            if after >= end - start and lone is None:
                lone = start + place, frame
        place = data.find(b"\xff", place + 1)
    return lone


class Stated(NamedTuple):
    """What an encoder wrote about the whole: its frames and its bytes; 0 for unknown."""

    frames: int
    length: int


def _may_be(stated: Stated, seconds: float, length: int, frame: MpegFrame) -> bool:
    """Whether what an encoder wrote is true of the file as it is: files are joined, and headers copied."""
    if stated.length and length > stated.length + _SLACK * stated.length + _SLACK_BYTES:
        return False
    slowest = _SLOWEST_1 if frame.version == 3 else _SLOWEST_2
    return not seconds or slowest * 0.9 <= length * 8 / seconds <= _FASTEST[frame.layer] * 1.1


def header(document: Document, data: bytes, at: int, frame: MpegFrame) -> Stated | None:
    """Adds the frame's header and what an encoder wrote into the frame; returns that, None for a frame of sound."""
    without = (_OF_OTHERS if frame.layer == 3 else _OF_LAYER_3) | _BY_HAND
    bits.parse(document, _AUDIO, data[:4], at, without=without)
    fields.add(document, SECTION, _GROUP, _RATE, frame.bit_rate or "free", ByteRange(at + 2, 1))
    rate = Tag(("SampleRate", "int8u", 1, "", {frame.rate_index: str(frame.sample_rate)}, ""))
    fields.add(document, SECTION, _GROUP, rate, frame.rate_index, ByteRange(at + 2, 1))
    place = 4 + frame.side_bytes
    if data[place : place + 4] in {b"Xing", b"Info"}:
        return _xing(document, data, at, place)
    if data[36:40] == b"VBRI":  # Fraunhofer's, always behind 32 bytes
        return Stated(int.from_bytes(data[50:54]), int.from_bytes(data[46:50]))
    return None


def _xing(document: Document, data: bytes, at: int, place: int) -> Stated:
    is_variable = data[place : place + 4] == b"Xing"
    flags, place = int.from_bytes(data[place + 4 : place + 8]), place + 8
    told: dict[int, int] = {}
    for bit, key, size in ((1, 1, 4), (2, 2, 4), (4, 0, 100), (8, 3, 4)):
        if flags & bit:
            if key:
                told[key] = int.from_bytes(data[place : place + 4])
                if is_variable:
                    _XING.put(document, key, told[key], ByteRange(at + place, 4))
            place += size
    written = _ENCODER.match(data, place)
    if written is not None:
        name = written[0].decode("ascii").strip()
        _XING.put(document, 4, name, ByteRange(at + place, len(name)))
        if written[1] and int(written[1]) >= 90:
            scale = told.get(3)
            if scale is not None and scale <= 100:
                _XING.put(document, 5, (100 - scale) // 10)
                _XING.put(document, 6, (100 - scale) % 10)
            _LAME.block(document, data[place : place + 36], at + place)
    return Stated(told.get(1, 0), told.get(2, 0))
