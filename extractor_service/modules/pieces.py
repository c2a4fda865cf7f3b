"""Digests of a file's pieces, so that a part that was fetched, or that changed, is told without the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from blake3 import blake3

from extractor_service.document import Field
from extractor_service.modules.base import CostClass, Lifetime, Module

if TYPE_CHECKING:
    from extractor_service.document import Document, Value
    from extractor_service.modules.base import ModuleContext
    from extractor_service.sources.base import ByteSource

SECTION = "pieces"
_LEAST_BYTES = 256 * 1024  # of a piece; smaller ones would make the list longer than what it is about
_MOST_PIECES = 256  # as many as a list of a document has
_STEP_BYTES = 1024 * 1024  # read at once


class PieceDigestsModule(Module):
    """BLAKE3 of each piece."""

    name = "piece_digests"
    version = "1"
    description = "BLAKE3 of each piece of the file: at most 256 pieces, of 256 KiB and more."
    writes = (SECTION,)
    cost_class = CostClass.WHOLE_FILE
    lifetime = Lifetime.MODULE
    needs_whole_file = True

    def applies(self, context: ModuleContext) -> bool:
        """Always: any file has pieces."""
        del context
        return True

    def options(self, context: ModuleContext) -> str:
        """None: they are the same at any depth."""
        del context
        return ""

    def run(self, source: ByteSource, document: Document, context: ModuleContext) -> None:
        """Adds the section "pieces": their length (the last one's may be less), their number, and their digests in order."""
        del context
        length = piece_bytes(source.size_bytes)
        digests: list[Value] = []
        for begin in range(0, source.size_bytes, length):
            hasher, end = blake3(), min(begin + length, source.size_bytes)
            for at in range(begin, end, _STEP_BYTES):
                hasher.update(source.read_range(at, min(_STEP_BYTES, end - at)))
            digests.append(hasher.hexdigest())
        document.add(SECTION, Field("PieceSize", length, unit="By", group="Pieces"))
        document.add(SECTION, Field("PieceCount", len(digests), group="Pieces"))
        document.add(SECTION, Field("PieceAlgorithm", "BLAKE3", group="Pieces"))
        if digests:
            document.add(SECTION, Field("PieceDigests", digests, group="Pieces"))


def piece_bytes(size_bytes: int) -> int:
    """How long the pieces of a file are: a power of two from 256 KiB on, the least that makes no more than 256 of it."""
    length = _LEAST_BYTES
    while length * _MOST_PIECES < size_bytes:
        length *= 2
    return length
