"""Takes an upload in: header, then data into the spool, hashed on the way, refused as early as possible."""

from __future__ import annotations

import asyncio
import tempfile
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING

from extractor_service.backoff.queue import Ticket
from extractor_service.extraction.memory_needs import UPLOAD_BYTES
from extractor_service.serving import wire
from extractor_service.sources.spool import SpooledInput, SpoolFullError
from service_runtime.errors import (
    InvalidRequestError,
    OverloadedError,
    UploadIncompleteError,
    UploadStalledError,
)
from service_runtime.telemetry import current_call

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from extractor_service.backoff.limiter import Limiter
    from extractor_service.backoff.state import BackoffState
    from extractor_service.extraction.pipeline import ExtractionOptions
    from extractor_service.modules.base import Module
    from extractor_service.settings import Settings
    from extractor_service.sources.spool import SpoolBudget
    from metaextract.extractor.v1 import extractor_pb2
    from service_runtime.backoff_table import WorkClass

MAX_CHUNK_BYTES = 2 * 1024 * 1024
_MAX_WAITING_CHUNKS = 3
_SPOOL_RETRY_SECONDS = 5.0


async def receive_upload(
    parts: AsyncIterator[extractor_pb2.ExtractUploadRequest],
    modules: dict[str, Module],
    backoff: BackoffState,
    budget: SpoolBudget,
    settings: Settings,
) -> tuple[ExtractionOptions, SpooledInput]:
    """The options and the complete, hashed upload, which the caller must close.

    Raises:
        InvalidRequestError: no header first, or a chunk or the whole is too large.
        OverloadedError: pressure forbids files of that size, or the spool is full.
        UploadIncompleteError: the size isn't the announced one.
        UploadStalledError: the sender fell silent.
    """
    try:
        async with asyncio.timeout(settings.upload_idle_seconds) as silence:
            return await _receive_all(parts, modules, backoff, budget, settings, silence)
    except TimeoutError:
        raise UploadStalledError(f"nothing came for {settings.upload_idle_seconds:g} s") from None


async def _receive_all(
    parts: AsyncIterator[extractor_pb2.ExtractUploadRequest],
    modules: dict[str, Module],
    backoff: BackoffState,
    budget: SpoolBudget,
    settings: Settings,
    silence: asyncio.Timeout,
) -> tuple[ExtractionOptions, SpooledInput]:
    first = await anext(aiter(parts), None)
    if first is None or first.WhichOneof("part") != "header":
        raise InvalidRequestError("header", "must be the first message")
    header = first.header
    announced = header.size_bytes if header.HasField("size_bytes") else None
    options = wire.options_from_wire(header.options, modules, settings.parse_seconds)
    _check_total(announced or 0, settings)
    if announced is not None:
        backoff.limiter.check_size(announced, options.work)
    ticket = Ticket(options.work, current_call.get().tenant, UPLOAD_BYTES)
    silence.reschedule(None)  # waiting for a place is our own time; the sender is held back by flow control
    async with backoff.uploads.slot(ticket):
        silence.reschedule(asyncio.get_running_loop().time() + settings.upload_idle_seconds)
        return options, await _receive_file(parts, header, options, backoff, budget, settings, silence)


async def _receive_file(
    parts: AsyncIterator[extractor_pb2.ExtractUploadRequest],
    header: extractor_pb2.UploadHeader,
    options: ExtractionOptions,
    backoff: BackoffState,
    budget: SpoolBudget,
    settings: Settings,
    silence: asyncio.Timeout,
) -> SpooledInput:
    directory = Path(settings.spool_directory or tempfile.gettempdir())
    extra = [name for name in options.digest_algorithms if name != "blake3"]
    try:
        upload = SpooledInput(header.name, directory, budget, extra)
    except SpoolFullError as error:
        raise OverloadedError(str(error), _SPOOL_RETRY_SECONDS) from error
    try:
        await _receive(parts, header, upload, options.work, backoff.limiter, settings, silence)
    except SpoolFullError as error:
        upload.close()
        raise OverloadedError(str(error), _SPOOL_RETRY_SECONDS) from error
    except BaseException:
        upload.close()
        raise
    return upload


async def _receive(
    parts: AsyncIterator[extractor_pb2.ExtractUploadRequest],
    header: extractor_pb2.UploadHeader,
    upload: SpooledInput,
    work: WorkClass,
    limiter: Limiter,
    settings: Settings,
    silence: asyncio.Timeout,
) -> None:
    announced = header.size_bytes if header.HasField("size_bytes") else None
    loop = asyncio.get_running_loop()
    # Chunks are hashed and written in a thread while the next ones arrive; a few may wait, so that neither side
    # stands still for a moment of the other's.
    writing: deque[asyncio.Future[None]] = deque()
    received = 0
    try:
        async for part in parts:
            if part.WhichOneof("part") != "data":
                raise InvalidRequestError("header", "must come once")
            silence.reschedule(None)  # what follows is our own time, not the sender's
            data = part.data
            received += len(data)
            if len(data) > MAX_CHUNK_BYTES:
                raise InvalidRequestError(
                    "data", f"has {len(data)} bytes, at most {MAX_CHUNK_BYTES} are allowed"
                )
            if announced is not None and received > announced:
                raise UploadIncompleteError(f"more than the announced {announced} bytes came")
            _check_total(received, settings)
            if announced is None:
                limiter.check_size(received, work)
            if len(writing) >= _MAX_WAITING_CHUNKS:
                await writing.popleft()
            writing.append(loop.run_in_executor(upload.thread, upload.append, data))
            silence.reschedule(loop.time() + settings.upload_idle_seconds)
        silence.reschedule(None)
        while writing:
            await writing.popleft()
    finally:
        await asyncio.gather(*writing, return_exceptions=True)
    if announced is not None and received != announced:
        raise UploadIncompleteError(
            f"{received} bytes came, {announced} were announced", committed_offset=str(received)
        )
    upload.finish()


def _check_total(size_bytes: int, settings: Settings) -> None:
    if size_bytes > settings.max_upload_bytes:
        raise InvalidRequestError("size_bytes", f"uploads end at {settings.max_upload_bytes} bytes")
