"""The first bytes of coded pictures and sound: what they are, and what their headers say.

ISO/IEC 11172-2 and 13818-2 (sequence headers), 14496-2; ITU-T H.264, H.265 (NAL units); ATSC A/52 (AC-3); ETSI TS 102 114 (DTS).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from extractor_service.document import ByteRange
from extractor_service.formats.containers.codecs import AAC_PROFILES, AAC_SAMPLE_RATES
from extractor_service.formats.containers.film import mdpm, parameter_sets
from extractor_service.formats.containers.film.bitstream import Bits
from extractor_service.formats.containers.isobmff.codec_boxes import audio_configuration
from extractor_service.formats.containers.sound.mpeg_audio import header as mpeg_header
from extractor_service.formats.reading import bits as bit_tables
from extractor_service.formats.reading import fields
from extractor_service.formats.reading.damage import NONSENSE
from extractor_service.formats.reading.dts_frame import dts_frame
from extractor_service.formats.reading.mpeg_frame import mpeg_frame
from extractor_service.formats.reading.table import Table
from extractor_service.formats.reading.tagset import Conversion, Tag

if TYPE_CHECKING:
    from extractor_service.document import Document, Value
    from extractor_service.formats.containers.streams import Stream

_FRAME_RATES = {1: 23.976, 2: 24, 3: 25, 4: 29.97, 5: 30, 6: 50, 7: 59.94, 8: 60}
_EXACT_RATES = {1: 24000 / 1001, 4: 30000 / 1001, 7: 60000 / 1001}
_ASPECTS = {
    1: 1, 2: 0.6735, 3: 0.7031, 4: 0.7615, 5: 0.8055, 6: 0.8437, 7: 0.8935, 8: 0.9157, 9: 0.9815, 10: 1.0255, 11: 1.0695, 12: 1.0950, 13: 1.1575, 14: 1.2015,
}  # fmt: skip
_VARIABLE = 0x3FFFF
_MPEG2_PROFILES = {1: "High", 2: "Spatially Scalable", 3: "SNR Scalable", 4: "Main", 5: "Simple"}
_MPEG2_ASPECTS = {2: 4 / 3, 3: 16 / 9, 4: 2.21}
_AC3_RATES = (48000, 44100, 32000)
_AC3_CHANNELS = (2, 1, 2, 3, 3, 4, 4, 5)
_AC3_KILOBITS = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640)
_TRUEHD_CHANNELS = (
    2,
    1,
    1,
    2,
    2,
    2,
    2,
    1,
    1,
    2,
    2,
    1,
    1,
)  # of each bit of the speakers' mask, some are pairs
_NAL = re.compile(rb"\0\0\x01")
_ADTS = re.compile(rb"\xff[\xf0\xf1\xf8\xf9]")


def _labelled(values: dict[int, float]) -> Conversion:
    return Conversion(lambda value: values.get(value, value) if isinstance(value, int) else value)


def _bit_rate(value: Value) -> Value:
    return "Variable" if value == _VARIABLE else value * 400 if isinstance(value, int) else value


_VIDEO = Table(
    "film/MPEG::Video", "mpeg", "MPEG",
    {
        "AspectRatio": _labelled(_ASPECTS), "FrameRate": Conversion(_labelled(_FRAME_RATES).convert, lambda value: f"{value} fps", "fps"),
        "VideoBitrate": Conversion(_bit_rate, None, "bit/s"),
    },
)  # fmt: skip
_AC3_RATE = Tag(("AudioSampleRate", "int8u", 1, "", {0: "48000", 1: "44100", 2: "32000"}, ""))


def describe(document: Document, data: bytes, stream: Stream, at: int | None) -> None:
    """Fills `stream`, of a known codec, out of its first bytes; adds fields where the stream has any of its own.

    What can't be read leaves the stream as it is: a payload may begin in the middle of anything.
    """
    reader = _READERS.get(stream.codec)
    if reader is not None:
        try:
            reader(document, data, stream, at)
        except NONSENSE:
            return


def _mpeg_video(document: Document, data: bytes, stream: Stream, at: int | None) -> None:
    place = data.find(b"\0\0\x01\xb3")
    if place < 0 or place + 12 > len(data):
        return
    packed = int.from_bytes(data[place + 4 : place + 12])
    aspect, rate, kilobits = packed >> 36 & 15, packed >> 32 & 15, packed >> 14 & _VARIABLE
    if not aspect or aspect == 15 or not 1 <= rate <= 8:
        return
    bit_tables.parse(document, _VIDEO, data[place + 4 : place + 11], (at or 0) + place + 4)
    stream.width, stream.height = packed >> 52, packed >> 40 & 0xFFF
    stream.frame_rate = _EXACT_RATES.get(rate, _FRAME_RATES[rate])
    stream.bit_rate = None if kilobits == _VARIABLE else kilobits * 400
    stream.codec = "mpeg1video"
    extension = data.find(b"\0\0\x01\xb5", place + 12, place + 12 + 160)
    shape = 1.0
    if extension >= 0 and data[extension + 4] >> 4 == 1:  # sequence extension: MPEG-2
        more = int.from_bytes(data[extension + 4 : extension + 10])
        stream.codec, stream.profile = (
            "mpeg2video",
            _MPEG2_PROFILES.get(more >> 40 & 7, "4:2:2" if more >> 43 & 1 else ""),
        )
        stream.width |= (more >> 31 & 3) << 12
        stream.height |= (more >> 29 & 3) << 12
        stream.frame_rate *= ((more >> 5 & 3) + 1) / ((more & 31) + 1)
        if aspect in _MPEG2_ASPECTS and stream.height:
            shape = _MPEG2_ASPECTS[aspect] * stream.height / stream.width
    elif aspect in _ASPECTS:
        shape = 1 / _ASPECTS[aspect]
    if abs(shape - 1) > 0.001 and stream.width:
        stream.display_width, stream.display_height = round(stream.width * shape), stream.height


def _mpeg_audio(document: Document, data: bytes, stream: Stream, at: int | None) -> None:
    place = data.find(b"\xff")
    while place >= 0:
        frame = mpeg_frame(data[place : place + 4])
        if frame is not None:
            following = mpeg_frame(data[place + frame.length : place + frame.length + 4])
            if following is not None or place + frame.length >= len(data):
                mpeg_header(document, data[place : place + 200], (at or 0) + place, frame)
                stream.codec, stream.channels = f"mp{frame.layer}", frame.channels
                stream.sample_rate, stream.bit_rate = frame.sample_rate, frame.bit_rate
                return
        place = data.find(b"\xff", place + 1)


def _units(data: bytes) -> list[tuple[int, int]]:
    """Where NAL units begin, behind their start codes, and where they end."""
    starts = [found.end() for found in _NAL.finditer(data)]
    return [
        (start, (starts[place + 1] - 3) if place + 1 < len(starts) else len(data))
        for place, start in enumerate(starts)
    ]


def _h264(document: Document, data: bytes, stream: Stream, at: int | None) -> None:
    for start, end in _units(data):
        kind = data[start] & 31
        if kind == 7 and stream.width is None:
            parameter_sets.h264(data[start + 1 : end], stream)
            document_size(document, stream)
        elif kind == 6:
            mdpm.parse(document, data[start + 1 : end], (at or 0) + start + 1)


def document_size(document: Document, stream: Stream) -> None:
    """The picture's size as fields of the stream, as ExifTool has them; small ones are none of a camera."""
    if stream.width and stream.height and 160 <= stream.width <= 4096 and 120 <= stream.height <= 3072:
        for name, value in (("ImageWidth", stream.width), ("ImageHeight", stream.height)):
            fields.add(document, "h264", "H264", Tag((name, "int32u", 1, "", None, "")), value, None)


