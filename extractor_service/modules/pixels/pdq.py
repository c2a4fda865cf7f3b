"""PDQ: 256 bits of a picture's low frequencies, and how much it has to tell. Own, from the published description.

Facebook, "The TMK+PDQF video-hashing algorithm and the PDQ image-hashing algorithm" (2019), and the formulas of ThreatExchange's
reference sources: luma, two passes of a box filter in each direction, 64 × 64 samples, the frequencies 1 to 16 of both directions
against their median. Filter and samples are linear, and those of rows and of columns don't touch one another: two matrices do both.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL import Image

_SAMPLES, _FREQUENCIES = 64, 16
_LEAST_SIDE = 5  # pixels; below, there is nothing to tell
_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)
_STEPS_PER_POINT = 90  # of the sum of steps between neighbours, for a point of quality


class Pdq(NamedTuple):
    """The hash in 64 hexadecimal digits, and its quality from 0 (says nothing) to 100."""

    hash: str
    quality: int


def pdq(image: Image.Image) -> Pdq:
    """The hash of a picture in RGB or grey."""
    pixels = np.asarray(image, dtype=np.float32)
    luma: NDArray[np.floating[Any]] = pixels @ _LUMA if pixels.ndim == 3 else pixels
    rows, columns = luma.shape
    if min(rows, columns) < _LEAST_SIDE:
        return Pdq("0" * 64, 0)
    small: NDArray[np.float32] = (
        luma if (rows, columns) == (_SAMPLES, _SAMPLES) else _sampler(rows) @ luma @ _sampler(columns).T
    )
    cosines = _cosines()
    frequencies = cosines @ small @ cosines.T
    median = np.sort(frequencies, axis=None)[frequencies.size // 2 - 1]  # the lower one of two
    bits = (frequencies > median).flatten()
    return Pdq(np.packbits(bits[::-1]).tobytes().hex(), _quality(small))


@lru_cache(maxsize=64)
def _sampler(length: int) -> NDArray[np.float32]:
    """64 × `length`: the filter of both passes, at the middles of 64 equal parts."""
    width = (length + 2 * _SAMPLES - 1) // (2 * _SAMPLES)
    half = (width + 2) // 2

    def window(at: int) -> slice:
        return slice(max(0, at - (width - half)), min(length, at + half))

    matrix = np.zeros((_SAMPLES, length))
    for sample in range(_SAMPLES):
        outer = window((2 * sample + 1) * length // (2 * _SAMPLES))
        weight = 1 / (outer.stop - outer.start)
        for at in range(outer.start, outer.stop):
            inner = window(at)
            matrix[sample, inner] += weight / (inner.stop - inner.start)
    return matrix.astype(np.float32)


@lru_cache(maxsize=1)
def _cosines() -> NDArray[np.float32]:
    row, column = np.arange(1, _FREQUENCIES + 1)[:, None], np.arange(_SAMPLES)[None, :]
    scale = np.sqrt(np.float32(2) / _SAMPLES)
    matrix: NDArray[np.float64] = scale * np.cos(np.pi / (2 * _SAMPLES) * row * (2 * column + 1))
    return matrix.astype(np.float32)


def _quality(small: NDArray[np.floating[Any]]) -> int:
    """How much neighbours differ, in hundredths of the whole range each, up to 100."""
    steps = [np.trunc((np.diff(small, axis=axis).astype(np.float32) * 100) / 255) for axis in (0, 1)]
    return min(100, int(sum(np.abs(each).sum() for each in steps)) // _STEPS_PER_POINT)
