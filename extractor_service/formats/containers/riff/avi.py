"""AVI films: headers, streams, what cameras put beside them. Microsoft, "AVI RIFF File Reference"; Matrox, "OpenDML AVI 1.02"."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.document import ByteRange, Rational
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.containers import codecs, streams
from extractor_service.formats.containers.photo import bmp
from extractor_service.formats.containers.riff import chunks, wave
from extractor_service.formats.containers.riff.chunks import SECTION, Chunk
from extractor_service.formats.embedded import exif
from extractor_service.formats.embedded.walk import Walk
from extractor_service.formats.reading import charsets, fields, ifd
from extractor_service.formats.reading.damage import Surviving, tolerant
from extractor_service.formats.reading.reader import Reader
from extractor_service.formats.reading.table import Table
from extractor_service.formats.reading.tagset import Conversion, Tag
from extractor_service.sources.base import will_read

if TYPE_CHECKING:
    from extractor_service.document import Document, Value
    from extractor_service.sources.base import ByteSource

_GROUP = "RIFF"
_MOST_HEADER_BYTES = 64 * 1024  # of one chunk of headers: palettes are the longest, with 1 KiB
_NEXT_BYTES = 4096  # behind the pictures stand the index and, at times, INFO or XMP
_KINDS = {"vids": "video", "auds": "audio", "txts": "subtitle", "iavs": "video", "mids": "data"}


def _rate_text(value: Value) -> str:
    """Bytes a second, in thousands."""
    if not isinstance(value, int):
        return ""
    number, unit = value / 1000, "kB/s"
    if number > 9999:
        number, unit = number / 1000, "MB/s"
    return f"{number:.4g} {unit}"


def _rounded(value: Value) -> str:
    return f"{int(value * 1000 + 0.5) / 1000:g}" if isinstance(value, (int, float)) else ""


def _sample_text(value: Value) -> str:
    return (
        "Variable"
        if value == 0
        else f"{value} byte{'' if value == 1 else 's'}"
        if isinstance(value, int)
        else ""
    )


_HEADER = Table(
    "film/RIFF::AVIHeader", SECTION, _GROUP,
    {
        "FrameRate": Conversion(lambda value: 1e6 / value if isinstance(value, int) and value else None, _rounded),
        "MaxDataRate": Conversion(None, _rate_text),
    },
    unit="int32u",
)  # fmt: skip
_LONG_HEADER = Table("film/RIFF::ExtAVIHdr", SECTION, _GROUP, unit="int32u")
_STREAM = Table(
    "film/RIFF::StreamHeader", SECTION, _GROUP,
    {
        "Quality": Conversion(None, lambda value: "Default" if value == 0xFFFFFFFF else ""),
        "SampleSize": Conversion(None, _sample_text),
    },
    unit="int32u",
)  # fmt: skip
_NAME = Tag(("StreamName", "string", 1, "", None, ""))
_TIMECODE = Tag(("TimeCode", "string", 1, "", None, ""))
_PLACEHOLDER = 1 << 30  # libavformat's count before it knows
_VENDOR = Tag(("VendorName", "string", 1, "", None, ""))
_UNKNOWN = Tag(("UnknownData", "string", 1, "", None, ""))


class _Film:
    """What its chunks say, one after the other."""

    def __init__(self, reader: Reader, document: Document) -> None:
        self.reader = reader
        self.document = document
        self.streams: list[streams.Stream] = []
        self._kind = ""
        self._seconds_per_frame = 0.0
        self._frames = self._all_frames = 0
        self._video_seconds: float | None = None

    def chunk(self, chunk: Chunk) -> None:
        """Adds what one chunk says; what is in lists as well."""
        kind, offset, length = chunk
        reader, document, at = self.reader, self.document, self.reader.base + chunk.offset
        with Surviving(document, SECTION, "chunk", at, kind):
            data = reader.exact(offset, min(length, _MOST_HEADER_BYTES)) if kind in _HEADERS else b""
            if kind in {"LIST_hdrl", "LIST_strl", "LIST_odml"}:
                for inner in chunks.walk(reader, document, offset, offset + length):
                    self.chunk(inner)
            elif kind == "avih":
                found = _HEADER.block(document, data[:40], at)
                ticks, frames = found.get("FrameRate"), found.get("FrameCount")
                self._seconds_per_frame = ticks / 1e6 if isinstance(ticks, int) else 0
                self._frames = frames if isinstance(frames, int) else 0
            elif kind == "strh":
                self._stream(data, at)
            elif kind == "strf":
                self._format(data, at)
            elif kind == "strn":
                fields.add(
                    document, SECTION, _GROUP, _NAME, charsets.text(data.rstrip(b"\0")), ByteRange(at, length)
                )
            elif kind == "strd":
                self._camera(data, at, length)
            elif kind == "dmlh":
                found = _LONG_HEADER.block(document, data[:4], at)
                frames = found.get("TotalFrameCount")
                self._all_frames = frames if isinstance(frames, int) else 0
            elif kind == "ISMP":
                fields.add(
                    document,
                    SECTION,
                    _GROUP,
                    _TIMECODE,
                    charsets.text(data.rstrip(b"\0")),
                    ByteRange(at, length),
                )
            elif kind in {"LIST_ncdt", "LIST_hydt", "LIST_pntx"} or (kind == "JUNK" and length > 4):
                from extractor_service.formats.containers.riff import camera_chunks  # noqa: PLC0415 - rare

                if not camera_chunks.parse(reader, document, chunk):
                    chunks.shared(reader, document, chunk)
            else:
                chunks.shared(reader, document, chunk)

    def _stream(self, data: bytes, at: int) -> None:
        if len(data) < 48:
            return
        kind = data[:4].decode("latin-1").rstrip("\0")
        self._kind = kind
        scale, rate, length = (int.from_bytes(data[start : start + 4], "little") for start in (20, 24, 32))
        index = {"auds": 0, "vids": 1}.get(kind, 2)
        for key, value, size in (
            (0, kind, 4), (1, data[4:8].decode("latin-1").split("\0")[0], 4), (5, Rational(rate, scale), 8), (8, length, 4),
            (10, int.from_bytes(data[40:44], "little"), 4), (11, int.from_bytes(data[44:48], "little"), 4),
        ):  # fmt: skip
            variants = _VARIANTS.get(key)
            tag = variants[index] if variants else _STREAM.tags[key]
            if key == 5 and not scale:
                continue
            fields.add(self.document, SECTION, _GROUP, tag, value, ByteRange(at + key * 4, size))
        stream = streams.Stream(_KINDS.get(kind, "data"), codecs.by_fourcc(data[4:8].decode("latin-1")))
        # Files that were piped have huge counts that nobody came back to mend.
        if scale and rate and not self.reader.source.size_bytes < length >= _PLACEHOLDER:
            stream.duration = length * scale / rate
        if scale and rate and kind in {"vids", "iavs"}:
            stream.frame_rate = rate / scale
            if self._video_seconds is None:
                self._video_seconds = stream.duration
        self.streams.append(stream)

    def _format(self, data: bytes, at: int) -> None:
        if not self.streams:
            return
        stream = self.streams[-1]
        if self._kind == "auds":
            wave.FORMAT.block(self.document, data[:16], at)
            sound = wave.sound_format(data)
            stream.codec, stream.channels, stream.sample_rate = sound.codec, sound.channels, sound.sample_rate
            stream.bits, stream.bit_rate = sound.bits, sound.bit_rate
        elif self._kind in {"vids", "iavs"} and len(data) >= 40:
            bmp.information(self.document, data, at)
            width, height = (
                int.from_bytes(data[start : start + 4], "little", signed=True) for start in (4, 8)
            )
            stream.width, stream.height = width, abs(height)
            stream.codec = codecs.by_fourcc(data[16:20].decode("latin-1")) or "rawvideo"

    def _camera(self, data: bytes, at: int, length: int) -> None:
        """What cameras keep beside a stream: a TIFF directory, a name."""
        if data[:4] == b"AVIF":
            directories = ifd.Directories(
                Reader(self.reader.source, big_endian=False, base=at + 8, length=length - 8), first=0
            )
            walk = Walk(directories, self.document, exif.EMBEDDED, "avi")
            walk.follow(0, "IFD0")
        elif data[:4] == b"Zora":
            fields.add(
                self.document,
                SECTION,
                _GROUP,
                _VENDOR,
                charsets.text(data[:64].split(b"\0")[0]),
                ByteRange(at, length),
            )
        elif data and length <= 256 and all(0x20 <= byte < 0x7F for byte in data):
            fields.add(self.document, SECTION, _GROUP, _UNKNOWN, data.decode("ascii"), ByteRange(at, length))

    def finish(self) -> None:
        """Adds the streams; the film lasts as long as the longest."""
        for stream in self.streams:
            if stream.kind == "video" and self._all_frames and stream.frame_rate:
                stream.duration = self._video_seconds = self._all_frames / stream.frame_rate
        seconds = max((each.duration or 0 for each in self.streams), default=0)
        if not self._video_seconds:
            seconds = (self._all_frames or self._frames) * self._seconds_per_frame or seconds
        streams.add(self.document, self.streams, seconds or None, size_bytes=self.reader.source.size_bytes)


_VARIANTS = {
    1: tuple(Tag((name, "string", 4, "", None, "")) for name in ("AudioCodec", "VideoCodec", "Codec")),
    5: tuple(
        Tag((name, "rational64u", 1, "", None, ""), Conversion(None, _rounded))
        for name in ("AudioSampleRate", "VideoFrameRate", "StreamSampleRate")
    ),
    8: tuple(Tag((name, "int32u", 1, "", None, "")) for name in ("AudioSampleCount", "VideoFrameCount", "StreamSampleCount")),
}  # fmt: skip
_HEADERS = frozenset({"avih", "strh", "strf", "strn", "strd", "dmlh", "ISMP"})


@tolerant(SECTION)
def parse(source: ByteSource, document: Document) -> None:
    """Headers and tags of all RIFF parts of a film; pictures and their index are passed over."""
    reader = Reader(source, big_endian=False)
    if reader.some(8, 4) not in {b"AVI ", b"AMV "}:
        raise CorruptFileError("no AVI form")
    film = _Film(reader, document)
    for chunk in chunks.walk(reader, document, 12, reader.length):
        if chunk.kind == "LIST_movi":
            will_read(source, [(reader.base + chunk.offset + chunk.length, _NEXT_BYTES)])
        elif chunk.kind == "RIFF_AVIX":
            continue  # more pictures (OpenDML 2.0)
        else:
            film.chunk(chunk)
    film.finish()
