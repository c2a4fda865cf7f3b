"""The module that reads every byte."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from extractor_service.modules.base import CostClass, Lifetime, Module, Part
from extractor_service.sources.hashing import make_hashers

if TYPE_CHECKING:
    from collections.abc import Collection

    from extractor_service.document import Document
    from extractor_service.modules.base import ModuleContext
    from extractor_service.sources.base import ByteSource
    from extractor_service.sources.hashing import Hasher

_CHUNK_BYTES = 1024 * 1024  # enough that BLAKE3, not the calls, takes the time; two are held at once
_SMALL_BYTES = 4 * _CHUNK_BYTES  # below it starting threads costs more than they win


class DigestsModule(Module):
    """Digests of the whole content; BLAKE3 always, others by request."""

    name = "digests"
    version = "1"
    description = "Digests of the whole content, all in one pass."
    writes = Part.DIGESTS
    cost_class = CostClass.WHOLE_FILE
    lifetime = Lifetime.MODULE
    needs_whole_file = True

    def applies(self, context: ModuleContext) -> bool:
        """Always: any file has digests."""
        del context
        return True

    def options(self, context: ModuleContext) -> str:
        """The algorithms besides BLAKE3."""
        return ",".join(sorted(set(context.digest_algorithms) - {"blake3"}))

    def run(self, source: ByteSource, document: Document, context: ModuleContext) -> None:
        """One pass over the file for all algorithms."""
        hashers = make_hashers({"blake3", *context.digest_algorithms})
        _feed(source, hashers.values())
        document.digests.update({name: hasher.hexdigest() for name, hasher in hashers.items()})


def _feed(source: ByteSource, hashers: Collection[Hasher]) -> None:
    """Several algorithms share the processors: each piece goes to all of them at once, while the next is read."""
    if len(hashers) == 1 or source.size_bytes < _SMALL_BYTES:
        for offset in range(0, source.size_bytes, _CHUNK_BYTES):
            data = source.read_range(offset, _CHUNK_BYTES)
            for hasher in hashers:
                hasher.update(data)
        return
    with ThreadPoolExecutor(min(len(hashers), os.cpu_count() or 1), "digest") as threads:
        data = source.read_range(0, _CHUNK_BYTES)
        for offset in range(_CHUNK_BYTES, source.size_bytes + _CHUNK_BYTES, _CHUNK_BYTES):
            running = [threads.submit(hasher.update, data) for hasher in hashers]
            data = source.read_range(offset, _CHUNK_BYTES)
            for each in running:
                each.result()