def _hevc(document: Document, data: bytes, stream: Stream, at: int | None) -> None:
    del document, at
    for start, end in _units(data):
        if data[start] >> 1 & 63 == 33:
            parameter_sets.hevc(data[start + 2 : end], stream)
            return


def _mpeg4_video(document: Document, data: bytes, stream: Stream, at: int | None) -> None:
    """The video object layer (14496-2, 6.2.3): its size stands behind the resolution of its clock."""
    del document, at
    place = next((found.end() for found in _NAL.finditer(data) if 0x20 <= data[found.end()] <= 0x2F), -1)
    if place < 0:
        return
    bits = Bits(data[place + 1 : place + 64])
    bits.take(9)
    if bits.flag():
        bits.take(4 + 3)
    if bits.take(4) == 15:
        bits.take(16)
    if bits.flag():
        bits.take(3)
        if bits.flag():
            bits.take(79)
    shape = bits.take(2)
    bits.flag()
    resolution = bits.take(16)
    bits.flag()
    if bits.flag():
        step = bits.take(max(1, (resolution - 1).bit_length()))
        if step:
            stream.frame_rate = resolution / step
    if shape == 0:
        bits.flag()
        stream.width = bits.take(13)
        bits.flag()
        stream.height = bits.take(13)


def _aac(document: Document, data: bytes, stream: Stream, at: int | None) -> None:
    """ADTS frames, or LATM's (14496-3, 1.7.3)."""
    del document, at
    found = _ADTS.search(data)
    if found is not None and found.start() + 7 <= len(data) and stream.codec == "aac":
        head = data[found.start() :]
        index = head[2] >> 2 & 15
        stream.profile = AAC_PROFILES.get((head[2] >> 6) + 1, "")
        stream.sample_rate = AAC_SAMPLE_RATES[index] if index < len(AAC_SAMPLE_RATES) else None
        channels = (head[2] & 1) << 2 | head[3] >> 6
        stream.channels = (0, 1, 2, 3, 4, 5, 6, 8)[channels] or None


