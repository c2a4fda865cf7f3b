"""WAVE sound: RIFF, RF64 and BW64 (EBU Tech 3306, ITU-R BS.2088), and Sony's Wave64 with chunks named by GUIDs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from extractor_service.document import ByteRange, ProblemKind
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.containers import codecs, streams
from extractor_service.formats.containers.riff import chunks
from extractor_service.formats.containers.riff.chunks import SECTION, Chunk
from extractor_service.formats.embedded.sound import id3
from extractor_service.formats.reading import fields
from extractor_service.formats.reading.damage import Surviving, tolerant
from extractor_service.formats.reading.reader import Reader
from extractor_service.formats.reading.table import Table
from extractor_service.formats.reading.tagset import Tag

if TYPE_CHECKING:
    from extractor_service.document import Document
    from extractor_service.sources.base import ByteSource

FORMAT = Table("sound/RIFF::AudioFormat", SECTION, "RIFF", unit="int16u")
_SIZES = Table("sound/RIFF::DS64", SECTION, "RIFF", unit="int64u")
_SAMPLES = Tag(("NumberOfSamples", "int32u", 1, "", None, ""))
_DATA_SIZE = Tag(("MediaDataSize", "int64u", 1, "", None, ""))
_EXTENSIBLE = 0xFFFE
# A chunk of Wave64 is named by its four letters and these twelve bytes (Sony Wave64 file format).
_W64_TAIL = b"\xf3\xac\xd3\x11\x8c\xd1\x00\xc0\x4f\x8e\xdb\x8a"
_W64_HEAD_BYTES, _W64_CHUNK_BYTES = 40, 24


class _Wave:
    """What its chunks say, one after the other."""

    def __init__(self, reader: Reader, document: Document) -> None:
        self.reader = reader
        self.document = document
        self.stream = streams.Stream("audio")
        self.bytes_per_second = self.block_bytes = self.samples = 0
        self.data_bytes: int | None = None

    def chunk(self, chunk: Chunk) -> None:
        """Adds what one chunk says."""
        with Surviving(self.document, SECTION, "chunk", self.reader.base + chunk.offset, chunk.kind):
            if chunk.kind == "fmt ":
                self._format(chunk)
            elif chunk.kind == "data":
                self.data_bytes = (self.data_bytes or 0) + chunk.length
                origin = ByteRange(self.reader.base + chunk.offset, chunk.length)
                fields.add(self.document, SECTION, "RIFF", _DATA_SIZE, chunk.length, origin)
            elif chunk.kind == "fact" and chunk.length >= 4:
                self.samples = self.reader.u32(chunk.offset)
                origin = ByteRange(self.reader.base + chunk.offset, 4)
                fields.add(self.document, SECTION, "RIFF", _SAMPLES, self.samples, origin)
            else:
                chunks.shared(self.reader, self.document, chunk)

    def _format(self, chunk: Chunk) -> None:
        data = self.reader.exact(chunk.offset, min(chunk.length, 40))
        FORMAT.block(
            self.document, data[:16], self.reader.base + chunk.offset, big_endian=self.reader.big_endian
        )
        self.stream = sound_format(data, big_endian=self.reader.big_endian)
        order: Literal["big", "little"] = "big" if self.reader.big_endian else "little"
        self.bytes_per_second = int.from_bytes(data[8:12], order)
        self.block_bytes = int.from_bytes(data[12:14], order)

    def finish(self) -> None:
        """Adds the stream. Uncompressed sound lasts as long as its bytes do; compressed, as its samples or its rate say."""
        rate, seconds = self.stream.sample_rate, None
        is_plain = self.stream.codec.startswith("pcm_")
        if self.data_bytes is not None and is_plain and rate and self.block_bytes:
            seconds = self.data_bytes / (self.block_bytes * rate)
        elif self.samples and rate and self.samples != 0xFFFFFFFF and not is_plain:
            seconds = self.samples / rate
        elif self.data_bytes is not None and self.bytes_per_second:
            seconds = self.data_bytes / self.bytes_per_second
        self.stream.duration = seconds
        streams.add(self.document, [self.stream], seconds, size_bytes=self.reader.source.size_bytes)


def sound_format(data: bytes, *, big_endian: bool = False) -> streams.Stream:
    """The stream that a WAVEFORMATEX says (Microsoft, mmreg.h); of an extensible one, by its sub-format."""
    order: Literal["big", "little"] = "big" if big_endian else "little"
    tag, channels, rate, speed, _, bits = (
        int.from_bytes(data[start : start + size], order)
        for start, size in ((0, 2), (2, 2), (4, 4), (8, 4), (12, 2), (14, 2))
    )
    if tag == _EXTENSIBLE and len(data) >= 26:
        tag = int.from_bytes(data[24:26], order)
    codec = codecs.by_wave_format(tag, bits)
    if big_endian and codec.endswith("le"):
        codec = f"{codec[:-2]}be"
    is_plain = codec.startswith("pcm_")
    speed = rate * channels * -(-bits // 8) * 8 if is_plain and bits else speed * 8
    return streams.Stream(
        "audio", codec, channels=channels, sample_rate=rate, bits=bits if is_plain else None, bit_rate=speed
    )


@tolerant(SECTION)
def parse(source: ByteSource, document: Document) -> None:
    """Format, length, INFO, bext, XMP, ID3, iXML and cues of a WAVE file, wherever they stand."""
    head = source.read_range(0, 12)
    if head[8:12] != b"WAVE":
        start, _ = id3.around(source, document)
        head = source.read_range(start, 12)
        base = start
    else:
        base = 0
        id3.trailing_only(source, document)
    if head[8:12] != b"WAVE":
        raise CorruptFileError("no WAVE form")
    reader = Reader(source, big_endian=head[:4] == b"RIFX", base=base)
    stated = reader.u32(4)
    end = (
        reader.length
        if stated in {0, 0xFFFFFFFF} or head[:4] in {b"RF64", b"BW64"}
        else min(reader.length, stated + 8)
    )
    end = (
        max(end, reader.length) if reader.length - end > 8 else end
    )  # what programs append without counting it in
    wave = _Wave(reader, document)
    sizes: dict[str, int] = {}
    for chunk in chunks.walk(reader, document, 12, end, sizes):
        if chunk.kind == "ds64" and chunk.length >= 24:
            _SIZES.block(document, reader.exact(chunk.offset, 24), base + chunk.offset)
            sizes.update({"data": reader.u64(chunk.offset + 8)})
        wave.chunk(chunk)
    wave.finish()


@tolerant(SECTION)
def parse_w64(source: ByteSource, document: Document) -> None:
    """The same of Sony's Wave64: lengths of 64 bits that count their own head, chunks at multiples of eight."""
    reader = Reader(source, big_endian=False)
    wave = _Wave(reader, document)
    offset = _W64_HEAD_BYTES
    for _ in range(chunks.MAX_CHUNKS):
        if offset + _W64_CHUNK_BYTES > reader.length:
            break
        name, length = reader.exact(offset, 16), reader.u64(offset + 16) - _W64_CHUNK_BYTES
        if length < 0:
            document.problem(SECTION, ProblemKind.DAMAGED, "a chunk without a length", offset)
            break
        content = offset + _W64_CHUNK_BYTES
        if content + length > reader.length:
            document.problem(
                SECTION, ProblemKind.TRUNCATED, f"chunk {name[:4]!r} of {length} bytes is cut", offset
            )
            length = reader.length - content
        if name[4:] == _W64_TAIL:
            wave.chunk(Chunk(name[:4].decode("latin-1"), content, length))
        offset = content + length + -length % 8
    wave.finish()
