"""Apple's Core Audio Format. Apple, "Core Audio Format Specification 1.0"."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from extractor_service.document import ByteRange, Field, ProblemKind
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.containers import codecs, streams
from extractor_service.formats.reading import names
from extractor_service.formats.reading.damage import Surviving, tolerant
from extractor_service.formats.reading.reader import Reader

if TYPE_CHECKING:
    from extractor_service.document import Document
    from extractor_service.sources.base import ByteSource

SECTION = "caf"
_GROUP = "CAF"
_MOST_CHUNKS, _MOST_TEXT_BYTES = 10_000, 256 * 1024
_UNKNOWN = -1  # the length of sound that is still being written: up to the end


@tolerant(SECTION)
def parse(source: ByteSource, document: Document) -> None:
    """The sound's description, its length, and the strings of its information chunk."""
    reader = Reader(source)
    if reader.some(0, 4) != b"caff":
        raise CorruptFileError("no CAF header")
    stream, at = _Sound(document), 8
    for _ in range(_MOST_CHUNKS):
        if at + 12 > reader.length:
            break
        kind, length = reader.exact(at, 4), struct.unpack(">q", reader.exact(at + 4, 8))[0]
        content = at + 12
        if length == _UNKNOWN or content + length > reader.length:
            if length != _UNKNOWN:
                document.problem(
                    SECTION, ProblemKind.TRUNCATED, f"chunk {kind!r} of {length} bytes is cut", at
                )
            length = reader.length - content
        if length < 0:
            document.problem(SECTION, ProblemKind.DAMAGED, f"chunk {kind!r} has no length", at)
            break
        with Surviving(document, SECTION, "chunk", content, kind):
            stream.chunk(reader, kind, content, length)
        at = content + length
    stream.finish(source.size_bytes)


class _Sound:
    """What its chunks say, one after the other."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._stream = streams.Stream("audio")
        self._packet_bytes = self._packet_frames = self._data_bytes = 0
        self._frames: int | None = None

    def chunk(self, reader: Reader, kind: bytes, at: int, length: int) -> None:
        """Adds what one chunk says."""
        if kind == b"desc":
            self._describe(reader.exact(at, 32), at)
        elif kind == b"data":
            self._data_bytes = length - 4
        elif kind == b"pakt":
            count, frames, priming, rest = struct.unpack(">qqii", reader.exact(at, 24))
            self._frames = frames
            for name, value in (
                ("PacketCount", count),
                ("ValidFrames", frames),
                ("PrimingFrames", priming),
                ("RemainderFrames", rest),
            ):
                self._add(name, value, at, 24)
        elif kind == b"info":
            data = reader.exact(at, min(length, _MOST_TEXT_BYTES))
            parts = data[4:].split(b"\0")
            for key, value in zip(parts[::2], parts[1::2], strict=False):
                if key:
                    self._add(
                        names.spoken(key.decode("utf-8", "replace")),
                        value.decode("utf-8", "replace"),
                        at,
                        length,
                    )

    def _describe(self, data: bytes, at: int) -> None:
        rate, code, flags, size, frames, channels, bits = struct.unpack(">d4sIIIII", data)
        letters = code.decode("latin-1")
        for name, value, place, width in (
            ("SampleRate", int(rate) if abs(rate) < 1e9 and rate.is_integer() else rate, 0, 8), ("AudioFormat", letters, 8, 4), ("FormatFlags", flags, 12, 4),
            ("BytesPerPacket", size, 16, 4), ("FramesPerPacket", frames, 20, 4), ("AudioChannels", channels, 24, 4), ("BitsPerChannel", bits, 28, 4),
        ):  # fmt: skip
            self._add(name, value, at + place, width)
        stream = self._stream
        stream.channels, stream.sample_rate = channels, int(rate) if 0 < rate < 1e9 else None
        if letters == "lpcm":
            form, order = ("f" if flags & 1 else "s"), ("le" if flags & 2 else "be")
            stream.codec, stream.bits = f"pcm_{form}{bits}" + ("" if bits == 8 else order), bits
        else:
            stream.codec = codecs.by_fourcc(letters)
        self._packet_bytes, self._packet_frames = size, frames

    def _add(self, name: str, value: str | float, at: int, size: int) -> None:
        self._document.add(SECTION, Field(name, value, group=_GROUP, origin=ByteRange(at, size)))

    def finish(self, size_bytes: int) -> None:
        """Adds the stream: as long as its packet table says, or as its bytes are where all packets are equal."""
        stream, frames = self._stream, self._frames
        if frames is None and self._packet_bytes and self._packet_frames:
            frames = self._data_bytes // self._packet_bytes * self._packet_frames
        if frames and stream.sample_rate:
            stream.duration = frames / stream.sample_rate
            if self._data_bytes:
                stream.bit_rate = round(self._data_bytes * 8 / stream.duration)
        streams.add(self._document, [stream], stream.duration, size_bytes=size_bytes)
