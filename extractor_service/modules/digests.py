"""The module that reads every byte."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from blake3 import blake3

from extractor_service.modules.base import Part

if TYPE_CHECKING:
    from extractor_service.document import Document
    from extractor_service.modules.base import ModuleContext
    from extractor_service.sources.base import ByteSource

_CHUNK_BYTES = 1024 * 1024  # enough that BLAKE3, not the calls, takes the time; one is held at once


class DigestsModule:
    """Digests of the whole content; BLAKE3 always, others by request."""

    name = "digests"
    version = "1"
    description = "Digests of the whole content; reads every byte."
    default_enabled = False
    writes: Part | tuple[str, ...] = Part.DIGESTS
    needs_whole_file = True
    reads: tuple[str, ...] = ()

    def applies(self, context: ModuleContext) -> bool:
        """Always: any file has digests."""
        del context
        return True

    def options(self, context: ModuleContext) -> str:
        """The algorithms besides BLAKE3."""
        return ",".join(sorted(set(context.digest_algorithms) - {"blake3"}))

    def run(self, source: ByteSource, document: Document, context: ModuleContext) -> None:
        """One pass over the file for all algorithms."""
        hashers: dict[str, Any] = {"blake3": blake3()}
        for algorithm in context.digest_algorithms:
            if algorithm != "blake3":
                hashers[algorithm] = hashlib.new(algorithm)
        for offset in range(0, source.size_bytes, _CHUNK_BYTES):
            data = source.read_range(offset, _CHUNK_BYTES)
            for hasher in hashers.values():
                hasher.update(data)
        document.digests.update({name: hasher.hexdigest() for name, hasher in hashers.items()})
