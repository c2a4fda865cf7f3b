"""AAC in ADTS frames (ISO/IEC 13818-7, 6.2; 14496-3, 1.A.2), or in LOAS (14496-3, 1.7), as broadcasters send it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.document import ByteRange
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.containers import streams
from extractor_service.formats.containers.codecs import AAC_PROFILES, AAC_SAMPLE_RATES
from extractor_service.formats.containers.isobmff.codec_boxes import audio_configuration
from extractor_service.formats.embedded.sound import ape_tag, id3
from extractor_service.formats.reading import bits
from extractor_service.formats.reading.damage import tolerant
from extractor_service.formats.reading.table import Table
from extractor_service.formats.reading.tagset import Conversion

if TYPE_CHECKING:
    from extractor_service.document import Document
    from extractor_service.sources.base import ByteSource

SECTION = "aac"
_CHANNELS = (0, 1, 2, 3, 4, 5, 6, 8)
_FRAME_SAMPLES = 1024
_LOAS_HEAD_BYTES = 3  # eleven bits of sync, thirteen of length
_AOT_PLAIN, _RATE_WRITTEN_OUT = (
    range(1, 5),
    15,
)  # of AudioSpecificConfig (14496-3, 1.6.2): sixteen bits say all
_DOUBLED = frozenset({"HE-AAC", "HE-AACv2"})  # a frame has twice the samples once its spectrum is replicated
_WINDOW_BYTES = 64 * 1024  # of frames by which the rest is judged: bit rates change from frame to frame
_HEADER = Table(
    "sound/AAC::Main", SECTION, "AAC",
    {"SampleRate": Conversion(lambda value: AAC_SAMPLE_RATES[value] if isinstance(value, int) and value < 13 else value)},
)  # fmt: skip


@tolerant(SECTION)
def parse(source: ByteSource, document: Document) -> None:
    """The first frame's header; the duration by counting the frames of short files, by the mean of the first ones of long."""
    start, end = id3.around(source, document)
    end = ape_tag.trailing(source, document, end)
    data = source.read_range(start, min(_WINDOW_BYTES, end - start))
    if loas_frame_bytes(data):
        _loas(document, data, start, end)
        return
    if len(data) < 7 or data[0] != 0xFF or data[1] & 0xF6 != 0xF0:
        raise CorruptFileError("no ADTS frame")
    found = bits.parse(document, _HEADER, data[:7], start)
    _encoder(document, data, start)
    index, channels = found.get("SampleRate", 0), found.get("Channels", 0)
    rate = AAC_SAMPLE_RATES[index] if index < len(AAC_SAMPLE_RATES) else 0
    stream = streams.Stream(
        "audio",
        "aac",
        AAC_PROFILES.get(found.get("ProfileType", 0) + 1, ""),
        channels=_CHANNELS[channels] or None,
        sample_rate=rate or None,
    )
    frames, place = 0, 0
    while place + 7 <= len(data) and data[place] == 0xFF and data[place + 1] & 0xF6 == 0xF0:
        length = (data[place + 3] & 3) << 11 | data[place + 4] << 3 | data[place + 5] >> 5
        if length < 7:
            break
        frames += 1 + (data[place + 6] & 3)
        place += length
    if frames and rate:
        counted = frames * _FRAME_SAMPLES / rate
        stream.duration = counted if start + place >= end else counted * (end - start) / place
        stream.bit_rate = round((end - start) * 8 / stream.duration)
    streams.add(document, [stream], stream.duration, size_bytes=end - start)


def loas_frame_bytes(data: bytes) -> int:
    """Length of the LOAS frame (AudioSyncStream, 14496-3, 1.7.2) that `data` begins with; 0 when it doesn't."""
    if len(data) < _LOAS_HEAD_BYTES or data[0] != 0x56 or data[1] & 0xE0 != 0xE0:
        return 0
    return _LOAS_HEAD_BYTES + ((data[1] & 0x1F) << 8 | data[2])


def _loas(document: Document, data: bytes, start: int, end: int) -> None:
    """What the first frame's StreamMuxConfig says (1.7.3); the duration as of ADTS."""
    stream = streams.Stream("audio", "aac_latm")
    frames = place = 0
    while (length := loas_frame_bytes(data[place : place + _LOAS_HEAD_BYTES])) and place + length <= len(
        data
    ):
        frames, place = frames + 1, place + length
    # Sixteen bits stand before its AudioSpecificConfig: no "same as before", version 0, one program of one layer.
    if len(data) > _LOAS_HEAD_BYTES + 8 and not data[3] & 0xC0:
        at = _LOAS_HEAD_BYTES + 2
        is_plain = (
            data[at] >> 3 in _AOT_PLAIN and (data[at] & 7) << 1 | data[at + 1] >> 7 != _RATE_WRITTEN_OUT
        )
        # No more than it has: what follows isn't an extension of it.
        audio_configuration(data[at : at + (2 if is_plain else 6)], stream)
    if frames and stream.sample_rate:
        samples = frames * _FRAME_SAMPLES * (2 if stream.profile in _DOUBLED else 1)
        counted = samples / stream.sample_rate
        stream.duration = counted if start + place >= end else counted * (end - start) / place
        stream.bit_rate = round((end - start) * 8 / stream.duration)
    streams.add(document, [stream], stream.duration, size_bytes=end - start)


def _encoder(document: Document, data: bytes, at: int) -> None:
    """Encoders write their name into a fill element of the first frame (13818-7, 8.7)."""
    length = (data[3] & 3) << 11 | data[4] << 3 | data[5] >> 5
    place = 7 + (0 if data[1] & 1 else 2 + 2 * (data[6] & 3))
    head = int.from_bytes(data[place : place + 2])
    if head >> 13 != 6:
        return
    count, place = head >> 9 & 15, place + 1
    if count == 15:
        count, place = count + (head >> 1 & 0xFF) - 1, place + 1
    text = data[place : min(place + count, length)].strip(b"\0")
    if text and all(0x20 <= byte < 0x7F for byte in text):
        _HEADER.put(document, "Encoder", text.decode("ascii"), ByteRange(at + place, len(text)))
