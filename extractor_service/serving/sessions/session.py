"""One session, from the offer to the result: each way to come by the bytes is tried, the cheapest first."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from google.protobuf.message import DecodeError

from extractor_service.backoff.tickets import ticket_of_call
from extractor_service.extraction.estimates import SESSION_BYTES
from extractor_service.serving import wire
from extractor_service.serving.open_source import spooling
from extractor_service.serving.sessions.claims import ClaimRecord
from extractor_service.serving.sessions.document_parts import MAX_PART_BYTES, in_parts
from extractor_service.serving.sessions.link import SessionLink
from extractor_service.serving.sessions.offered_file import parse_offer
from extractor_service.serving.sessions.strategies.base import SessionTools
from extractor_service.serving.sessions.strategies.cached_result import CachedResult
from extractor_service.serving.sessions.strategies.ranges import Ranges
from extractor_service.serving.sessions.strategies.spooled_stream import SpooledStream
from extractor_service.serving.sessions.strategies.stored_chunks import StoredChunks
from extractor_service.serving.sessions.strategies.whole_file import WholeFile
from extractor_service.sources.base import SourceError
from extractor_service.sources.sparse import SparseFile
from metaextract.document.v1 import document_pb2
from metaextract.extractor.v1 import extractor_pb2 as pb
from service_runtime.errors import SourceFailedError
from service_runtime.pace import Pace
from service_runtime.telemetry import current_call

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from extractor_service.serving.call_context import CallContext
    from extractor_service.serving.sessions.link import Send
    from extractor_service.serving.sessions.offered_file import OfferedFile
    from extractor_service.serving.sessions.strategies.base import Described, Strategy

_PARTIAL_SECONDS = 0.5  # between two looks at what was found: for people who wait, not for every field
# In the order of what they cost the client; the last one always answers.
_STRATEGIES = (CachedResult, StoredChunks, SpooledStream, WholeFile, Ranges)


class Session:
    """See the module. One object a session; `run` it once."""

    def __init__(
        self, context: CallContext, incoming: AsyncIterator[pb.ExtractSessionRequest], send: Send
    ) -> None:
        self._context = context
        self._link = SessionLink(
            incoming,
            send,
            context.settings.upload_idle_seconds,
            Pace(context.settings.upload_bytes_per_second, context.settings.upload_seconds),
        )
        self._partial_at = 0.0

    async def run(self) -> None:
        """Returns when the result is sent; raises what the caller is to be told."""
        tasks: list[asyncio.Task[None]] = []
        try:
            with spooling():
                offer = await self._link.offer(self._context.lobby, current_call.get().caller)
                work = asyncio.create_task(self._work(offer))
                reading = asyncio.create_task(self._link.read())
                writing = asyncio.create_task(self._link.write())
                tasks = [work, reading, writing]
                waiting = {work, reading, writing}
                while not work.done():
                    done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                    for each in done - {work}:
                        each.result()  # raises what went wrong on the wire
                work.result()
                self._link.finish()
                await writing
        except SourceError as error:
            raise SourceFailedError(str(error)) from error
        finally:
            for each in tasks:
                each.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _work(self, offer: pb.SessionOffer) -> None:
        context = self._context
        offered = parse_offer(offer, context)
        started_at = time.monotonic()
        ticket = ticket_of_call(offered.options.work, SESSION_BYTES)
        async with context.backoff.sessions.slot(ticket):
            directory = Path(context.settings.spool_directory or tempfile.gettempdir())
            with contextlib.closing(SparseFile(directory, context.spool)) as file:
                for chunk in offered.prefetch:
                    file.write(chunk.offset, chunk.data)
                    self._link.moved_bytes += len(chunk.data)
                described = await self._describe(offered, file)
        self._link.enough(offered.size_bytes)
        self._post_result(described, offered.size_bytes, time.monotonic() - started_at)

    async def _describe(self, offered: OfferedFile, file: SparseFile) -> Described:
        if offered.claim is not None and offered.claim.space and offered.uses_cache:
            recalled = await self._context.pipeline.recall(offered.claim.record_key)
            offered.known = ClaimRecord.decode(recalled.value)
            offered.read_point = recalled.read_point
        tools = SessionTools(self._context, self._link, file, self._found)
        for strategy_class in _STRATEGIES:
            strategy: Strategy = strategy_class(tools)
            described = await strategy.try_(offered)
            if described is not None:
                return described
        raise RuntimeError("no strategy took the file")

    def _found(self, fragment: bytes) -> None:
        """Passes on what a worker has found, now and then."""
        now = time.monotonic()
        if now - self._partial_at < _PARTIAL_SECONDS or len(fragment) > MAX_PART_BYTES:
            return
        self._partial_at = now
        try:
            partial = document_pb2.Document.FromString(fragment)
        except DecodeError:
            return
        self._link.post_partial(pb.ExtractSessionResponse(partial=partial))
        count = sum(len(section.fields) for section in partial.sections)
        self._link.post_progress(pb.SESSION_STAGE_READING, count)

    def _post_result(self, described: Described, size_bytes: int, seconds: float) -> None:
        link = self._link
        info = wire.info_to_wire(
            described.extraction, described.content_id, seconds, self._context.backoff.instance
        )
        info.moved_bytes = link.moved_bytes
        info.saved_bytes = max(0, size_bytes - link.moved_bytes)
        info.round_trips = link.round_trips
        *parts, last = in_parts(described.extraction.document)
        for part in parts:
            link.post(pb.ExtractSessionResponse(document_part=part))
        link.post(pb.ExtractSessionResponse(result=pb.SessionResult(document=last, info=info)))
