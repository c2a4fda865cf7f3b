"""Serves a client that can't go back, such as a pipe. All of it comes, and is spooled here until it has been read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.serving.sessions.strategies.base import Described
from extractor_service.serving.sessions.whole_stream import SpoolSink, WholeStream
from extractor_service.sources.content import digest_id
from extractor_service.sources.distant import DistantInput
from service_runtime.errors import InvalidRequestError

if TYPE_CHECKING:
    from extractor_service.serving.sessions.offered_file import OfferedFile
    from extractor_service.serving.sessions.strategies.base import SessionTools


class SpooledStream:
    """Takes the whole stream, hashes it while it comes, and parses it afterwards."""

    def __init__(self, tools: SessionTools) -> None:
        self._tools = tools

    async def try_(self, offered: OfferedFile) -> Described | None:
        """The extraction; None when the client can seek."""
        if offered.can_seek:
            return None
        tools = self._tools
        await tools.note_begin(offered)
        async with tools.upload_slot(offered) as credit:
            tools.accept()
            sink = SpoolSink(tools.file, tools.context.settings.max_upload_bytes)
            stream = WholeStream(
                tools.link, tools.file, credit, sink, tools.terms(), offered.options.digest_algorithms
            )
            size, digests = await stream.take(None)
        if offered.has_size and size != offered.size_bytes:
            raise InvalidRequestError(
                "end.size_bytes", f"{size} bytes came, {offered.size_bytes} were offered"
            )
        if offered.claim is not None:
            offered.claim.check(digests)
        offered.size_bytes = size
        tools.link.enough(size)
        content_id = digest_id(digests["blake3"])
        source = DistantInput(offered.name, size, tools.file, tools.link.fetch, content_id=content_id)
        source.digests = digests
        extraction = await tools.extract(source, offered)
        if offered.uses_cache:
            tools.context.chunks.keep_whole(source.descriptor(), size, content_id)
        await tools.remember(offered, extraction, size, digests, content_id)
        return Described(extraction, content_id)
