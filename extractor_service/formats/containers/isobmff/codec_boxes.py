"""What the boxes of codecs say beside a track's format: profile, sound, how the picture is shown.

ISO/IEC 14496-15 (avcC, hvcC, vvcC), 14496-1 (esds), 14496-3 (AudioSpecificConfig), 14496-12 (pasp, clap, colr), AV1-ISOBMFF (av1C),
webmproject.org (vpcC), opus-codec.org (dOps), RFC 9639 (dfLa), ETSI TS 102 366 annex F (dac3, dec3), Apple (alac); 23091-2 (colours).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.formats.containers import codecs
from extractor_service.formats.containers.codecs import AAC_PROFILES, AAC_SAMPLE_RATES

if TYPE_CHECKING:
    from extractor_service.formats.containers.streams import Stream

AVC_PROFILES = {
    66: "Baseline", 77: "Main", 88: "Extended", 100: "High", 110: "High 10", 122: "High 4:2:2", 244: "High 4:4:4 Predictive", 44: "CAVLC 4:4:4",
    118: "Multiview High", 128: "Stereo High", 144: "High 4:4:4",
}  # fmt: skip
HEVC_PROFILES = {1: "Main", 2: "Main 10", 3: "Main Still Picture", 4: "Rext", 9: "Screen content coding"}
_AV1_PROFILES = {0: "Main", 1: "High", 2: "Professional"}
PRIMARIES = {1: "bt709", 4: "bt470m", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 8: "film", 9: "bt2020", 10: "smpte428", 11: "smpte431", 12: "smpte432", 22: "ebu3213"}  # fmt: skip
TRANSFERS = {1: "bt709", 4: "bt470m", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 8: "linear", 9: "log100", 10: "log316", 11: "iec61966-2-4", 12: "bt1361e", 13: "iec61966-2-1", 14: "bt2020-10", 15: "bt2020-12", 16: "smpte2084", 17: "smpte428", 18: "arib-std-b67"}  # fmt: skip
MATRICES = {0: "gbr", 1: "bt709", 4: "fcc", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 8: "ycgco", 9: "bt2020nc", 10: "bt2020c", 11: "smpte2085", 14: "ictcp"}  # fmt: skip
_CHANNELS = (0, 1, 2, 3, 4, 5, 6, 8)  # by channel configuration (14496-3, table 1.19)
_AC3_CHANNELS = (2, 1, 2, 3, 3, 4, 4, 5)
_AC3_RATES = (48000, 44100, 32000)
_AOT_SBR, _AOT_PS, _AOT_ESCAPE = 5, 29, 31
_ESCAPE_RATE = 15
_OTHER_CODECS = {32: "mp1", 33: "mp2", 34: "mp3", 36: "mp4als"}
_SYNC_SBR, _SYNC_PS = 0x2B7, 0x548


def color(primaries: int, transfer: int, matrix: int) -> str:
    """The three in names, "" where all are unspecified."""
    names = (PRIMARIES.get(primaries, ""), TRANSFERS.get(transfer, ""), MATRICES.get(matrix, ""))
    return "/".join(each or "unknown" for each in names) if any(names) else ""


def read(kind: bytes, data: bytes, stream: Stream) -> None:
    """Fills `stream` with what the box of that kind says; boxes of other kinds say nothing here.

    Raises:
        IndexError, ValueError: it isn't what it should be.
    """
    reader = _READERS.get(kind)
    if reader is not None:
        reader(data, stream)


def _avc(data: bytes, stream: Stream) -> None:
    profile, constraints = data[1], data[2]
    name = AVC_PROFILES.get(profile, "")
    if profile == 66 and constraints & 0x40:
        name = "Constrained Baseline"
    elif profile in {110, 122} and constraints & 0x10:
        name += " Intra"
    stream.profile = name


def _hevc(data: bytes, stream: Stream) -> None:
    stream.profile = HEVC_PROFILES.get(data[1] & 31, "")


def _vvc(data: bytes, stream: Stream) -> None:
    if data[4] & 1:
        profile = data[8] >> 1 if len(data) > 8 else 0
        stream.profile = {1: "Main 10", 33: "Main 10 4:4:4", 65: "Main 10 Still Picture"}.get(profile, "")


def _av1(data: bytes, stream: Stream) -> None:
    stream.profile = _AV1_PROFILES.get(data[1] >> 5, "")


def _vp9(data: bytes, stream: Stream) -> None:
    stream.profile = f"Profile {data[4]}"
    stream.color = stream.color or color(data[7], data[8], data[9])


def _pixel_shape(data: bytes, stream: Stream) -> None:
    across, down = int.from_bytes(data[:4]), int.from_bytes(data[4:8])
    if across and down and across != down and stream.width:
        stream.display_width, stream.display_height = round(stream.width * across / down), stream.height


def _colors(data: bytes, stream: Stream) -> None:
    if data[:4] in {b"nclx", b"nclc"}:
        stream.color = color(*(int.from_bytes(data[at : at + 2]) for at in (4, 6, 8)))


def _rates(data: bytes, stream: Stream) -> None:
    average = int.from_bytes(data[8:12])
    if average and average != 0xFFFFFFFF and not stream.bit_rate:
        stream.bit_rate = average


def _opus(data: bytes, stream: Stream) -> None:
    stream.channels, stream.sample_rate, stream.bits = data[1], 48000, None


def _flac(data: bytes, stream: Stream) -> None:
    """A block of stream information behind version and head (dfLa)."""
    packed = int.from_bytes(data[18:26])
    rate = packed >> 44
    if rate:
        stream.sample_rate, stream.channels, stream.bits = (
            rate,
            (packed >> 41 & 7) + 1,
            (packed >> 36 & 31) + 1,
        )


def _alac(data: bytes, stream: Stream) -> None:
    """Apple's magic cookie (ALACSpecificConfig), behind version and flags."""
    if len(data) >= 28:
        stream.bits, stream.channels, stream.sample_rate = data[9], data[13], int.from_bytes(data[24:28])


