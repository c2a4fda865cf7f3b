"""AMR speech. RFC 4867, section 5; 3GPP TS 26.101 and 26.201 (frame sizes)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.document import ByteRange, Field
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.containers import streams
from extractor_service.formats.reading.damage import tolerant
from extractor_service.formats.reading.head import head_of

if TYPE_CHECKING:
    from extractor_service.document import Document
    from extractor_service.sources.base import ByteSource

SECTION = "amr"
_NARROW, _WIDE = b"#!AMR\n", b"#!AMR-WB\n"
_NARROW_BYTES = (13, 14, 16, 18, 20, 21, 27, 32, 6, 1, 1, 1, 1, 1, 1, 1)
_WIDE_BYTES = (18, 24, 33, 37, 41, 47, 51, 59, 61, 6, 1, 1, 1, 1, 1, 1)
_FRAME_SECONDS = 0.02  # RFC 4867, section 1: every frame lasts as long
_WINDOW_BYTES = 1024 * 1024  # over half an hour; the mean of these frames stands for the rest of longer files


@tolerant(SECTION)
def parse(source: ByteSource, document: Document) -> None:
    """Narrow or wide band, and the duration by counting frames of 20 ms."""
    head = head_of(source, 9)
    is_wide = head.startswith(_WIDE)
    if not is_wide and not head.startswith(_NARROW):
        raise CorruptFileError("no AMR header")
    start = len(_WIDE if is_wide else _NARROW)
    data = source.read_range(start, _WINDOW_BYTES)
    sizes = _WIDE_BYTES if is_wide else _NARROW_BYTES
    frames = place = 0
    while place < len(data):
        place += sizes[data[place] >> 3 & 15]
        frames += 1
    seconds = frames * _FRAME_SECONDS
    whole = source.size_bytes - start
    if whole > len(data):
        seconds *= whole / place
    stream = streams.Stream(
        "audio", "amr_wb" if is_wide else "amr_nb", channels=1, sample_rate=16000 if is_wide else 8000, duration=seconds or None,
        bit_rate=round(whole * 8 / seconds) if seconds else None,
    )  # fmt: skip
    document.add(
        SECTION, Field("Band", "wide" if is_wide else "narrow", group="AMR", origin=ByteRange(0, start))
    )
    streams.add(document, [stream], stream.duration, size_bytes=source.size_bytes)
