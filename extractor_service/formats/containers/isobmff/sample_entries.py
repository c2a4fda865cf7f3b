"""Sample descriptions: how a track's pictures or sounds are coded. ISO/IEC 14496-12, 8.5.2 and 12; QTFF, "Sample description atoms"."""

from __future__ import annotations

import struct
from itertools import islice
from typing import TYPE_CHECKING

from extractor_service.document import ByteRange, Rational
from extractor_service.formats.containers import codecs
from extractor_service.formats.containers.isobmff import codec_boxes, timecode
from extractor_service.formats.embedded import xmp
from extractor_service.formats.reading import boxes, fields
from extractor_service.formats.reading.conversions import TEXT
from extractor_service.formats.reading.damage import Surviving
from extractor_service.formats.reading.table import Table
from extractor_service.formats.reading.tagset import Conversion, Tag

if TYPE_CHECKING:
    from extractor_service.document import Document, Value
    from extractor_service.formats.containers.streams import Stream
    from extractor_service.formats.reading.boxes import Box
    from extractor_service.formats.reading.reader import Reader

SECTION = "quicktime"
_GROUP = "QuickTime"
_HEAD_BYTES = 8  # of a box, whose entries count their places from it
_MOST_ENTRIES = 64  # descriptions of one track: films of many cuts have a dozen
_MOST_BOX_BYTES = 64 * 1024  # of a codec's box: profiles of colours are the longest


def _pascal(value: Value) -> Value:
    """A name that its length stands before, or a NUL behind."""
    if isinstance(value, str) and value and ord(value[0]) < 32 and ord(value[0]) < len(value):
        value = value[1 : 1 + ord(value[0])]
    return value or None


def _table(name: str, unit: str = "int8u", **conversions: Conversion) -> Table:
    return Table(f"film/QuickTime::{name}", SECTION, _GROUP, conversions, unit=unit, big_endian=True)


_VISUAL = _table("VisualSampleDesc", "int16u")
_AUDIO = _table("AudioSampleDesc")
_HINT = _table("HintSampleDesc")
_META = _table("MetaSampleDesc")
_OTHER = _table("OtherSampleDesc")
_RATE = _table("Bitrate", "int32u")
_COLOR = _table("ColorRep", ColorProfiles=TEXT)
_APERTURE = _table("CleanAperture", "rational64s")
_LAYOUT = _table("ChannelLayout")
_SPATIAL = _table("SpatialAudio")
_PROJECTION, _EQUIRECTANGULAR, _CUBE = (
    _table("prhd", "fixed32s"),
    _table("equi", "int32u"),
    _table("cbmp", "int32u"),
)
_SCHEME, _DECODER = _table("SchemeType", SchemeType=TEXT), _table("DecodeConfig", EncoderVendor=TEXT)
_PROTECTION, _WAVE = _table("ProtectionInfo"), _table("Wave")
_SPHERE = _table("sv3d")
_LIGHT = Table("film/QuickTime::ContentLightLevel", SECTION, _GROUP, unit="int16u", big_endian=True)
# Where boxes begin behind the fixed fields of an entry.
_VISUAL_BYTES, _AUDIO_BYTES, _LONG_AUDIO_BYTES, _NEW_AUDIO_BYTES = 86, 36, 52, 72
_BLOCKS = {
    b"btrt": (_RATE, 0),
    b"SA3D": (_SPATIAL, 0),
    b"damr": (_DECODER, 0),
    b"clap": (_APERTURE, 0),
    b"clli": (_LIGHT, 0),
}


