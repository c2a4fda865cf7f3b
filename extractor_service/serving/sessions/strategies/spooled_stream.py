"""Serves a client that can't go back, such as a pipe. All of it comes: what reads forward takes what it needs as it passes, of
everything else the file is spooled here until it has been read.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from extractor_service.extraction.forward import may_pass
from extractor_service.formats.identification.identify import identify
from extractor_service.serving.sessions.passing import PassingSink, has_passed
from extractor_service.serving.sessions.strategies.base import Described
from extractor_service.serving.sessions.whole_stream import WholeStream
from extractor_service.sources.base import SourceError
from extractor_service.sources.content import digest_id
from extractor_service.sources.distant import HEAD_BYTES, DistantInput
from extractor_service.sources.spans import Span
from service_runtime.errors import InvalidRequestError

if TYPE_CHECKING:
    from extractor_service.serving.sessions.offered_file import OfferedFile
    from extractor_service.serving.sessions.strategies.base import SessionTools

_ENDLESS_BYTES = 1 << 62  # of a stream whose size nobody said: readers find its end


class SpooledStream:
    """Takes the whole stream, hashes it while it comes, and parses it while it passes or afterwards."""

    def __init__(self, tools: SessionTools) -> None:
        self._tools = tools

    async def try_(self, offered: OfferedFile) -> Described | None:
        """The extraction; None when the client can seek."""
        if offered.can_seek:
            return None
        tools = self._tools
        await tools.note_begin(offered)
        sink = PassingSink(tools.file, tools.context.settings.max_upload_bytes)
        async with tools.upload_slot(offered) as credit:
            tools.accept()
            stream = WholeStream(
                tools.link, tools.file, credit, sink, tools.terms(), offered.options.digest_algorithms
            )
            scouting = asyncio.create_task(self._scout(sink, offered))
            try:
                size, digests = await stream.take(None)
                sink.end()
                await scouting
            finally:
                scouting.cancel()
                await asyncio.gather(scouting, return_exceptions=True)
        if offered.has_size and size != offered.size_bytes:
            raise InvalidRequestError(
                "end.size_bytes", f"{size} bytes came, {offered.size_bytes} were offered"
            )
        if offered.claim is not None:
            offered.claim.check(digests)
        offered.size_bytes = size
        tools.link.enough(size)
        content_id = digest_id(digests["blake3"])
        source = DistantInput(offered.name, size, tools.file, has_passed, content_id=content_id)
        source.digests = digests
        extraction = await tools.extract(source, offered)
        if offered.uses_cache and not sink.has_dropped:
            tools.context.chunks.keep_whole(source.descriptor(), size, content_id)
        await tools.remember(offered, extraction, size, digests, content_id)
        return Described(extraction, content_id)

    async def _scout(self, sink: PassingSink, offered: OfferedFile) -> None:
        """Finds out, while the stream passes, what a reader will ask for; it stays at hand for the extraction itself."""
        tools = self._tools
        try:
            await sink.fetch([Span(0, HEAD_BYTES)])
        except SourceError:
            return  # shorter than that: all of it is here
        size = offered.size_bytes if offered.has_size else _ENDLESS_BYTES
        identity = identify(tools.file.read(0, HEAD_BYTES), size, tools.context.formats)
        if not may_pass(identity, offered.options, tools.context.modules):
            sink.keep_all()
            return
        try:
            source = DistantInput(offered.name, size, tools.file, sink.fetch)
            source.is_passing = True
            await tools.scout(source, offered, identity)
        finally:
            sink.drop_all()
