"""The module that reads the format itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.formats.plausibility.apply import apply
from extractor_service.modules.base import Part

if TYPE_CHECKING:
    from extractor_service.document import Document
    from extractor_service.modules.base import ModuleContext
    from extractor_service.sources.base import ByteSource


class MetadataModule:
    """Sections and fields, as the format has them."""

    name = "metadata"
    version = "2"
    description = "Sections and fields of the recognised format."
    default_enabled = True
    writes: Part | tuple[str, ...] = Part.SECTIONS
    needs_whole_file = False
    reads: tuple[str, ...] = ()

    def applies(self, context: ModuleContext) -> bool:
        """Only to a recognised format."""
        return context.format is not None

    def options(self, context: ModuleContext) -> str:
        """How deep it was read."""
        return context.depth_option

    def run(self, source: ByteSource, document: Document, context: ModuleContext) -> None:
        """Loads the format's parser, runs it, and checks what it found."""
        if context.format is None:
            return
        try:
            context.format.load()(source, document)
        finally:  # what was read before damage is checked as well
            apply(document, source.size_bytes)
