"""Tracks of Matroska: fields of their elements, and what they are as streams. RFC 9559, 5.1.4; matroska.org, "Codec mappings"."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from extractor_service.document import ByteRange
from extractor_service.formats.containers import codecs, streams
from extractor_service.formats.containers.film import ebml
from extractor_service.formats.containers.film import matroska_values as values
from extractor_service.formats.containers.isobmff import codec_boxes
from extractor_service.formats.reading import fields
from extractor_service.formats.reading.damage import NONSENSE
from extractor_service.formats.reading.table import Table
from extractor_service.formats.reading.tagset import Conversion, Tag

if TYPE_CHECKING:
    from extractor_service.document import Document, Value
    from extractor_service.formats.containers.film.ebml import Element
    from extractor_service.formats.reading.reader import Reader

_KINDS = {
    1: "video",
    2: "audio",
    3: "data",
    0x10: "data",
    0x11: "subtitle",
    0x12: "data",
    0x20: "data",
    0x21: "data",
}
_CODECS = {
    "V_MPEG4/ISO/AVC": "h264", "V_MPEGH/ISO/HEVC": "hevc", "V_MPEGI/ISO/VVC": "vvc", "V_AV1": "av1", "V_VP8": "vp8", "V_VP9": "vp9", "V_MPEG1": "mpeg1video",
    "V_MPEG2": "mpeg2video", "V_MPEG4/ISO/ASP": "mpeg4", "V_MPEG4/ISO/SP": "mpeg4", "V_MPEG4/ISO/AP": "mpeg4", "V_MPEG4/MS/V3": "msmpeg4v3",
    "V_THEORA": "theora", "V_PRORES": "prores", "V_MJPEG": "mjpeg", "V_FFV1": "ffv1", "V_DIRAC": "dirac", "V_SNOW": "snow", "V_UNCOMPRESSED": "rawvideo",
    "V_REAL/RV10": "rv10", "V_REAL/RV20": "rv20", "V_REAL/RV30": "rv30", "V_REAL/RV40": "rv40", "V_AVS2": "avs2", "V_AVS3": "avs3",
    "A_AC3": "ac3", "A_EAC3": "eac3", "A_DTS": "dts", "A_FLAC": "flac", "A_MPEG/L1": "mp1", "A_MPEG/L2": "mp2", "A_MPEG/L3": "mp3", "A_OPUS": "opus",
    "A_VORBIS": "vorbis", "A_TRUEHD": "truehd", "A_MLP": "mlp", "A_TTA1": "tta", "A_WAVPACK4": "wavpack", "A_ALAC": "alac", "A_QUICKTIME/QDM2": "qdm2",
    "A_REAL/14_4": "ra_144", "A_REAL/28_8": "ra_288", "A_REAL/COOK": "cook", "A_REAL/SIPR": "sipr", "A_REAL/ATRC": "atrac3", "A_ATRAC/AT1": "atrac1",
    "S_TEXT/UTF8": "subrip", "S_TEXT/ASCII": "subrip", "S_TEXT/ASS": "ass", "S_ASS": "ass", "S_TEXT/SSA": "ass", "S_SSA": "ass", "S_TEXT/WEBVTT": "webvtt", "S_TEXT/USF": "",
    "S_VOBSUB": "dvd_subtitle", "S_HDMV/PGS": "hdmv_pgs_subtitle", "S_HDMV/TEXTST": "hdmv_text_subtitle", "S_DVBSUB": "dvb_subtitle", "S_ARIBSUB": "arib_caption",
    "D_WEBVTT/SUBTITLES": "webvtt", "D_WEBVTT/CAPTIONS": "webvtt", "D_WEBVTT/DESCRIPTIONS": "webvtt", "D_WEBVTT/METADATA": "webvtt",
}  # fmt: skip
_CONFIGURATIONS = {
    "V_MPEG4/ISO/AVC": b"avcC",
    "V_MPEGH/ISO/HEVC": b"hvcC",
    "V_MPEGI/ISO/VVC": b"vvcC",
    "V_AV1": b"av1C",
}
_TYPE, _NUMBER, _UID, _NAME, _LANGUAGE, _LANGUAGE_IETF, _CODEC, _PRIVATE = (
    3,
    0x57,
    0x33C5,
    0x136E,
    0x2B59C,
    0x2B59D,
    6,
    0x23A2,
)
_DEFAULT_DURATION, _VIDEO, _AUDIO, _ENCODINGS, _ENCODING = 0x3E383, 0x60, 0x61, 0x2D80, 0x2240
_INSIDE = frozenset(
    {_VIDEO, _AUDIO, _ENCODINGS, _ENCODING, 0x1034, 0x1035, 0x2624, 0x62, 0x63, 0x64, 0x66, 0x69}
)
_PROJECTION, _COLOR, _MASTERING = 0x3670, 0x15B0, 0x15D0
_CROPS = (0x14CC, 0x14DD, 0x14BB, 0x14AA)  # left, right, top, bottom
_WIDTH, _HEIGHT, _DISPLAY_WIDTH, _DISPLAY_HEIGHT, _DISPLAY_UNIT, _INTERLACED = (
    0x30,
    0x3A,
    0x14B0,
    0x14BA,
    0x14B2,
    0x1A,
)
_RATE, _OUTPUT_RATE, _CHANNELS, _BITS, _SPACE = 0x35, 0x38B5, 0x1F, 0x2264, 0xEB524
_MATRIX, _TRANSFER, _PRIMARIES, _ROLL = 0x15B1, 0x15BA, 0x15BB, 0x7675
_MOST_PRIVATE_BYTES = 4096  # of a codec's configuration: those that are read have a few hundred
_NAMED = {
    _CODEC: ("VideoCodecID", "AudioCodecID", "CodecID"),
    0x58688: ("VideoCodecName", "AudioCodecName", "CodecName"),
}
_COLORS = {
    0x15B1: "MatrixCoefficients", 0x15B2: "BitsPerChannel", 0x15B9: "ColorRange", 0x15BA: "TransferCharacteristics", 0x15BB: "ColorPrimaries",
    0x15BC: "MaxCLL", 0x15BD: "MaxFALL",
}  # fmt: skip
_PROJECTIONS = Table("film/Matroska::Projection", "matroska", "Matroska")


class TrackReader:
    """Reads track entries; `groups` tells whose UID is which group."""

    def __init__(self, reader: Reader, document: Document, table: Table) -> None:
        self._reader = reader
        self._document = document
        self._table = table
        self.streams: list[streams.Stream] = []
        self.groups: dict[int, str] = {}
        self._kind = 0
        self._numbers: set[int] = set()

    def read(self, entry: Element) -> None:
        """One track: its values by identity, the fields in file order, the stream."""
        told: dict[int, bytes] = {}
        self._gather(entry.offset, entry.offset + entry.length, told)
        number = ebml.unsigned(told.get(_NUMBER, b""))
        group = f"Track{number}"
        self.groups[ebml.unsigned(told.get(_UID, b""))] = group
        self._kind = 0
        self._fields(entry.offset, entry.offset + entry.length, group)
        stream = streams.Stream(_KINDS.get(ebml.unsigned(told.get(_TYPE, b"")), "data"))
        with suppress(*NONSENSE):  # what can be told is
            _fill(stream, told)
        if number not in self._numbers:  # some write the tracks twice
            self._numbers.add(number)
            self.streams.append(stream)

    def _gather(self, start: int, end: int, told: dict[int, bytes]) -> None:
        for inner in ebml.walk(self._reader, start, end):
            if inner.identity in _INSIDE or inner.identity in {_PROJECTION, _COLOR, _MASTERING}:
                self._gather(inner.offset, inner.offset + inner.length, told)
            else:
                told.setdefault(
                    inner.identity, self._reader.some(inner.offset, min(inner.length, _MOST_PRIVATE_BYTES))
                )

    def _fields(self, start: int, end: int, group: str) -> None:
        """The fields in file order: what stands before the type has the name that is common to all types."""
        for inner in ebml.walk(self._reader, start, end):
            identity = inner.identity
            if identity in _INSIDE:
                self._fields(inner.offset, inner.offset + inner.length, group)
            elif identity == _PROJECTION:
                for each in ebml.walk(self._reader, inner.offset, inner.offset + inner.length):
                    values.add(self._reader, self._document, each, group, _PROJECTIONS)
            elif identity in _NAMED:
                name = _NAMED[identity][self._kind - 1 if self._kind in {1, 2} else 2]
                text = (
                    self._reader.exact(inner.offset, min(inner.length, 256))
                    .split(b"\0")[0]
                    .decode("utf-8", "replace")
                )
                self._add(Tag((name, "string", 1, "", None, "")), text, inner, group)
            elif identity == _DEFAULT_DURATION:
                value = ebml.unsigned(self._reader.exact(inner.offset, min(inner.length, 8)))
                if self._kind != 1:
                    self._add(_SAMPLE_DURATION, value / 1e9, inner, group)
                    continue
                rate: Value = 1e9 / value if value else 0
                self._add(_FRAME_RATE, rate, inner, group)
            elif identity == _COLOR:
                for each in ebml.walk(self._reader, inner.offset, inner.offset + inner.length):
                    if each.identity in _COLORS:
                        value = ebml.unsigned(self._reader.exact(each.offset, min(each.length, 8)))
                        self._add(
                            Tag((_COLORS[each.identity], "unsigned", 1, "", None, "")), value, each, group
                        )
            else:
                added = values.add(self._reader, self._document, inner, group)
                if identity == _TYPE and isinstance(added, int):
                    self._kind = added

    def _add(self, tag: Tag, value: Value, place: Element, group: str) -> None:
        origin = ByteRange(self._reader.base + place.offset, place.length)
        fields.add(self._document, "matroska", group, tag, value, origin)


_SAMPLE_DURATION = Tag(
    ("DefaultDuration", "unsigned", 1, "", None, ""),
    Conversion(None, lambda value: f"{value * 1000:.12g} ms" if isinstance(value, (int, float)) else "", "s"),
)
_FRAME_RATE = Tag(
    ("VideoFrameRate", "unsigned", 1, "", None, ""),
    Conversion(
        None, lambda value: f"{int(value * 1000 + 0.5) / 1000:g}" if isinstance(value, (int, float)) else ""
    ),
)


def _fill(stream: streams.Stream, told: dict[int, bytes]) -> None:
    """The stream, out of the values by identity."""
    number = {identity: ebml.unsigned(data[:8]) for identity, data in told.items()}
    code, private = told.get(_CODEC, b"").split(b"\0")[0].decode("latin-1"), told.get(_PRIVATE, b"")
    stream.title = told.get(_NAME, b"").split(b"\0")[0].decode("utf-8", "replace")
    language = told.get(_LANGUAGE_IETF) or told.get(_LANGUAGE, b"eng")
    stream.language = language.split(b"\0")[0].decode("latin-1").replace("und", "")
    stream.codec = _CODECS.get(code) or _of_other(code, private, number.get(_BITS, 0))
    if stream.kind == "video":
        stream.width, stream.height = number.get(_WIDTH), number.get(_HEIGHT)
        shown = number.get(_DISPLAY_WIDTH), number.get(_DISPLAY_HEIGHT)
        unit = number.get(_DISPLAY_UNIT, 0)
        if shown == (None, None) and stream.width and stream.height:  # RFC 9559, 5.1.4.1.28.13
            left, right, top, bottom = (number.get(each, 0) for each in _CROPS)
            shown, unit = (stream.width - left - right, stream.height - top - bottom), 0
        if shown[0] and shown[1] and shown != (stream.width, stream.height):
            if unit == 0:
                stream.display_width, stream.display_height = shown
            elif unit == 3 and stream.height:  # a ratio
                width = round(stream.height * shown[0] / shown[1])
                if width != stream.width:
                    stream.display_width, stream.display_height = width, stream.height
        if number.get(_DEFAULT_DURATION):
            stream.frame_rate = 1e9 / number[_DEFAULT_DURATION]
        stream.color = codec_boxes.color(
            number.get(_PRIMARIES, 2), number.get(_TRANSFER, 2), number.get(_MATRIX, 2)
        )
    elif stream.kind == "audio":
        rate = values.floating(told.get(_OUTPUT_RATE, b"")) or values.floating(told.get(_RATE, b"")) or 8000.0
        stream.sample_rate, stream.channels = round(rate), number.get(_CHANNELS, 1)
        if stream.codec.startswith("pcm_") or stream.codec in {"flac", "alac", "wavpack", "tta"}:
            stream.bits = number.get(_BITS)
    if code in _CONFIGURATIONS:
        codec_boxes.read(_CONFIGURATIONS[code], private, stream)
    elif stream.codec == "aac" and private:
        codec_boxes.audio_configuration(private, stream)
    elif stream.codec == "opus" and private[:8] == b"OpusHead":
        stream.channels, stream.sample_rate = private[9], 48000


def _of_other(code: str, private: bytes, bits: int) -> str:
    """Codecs that their identity says in part."""
    if code.startswith("A_AAC"):
        return "aac"
    if code.startswith("A_DTS"):
        return "dts"
    if code.startswith(("A_AC3", "A_EAC3")):
        return "ac3" if code.startswith("A_AC3") else "eac3"
    if code == "A_PCM/INT/LIT":
        return "pcm_u8" if bits == 8 else f"pcm_s{bits}le"
    if code == "A_PCM/INT/BIG":
        return f"pcm_s{bits}be"
    if code == "A_PCM/FLOAT/IEEE":
        return f"pcm_f{bits}le"
    if code == "V_MS/VFW/FOURCC" and len(private) >= 20:
        return codecs.by_fourcc(private[16:20].decode("latin-1"))
    if code == "A_MS/ACM" and len(private) >= 16:
        return codecs.by_wave_format(
            int.from_bytes(private[:2], "little"), int.from_bytes(private[14:16], "little")
        )
    if code.startswith(("V_QUICKTIME", "A_QUICKTIME")) and len(private) >= 8:
        return codecs.by_fourcc(private[4:8].decode("latin-1"))
    return ""
