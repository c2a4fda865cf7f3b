"""Sun and NeXT sound. Sun, "Audio file format" (au(5)); NeXT, SNDSoundStruct."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.document import ByteRange, Field
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.containers import streams
from extractor_service.formats.reading import charsets
from extractor_service.formats.reading.damage import tolerant
from extractor_service.formats.reading.reader import Reader

if TYPE_CHECKING:
    from extractor_service.document import Document
    from extractor_service.sources.base import ByteSource

SECTION = "au"
# Encoding: (codec, bits a sample).
_ENCODINGS = {
    1: ("pcm_mulaw", 8), 2: ("pcm_s8", 8), 3: ("pcm_s16be", 16), 4: ("pcm_s24be", 24), 5: ("pcm_s32be", 32), 6: ("pcm_f32be", 32),
    7: ("pcm_f64be", 64), 23: ("adpcm_g726", 4), 24: ("adpcm_g722", 4), 25: ("adpcm_g726", 3), 26: ("adpcm_g726", 5), 27: ("pcm_alaw", 8),
}  # fmt: skip
_MOST_TEXT_BYTES = 64 * 1024  # of the annotation


@tolerant(SECTION)
def parse(source: ByteSource, document: Document) -> None:
    """The header and its text."""
    reader = Reader(source, big_endian=source.read_range(0, 4) != b"dns.")
    if reader.some(0, 4) not in {b".snd", b"dns."}:
        raise CorruptFileError("no header")
    start, length, encoding, rate, channels = reader.unpack("5I", 4)
    codec, bits = _ENCODINGS.get(encoding, ("", 0))
    available = max(0, source.size_bytes - start)
    length = available if length == 0xFFFFFFFF or length > available else length  # all ones are unknown
    for name, value, at in (
        ("AudioEncoding", encoding, 12),
        ("SampleRate", rate, 16),
        ("NumChannels", channels, 20),
    ):
        text = codec if name == "AudioEncoding" else ""
        document.add(SECTION, Field(name, value, text, group="AU", origin=ByteRange(at, 4)))
    if start > 24:
        note = reader.some(24, min(start - 24, _MOST_TEXT_BYTES)).split(b"\0")[0]
        if note.strip():
            document.add(
                SECTION,
                Field("Annotation", str(charsets.text(note)), group="AU", origin=ByteRange(24, len(note))),
            )
    speed = rate * channels * bits
    duration = length * 8 / speed if speed else None
    stream = streams.Stream(
        "audio",
        codec,
        channels=channels,
        sample_rate=rate,
        bits=bits if codec.startswith("pcm_") else None,
        bit_rate=speed or None,
        duration=duration,
    )
    streams.add(document, [stream], duration, size_bytes=source.size_bytes)
