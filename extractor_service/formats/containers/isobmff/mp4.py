"""ISO base media files (MP4, MOV): file type, movie and track headers, reading box headers and a few hundred bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.document import ProblemKind
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.containers.isobmff import boxes, film
from extractor_service.formats.containers.isobmff.film_header import SECTION
from extractor_service.formats.containers.media import stream_tags
from extractor_service.formats.reading.damage import Surviving
from extractor_service.formats.reading.reader import Reader, TruncatedError
from extractor_service.sources.base import will_read

if TYPE_CHECKING:
    from extractor_service.document import Document
    from extractor_service.sources.base import ByteSource

_NEXT_BYTES = 4096  # a track's headers before its tables; blocks of 16 KiB are fetched anyhow


def parse(source: ByteSource, document: Document) -> None:
    """Movie and track headers by our own walker; tags by tinytag, which knows no video."""
    read_headers(source, document)
    try:
        stream_tags.parse(source, document, "a.m4a")
    except CorruptFileError as error:
        if not document.sections:
            raise
        document.problem(stream_tags.SECTION, ProblemKind.UNSUPPORTED, str(error))


def read_headers(source: ByteSource, document: Document) -> None:
    """Brand, movie header and track headers; a group per track, "Track1" and so on."""
    reader = Reader(source)
    try:
        for box in boxes.walk(reader, 0, reader.length):
            if box.kind == b"ftyp":
                film.file_type(reader, box, document)
            elif box.kind == b"moov":
                headers = film.Film(reader, document)
                for inner in boxes.walk(reader, box.offset, box.offset + box.length):
                    # A track's tables of samples are skipped; what follows it is fetched along with its own headers.
                    will_read(source, [(inner.offset + inner.length, _NEXT_BYTES)])
                    with Surviving(document, SECTION, f"box {inner.kind!r}", inner.offset):
                        headers.box(inner)
    except TruncatedError as error:
        document.problem(SECTION, ProblemKind.TRUNCATED, str(error), error.offset)
