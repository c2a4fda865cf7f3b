"""Takes an upload in: header, then data into the spool, hashed on the way, refused as early as possible.

A large file of a format that is read forward isn't spooled: it is read while it passes.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from extractor_service.backoff.tickets import ticket_of_call
from extractor_service.extraction.estimates import UPLOAD_BYTES
from extractor_service.extraction.forward import may_pass
from extractor_service.formats.identification.identify import identify
from extractor_service.serving import wire
from extractor_service.serving.open_source import spooling
from extractor_service.serving.passing_upload import PassingUpload
from extractor_service.sources.distant import HEAD_BYTES
from extractor_service.sources.spool import SpooledInput
from extractor_service.uploads.chunk import MAX_CHUNK_BYTES
from metaextract.extractor.v1 import extractor_pb2 as pb
from service_runtime.errors import InvalidRequestError, UploadIncompleteError, UploadStalledError
from service_runtime.pace import Pace
from service_runtime.telemetry import current_call

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from extractor_service.extraction.options import ExtractionOptions
    from extractor_service.formats.identification.types import Identity
    from extractor_service.serving.call_context import CallContext
    from extractor_service.sources.base import Input

_MAX_WAITING_CHUNKS = (
    2  # so that neither side stands still for a moment of the other's; as many again are being written
)


class _Writing:
    """Hands chunks to the upload's thread: a hop for all that came while it was busy."""

    def __init__(self, upload: SpooledInput) -> None:
        self._upload = upload
        self._loop = asyncio.get_running_loop()
        self._waiting: list[memoryview] = []
        self._job: asyncio.Future[None] | None = None

    async def add(self, data: memoryview) -> None:
        """Takes a chunk; waits when many are waiting. Raises what an earlier one came to."""
        self._waiting.append(data)
        if self._job is not None and (self._job.done() or len(self._waiting) > _MAX_WAITING_CHUNKS):
            await self._job
            self._job = None
        self._begin()

    async def end(self) -> None:
        """Returns when all are written."""
        while self._job is not None:
            await self._job
            self._job = None
            self._begin()

    async def settle(self) -> None:
        """Returns when nothing is being written any more, however that ended."""
        if self._job is not None:
            await asyncio.gather(self._job, return_exceptions=True)

    def _begin(self) -> None:
        if self._job is None and self._waiting:
            chunks, self._waiting = self._waiting, []
            self._job = self._loop.run_in_executor(self._upload.thread, self._upload.append_all, chunks)


def _data_of(part: pb.ExtractUploadRequest) -> memoryview:
    """The chunk in a message that was decoded; raises InvalidRequestError where there is none."""
    if part.WhichOneof("part") != "data":
        raise InvalidRequestError("header", "must come once")
    return memoryview(part.data)


async def _joined(first: memoryview, others: AsyncIterator[memoryview]) -> AsyncGenerator[memoryview, None]:
    """A stream whose beginning was looked at."""
    if first:
        yield first
    async for data in others:
        yield data


