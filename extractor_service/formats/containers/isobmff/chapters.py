"""Chapters of films: the samples of a text track that another one refers to. QTFF, "Chapter lists"."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.formats.containers.streams import Chapter
from extractor_service.formats.reading.reader import Reader
from extractor_service.sources.base import will_read

if TYPE_CHECKING:
    from extractor_service.formats.containers.isobmff.samples import Samples

_MOST_TITLE_BYTES = 2048  # a title is a line


def of_track(reader: Reader, samples: Samples, scale: int) -> list[Chapter]:
    """Beginning in seconds and title of every sample; raises TruncatedError."""
    spans = samples.spans()
    will_read(reader.source, spans)
    whole, found = Reader(reader.source), []
    for (offset, size), ticks in zip(spans, samples.starts(), strict=False):
        data = whole.some(offset, min(size, _MOST_TITLE_BYTES))
        found.append(Chapter(ticks / scale, _title(data[2 : 2 + int.from_bytes(data[:2])])))
    return found


def _title(data: bytes) -> str:
    if data[:2] in {b"\xfe\xff", b"\xff\xfe"}:
        return data.decode("utf-16", "replace")
    return data.decode("utf-8", "replace")
