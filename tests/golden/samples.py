"""All golden samples by file name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.golden import (
    containers,
    films,
    foreign,
    google,
    images,
    made,
    makernotes,
    media,
    raws,
    science,
    sounds,
)

if TYPE_CHECKING:
    from collections.abc import Callable

MEDIA: dict[str, Callable[[], bytes]] = {
    "song.mp3": media.mp3, "movie.mp4": media.mp4, "silence.wav": media.wav, **sounds.SOUNDS, **films.FILMS,
}  # fmt: skip
SAMPLES: dict[str, Callable[[], bytes]] = {
    "little.jpg": images.jpeg,
    "big.jpg": lambda: images.jpeg(big_endian=True),
    "chunks.png": images.png,
    "pages.tif": images.tiff_pages,
    "bigtiff.tif": lambda: images.tiff_pages(big=True),
    "hdus.fits": science.fits,
    "tree.h5": science.hdf5,
    "ct.dcm": science.dicom,
    "two-pages.pdf": media.pdf,
    "google.xmp": google.sidecar,
    **containers.CONTAINERS,
    **raws.RAWS,
    **MEDIA,
    **foreign.FOREIGN,
    **{f"{name}.jpg": make for name, make in makernotes.PHOTOGRAPHS.items()},
    **made.MADE,
}