class Entries:
    """The entries of one description; fills the track's stream."""

    def __init__(self, reader: Reader, document: Document, group: str, stream: Stream) -> None:
        self._reader = reader
        self._document = document
        self._group = group
        self._stream = stream
        self._in_wave = False
        self.counting: timecode.Counting | None = None
        """How timecodes are counted, of a track of these."""
        self.formats: list[str] = []

    def read(self, box: Box, handler: str) -> None:
        """All entries; the stream is told by the first."""
        reader = self._reader
        count = min(reader.u32(box.offset + 4), _MOST_ENTRIES)
        with Surviving(self._document, SECTION, "the sample descriptions", reader.base + box.offset):
            for entry in islice(boxes.walk(reader, box.offset + 8, box.offset + box.length), count):
                self.formats.append(entry.kind.decode("latin-1"))
                with Surviving(self._document, SECTION, "a sample description", reader.base + entry.offset):
                    self._entry(entry.offset - _HEAD_BYTES, entry.offset + entry.length, handler)

    def _entry(self, at: int, end: int, handler: str) -> None:
        kind = self.formats[-1]
        if not self._stream.codec:
            self._stream.codec = codecs.by_fourcc(kind)
        if handler == "vide":
            self._visual(at, end, kind)
        elif handler == "soun":
            self._audio(at, end, kind)
        elif handler == "hint":
            self._put(_HINT, 4, kind, at + 4, 4)
            data = self._reader.exact(at, min(end - at, 24))
            for key, place, size in ((16, 16, 2), (20, 20, 4)):
                if len(data) >= place + size:
                    self._put(_HINT, key, int.from_bytes(data[place : place + size]), at + place, size)
            self._children(at + 24, end)
        elif handler == "meta":
            self._put(_META, 4, kind, at + 4, 4)
            data = self._reader.exact(at + 8, min(end - at - 8, 1024))
            start = data.find(b"application")
            if start >= 0:
                text = data[start:].split(b"\0")[0].decode("latin-1")
                self._put(_META, 8, text, at + 8 + start, len(text))
            if kind == "mebx":
                self._children(at + 16, end)
        else:
            self._put(_OTHER, 4, kind, at + 4, 4)
            if kind == "tmcd" and end - at >= 34:
                scale, duration = self._reader.unpack("II", at + 24)
                self._put(_OTHER, 24, Rational(scale, duration), at + 24, 8)
                is_drop = bool(self._reader.u32(at + 20) & 1)
                self.counting = timecode.Counting(self._reader.u8(at + 32), is_drop)
                self._children(at + 34, end)
            elif kind == "tx3g" and end - at > 46:
                self._children(at + 46, end)
            elif kind == "stpp":
                self._children(self._behind_texts(at + 16, end), end)

    def _behind_texts(self, at: int, end: int) -> int:
        """Where namespace, places of schemas and media types of XML subtitles end (14496-12, 12.6.3.2); `end` where they don't."""
        data = self._reader.some(at, min(end - at, _MOST_BOX_BYTES))
        place = -1
        for _ in range(3):
            place = data.find(b"\0", place + 1)
            if place < 0:
                return end
        return at + place + 1

    def _visual(self, at: int, end: int, kind: str) -> None:
        reader, stream = self._reader, self._stream
        data = reader.exact(at, min(end - at, _VISUAL_BYTES))
        if len(data) < 36:
            return
        self._put(_VISUAL, 2, kind, at + 4, 4)
        vendor = data[20:24].decode("latin-1")
        if vendor.strip("\0"):
            self._put(_VISUAL, 10, vendor, at + 20, 4)
        width, height = int.from_bytes(data[32:34]), int.from_bytes(data[34:36])
        self._put(_VISUAL, 16, width, at + 32, 2)
        self._put(_VISUAL, 17, height, at + 34, 2)
        if stream.width is None:
            stream.width, stream.height = width or None, height or None
        for key, place in ((18, 36), (20, 40)):
            if len(data) >= place + 4:
                value = int.from_bytes(data[place : place + 4]) / 65536
                self._put(_VISUAL, key, int(value) if value.is_integer() else value, at + place, 4)
        if len(data) >= 82:
            name = _pascal(data[50:82].decode("utf-8", "replace"))
            name = name.split("\0")[0] if isinstance(name, str) else None
            if name:
                self._put(_VISUAL, 25, name, at + 50, 32)
        if len(data) >= 84:
            self._put(_VISUAL, 41, int.from_bytes(data[82:84]), at + 82, 2)
        self._children(at + _VISUAL_BYTES, end)

    def _audio(self, at: int, end: int, kind: str) -> None:
        """Versions 0 to 2 of the sound description; the second has 64-bit floats (QTFF)."""
        reader, stream = self._reader, self._stream
        data = reader.exact(at, min(end - at, _NEW_AUDIO_BYTES))
        if len(data) < _AUDIO_BYTES:
            return
        version = int.from_bytes(data[16:18])
        vendor = data[20:24].decode("latin-1")
        self._put(_AUDIO, 4, kind, at + 4, 4)
        if vendor.strip("\0"):
            self._put(_AUDIO, 20, vendor, at + 20, 4)
        channels, bits = int.from_bytes(data[24:26]), int.from_bytes(data[26:28])
        rate = int.from_bytes(data[32:36]) / 65536
        self._put(_AUDIO, 24, channels, at + 24, 2)
        self._put(_AUDIO, 26, bits, at + 26, 2)
        self._put(_AUDIO, 32, int(rate) if rate.is_integer() else rate, at + 32, 4)
        start = {1: _LONG_AUDIO_BYTES, 2: _NEW_AUDIO_BYTES}.get(version, _AUDIO_BYTES)
        if version == 2 and len(data) >= _NEW_AUDIO_BYTES:
            rate = struct.unpack(">d", data[40:48])[0]
            channels, bits = int.from_bytes(data[48:52]), int.from_bytes(data[56:60])
            if kind == "lpcm":
                flags = int.from_bytes(data[60:64])
                form, order = ("f" if flags & 1 else "s" if flags & 4 else "u"), ("be" if flags & 2 else "le")
                stream.codec = f"pcm_{form}{bits}" + ("" if bits == 8 else order)
        if stream.channels is None:
            stream.channels, stream.sample_rate = channels or None, round(rate) if 0 < rate < 2**31 else None
        if (
            kind == "mlpa"
        ):  # its rate has no fraction (Dolby, "MLP (Dolby TrueHD) streams within ISO base media")
            stream.sample_rate = int.from_bytes(data[32:36])
        elif kind in {"samr", "sawb"}:  # one channel, whatever is written there (3GPP TS 26.244, 6.5)
            stream.channels, stream.sample_rate = 1, 8000 if kind == "samr" else 16000
        if kind in {"raw ", "NONE"}:
            stream.codec = "pcm_u8" if bits <= 8 else "pcm_s16be"
        elif kind in {"twos", "sowt"} and bits == 8:
            stream.codec = "pcm_s8"
        if kind in {"in24": 24, "in32": 32, "fl32": 32, "fl64": 64}:
            bits = {"in24": 24, "in32": 32, "fl32": 32, "fl64": 64}[kind]
        if kind[:2] == "ms":  # behind which a format of WAVE stands (QTFF, "Sound sample description")
            stream.codec = codecs.by_wave_format(int.from_bytes(data[6:8]), bits) or stream.codec
        if stream.codec in {"pcm_alaw", "pcm_mulaw"}:
            bits = 8  # a byte each, of which 16 bits are made
        if stream.codec.startswith("pcm_"):
            stream.bits = bits
            if stream.sample_rate and stream.channels:
                stream.bit_rate = stream.sample_rate * stream.channels * bits
        self._children(at + start, end)

    def _children(self, start: int, end: int) -> None:
        for box in boxes.walk(self._reader, start, end):
            place = self._reader.base + box.offset
            with Surviving(self._document, SECTION, "box", place, box.kind):
                self._child(box)

    def _child(self, box: Box) -> None:
        kind, offset, length = box
        if kind in {b"wave", b"sinf", b"pinf", b"schi", b"rinf", b"sv3d", b"proj"}:
            self._in_wave = kind == b"wave"
            self._children(offset, offset + length)
            self._in_wave = False
            return
        data = self._reader.exact(offset, min(length, _MOST_BOX_BYTES))
        codec_boxes.read(kind, data, self._stream)
        if kind in _BLOCKS:
            table, skip = _BLOCKS[kind]
            table.block(self._document, data[skip:], self._reader.base + offset + skip, group=self._group)
        elif kind == b"colr" and data[:4] in {b"nclx", b"nclc"}:
            _COLOR.block(self._document, data, self._reader.base + offset, group=self._group)
        elif kind == b"colr" and data[:4] in {b"prof", b"rICC"}:
            from extractor_service.formats.embedded import icc  # noqa: PLC0415 - rare in films

            icc.parse(data[4:], self._document, self._reader.base + offset + 4)
        elif kind == b"chan":
            _LAYOUT.block(self._document, data, self._reader.base + offset, group=self._group)
        elif kind == b"schm":
            _SCHEME.block(self._document, data[:10], self._reader.base + offset, group=self._group)
        elif kind == b"prhd":
            _PROJECTION.block(self._document, data, self._reader.base + offset, group=self._group)
        elif kind in {b"equi", b"cbmp"}:
            table = _EQUIRECTANGULAR if kind == b"equi" else _CUBE
            table.block(self._document, data, self._reader.base + offset, group=self._group)
        elif kind == b"uuid":
            if data[:16] == boxes.XMP_UUID:
                xmp.parse(data[16:], self._document, ByteRange(self._reader.base + offset + 16, length - 16))
        else:
            self._value(kind, data, offset)

    def _value(self, kind: bytes, data: bytes, at: int) -> None:
        name, size = kind.decode("latin-1"), len(data)
        if kind == b"pasp" and size >= 8:
            shape = f"{int.from_bytes(data[:4])}:{int.from_bytes(data[4:8])}"
            self._put(_VISUAL, name, shape, at, 8)
        elif kind == b"fiel" and size >= 2:
            self._put(_VISUAL, name, [data[0], data[1]], at, 2)
        elif kind == b"gama" and size >= 4:
            self._put(_VISUAL, name, round(int.from_bytes(data[:4]) / 65536, 5), at, 4)
        elif kind == b"st3d" and size >= 5:
            self._put(_VISUAL, name, data[-1], at, size)
        elif kind == b"svhd":
            self._put(_SPHERE, name, data.replace(b"\0", b"").decode("utf-8", "replace"), at, size)
        elif kind == b"frma":
            self._put(_WAVE if self._in_wave else _PROTECTION, name, data.decode("latin-1"), at, size)
            if self.formats[-1] in {"encv", "enca", "drmi", "drms"}:  # encrypted: what it was before
                self._stream.codec = codecs.by_fourcc(data[:4].decode("latin-1"))
        elif kind == b"enda" and size >= 2:
            self._put(_WAVE, name, int.from_bytes(data[:2]), at, 2)
            if data[1] == 1 and self._stream.codec.endswith("be"):
                self._stream.codec = f"{self._stream.codec[:-2]}le"
        elif kind == b"ftab":
            self._put(_OTHER, name, data[5:].decode("utf-8", "replace"), at, size)
        elif kind == b"name":
            self._put(_OTHER, name, data[4:].decode("utf-8", "replace"), at, size)
        elif kind in {b"tims", b"tsro", b"snro"} and size >= 4:
            self._put(_HINT, name, int.from_bytes(data[:4]), at, 4)
        elif kind == b"mdcv" and size >= 24:
            numbers = [int.from_bytes(data[place : place + 2]) / 50000 for place in range(0, 16, 2)]
            most, least = (int.from_bytes(data[place : place + 4]) / 10000 for place in (16, 20))
            for label, value in (
                ("MasteringDisplayPrimaries", numbers[:6]),
                ("MasteringDisplayWhitePoint", numbers[6:]),
                ("MasteringDisplayLuminance", [least, most]),
            ):
                tag = Tag((label, "float", 1, "", None, ""))
                fields.add(
                    self._document,
                    SECTION,
                    self._group,
                    tag,
                    [*value],
                    ByteRange(self._reader.base + at, size),
                )
        elif kind in {b"dvcC", b"dvvC"} and size >= 5:
            packed = int.from_bytes(data[2:4])
            version = f"{packed >> 9}.{packed >> 3 & 63}"
            tag = Tag(("DolbyVisionProfile", "string", 1, "", None, ""))
            fields.add(
                self._document, SECTION, self._group, tag, version, ByteRange(self._reader.base + at, size)
            )

    def _put(self, table: Table, key: int | str, value: Value, at: int, size: int) -> None:
        table.put(self._document, key, value, ByteRange(self._reader.base + at, size), group=self._group)
