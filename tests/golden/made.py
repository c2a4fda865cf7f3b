"""One made file of each kind that no camera's own file is at hand for: trailers, vendors' segments, enciphered blocks, content credentials."""

from __future__ import annotations

from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

from tests.golden import jumbf, made_ciphers, made_reconyx, made_segments, made_trailers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


def _at(make: Callable[[int], Iterable[bytes]], place: int) -> bytes:
    return next(islice(make(1), place, None))


MADE: dict[str, Callable[[], bytes]] = {
    **{f"trailer-{kind}.jpg": partial(_at, partial(made_trailers.files, kind), 0) for kind in made_trailers.KINDS},
    **{f"segments-{kind}.jpg": partial(_at, partial(made_segments.files, kind), 0) for kind in made_segments.KINDS},
    **{f"reconyx-{name.lower()}.jpg": partial(_at, made_reconyx.files, place) for place, name in enumerate(made_reconyx.LAYOUTS)},
    **{f"sony-{name}.jpg": partial(_at, made_ciphers.sony, place) for place, name in enumerate(made_ciphers.SONY_NAMES)},
    **jumbf.CONTAINERS,
}  # fmt: skip
"""By the name of a file."""
