"""The cheapest way: the document is cached under the client's claim, and no byte moves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.extraction.pipeline import CacheUse
from extractor_service.serving.sessions.strategies.base import Described

if TYPE_CHECKING:
    from extractor_service.serving.sessions.offered_file import OfferedFile
    from extractor_service.serving.sessions.strategies.base import SessionTools


class CachedResult:
    """Answers from cached results, for a claim whose content an earlier session has seen."""

    def __init__(self, tools: SessionTools) -> None:
        self._tools = tools

    async def try_(self, offered: OfferedFile) -> Described | None:
        """The document as the cache has it; None when a part of it is missing."""
        claim, known = offered.claim, offered.known
        if claim is None or known is None or offered.options.cache_use is not CacheUse.USE:
            return None
        source = self._tools.client_input(offered, claim)
        source.digests = dict(known.digests)
        hit = await self._tools.context.pipeline.cached(source, offered.options, known.format_name)
        return Described(hit, claim.content_id) if hit is not None else None
