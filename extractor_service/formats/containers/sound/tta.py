"""True Audio. tta.tausoft.org, "TTA1 format"."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.document import ByteRange, Field
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.containers import streams
from extractor_service.formats.embedded.sound import ape_tag, id3
from extractor_service.formats.reading.damage import tolerant
from extractor_service.formats.reading.reader import Reader

if TYPE_CHECKING:
    from extractor_service.document import Document
    from extractor_service.sources.base import ByteSource


@tolerant("tta")
def parse(source: ByteSource, document: Document) -> None:
    """The header, and the tags around the sound."""
    start, end = id3.around(source, document)
    end = ape_tag.trailing(source, document, end)
    reader = Reader(source, big_endian=False, base=start)
    if reader.some(0, 4) != b"TTA1":
        raise CorruptFileError("no TTA header")
    kind, channels, bits = reader.unpack("HHH", 4)
    rate, samples = reader.unpack("II", 10)
    for name, value, at, size in (
        ("AudioFormat", kind, 4, 2), ("NumChannels", channels, 6, 2), ("BitsPerSample", bits, 8, 2), ("SampleRate", rate, 10, 4), ("TotalSamples", samples, 14, 4),
    ):  # fmt: skip
        document.add("tta", Field(name, value, group="TTA", origin=ByteRange(start + at, size)))
    duration = samples / rate if rate else None
    stream = streams.Stream("audio", "tta", channels=channels, sample_rate=rate, bits=bits, duration=duration)
    streams.add(document, [stream], duration, size_bytes=end - start)
