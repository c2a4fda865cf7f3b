"""The rule for a client that can seek: only the bytes that parsers ask for move."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.serving.sessions.strategies.base import Described

if TYPE_CHECKING:
    from extractor_service.serving.sessions.offered_file import OfferedFile
    from extractor_service.serving.sessions.strategies.base import SessionTools
    from extractor_service.sources.spans import Span

_PREFETCH_BYTES = 64 * 1024  # what a client without a claim sends of each end with its offer


class Ranges:
    """Asks for ranges, beginning with the blocks that an earlier session left in the cache."""

    def __init__(self, tools: SessionTools) -> None:
        self._tools = tools

    async def try_(self, offered: OfferedFile) -> Described | None:
        """The extraction; this is the last way, so that it is never None."""
        tools, claim, known = self._tools, offered.claim, offered.known
        chunks = tools.context.chunks
        blocks_key = claim.blocks_key if claim is not None and offered.uses_cache else ""
        kept: list[Span] = []
        if blocks_key:
            await chunks.load_blocks(blocks_key, tools.file)
            kept = list(tools.file.present)
        source = tools.client_input(offered, claim)
        source.digests = dict(known.digests) if known is not None else {}
        tools.accept()
        await source.prepare(_PREFETCH_BYTES, 0 if offered.is_headed else _PREFETCH_BYTES)
        extraction = await tools.extract(source, offered)
        if blocks_key:  # not as verified content: only ranges of it were seen
            digests = known.digests if known is not None else {}
            await tools.remember(offered, extraction, offered.size_bytes, digests)
            chunks.keep_blocks(blocks_key, offered.size_bytes, tools.file, kept)
        return Described(extraction, source.content_id)
