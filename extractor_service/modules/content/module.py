"""The digest of a file's content without its metadata: two files that differ in metadata alone have the same."""

from __future__ import annotations

import math
import struct
import zlib
from typing import TYPE_CHECKING

from blake3 import blake3

from extractor_service.document import Field
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.reading.ifd import NotTiffError
from extractor_service.formats.reading.reader import TruncatedError
from extractor_service.modules.base import CostClass, Lifetime, Module
from extractor_service.modules.content import document as documents
from extractor_service.modules.content import pictures, sound

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from extractor_service.document import Document
    from extractor_service.modules.base import ModuleContext
    from extractor_service.modules.content.pictures import Piece
    from extractor_service.sources.base import ByteSource

SECTION = "content"
_STEP_BYTES = 1024 * 1024  # read at once
_LABELS_BYTES = 64 * 1024  # of pieces that aren't the file's own bytes
# What reading nonsense may come to, beside a reader's own errors.
_DAMAGE = (KeyError, ValueError, IndexError, OverflowError, struct.error, zlib.error)
_SCAN, _DATA, _FRAMES = "image scans and tables", "image data", "frames"
_READERS: dict[str, tuple[Callable[[ByteSource], Iterator[Piece]], str]] = {
    "jpeg": (pictures.jpeg, _SCAN), "png": (pictures.png, _DATA), "webp": (pictures.webp, _DATA), "gif": (pictures.gif, _DATA),
    **dict.fromkeys(("tiff", "cr2", "orf", "rw2"), (pictures.tiff, "strips and tiles")),
    **dict.fromkeys(("heic", "avif"), (pictures.heic, "image items")),
    **dict.fromkeys(("jp2", "jxl", "j2c", "jxl_codestream"), (pictures.codestream, "codestreams")),
    **dict.fromkeys(("mp4", "cr3"), (pictures.film, "media data")),
    "mkv": (sound.matroska, "clusters"), "avi": (sound.avi, _FRAMES), "mp3": (sound.mpeg, _FRAMES), "aac": (sound.mpeg, _FRAMES),
    "flac": (sound.flac, _FRAMES), "ogg": (sound.ogg, "packets"), "wav": (sound.wave, "samples"), "rf64": (sound.wave, "samples"),
    **dict.fromkeys(("aiff", "aifc"), (sound.aiff, "samples")),
    "pdf": (documents.pdf, "objects"),
}  # fmt: skip


class ContentDigestModule(Module):
    """BLAKE3 of the content alone."""

    name = "content_digest"
    version = "1"
    description = "Digest of pictures, films, sound and PDF without their metadata: equal for files that differ in nothing else."
    writes = (SECTION,)
    cost_class = CostClass.WHOLE_FILE
    lifetime = Lifetime.MODULE
    needs_whole_file = True

    def applies(self, context: ModuleContext) -> bool:
        """To formats of which it is known where their content stands."""
        return context.format is not None and context.format.name in _READERS

    def options(self, context: ModuleContext) -> str:
        """None: it is the same at any depth."""
        del context
        return ""

    def run(self, source: ByteSource, document: Document, context: ModuleContext) -> None:
        """Adds the section "content": the digest, what it is of, and of how many bytes."""
        if context.format is None:
            return
        pieces, scope = _READERS[context.format.name]
        hasher, count = blake3(), 0
        most = math.inf if pieces is documents.pdf else source.size_bytes + _LABELS_BYTES
        try:
            for piece in pieces(source):
                count += _take(source, piece, hasher)
                if count > most:
                    raise CorruptFileError("its content is longer than the file: parts of it overlap")
        except (TruncatedError, NotTiffError, *_DAMAGE) as error:
            raise CorruptFileError(f"its content can't be told from the rest: {error}") from error
        if not count:
            raise CorruptFileError("it has no content")
        document.add(SECTION, Field("ContentDigest", f"b3:{hasher.hexdigest()}", group=context.format.name))
        document.add(SECTION, Field("ContentScope", scope, group=context.format.name))
        document.add(SECTION, Field("ContentBytes", count, unit="By", group=context.format.name))


def _take(source: ByteSource, piece: Piece, hasher: blake3) -> int:
    """The bytes of a piece; raises CorruptFileError where it lies beyond the end."""
    if isinstance(piece, bytes):
        hasher.update(piece)
        return len(piece)
    offset, length = piece
    if offset < 0 or length < 0 or offset + length > source.size_bytes:
        raise CorruptFileError(f"{length} bytes of its content at {offset} lie beyond the end")
    for at in range(offset, offset + length, _STEP_BYTES):
        hasher.update(source.read_range(at, min(_STEP_BYTES, offset + length - at)))
    return length