def _ac3(data: bytes, stream: Stream) -> None:
    packed = int.from_bytes(data[:3])
    stream.channels = _AC3_CHANNELS[packed >> 11 & 7] + (packed >> 10 & 1)
    stream.bits = None
    if packed >> 22 < 3:
        stream.sample_rate = _AC3_RATES[packed >> 22]


def _eac3(data: bytes, stream: Stream) -> None:
    stream.bits = None
    packed = int.from_bytes(data[2:5])
    if packed >> 22 < 3:
        stream.sample_rate = _AC3_RATES[packed >> 22]
    stream.channels = _AC3_CHANNELS[packed >> 9 & 7] + (packed >> 8 & 1)


def _dts(data: bytes, stream: Stream) -> None:
    """DTSSpecificBox (ETSI TS 102 114, E.2.2): rate, and a mask of speakers, of which some bits are pairs."""
    stream.sample_rate, stream.bits = int.from_bytes(data[:4]), None
    packed = int.from_bytes(data[13:20])
    mask = packed >> 8 & 0xFFFF
    channels = sum((2 if 0x66AE >> bit & 1 else 1) for bit in range(16) if mask >> bit & 1)
    stream.channels = channels or stream.channels


def _descriptors(data: bytes, stream: Stream) -> None:
    """The elementary stream's descriptor: object type, rates, and the decoder's own configuration (14496-1, 7.2.6)."""
    place, end = 4, len(data)
    while place < end:
        tag, place = data[place], place + 1
        length = 0
        for _ in range(4):
            byte = data[place]
            length, place = length << 7 | byte & 0x7F, place + 1
            if not byte & 0x80:
                break
        if tag == 3:
            flags = data[place + 2]
            place += 3 + (2 if flags & 0x80 else 0) + (2 if flags & 0x20 else 0)
            if flags & 0x40:
                place += 1 + data[place - (2 if flags & 0x20 else 0)]
        elif tag == 4:
            kind = data[place]
            stream.codec = codecs.by_object_type(kind) or stream.codec
            average = int.from_bytes(data[place + 9 : place + 13])
            if average and average != 0xFFFFFFFF:
                stream.bit_rate = average
            if kind in {0x66, 0x67, 0x68}:
                stream.profile = {0x66: "Main", 0x67: "LC", 0x68: "SSR"}[kind]
            place += 13
        elif tag == 5:
            if stream.kind == "audio" and stream.codec == "aac":
                audio_configuration(data[place : place + length], stream)
            return
        else:
            place += length


