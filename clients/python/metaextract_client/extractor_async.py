"""The asynchronous client of the extractor; see `extractor` for the synchronous one."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Self

from grpc import aio

from metaextract.extractor.v1 import extractor_pb2, extractor_pb2_grpc
from metaextract_client import channel
from metaextract_client.batches import AsyncItemFeed, BatchState
from metaextract_client.errors import MetaExtractError, translated
from metaextract_client.extractor import (
    CHUNK_BYTES,
    DEFAULT_RETRY,
    INLINE_BYTES,
    Extraction,
    Options,
    default_address,
    known_size,
)
from metaextract_client.retry import Retrier, RetryPolicy
from metaextract_client.sessions import AsyncSession, SessionOptions

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator

_MAX_CALLS = 5  # in a row that bring nothing
_Part = extractor_pb2.ExtractUploadRequest


class _AsyncChunks:
    """A file's chunks, read in a thread; from its start each time where it has one to go back to."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if self._file.seekable():
            await asyncio.to_thread(self._file.seek, 0)
        while chunk := await asyncio.to_thread(self._file.read, CHUNK_BYTES):
            yield chunk


class AsyncExtractorClient:
    """Asynchronous client; belongs to one event loop."""

    def __init__(self, address: str | None = None, retry: RetryPolicy = DEFAULT_RETRY) -> None:
        self._retrier = Retrier(retry)
        self._channel = aio.insecure_channel(
            address or default_address(), options=channel.options(retries=False)
        )
        self._stub = extractor_pb2_grpc.ExtractorServiceStub(self._channel)

    async def extract_bytes(
        self, data: bytes, name: str = "", options: Options | None = None, timeout: float | None = None
    ) -> Extraction:
        """See `ExtractorClient.extract_bytes`."""
        request = extractor_pb2.ExtractRequest(
            inline=extractor_pb2.InlineSource(data=data, name=name), options=options
        )
        return await self._extract(request, timeout)

    async def extract_uri(
        self, uri: str, options: Options | None = None, timeout: float | None = None
    ) -> Extraction:
        """See `ExtractorClient.extract_uri`."""
        return await self._extract(extractor_pb2.ExtractRequest(uri=uri, options=options), timeout)

    async def extract_file(
        self, path: str | Path, options: Options | None = None, timeout: float | None = None
    ) -> Extraction:
        """See `ExtractorClient.extract_file`. Reads in a thread."""
        path = Path(path)
        with await asyncio.to_thread(path.open, "rb") as file:
            size_bytes = known_size(file.fileno())
            if size_bytes is not None and size_bytes <= INLINE_BYTES:
                data = await asyncio.to_thread(file.read, size_bytes)
                return await self.extract_bytes(data, path.name, options, timeout)

            source = _AsyncChunks(file)
            chunks = aiter(source) if size_bytes is None else source
            return await self.extract_upload(chunks, path.name, size_bytes, options, timeout)

    async def extract_upload(
        self,
        chunks: AsyncIterable[bytes],
        name: str = "",
        size_bytes: int | None = None,
        options: Options | None = None,
        timeout: float | None = None,
    ) -> Extraction:
        """See `ExtractorClient.extract_upload`."""
        header = extractor_pb2.UploadHeader(name=name, size_bytes=size_bytes, options=options)

        async def parts() -> AsyncIterator[_Part]:
            yield _Part(header=header)
            async for chunk in chunks:
                yield _Part(data=chunk)

        async def call(remaining: float | None) -> extractor_pb2.ExtractUploadResponse:
            with translated():
                return await self._stub.ExtractUpload(parts(), timeout=remaining)

        response = await self._retrier.run_async(call, timeout, repeatable=aiter(chunks) is not chunks)
        return Extraction(response.document, response.info)

    def session(
        self,
        path: str | Path,
        options: Options | None = None,
        session: SessionOptions = SessionOptions(),  # noqa: B008 - immutable
        timeout: float | None = None,
    ) -> AsyncSession:
        """See `ExtractorClient.session`; `async with` it."""
        return AsyncSession(self._stub, self._retrier, path, options, session, timeout)

    async def extract_session(
        self,
        path: str | Path,
        options: Options | None = None,
        session: SessionOptions = SessionOptions(),  # noqa: B008 - immutable
        timeout: float | None = None,
    ) -> Extraction:
        """See `ExtractorClient.extract_session`."""
        async with self.session(path, options, session, timeout) as opened:
            result = await opened.run()
        return Extraction(result.document, result.info)

    async def extract_digest(
        self, digest: str, options: Options | None = None, timeout: float | None = None
    ) -> Extraction:
        """See `ExtractorClient.extract_digest`."""
        return await self._extract(extractor_pb2.ExtractRequest(digest=digest, options=options), timeout)

    async def extract_batch(
        self,
        items: AsyncIterable[extractor_pb2.BatchItem],
        options: Options | None = None,
        *,
        in_order: bool = False,
        token: str = "",
        window: int | None = None,
        timeout: float | None = None,
    ) -> AsyncIterator[extractor_pb2.BatchResult]:
        """See `ExtractorClient.extract_batch`."""
        start = extractor_pb2.BatchStart(options=options, in_order=in_order, token=token, window=window)
        state = BatchState(start)
        feed = AsyncItemFeed(items, state)
        attempt = 0
        while True:
            try:
                with translated():
                    async for answer in self._stub.ExtractBatch(feed.requests(), timeout=timeout):
                        attempt = 0
                        for result in state.hear(answer):
                            yield result
            except MetaExtractError as error:
                attempt += 1
                delay = self._retrier.delay(error, attempt) if token else None
                if delay is None:
                    raise
                await asyncio.sleep(delay)
            else:
                attempt += 1
                if state.is_complete or not token or attempt > _MAX_CALLS:
                    return

    async def plan_extraction(
        self, request: extractor_pb2.PlanExtractionRequest, timeout: float | None = 10.0
    ) -> extractor_pb2.PlanExtractionResponse:
        """What an extraction would take."""
        with translated():
            return await self._stub.PlanExtraction(request, timeout=timeout)

    async def get_capabilities(self, timeout: float | None = 10.0) -> extractor_pb2.GetCapabilitiesResponse:
        """What the server can do."""
        request = extractor_pb2.GetCapabilitiesRequest()

        async def call(remaining: float | None) -> extractor_pb2.GetCapabilitiesResponse:
            with translated():
                return await self._stub.GetCapabilities(request, timeout=remaining)

        return await self._retrier.run_async(call, timeout)

    async def get_backoff_state(self, timeout: float | None = 10.0) -> extractor_pb2.GetBackoffStateResponse:
        """How much work the server accepts now."""
        with translated():
            return await self._stub.GetBackoffState(extractor_pb2.GetBackoffStateRequest(), timeout=timeout)

    async def close(self) -> None:
        """Closes the connection."""
        await self._channel.close(grace=None)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _extract(self, request: extractor_pb2.ExtractRequest, timeout: float | None) -> Extraction:
        async def call(remaining: float | None) -> extractor_pb2.ExtractResponse:
            with translated():
                return await self._stub.Extract(request, timeout=remaining)

        response = await self._retrier.run_async(call, timeout)
        return Extraction(response.document, response.info)
