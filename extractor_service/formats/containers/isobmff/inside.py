"""Films inside other files: the moving part of a photograph. What they consist of goes into a section of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.document import Document, Field
from extractor_service.formats.base import CorruptFileError

if TYPE_CHECKING:
    from extractor_service.sources.base import ByteSource

SECTION = "motion_photo"


class _Window:
    """A part of a file, as a file."""

    def __init__(self, source: ByteSource, base: int, size_bytes: int) -> None:
        self._source, self._base, self.size_bytes = source, base, size_bytes

    def read_range(self, offset: int, length: int) -> bytes:
        """See `ByteSource.read_range`."""
        return self._source.read_range(self._base + offset, max(0, min(length, self.size_bytes - offset)))


def describe(source: ByteSource, document: Document, at: int, length: int) -> None:
    """Adds duration, streams and chapters of the first film of a file, as the section "streams" has them of films."""
    from extractor_service.formats.containers.isobmff import mp4  # noqa: PLC0415 - of photographs with a film alone

    if SECTION in document.sections:
        return
    inner = Document(document.limits)
    try:
        mp4.parse(_Window(source, at, length), inner)
    except CorruptFileError:
        return
    for field in inner.sections.get("streams", ()):
        document.add(SECTION, Field(field.name, field.value, field.text, field.unit, group=field.group))
