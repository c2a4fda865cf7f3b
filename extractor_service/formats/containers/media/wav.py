"""WAV: the chunks of a RIFF file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.formats.containers.media import stream_tags

if TYPE_CHECKING:
    from extractor_service.document import Document
    from extractor_service.sources.base import ByteSource


def parse(source: ByteSource, document: Document) -> None:
    """The fmt chunk and INFO or ID3 tags."""
    stream_tags.parse(source, document, "a.wav")
