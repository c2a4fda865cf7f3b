"""Values calculated from others: size, exposure, angle of view. Only arithmetic; what is read is in other sections.

Formulas as ExifTool documents them (exiftool.org/TagNames/Composite.html): the circle of confusion is the diagonal of
the sensor / 1440, the light value is 2 log2(N) - log2(t) - log2(ISO / 100).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from extractor_service.modules.base import Module
from extractor_service.modules.common import image_size
from extractor_service.modules.composite import exposure, lens, makers, media, optics, places, times
from extractor_service.modules.composite.facts import SECTION, Facts

if TYPE_CHECKING:
    from extractor_service.document import Document
    from extractor_service.formats.base import Format
    from extractor_service.modules.base import ModuleContext
    from extractor_service.sources.base import ByteSource

_MOST_DIGITS: Final = 10  # of a size in whole numbers
_MEDIA: Final = ("video/", "audio/")


class CompositeModule(Module):
    """Calculated values of images, films and sound."""

    name = "composite"
    version = "4"
    description = (
        "Values calculated from the file's own: megapixels, 35 mm equivalents, light value, field of view."
    )
    default_enabled = True
    writes = (SECTION,)
    reads = ("metadata",)

    def applies(self, context: ModuleContext) -> bool:
        """Only to images, films and sound."""
        return context.format is not None and (
            context.format.mime_type.startswith(("image/", *_MEDIA)) or context.format.name == "xmp"
        )

    def run(self, source: ByteSource, document: Document, context: ModuleContext) -> None:
        """Adds the section "composite"; reads nothing."""
        if context.format is not None and context.format.mime_type.startswith(_MEDIA):
            media.add(document, source.size_bytes)
            return
        facts = Facts(document)
        _size(document, context.format, facts)
        if not facts.is_of_camera:
            return
        makers.add_before(facts)
        aperture = exposure.add(facts)
        exposure.add_white_balance(facts)
        exposure.add_flash(facts)
        optics.add(facts, aperture)
        lens.add(facts)
        places.add(facts)
        times.add(facts)
        makers.add_after(facts)


def _plain_number(document: Document, name: str) -> int | None:
    """Of a drawing (SVG), whose sizes may also have units, or be shares of what it stands in."""
    field = document.find("svg", name)
    text = field.value if field is not None else None
    return int(text) if isinstance(text, str) and text.isdecimal() and 0 < len(text) < _MOST_DIGITS else None


def _preview_size(document: Document, facts: Facts) -> None:
    width, height = (document.find("app4", f"PreviewImage{side}") for side in ("Width", "Height"))
    if width is not None and height is not None:
        facts.put("PreviewImageSize", f"{width.value}x{height.value}")


def _size(document: Document, file_format: Format | None, facts: Facts) -> None:
    width, height = image_size(document, file_format)
    if width is None or height is None:
        width, height = (_plain_number(document, name) for name in ("ImageWidth", "ImageHeight"))
    _preview_size(document, facts)
    if width is None or height is None:
        return
    if facts.field("SensorRightBorder", "exif") is not None:
        facts.put("ImageWidth", width, unit="px")
        facts.put("ImageHeight", height, unit="px")
    facts.put("ImageSize", f"{width} {height}", f"{width}x{height}")
    megapixels = width * height / 1e6
    digits = 1 if megapixels >= 1 else 3 if megapixels >= 0.001 else 6
    facts.put("Megapixels", megapixels, f"{megapixels:.{digits}f}", "Mpx")
    divisor = math.gcd(width, height)
    facts.put("AspectRatio", width / height, f"{width // divisor}:{height // divisor}")
