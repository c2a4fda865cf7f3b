"""The content was sent before, and the cache still has its chunks: the client isn't asked again."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from extractor_service.serving.sessions.strategies.base import Described
from extractor_service.sources.base import SourceError
from extractor_service.sources.content import digest_id

if TYPE_CHECKING:
    from extractor_service.serving.sessions.offered_file import OfferedFile
    from extractor_service.serving.sessions.strategies.base import SessionTools


class StoredChunks:
    """Reads the cache's chunks, where this tenant has sent the content before."""

    def __init__(self, tools: SessionTools) -> None:
        self._tools = tools

    async def try_(self, offered: OfferedFile) -> Described | None:
        """The extraction; None when the cache doesn't have the content, or not any more."""
        claim, known = offered.claim, offered.known
        if claim is None or not offered.uses_cache:
            return None
        blake3 = known.digests.get("blake3") if known is not None else None
        digest = claim.digest or (digest_id(blake3) if blake3 else "")
        chunks = self._tools.context.chunks
        size = await chunks.blob_size(digest) if digest and chunks.is_answering else None
        if size is None or (offered.has_size and size != offered.size_bytes):
            return None
        offered.size_bytes = size
        source = self._tools.stored_input(offered.name, digest, size)
        with contextlib.closing(source):
            try:
                await source.prepare()
            except SourceError:
                return None
            extraction = await self._tools.extract(source, offered)
        return None if source.has_failed else Described(extraction, digest)
