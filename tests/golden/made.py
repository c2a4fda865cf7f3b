"""One made file of each kind that no camera's own file is at hand for: trailers, vendors' segments, enciphered blocks, content credentials."""

from __future__ import annotations

from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

from tests.golden import jumbf, made_ciphers, made_raws, made_reconyx, made_segments, made_trailers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


def _nth(make: Callable[[int], Iterable[bytes]], kind: int) -> bytes:
    """The second file of a kind: of these, every value is possible."""
    return next(islice(make(2), 2 * kind + 1, None))


MADE: dict[str, Callable[[], bytes]] = {
    **{f"trailer-{kind}.jpg": partial(_nth, partial(made_trailers.files, kind), 0) for kind in made_trailers.KINDS},
    **{f"segments-{kind}.jpg": partial(_nth, partial(made_segments.files, kind), 0) for kind in made_segments.KINDS},
    **{f"reconyx-{name.lower()}.jpg": partial(_nth, made_reconyx.files, place) for place, name in enumerate(made_reconyx.LAYOUTS)},
    **{f"sony-{name}.jpg": partial(_nth, made_ciphers.sony, place) for place, name in enumerate(made_ciphers.SONY_NAMES)},
    "sony.arw": partial(_nth, partial(made_raws.files, "arw"), 0),
    **jumbf.CONTAINERS,
}  # fmt: skip
"""By the name of a file."""