def audio_configuration(data: bytes, stream: Stream) -> None:
    """AudioSpecificConfig (14496-3, 1.6.2): what the sound is once it is decoded, with spectral replication and parametric stereo."""
    bits = _Bits(data)
    kind = _object_type(bits)
    rate = _sample_rate(bits)
    channels = bits.take(4)
    if kind in {_AOT_SBR, _AOT_PS}:
        rate = _sample_rate(bits)  # of the whole; the core has half
        stream.profile = AAC_PROFILES[kind]
        _object_type(bits)
    elif kind in _OTHER_CODECS:
        stream.codec, stream.profile = _OTHER_CODECS[kind], ""
    else:
        stream.profile = AAC_PROFILES.get(kind, "")
    if kind in {1, 2, 3, 4} and channels:
        rate, is_parametric = _extended(bits, rate, stream)
        if is_parametric and channels == 1:
            channels = 2
    if rate:
        stream.sample_rate = rate
    if channels and channels < len(_CHANNELS):
        stream.channels = 2 if kind == _AOT_PS and channels == 1 else _CHANNELS[channels]
    elif channels in {11, 12, 13, 14}:
        stream.channels = {11: 7, 12: 8, 13: 24, 14: 8}[channels]
    stream.bits = None


def _extended(bits: _Bits, rate: int, stream: Stream) -> tuple[int, bool]:
    """What is appended so that old decoders don't see it (14496-3, 1.6.5): the doubled rate, and whether one channel makes two."""
    try:
        bits.take(1)
        bits.take(14 if bits.take(1) else 0)
        bits.take(1)
        if bits.take(11) != _SYNC_SBR or _object_type(bits) != _AOT_SBR or not bits.take(1):
            return rate, False
        rate = _sample_rate(bits) or rate
        stream.profile = AAC_PROFILES[_AOT_SBR]
        is_parametric = bits.take(11) == _SYNC_PS and bits.take(1) == 1
    except IndexError:
        return rate, False
    if is_parametric:
        stream.profile = AAC_PROFILES[_AOT_PS]
    return rate, is_parametric


class _Bits:
    """Bits, the highest first; zeros beyond the end."""

    def __init__(self, data: bytes) -> None:
        self._value, self._left = int.from_bytes(data[:16]), len(data[:16]) * 8

    def take(self, count: int) -> int:
        """The next ones as a number."""
        self._left -= count
        if self._left < 0:
            raise IndexError("the configuration is cut")
        return self._value >> self._left & (1 << count) - 1


def _object_type(bits: _Bits) -> int:
    kind = bits.take(5)
    return 32 + bits.take(6) if kind == _AOT_ESCAPE else kind


def _sample_rate(bits: _Bits) -> int:
    index = bits.take(4)
    if index == _ESCAPE_RATE:
        return bits.take(24)
    return AAC_SAMPLE_RATES[index] if index < len(AAC_SAMPLE_RATES) else 0


_READERS = {
    b"avcC": _avc, b"hvcC": _hevc, b"vvcC": _vvc, b"av1C": _av1, b"vpcC": _vp9, b"pasp": _pixel_shape, b"colr": _colors, b"btrt": _rates,
    b"dOps": _opus, b"dfLa": _flac, b"alac": _alac, b"dac3": _ac3, b"dec3": _eac3, b"ddts": _dts, b"esds": _descriptors,
}  # fmt: skip
