"""Sequence parameter sets: size, profile and rate of H.264 (7.3.2.1.1, annex E) and H.265 (7.3.2.2) pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.formats.containers.film.bitstream import Bits, unescaped
from extractor_service.formats.containers.isobmff.codec_boxes import AVC_PROFILES, HEVC_PROFILES, color

if TYPE_CHECKING:
    from extractor_service.formats.containers.streams import Stream

_WITH_CHROMA = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})
_SHAPES = ((0, 1), (1, 1), (12, 11), (10, 11), (16, 11), (40, 33), (24, 11), (20, 11), (32, 11), (80, 33), (18, 11), (15, 11), (64, 33), (160, 99), (4, 3), (3, 2), (2, 1))  # fmt: skip
_EXTENDED_SHAPE = 255


def h264(nal: bytes, stream: Stream) -> None:
    """Fills `stream` from a set behind its NAL header; raises IndexError or ValueError where it is none."""
    bits = Bits(unescaped(nal))
    profile, constraints = bits.take(8), bits.take(8)
    bits.take(8)
    bits.unsigned()
    chroma, separate = 1, False
    if profile in _WITH_CHROMA:
        chroma = bits.unsigned()
        separate = bits.flag() if chroma == 3 else False
        bits.unsigned()
        bits.unsigned()
        bits.flag()
        if bits.flag():
            for index in range(8 if chroma != 3 else 12):
                if bits.flag():
                    _skip_scaling(bits, 16 if index < 6 else 64)
    bits.unsigned()
    order = bits.unsigned()
    if order == 0:
        bits.unsigned()
    elif order == 1:
        bits.flag()
        bits.signed()
        bits.signed()
        for _ in range(min(bits.unsigned(), 255)):
            bits.signed()
    bits.unsigned()
    bits.flag()
    across, down = bits.unsigned() + 1, bits.unsigned() + 1
    frames_only = bits.flag()
    if not frames_only:
        bits.flag()
    bits.flag()
    left = right = top = bottom = 0
    if bits.flag():
        left, right, top, bottom = (bits.unsigned() for _ in range(4))
    per_x = 1 if chroma in {0, 3} or separate else 2
    per_y = (2 if chroma == 1 and not separate else 1) * (1 if frames_only else 2)
    stream.width = across * 16 - (left + right) * per_x
    stream.height = down * 16 * (1 if frames_only else 2) - (top + bottom) * per_y
    name = AVC_PROFILES.get(profile, "")
    stream.profile = "Constrained Baseline" if profile == 66 and constraints & 0x40 else name
    if bits.flag():
        _vui(bits, stream, ticks_per_frame=2)


def _skip_scaling(bits: Bits, count: int) -> None:
    last = following = 8
    for _ in range(count):
        if following:
            following = (last + bits.signed()) % 256
        last = following or last


def _vui(bits: Bits, stream: Stream, ticks_per_frame: int) -> None:
    """Shape of a pixel, colours, rate (annex E.1.1), as far as H.264 and H.265 have them in common."""
    if bits.flag():
        index = bits.take(8)
        shape = (
            (bits.take(16), bits.take(16))
            if index == _EXTENDED_SHAPE
            else _SHAPES[index]
            if index < len(_SHAPES)
            else (0, 1)
        )
        if shape[0] and shape[1] and shape[0] != shape[1] and stream.width:
            stream.display_width, stream.display_height = (
                round(stream.width * shape[0] / shape[1]),
                stream.height,
            )
    if bits.flag():
        bits.flag()
    if bits.flag():
        bits.take(4)
        if bits.flag():
            stream.color = color(bits.take(8), bits.take(8), bits.take(8))
    if bits.flag():
        bits.unsigned()
        bits.unsigned()
    if ticks_per_frame and bits.flag():
        units, scale = bits.take(32), bits.take(32)
        if units and scale:
            stream.frame_rate = scale / (units * ticks_per_frame)


def hevc(nal: bytes, stream: Stream) -> None:
    """The same of H.265, behind its two bytes of NAL header; rates stand elsewhere."""
    bits = Bits(unescaped(nal))
    bits.take(4)
    layers = bits.take(3)
    bits.flag()
    bits.take(3)
    stream.profile = HEVC_PROFILES.get(bits.take(5), "")
    bits.take(32)
    bits.take(48)
    bits.take(8)
    present = [(bits.flag(), bits.flag()) for _ in range(layers)]
    if layers:
        bits.take(2 * (8 - layers))
    for profile, level in present:
        bits.take((88 if profile else 0) + (8 if level else 0))
    bits.unsigned()
    chroma = bits.unsigned()
    if chroma == 3:
        bits.flag()
    width, height = bits.unsigned(), bits.unsigned()
    if bits.flag():
        per_x, per_y = (2 if chroma in {1, 2} else 1), (2 if chroma == 1 else 1)
        left, right, top, bottom = (bits.unsigned() for _ in range(4))
        width, height = width - (left + right) * per_x, height - (top + bottom) * per_y
    stream.width, stream.height = width, height