def _latm(document: Document, data: bytes, stream: Stream, at: int | None) -> None:
    """A multiplex configuration of one program and layer, in the first element of the stream that has one."""
    del document, at
    for place in range(len(data) - 4):
        if data[place] != 0x56 or data[place + 1] & 0xE0 != 0xE0:
            continue
        bits = Bits(data[place + 3 : place + 64])
        if bits.flag():  # the same as before
            continue
        if bits.flag():
            continue
        bits.take(1 + 6 + 4 + 3)
        rest = bits.take(200)
        codec = stream.codec
        audio_configuration(rest.to_bytes(25), stream)
        stream.codec = codec
        return


def _ac3(document: Document, data: bytes, stream: Stream, at: int | None) -> None:
    place = data.find(b"\x0b\x77")
    if place < 0 or place + 8 > len(data):
        return
    head = data[place:]
    kind = head[5] >> 3
    if kind <= 10:
        stream.codec = "ac3"
        rate, size = head[4] >> 6, head[4] & 63
        mode = head[6] >> 5
        packed = int.from_bytes(head[6:8])
        skip = (2 if mode & 1 and mode != 1 else 0) + (2 if mode & 4 else 0) + (2 if mode == 2 else 0)
        stream.channels = _AC3_CHANNELS[mode] + (packed >> 12 - skip & 1)
        stream.sample_rate = _AC3_RATES[rate] if rate < 3 else None
        stream.bit_rate = _AC3_KILOBITS[size // 2] * 1000 if size // 2 < len(_AC3_KILOBITS) else None
    elif kind <= 16:
        stream.codec = "eac3"
        rate = head[4] >> 6
        half = head[4] >> 4 & 3
        stream.sample_rate = _AC3_RATES[rate] if rate < 3 else _AC3_RATES[half] // 2 if half < 3 else None
        stream.channels = _AC3_CHANNELS[head[4] >> 1 & 7] + (head[4] & 1)
        blocks = 6 if rate == 3 else (1, 2, 3, 6)[half]
        length = ((head[2] & 7) << 8 | head[3]) * 2 + 2
        if stream.sample_rate:
            stream.bit_rate = round(length * 8 * stream.sample_rate / (blocks * 256))
    if at is not None:
        fields.add(document, "m2ts", "AC3", _AC3_RATE, head[4] >> 6, ByteRange(at + place + 4, 1))


def _dts(document: Document, data: bytes, stream: Stream, at: int | None) -> None:
    del document, at
    found = dts_frame(data)
    if found is not None:
        stream.channels, stream.sample_rate = found


def _truehd(document: Document, data: bytes, stream: Stream, at: int | None) -> None:
    """A major sync (Dolby, "TrueHD high-level bitstream description"): rate, then the speakers of six and of eight channels."""
    del document, at
    place = data.find(b"\xf8\x72\x6f\xba")
    if place < 0:
        return
    bits = Bits(data[place + 4 : place + 8])
    rate = bits.take(4)
    bits.take(4 + 2 + 2)
    six, _, eight = bits.take(5), bits.take(2), bits.take(13)
    stream.sample_rate = (44100 if rate & 8 else 48000) << (rate & 7)
    stream.channels = sum(count for bit, count in enumerate(_TRUEHD_CHANNELS) if (eight or six) >> bit & 1)


def _blu_ray_sound(document: Document, data: bytes, stream: Stream, at: int | None) -> None:
    """Four bytes before the samples: size, speakers, rate, bits (libavcodec, pcm-bluray)."""
    del document, at
    stream.channels = {1: 1, 3: 2, 4: 3, 5: 3, 6: 4, 7: 4, 8: 5, 9: 6, 10: 7, 11: 8}.get(data[2] >> 4)
    stream.sample_rate = {1: 48000, 4: 96000, 5: 192000}.get(data[2] & 15)
    stream.bits = {1: 16, 2: 20, 3: 24}.get(data[3] >> 6)


def _aes3(document: Document, data: bytes, stream: Stream, at: int | None) -> None:
    """SMPTE 302M: always 48 kHz, pairs of channels."""
    del document, at
    packed = int.from_bytes(data[2:4])
    stream.sample_rate, stream.channels, stream.bits = (
        48000,
        2 * (packed >> 14) + 2,
        16 + 4 * (packed >> 4 & 3),
    )


_READERS = {
    "truehd": _truehd, "pcm_bluray": _blu_ray_sound, "s302m": _aes3,
    "mpeg1video": _mpeg_video, "mpeg2video": _mpeg_video, "mp1": _mpeg_audio, "mp2": _mpeg_audio, "mp3": _mpeg_audio, "h264": _h264, "hevc": _hevc,
    "mpeg4": _mpeg4_video, "aac": _aac, "aac_latm": _latm, "ac3": _ac3, "eac3": _ac3, "dts": _dts,
}  # fmt: skip
