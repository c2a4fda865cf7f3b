"""One session, from the offer to the result: from the cache if possible, else by ranges, else by the whole stream."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from google.protobuf.message import DecodeError

from extractor_service.backoff.queue import Ticket
from extractor_service.extraction.memory_needs import SESSION_BYTES
from extractor_service.serving import wire
from extractor_service.serving.sessions.document_parts import MAX_PART_BYTES, in_parts
from extractor_service.serving.sessions.link import SessionLink
from extractor_service.serving.sessions.strategies import Strategies
from extractor_service.sources.base import SourceError
from extractor_service.sources.sparse import SparseFile
from extractor_service.sources.spool import SpoolFullError
from metaextract.document.v1 import document_pb2
from metaextract.extractor.v1 import extractor_pb2 as pb
from service_runtime.errors import (
    InvalidRequestError,
    OverloadedError,
    SourceFailedError,
)
from service_runtime.telemetry import current_call

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from extractor_service.extraction.pipeline import Extraction
    from extractor_service.serving.call_context import Parts
    from extractor_service.serving.sessions.link import Send
    from extractor_service.settings import Settings

MAX_PREFETCH_BYTES = 256 * 1024
_MAX_FILE_BYTES = 1 << 62
_SPOOL_RETRY_SECONDS = 5.0
_PARTIAL_SECONDS = 0.5


class Session:
    """See the module. One object a session; `run` it once."""

    def __init__(self, parts: Parts, incoming: AsyncIterator[pb.ExtractSessionRequest], send: Send) -> None:
        self._parts = parts
        self._link = SessionLink(incoming, send, parts.settings.upload_idle_seconds)
        self._strategies = Strategies(parts, self._link, self._found)
        self._partial_at = 0.0

    async def run(self) -> None:
        """Returns when the result is sent; raises what the caller is to be told."""
        tasks: list[asyncio.Task[None]] = []
        try:
            offer = await self._link.offer()
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
        except SpoolFullError as error:
            raise OverloadedError(str(error), _SPOOL_RETRY_SECONDS) from error
        except SourceError as error:
            raise SourceFailedError(str(error)) from error
        finally:
            for each in tasks:
                each.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _work(self, offer: pb.SessionOffer) -> None:
        settings, backoff = self._parts.settings, self._parts.backoff
        options = wire.options_from_wire(offer.options, self._parts.modules, settings.parse_seconds)
        _check_offer(offer, settings)
        self._strategies.size_bytes = offer.size_bytes
        started_at = time.monotonic()
        async with backoff.sessions.slot(Ticket(options.work, current_call.get().tenant, SESSION_BYTES)):
            directory = Path(settings.spool_directory or tempfile.gettempdir())
            file = SparseFile(directory, self._parts.budget)
            with contextlib.closing(file):
                extraction, content_id = await self._strategies.describe(offer, options, file)
        self._link.enough(self._strategies.size_bytes)
        self._post_result(extraction, content_id, time.monotonic() - started_at)

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

    def _post_result(self, extraction: Extraction, content_id: str, seconds: float) -> None:
        info = wire.info_to_wire(extraction, content_id, seconds, self._parts.backoff.instance)
        link = self._link
        info.moved_bytes = link.moved_bytes
        info.saved_bytes = max(0, self._strategies.size_bytes - link.moved_bytes)
        info.round_trips = link.round_trips
        *parts, last = in_parts(extraction.document)
        for part in parts:
            link.post(pb.ExtractSessionResponse(document_part=part))
        link.post(pb.ExtractSessionResponse(result=pb.SessionResult(document=last, info=info)))


def _check_offer(offer: pb.SessionOffer, settings: Settings) -> None:
    if offer.can_seek and not offer.HasField("size_bytes"):
        raise InvalidRequestError("offer.size_bytes", "is required of a client that can seek")
    if offer.size_bytes > (_MAX_FILE_BYTES if offer.can_seek else settings.max_upload_bytes):
        raise InvalidRequestError("offer.size_bytes", "files end below")
    if sum(len(chunk.data) for chunk in offer.prefetch) > MAX_PREFETCH_BYTES:
        raise InvalidRequestError("offer.prefetch", f"at most {MAX_PREFETCH_BYTES} bytes are allowed")
    if offer.prefetch and not offer.can_seek:
        raise InvalidRequestError("offer.prefetch", "is only for clients that can seek")
