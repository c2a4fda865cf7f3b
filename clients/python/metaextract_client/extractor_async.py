"""The asynchronous client of the extractor: describes bytes, files and URIs. The synchronous one is made from it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Self

from metaextract.extractor.v1 import extractor_pb2, extractor_pb2_grpc
from metaextract_client import channel
from metaextract_client.batches import AsyncItemFeed, BatchState
from metaextract_client.errors import MetaExtractError, translated
from metaextract_client.extraction import Extraction, Options
from metaextract_client.files import SMALL_FILE_BYTES, known_size, open_file
from metaextract_client.names import sayable
from metaextract_client.retry import DEFAULT_RETRY, Retrier
from metaextract_client.session import AsyncSession
from metaextract_client.session_options import SessionOptions, default_client_id

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator

    from metaextract_client.retry import RetryPolicy
    from metaextract_client.security import Security
    from metaextract_client.session_state import SessionSource

_MAX_CALLS = 5  # of a batch in a row that bring nothing: then its end was its end
_Part = extractor_pb2.ExtractUploadRequest


class AsyncExtractorClient:
    """Asynchronous client; belongs to one event loop."""

    def __init__(
        self,
        address: str | None = None,
        retry: RetryPolicy = DEFAULT_RETRY,
        security: Security | None = None,
    ) -> None:
        """`address` as HOST:PORT; without one METAEXTRACT_EXTRACTOR_ADDRESS, or this machine's usual port.

        Without `security`, certificates and token come from METAEXTRACT_TLS_… and METAEXTRACT_TOKEN….
        """
        where = address or channel.extractor_address()
        self._retrier = Retrier(retry)
        self._channel = channel.open_async(where, security)
        self._stub = extractor_pb2_grpc.ExtractorServiceStub(self._channel)
        self._headed: frozenset[str] | None = None

    async def extract_bytes(
        self, data: bytes, name: str = "", options: Options | None = None, timeout: float | None = None
    ) -> Extraction:
        """The document of `data`, which must fit into a message. `timeout` in seconds."""
        inline = extractor_pb2.InlineSource(data=data, name=sayable(name))
        return await self._extract(extractor_pb2.ExtractRequest(inline=inline, options=options), timeout)

    async def extract_uri(
        self, uri: str, options: Options | None = None, timeout: float | None = None
    ) -> Extraction:
        """The document of a file that the server itself can open."""
        return await self._extract(extractor_pb2.ExtractRequest(uri=uri, options=options), timeout)

    async def extract_digest(
        self, digest: str, options: Options | None = None, timeout: float | None = None
    ) -> Extraction:
        """The document of content that was uploaded before, by its "b3:<hex>"."""
        return await self._extract(extractor_pb2.ExtractRequest(digest=digest, options=options), timeout)

    async def extract_file(
        self, path: str | Path, options: Options | None = None, timeout: float | None = None
    ) -> Extraction:
        """The document of a file of this machine. A small one travels in a message, of others only what is needed.

        Raises:
            OSError: the file can't be read, or isn't a regular one.
        """
        with await asyncio.to_thread(open_file, path) as file:
            size_bytes = known_size(file.fileno())
            if size_bytes is not None and size_bytes <= SMALL_FILE_BYTES:
                data = await asyncio.to_thread(file.read)
                return await self.extract_bytes(data, Path(path).name, options, timeout)
        session = SessionOptions(client_id=default_client_id())  # so that the file is known again
        return await self.extract_session(path, options, session, timeout)

    async def extract_upload(
        self,
        chunks: AsyncIterable[bytes],
        name: str = "",
        size_bytes: int | None = None,
        options: Options | None = None,
        timeout: float | None = None,
    ) -> Extraction:
        """The document of what `chunks` (1 MiB each are best) make up.

        Refused uploads are sent again, unless `chunks` is an iterator, which can't begin anew.
        """
        header = extractor_pb2.UploadHeader(name=sayable(name), size_bytes=size_bytes, options=options)

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
        path: str | Path | SessionSource,
        options: Options | None = None,
        session: SessionOptions = SessionOptions(),  # noqa: B008 - immutable
        timeout: float | None = None,
    ) -> AsyncSession:
        """A session with a file of this machine, which sends only the needed bytes. `async with` it, and `run` it."""
        return AsyncSession(self._stub, self._retrier, path, options, session, timeout)

    async def extract_session(
        self,
        path: str | Path | SessionSource,
        options: Options | None = None,
        session: SessionOptions = SessionOptions(),  # noqa: B008 - immutable
        timeout: float | None = None,
    ) -> Extraction:
        """The document of a file of this machine, or of what else can be read by ranges, of which only the needed bytes are sent.

        Raises:
            OSError: the file can't be read, or isn't a regular one.
        """
        if not session.headed_extensions and session.may_prefetch:
            session = session._replace(headed_extensions=await self._headed_extensions())
        async with self.session(path, options, session, timeout) as opened:
            result = await opened.run()
        return Extraction(result.document, result.info)

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
        """A result per item, as they come or in order. With a `token`, a broken connection is mended: what was finished
        isn't done again. `timeout` is for one connection.
        """
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
        await self._channel.close(None)

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

    async def _headed_extensions(self) -> frozenset[str]:
        """Endings of files whose end needn't be sent with an offer, asked for once; none when nobody answers."""
        if self._headed is None:
            try:
                capabilities = await self.get_capabilities()
            except MetaExtractError:
                return frozenset()
            self._headed = frozenset(
                extension for each in capabilities.formats if each.is_headed for extension in each.extensions
            )
        return self._headed
