"""Quantisation tables of JPEG: whether they are the standard ones of the Independent JPEG Group's library, and at which quality.

ITU-T T.81, annex K.1 and K.2; scaling as libjpeg's `jpeg_set_quality` does it (jcparam.c): cameras' makers have tables of their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from extractor_service.modules.content.pictures import jpeg_parts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from extractor_service.sources.base import ByteSource

_LUMINANCE = (
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51, 87, 80, 62,
    18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
)  # fmt: skip
_CHROMINANCE = (
    17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, 24, 26, 56, 99, 99, 99, 99, 99, 47, 66, 99, 99, 99, 99, 99, 99,
    *(99,) * 32,
)  # fmt: skip
_ZIGZAG = (
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28,
    35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
)  # fmt: skip
_DQT = 0xDB


class Tables(NamedTuple):
    """What the tables say."""

    quality: int | None
    """Of the standard tables, 1 to 100; None when they are others."""
    offset: int
    length: int


def tables(source: ByteSource) -> Tables | None:
    """The first picture's tables; None where there are none."""
    found: dict[int, tuple[int, ...]] = {}
    offset = length = 0
    for kind, at, end in jpeg_parts(source):
        if kind == 0xDA:
            break
        if kind == _DQT:
            offset, length = offset or at, length + end - at
            found.update(_parse(source.read_range(at + 4, end - at - 4)))
    if 0 not in found:
        return None
    return Tables(_quality(found), offset, length)


def _parse(data: bytes) -> Iterator[tuple[int, tuple[int, ...]]]:
    at = 0
    while at < len(data):
        width = 2 if data[at] >> 4 else 1
        values = data[at + 1 : at + 1 + 64 * width]
        if len(values) < 64 * width:
            return
        numbers = tuple(int.from_bytes(values[k : k + width]) for k in range(0, 64 * width, width))
        natural = [0] * 64
        for place, number in zip(_ZIGZAG, numbers, strict=True):
            natural[place] = number
        yield data[at] & 15, tuple(natural)
        at += 1 + 64 * width


def _quality(found: dict[int, tuple[int, ...]]) -> int | None:
    for quality in range(1, 101):
        scale = 5000 // quality if quality < 50 else 200 - 2 * quality
        if found[0] != _scaled(_LUMINANCE, scale):
            continue
        if all(table in {found[0], _scaled(_CHROMINANCE, scale)} for table in found.values()):
            return quality
    return None


def _scaled(table: tuple[int, ...], scale: int) -> tuple[int, ...]:
    return tuple(min(255, max(1, (value * scale + 50) // 100)) for value in table)
