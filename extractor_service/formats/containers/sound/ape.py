"""Monkey's Audio. monkeysaudio.com, MACLib: APE_DESCRIPTOR and APE_HEADER (3.98 on), APE_HEADER_OLD before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.containers import streams
from extractor_service.formats.embedded.sound import ape_tag, id3
from extractor_service.formats.reading.damage import tolerant
from extractor_service.formats.reading.reader import Reader
from extractor_service.formats.reading.table import Table
from extractor_service.formats.reading.tagset import Conversion

if TYPE_CHECKING:
    from extractor_service.document import Document
    from extractor_service.sources.base import ByteSource

_OLD = Table(
    "sound/APE::OldHeader", "ape", "MAC",
    {"APEVersion": Conversion(lambda value: value / 1000 if isinstance(value, int) else value)}, unit="int16u",
)  # fmt: skip
_NEW = Table("sound/APE::NewHeader", "ape", "MAC", unit="int16u")
_FIRST_NEW_VERSION = 3980  # 3.98: from then on the header has a descriptor before it (MACLib)
_16_BIT, _8_BIT = 0, 1  # flags of old headers


@tolerant("ape")
def parse(source: ByteSource, document: Document) -> None:
    """The header, and the tags around the sound."""
    start, end = id3.around(source, document)
    end = ape_tag.trailing(source, document, end)
    reader = Reader(source, big_endian=False, base=start)
    if reader.some(0, 4) not in {b"MAC ", b"MACF"}:
        if ape_tag.leading(source, document, start):
            return
        raise CorruptFileError("no Monkey's Audio header")
    version = reader.u16(4)
    if version >= _FIRST_NEW_VERSION:
        at = reader.u32(8)
        told = _NEW.block(document, reader.exact(at, 24), start + at)
        blocks = told.get("BlocksPerFrame")
    else:
        told = _OLD.block(document, reader.exact(4, 28), start + 4)
        level = told.get("CompressionLevel")
        blocks = (
            73728 * 4
            if version >= 3950
            else 73728
            if version >= 3900 or (version >= 3800 and level == 4000)
            else 9216
        )
    numbers = {name: value for name, value in told.items() if isinstance(value, int)}
    rate, frames = numbers.get("SampleRate"), numbers.get("TotalFrames")
    stream = streams.Stream(
        "audio", "ape", channels=numbers.get("Channels"), sample_rate=rate, bits=numbers.get("BitsPerSample")
    )
    if rate and frames and isinstance(blocks, int):
        stream.duration = ((frames - 1) * blocks + numbers.get("FinalFrameBlocks", 0)) / rate
    streams.add(document, [stream], stream.duration, size_bytes=end - start)
