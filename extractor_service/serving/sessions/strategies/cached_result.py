"""The cheapest way: the document is cached under the client's claim, or its digest was verified, and no byte moves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.extraction.options import CacheUse
from extractor_service.serving.sessions.claims import ClaimRecord, verified_key
from extractor_service.serving.sessions.strategies.base import Described
from service_runtime.telemetry import current_call

if TYPE_CHECKING:
    from extractor_service.serving.sessions.offered_file import OfferedFile
    from extractor_service.serving.sessions.strategies.base import SessionTools
    from extractor_service.sources.distant import DistantInput


class CachedResult:
    """Answers from cached results, of a content that an earlier session has seen."""

    def __init__(self, tools: SessionTools) -> None:
        self._tools = tools

    async def try_(self, offered: OfferedFile) -> Described | None:
        """The document as the cache has it; None when a part of it is missing."""
        claim = offered.claim
        if claim is None or offered.options.cache_use is not CacheUse.USE:
            return None
        if offered.known is not None:
            source = self._tools.client_input(offered, claim)
            hit = await self._cached(source, offered, offered.known)
            if hit is not None:
                return hit
        if not claim.digest:
            return None
        recalled = await self._tools.context.pipeline.recall(
            verified_key(claim.digest, current_call.get().tenant)
        )
        offered.read_point = offered.read_point or recalled.read_point
        known = ClaimRecord.decode(recalled.value)
        if known is None or (offered.has_size and known.size_bytes != offered.size_bytes):
            return None
        source = self._tools.client_input(offered, None)
        source.content_id, source.may_be_cached = claim.digest, True
        hit = await self._cached(source, offered, known)
        if hit is not None:
            offered.size_bytes = known.size_bytes
        return hit

    async def _cached(
        self, source: DistantInput, offered: OfferedFile, known: ClaimRecord
    ) -> Described | None:
        source.digests = dict(known.digests)
        hit = await self._tools.context.pipeline.cached(source, offered.options, known.identity)
        return Described(hit, source.content_id) if hit is not None else None
