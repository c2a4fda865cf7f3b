"""The module that reads the format itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.formats.plausibility.apply import apply
from extractor_service.modules.base import CostClass, Module, Part

if TYPE_CHECKING:
    from extractor_service.document import Document
    from extractor_service.modules.base import ModuleContext
    from extractor_service.sources.base import ByteSource


class MetadataModule(Module):
    """Sections and fields, as the format has them."""

    name = "metadata"
    version = "3"
    description = "Sections and fields of the recognised format."
    default_enabled = True
    cost_class = CostClass.RANGES
    writes = Part.SECTIONS

    def applies(self, context: ModuleContext) -> bool:
        """Only to a recognised format."""
        return context.format is not None

    def run(self, source: ByteSource, document: Document, context: ModuleContext) -> None:
        """Loads the format's parser, runs it, and checks what it found."""
        if context.format is None:
            return
        try:
            context.format.load()(source, document)
        finally:  # what was read before damage is checked as well
            apply(document, source.size_bytes)
