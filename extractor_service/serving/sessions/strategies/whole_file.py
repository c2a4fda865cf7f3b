"""Takes the whole file when somebody wants its digests or goes on with an upload. The cache keeps it if allowed."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from extractor_service.serving.sessions.strategies.base import Described
from extractor_service.serving.sessions.whole_stream import NoSink, WholeStream
from extractor_service.sources.content import digest_id
from extractor_service.uploads.relay import RelayLostError
from metaextract_client.errors import MetaExtractError
from service_runtime.errors import DigestMismatchError, UploadLostError

if TYPE_CHECKING:
    from collections.abc import Callable

    from extractor_service.serving.sessions.link import SessionLink
    from extractor_service.serving.sessions.offered_file import OfferedFile
    from extractor_service.serving.sessions.strategies.base import SessionTools
    from extractor_service.uploads.chunk import Chunk
    from extractor_service.uploads.relay import Relay
    from service_runtime.credits import StreamCredit


class WholeFile:
    """Takes the whole file in order: relayed to the cache's chunks, or only hashed."""

    def __init__(self, tools: SessionTools) -> None:
        self._tools = tools

    async def try_(self, offered: OfferedFile) -> Described | None:
        """The extraction; None when ranges suffice.

        Raises:
            UploadLostError: the cache has lost the upload; sent again, it is only hashed.
            DigestMismatchError: the content isn't what the client claimed.
        """
        if not offered.wants_digests and not offered.upload_id:
            return None
        chunks = self._tools.context.chunks
        await self._tools.note_begin(offered)
        async with self._tools.upload_slot(offered) as credit:
            relay = None
            if offered.uses_cache or offered.upload_id:
                relay = await chunks.relay(offered.size_bytes, offered.upload_id)
            if relay is None:
                return await self._hashed(offered, credit)
            try:
                return await self._relayed(relay, offered, credit)
            except RelayLostError as error:
                chunks.report_lost()
                raise UploadLostError(f"the upload was lost: {error}") from error
            finally:
                relay.close()

    async def _relayed(self, relay: Relay, offered: OfferedFile, credit: StreamCredit) -> Described:
        tools, claim = self._tools, offered.claim
        tools.accept(relay.upload_id)
        size, digests, digest = await self._take(relay, offered, credit)
        tools.link.enough(size)
        source = tools.stored_input(offered.name, digest, size)
        with contextlib.closing(source):
            source.digests = {**digests, "blake3": digest.partition(":")[2]}
            source.alias = claim.alias if claim is not None else None
            await source.prepare()
            extraction = await tools.extract(source, offered)
        await tools.remember(offered, extraction, size, source.digests, digest)
        return Described(extraction, digest)

    async def _take(
        self, relay: Relay, offered: OfferedFile, credit: StreamCredit
    ) -> tuple[int, dict[str, str], str]:
        """Size, the digests that were computed here, and the one that the cache verified."""
        tools = self._tools
        tools.link.committed_offset = relay.begin_at
        extra = tuple(name for name in offered.options.digest_algorithms if name != "blake3")
        sink = _RelaySink(relay, tools.link)
        stream = WholeStream(tools.link, tools.file, credit, sink, tools.terms(), extra or None)
        earlier = relay.earlier() if relay.begin_at else None
        taking = asyncio.create_task(stream.take(offered.size_bytes, relay.begin_at, earlier))
        running = asyncio.create_task(relay.run())
        try:
            await asyncio.wait({taking, running}, return_when=asyncio.FIRST_COMPLETED)
            if not taking.done():
                running.result()  # raises
            size, digests = taking.result()
            claimed = offered.claim.digest if offered.claim is not None else ""
            return size, digests, await relay.finish(running, claimed)
        except MetaExtractError as error:
            if error.reason == DigestMismatchError.reason:
                raise DigestMismatchError(str(error)) from error
            raise RelayLostError(str(error)) from error
        finally:
            for task in (taking, running):
                task.cancel()
            await asyncio.gather(taking, running, return_exceptions=True)

    async def _hashed(self, offered: OfferedFile, credit: StreamCredit) -> Described:
        """Ranges for the reader first; then the rest, hashed and forgotten."""
        tools, claim = self._tools, offered.claim
        source = tools.client_input(offered, None)

        async def complete() -> None:
            stream = WholeStream(
                tools.link, tools.file, credit, NoSink(), tools.terms(), offered.options.digest_algorithms
            )
            _, digests = await stream.take(offered.size_bytes)
            if claim is not None:
                claim.check(digests)
            source.digests = digests
            source.content_id = digest_id(digests["blake3"])
            tools.link.enough(offered.size_bytes)

        source.complete = complete
        source.alias = claim.alias if claim is not None else None
        tools.accept()
        await source.prepare()
        extraction = await tools.extract(source, offered)
        await tools.remember(offered, extraction, offered.size_bytes, source.digests, source.content_id)
        return Described(extraction, source.content_id)


class _RelaySink:
    """Hands chunks on to the cache; the link learns what is committed."""

    def __init__(self, relay: Relay, link: SessionLink) -> None:
        self._relay = relay
        self._link = link

    async def put(self, chunk: Chunk, release: Callable[[], None]) -> None:
        """Hands the chunk on."""

        def committed() -> None:
            self._link.committed_offset = self._relay.committed_offset
            release()

        await self._relay.put(chunk, committed)
