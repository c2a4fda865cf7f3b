"""FLAC: stream information and Vorbis comments (RFC 9639, sections 8.2 and 8.6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.formats.containers.media import stream_tags

if TYPE_CHECKING:
    from extractor_service.document import Document
    from extractor_service.sources.base import ByteSource


def parse(source: ByteSource, document: Document) -> None:
    """STREAMINFO and Vorbis comments."""
    stream_tags.parse(source, document, "a.flac")
