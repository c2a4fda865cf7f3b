"""How many elements an array has, by a shape that a file states."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

_MOST_RANK: Final = 64  # dimensions; NumPy has 64 at most, others fewer
_MOST: Final = 1 << 63  # what an offset in a file may be


def count_of(shape: Iterable[object]) -> int:
    """The number of elements, below 2^63; 1 for no dimensions.

    Raises:
        ValueError: dimensions that no array has: more than 64, negative, no whole numbers, or too many elements. The product is
            bounded while it grows: thousands of long factors would take minutes.
    """
    count = 1
    for rank, each in enumerate(shape):
        if type(each) is not int or not 0 <= each < _MOST or rank >= _MOST_RANK:
            raise ValueError(
                f"a dimension of {each!r:.40}" if rank < _MOST_RANK else f"more than {_MOST_RANK} dimensions"
            )
        count *= each
        if count >= _MOST:
            raise ValueError("an array of 2^63 elements or more")
    return count
