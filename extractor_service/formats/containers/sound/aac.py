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
from extractor_service.formats.reading.aac_frame import (
    ADTS_HEAD_BYTES,
    LOAS_HEAD_BYTES,
    adts_frame_bytes,
    loas_frame_bytes,
)
from extractor_service.formats.reading.damage import tolerant
from extractor_service.formats.reading.table import Table
from extractor_service.formats.reading.tagset import Conversion

if TYPE_CHECKING:
    from extractor_service.document import Document
    from extractor_service.sources.base import ByteSource

SECTION = "aac"
_CHANNELS = (0, 1, 2, 3, 4, 5, 6, 8)
_FRAME_SAMPLES = 1024
_AOT_PLAIN = range(
    1, 5
)  # object types whose AudioSpecificConfig (14496-3, 1.6.2) is sixteen bits long, unless
_RATE_WRITTEN_OUT = 15  # is its index of the sample rate
_LONGEST_CONFIGURATION_BYTES = 6  # of the others, with both rates written out
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
        _loas(document, data, end - start)
        return
    if not adts_frame_bytes(data):
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
    frames = place = 0
    while length := adts_frame_bytes(data[place : place + ADTS_HEAD_BYTES]):
        frames += 1 + (data[place + 6] & 3)
        place += length
    _last(stream, frames * _FRAME_SAMPLES, place, end - start)
    streams.add(document, [stream], stream.duration, size_bytes=end - start)


def _last(stream: streams.Stream, samples: int, read_bytes: int, size_bytes: int) -> None:
    """How long it lasts and its bit rate: by what was counted of short files, by its mean of long ones."""
    if samples and stream.sample_rate:
        counted = samples / stream.sample_rate
        stream.duration = counted if read_bytes >= size_bytes else counted * size_bytes / read_bytes
        stream.bit_rate = round(size_bytes * 8 / stream.duration)


def _loas(document: Document, data: bytes, size_bytes: int) -> None:
    """What the first frame's StreamMuxConfig says (1.7.3); the duration as of ADTS."""
    stream = streams.Stream("audio", "aac_latm")
    frames = place = 0
    while length := loas_frame_bytes(data[place : place + LOAS_HEAD_BYTES]):
        if place + length > len(data):
            break
        frames, place = frames + 1, place + length
    # Sixteen bits stand before its AudioSpecificConfig: no "same as before", version 0, one program of one layer.
    at = LOAS_HEAD_BYTES + 2
    if len(data) >= at + _LONGEST_CONFIGURATION_BYTES and not data[LOAS_HEAD_BYTES] & 0xC0:
        rate_index = (data[at] & 7) << 1 | data[at + 1] >> 7
        is_plain = data[at] >> 3 in _AOT_PLAIN and rate_index != _RATE_WRITTEN_OUT
        # No more than it has: what follows isn't an extension of it.
        audio_configuration(data[at : at + (2 if is_plain else _LONGEST_CONFIGURATION_BYTES)], stream)
    _last(stream, frames * _FRAME_SAMPLES * (2 if stream.profile in _DOUBLED else 1), place, size_bytes)
    streams.add(document, [stream], stream.duration, size_bytes=size_bytes)


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
