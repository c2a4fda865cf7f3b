"""The module of perceptual hashes: pictures that look alike have hashes that differ in few bits."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

from extractor_service.document import Field, ProblemKind
from extractor_service.modules.base import PIXELS, CostClass, Lifetime, Module
from extractor_service.modules.pixels.decode import NoPictureError

if TYPE_CHECKING:
    from extractor_service.document import Document
    from extractor_service.modules.base import ModuleContext
    from extractor_service.sources.base import ByteSource

SECTION = "perceptual"
_PACKAGES = ("numpy", "PIL")


def missing_packages() -> str:
    """Why pictures can't be decoded here; "" when they can."""
    missing = [name for name in _PACKAGES if importlib.util.find_spec(name) is None]
    return f"not installed: {', '.join(missing)} (extra `modules`)" if missing else ""


class PerceptualModule(Module):
    """Hashes of the picture: pHash, dHash, aHash and PDQ."""

    name = "perceptual"
    version = "1"
    description = "Perceptual hashes (pHash, dHash, aHash, PDQ) of pictures, and of the picture within raw files and films."
    writes = (SECTION,)
    reads = ("metadata",)
    cost_class = CostClass.PIXELS
    worker_kind = PIXELS
    lifetime = Lifetime.PERCEPTUAL_HASH
    needs_whole_file = True
    needs_pixels = True

    def applies(self, context: ModuleContext) -> bool:
        """To pictures and films."""
        return context.mime_type.startswith(("image/", "video/")) and context.format is not None

    def unavailable(self) -> str:
        """Whether Pillow or NumPy is missing."""
        return missing_packages()

    def preload(self) -> None:
        """Loads both."""
        from PIL import Image  # noqa: PLC0415 - in workers of this kind alone

        from extractor_service.modules.pixels import hashes, pdq  # noqa: PLC0415

        Image.preinit()
        del hashes, pdq

    def run(self, source: ByteSource, document: Document, context: ModuleContext) -> None:
        """Adds the section "perceptual": the hashes, what they are of, and its quality by PDQ."""
        from extractor_service.modules.pixels import hashes, pdq  # noqa: PLC0415 - as above

        del source
        if context.pixels is None:
            return
        try:
            image = context.pixels.main(document)
        except NoPictureError as error:
            document.problem(SECTION, ProblemKind.UNSUPPORTED, str(error))
            return
        grey = image.convert("L")
        found = pdq.pdq(image)
        group = context.pixels.origin
        for name, value in (
            ("PHash", hashes.frequency(grey)),
            ("DHash", hashes.difference(grey)),
            ("AHash", hashes.average(grey)),
            ("PDQ", found.hash),
        ):
            document.add(SECTION, Field(name, value, group=group))
        document.add(SECTION, Field("PDQQuality", found.quality, group=group))