class UploadReceiver:
    """Receives one ExtractUpload call; `receive` it once."""

    def __init__(
        self, context: CallContext, incoming: AsyncIterator[pb.ExtractUploadRequest | memoryview]
    ) -> None:
        self._context = context
        self._incoming = incoming
        self._idle_seconds = context.settings.upload_idle_seconds
        self._pace = Pace(context.settings.upload_bytes_per_second, context.settings.upload_seconds)
        self._listening_at = 0.0

    async def receive(self) -> tuple[ExtractionOptions, Input]:
        """The options and the complete, hashed upload, which the caller must close.

        Raises:
            InvalidRequestError: no header first, or a chunk or the whole is too large.
            OverloadedError: pressure forbids files of that size, or the spool is full.
            UploadIncompleteError: the size isn't the announced one.
            UploadStalledError: the sender fell silent.
        """
        try:
            async with asyncio.timeout(None) as silence:  # while the sender's time counts, see `_listen`
                return await self._receive(silence)
        except TimeoutError:
            raise UploadStalledError(f"nothing came for {self._idle_seconds:g} s") from None

    async def _receive(self, silence: asyncio.Timeout) -> tuple[ExtractionOptions, Input]:
        context = self._context
        first = await context.lobby.first(self._incoming, current_call.get().caller, "header")
        if not isinstance(first, pb.ExtractUploadRequest) or first.WhichOneof("part") != "header":
            raise InvalidRequestError("header", "must be the first message")
        header = first.header
        announced = header.size_bytes if header.HasField("size_bytes") else None
        options = wire.options_from_wire(header.options, context.modules, context.settings.parse_seconds)
        self._check_total(announced or 0)
        if announced is not None:
            context.backoff.limiter.check_size(announced, options.work)
        ticket = ticket_of_call(options.work, UPLOAD_BYTES)
        # Waiting for a slot is our own time; the sender is held back by flow control.
        async with context.backoff.uploads.slot(ticket):
            self._listen(silence)
            return options, await self._take(header.name, announced, options, silence)

    async def _take(
        self, name: str, announced: int | None, options: ExtractionOptions, silence: asyncio.Timeout
    ) -> Input:
        """The complete file, or of one that was read while it passed what its reader asked for."""
        context = self._context
        directory = Path(context.settings.spool_directory or tempfile.gettempdir())
        async with contextlib.aclosing(self._chunks(announced, options, silence)) as chunks:
            first = await anext(chunks, memoryview(b""))
            async with contextlib.aclosing(_joined(first, chunks)) as whole:
                identity = None if announced is None else self._passing_identity(first, announced, options)
                if announced is None or identity is None:
                    return await self._spool(name, directory, options, whole)
                with spooling():
                    passing = PassingUpload(context.pipeline, options, directory, context.spool)
                    return await passing.take(name, announced, identity, whole)

    def _passing_identity(
        self, first: memoryview, size_bytes: int, options: ExtractionOptions
    ) -> Identity | None:
        """What it is, if it may be read while it passes. What the cache would keep is kept whole."""
        context = self._context
        if len(first) < HEAD_BYTES or context.chunks.may_be_kept_whole(size_bytes):
            return None
        identity = identify(bytes(first[:HEAD_BYTES]), size_bytes, context.formats)
        return identity if may_pass(identity, options, context.modules) else None

    async def _spool(
        self, name: str, directory: Path, options: ExtractionOptions, chunks: AsyncIterator[memoryview]
    ) -> SpooledInput:
        """The file in the spool; closed when it doesn't come to its end."""
        extra = [algorithm for algorithm in options.digest_algorithms if algorithm != "blake3"]
        with spooling():
            upload = SpooledInput(name, directory, self._context.spool, extra)
            # Chunks are hashed and written in a thread while the next ones arrive; those that came meanwhile go together.
            writing = _Writing(upload)
            try:
                try:
                    async for data in chunks:
                        await writing.add(data)
                    await writing.end()
                finally:
                    await writing.settle()
            except BaseException:
                upload.close()
                raise
        upload.finish()
        return upload

    async def _chunks(
        self, announced: int | None, options: ExtractionOptions, silence: asyncio.Timeout
    ) -> AsyncGenerator[memoryview, None]:
        """The data as it comes, within all limits."""
        received = 0
        async for part in self._incoming:
            data = part if isinstance(part, memoryview) else _data_of(part)
            silence.reschedule(None)  # what follows is our own time, not the sender's
            received += len(data)
            self._check_pace(len(data))
            if len(data) > MAX_CHUNK_BYTES:
                raise InvalidRequestError(
                    "data", f"has {len(data)} bytes, at most {MAX_CHUNK_BYTES} are allowed"
                )
            if announced is not None and received > announced:
                raise UploadIncompleteError(f"more than the announced {announced} bytes came")
            self._check_total(received)
            if announced is None:
                self._context.backoff.limiter.check_size(received, options.work)
            yield data
            self._listen(silence)
        silence.reschedule(None)
        if announced is not None and received != announced:
            raise UploadIncompleteError(
                f"{received} bytes came, {announced} were announced", committed_offset=str(received)
            )

    def _listen(self, silence: asyncio.Timeout) -> None:
        """From now on the sender's time counts."""
        self._listening_at = asyncio.get_running_loop().time()
        silence.reschedule(self._listening_at + self._idle_seconds)

    def _check_pace(self, count: int) -> None:
        now = asyncio.get_running_loop().time()
        self._pace.waited(now - self._listening_at)
        self._pace.received(count)
        if self._pace.is_too_slow:
            raise UploadStalledError("the bytes come too slowly for a place to be held for them")

    def _check_total(self, size_bytes: int) -> None:
        most_bytes = self._context.settings.max_upload_bytes
        if size_bytes > most_bytes:
            raise InvalidRequestError("size_bytes", f"uploads end at {most_bytes} bytes")
