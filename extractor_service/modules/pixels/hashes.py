"""Perceptual hashes of 64 bits: average, difference and frequency hash, bit by bit as the library ImageHash has them.

Algorithms: N. Krawetz, "Looks like it" (2011) and "Kind of like that" (2013), hackerfactor.com; the frequency hash by
E. Klinger and D. Starkweather's pHash. The picture is made grey in its full size, then reduced by a Lanczos filter.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SIDE = 8  # bits in a row: 64 in all
_WIDE = 32  # pixels that the frequencies are taken of


def average(grey: Image.Image) -> str:
    """Which of 8 × 8 pixels are brighter than their mean."""
    pixels = _reduced(grey, _SIDE, _SIDE)
    return _hex(pixels > pixels.mean())


def difference(grey: Image.Image) -> str:
    """Which of 9 × 8 pixels are brighter than their left neighbour."""
    pixels = _reduced(grey, _SIDE + 1, _SIDE)
    return _hex(pixels[:, 1:] > pixels[:, :-1])


def frequency(grey: Image.Image) -> str:
    """Which of the lowest 8 × 8 frequencies of 32 × 32 pixels are above their median."""
    pixels = _reduced(grey, _WIDE, _WIDE).astype(np.float64)
    cosines = _cosines()
    low = cosines @ pixels @ cosines.T
    return _hex(low > np.median(low) + 1e-6)  # of a flat picture all are zero, and rounding is no content


@lru_cache(maxsize=1)
def _cosines() -> NDArray[np.float64]:
    """The first rows of the discrete cosine transform (type II, not normalised)."""
    row, column = np.arange(_SIDE)[:, None], np.arange(_WIDE)[None, :]
    return 2 * np.cos(np.pi * row * (2 * column + 1) / (2 * _WIDE))


def _reduced(grey: Image.Image, width: int, height: int) -> NDArray[np.uint8]:
    return np.asarray(grey.resize((width, height), Image.Resampling.LANCZOS))


def _hex(bits: NDArray[np.bool_]) -> str:
    return np.packbits(bits.flatten()).tobytes().hex()
