"""The module that compares a picture with the thumbnail in its EXIF: editors often forget the one when they change the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.document import Evidence, Observation, Severity
from extractor_service.formats.base import CorruptFileError
from extractor_service.modules.base import PIXELS, CostClass, Lifetime, Module, Part
from extractor_service.modules.pixels.decode import THUMBNAIL, NoPictureError
from extractor_service.modules.pixels.perceptual import PerceptualModule, missing_packages

if TYPE_CHECKING:
    from PIL import Image

    from extractor_service.document import Document
    from extractor_service.modules.base import ModuleContext
    from extractor_service.sources.base import ByteSource

_FAR_BITS = 20
"""Of 64 bits of the difference hash: thumbnails of their own pictures differed in 14 at most in 99 % of a corpus, others' in 32 on average."""
_LEAST_SIDE = 32  # pixels: of fewer, a hash of 9 × 8 says nothing
_BAR_LEVEL = 16  # of 255: darker rows at a thumbnail's edges are bars that make up its shape


class ThumbnailModule(Module):
    """The thumbnail against the picture, by their difference hashes."""

    name = "thumbnail"
    version = "1"
    description = "Whether the thumbnail in EXIF shows the picture, by difference hash."
    writes = Part.OBSERVATIONS
    sets = ("forensic",)
    reads = ("metadata",)
    cost_class = CostClass.PIXELS
    worker_kind = PIXELS
    lifetime = Lifetime.PERCEPTUAL_HASH
    needs_whole_file = True
    needs_pixels = True

    def applies(self, context: ModuleContext) -> bool:
        """To JPEG."""
        return context.format is not None and context.format.name == "jpeg"

    def unavailable(self) -> str:
        """Whether Pillow or NumPy is missing."""
        return missing_packages()

    def preload(self) -> None:
        """Loads both."""
        PerceptualModule().preload()

    def run(self, source: ByteSource, document: Document, context: ModuleContext) -> None:
        """Adds an observation where they differ."""
        from extractor_service.modules.pixels import hashes  # noqa: PLC0415 - in workers of this kind alone

        del source
        field = document.find("exif", THUMBNAIL)
        if context.pixels is None or field is None:
            return
        try:
            small = context.pixels.thumbnail(document)
            whole = context.pixels.main(document) if small is not None else None
        except (CorruptFileError, NoPictureError):
            return  # other modules say so
        if small is None or whole is None or min(*small.size, *whole.size) < _LEAST_SIDE:
            return
        small, grey = _unbarred(small.convert("L")), whole.convert("L")
        distance = min(  # a picture that was turned keeps its thumbnail as it was
            _distance(hashes.difference(turned), hashes.difference(_cropped(grey, turned.size)))
            for turned in (small, *(small.rotate(angle, expand=True) for angle in (90, 180, 270)))
        )
        if distance >= _FAR_BITS:
            document.observations.append(
                Observation(
                    "thumbnail_differs",
                    Severity.WARNING,
                    f"The thumbnail doesn't show the picture: their hashes differ in {distance} of 64 bits.",
                    (Evidence("exif.ThumbnailImage", f"{distance} of 64 bits differ", field.origin),),
                    "A look at both: a picture without contours, or a thumbnail that was cut differently.",
                )
            )


def _distance(one: str, other: str) -> int:
    return (int(one, 16) ^ int(other, 16)).bit_count()


def _unbarred(small: Image.Image) -> Image.Image:
    """Without black bars: EXIF's thumbnails are 160 × 120, whatever the picture's shape."""
    box = small.point(lambda value: 255 if value > _BAR_LEVEL else 0).getbbox()
    if box is None:
        return small
    left, top, right, bottom = box
    is_small_part = (right - left) * 2 < small.width or (bottom - top) * 2 < small.height
    return small if is_small_part else small.crop(box)


def _cropped(whole: Image.Image, shape: tuple[int, int]) -> Image.Image:
    """The middle of the picture in the thumbnail's shape, where that is another."""
    width, height = whole.size
    wanted = shape[0] / shape[1]
    if abs(width / height / wanted - 1) < 0.03:  # as near as 160 × 120 can come
        return whole
    if width / height > wanted:
        inner = round(height * wanted)
        return whole.crop(((width - inner) // 2, 0, (width + inner) // 2, height))
    inner = round(width / wanted)
    return whole.crop((0, (height - inner) // 2, width, (height + inner) // 2))
