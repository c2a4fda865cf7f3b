"""Asynchronous client of the cache's ChunkService: uploads that can be continued, blobs, ranges."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Self

from grpc import aio

from metaextract.cache.v1 import chunk_pb2 as pb
from metaextract.cache.v1 import chunk_pb2_grpc
from metaextract_client import channel
from metaextract_client.errors import translated

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence

    from metaextract_client.security import Security

    Metadata = Sequence[tuple[str, str]]


_LEAST_CHARGE_BYTES = 4096
"""What even the smallest chunk costs of the credit."""


class ChunkUpload:
    """One stream of chunks. Send, and hear what is committed; close it, whatever happens.

    Attributes:
        upload_id: names the upload, to continue it elsewhere.
        committed_offset: bytes from the beginning that are stored.
        is_over: the stream has ended.
        on_news: called when something was acknowledged, and at the end.
    """

    def __init__(self, stub: chunk_pb2_grpc.ChunkServiceAsyncStub, metadata: Metadata | None) -> None:
        # By an iterator and not by `write`: that one turns a status that has come meanwhile into an internal error.
        self._outbox: asyncio.Queue[pb.UploadChunksRequest | None] = asyncio.Queue(1)
        self._call = stub.UploadChunks(self._requests(), metadata=metadata)
        self._credit = 0
        self._has_news = asyncio.Event()
        self._reading: asyncio.Task[None] | None = None
        self.upload_id = ""
        self.committed_offset = 0
        self.is_over = False
        self.on_news: Callable[[], None] = lambda: None

    async def begin(self, start: pb.UploadStart) -> Self:
        """Sends the start, and waits for the first answer; raises as the service answers."""
        with translated():
            await self._outbox.put(pb.UploadChunksRequest(start=start))
            first = await self._call.read()
            if not isinstance(first, pb.UploadChunksResponse):
                await self._raise_status()
                raise ConnectionError("the upload ended before it began")
        self._hear(first)
        self._reading = asyncio.create_task(self._read())
        return self

    async def send(self, chunk: pb.ChunkData, length: int | None = None) -> None:
        """Sends a chunk once credit allows it; raises as the service answers.

        `length` is that of its data, for those who know: to ask the message costs a copy.
        """
        size = max(_LEAST_CHARGE_BYTES, len(chunk.data) if length is None else length)
        with translated():
            while self._credit < size:
                await self._wait()
            self._credit -= size
            request = pb.UploadChunksRequest(chunk=chunk)
            if self._outbox.full():
                await self._put(request)
            else:
                self._outbox.put_nowait(request)

    async def wait_committed(self, offset: int) -> None:
        """Returns once that many bytes are stored; raises as the service answers."""
        with translated():
            while self.committed_offset < offset:
                await self._wait()

    async def check(self) -> None:
        """Raises as the service answered when the stream has ended."""
        if self.is_over:
            with translated():
                await self._wait()

    async def finish(self) -> None:
        """Sends no more, and waits until all is stored."""
        with translated():
            await self._put(None)
            if self._reading is not None:
                await self._reading
            await self._raise_status()

    def close(self) -> None:
        """Breaks off what isn't finished; may be called again."""
        self._call.cancel()
        if self._reading is not None:
            self._reading.cancel()

    async def _requests(self) -> AsyncIterator[pb.UploadChunksRequest]:
        while (message := await self._outbox.get()) is not None:
            yield message

    async def _put(self, message: pb.UploadChunksRequest | None) -> None:
        """Hands a message to the call, unless that has ended."""
        putting = asyncio.ensure_future(self._outbox.put(message))
        try:
            while not putting.done():
                if self.is_over:
                    await self._wait()  # raises
                self._has_news.clear()
                news = asyncio.ensure_future(self._has_news.wait())
                await asyncio.wait({putting, news}, return_when=asyncio.FIRST_COMPLETED)
                news.cancel()
        finally:
            putting.cancel()

    async def _wait(self) -> None:
        if self.is_over:
            await self._raise_status()
            raise ConnectionError("the upload has ended")
        self._has_news.clear()
        await self._has_news.wait()

    async def _read(self) -> None:
        try:
            while isinstance(answer := await self._call.read(), pb.UploadChunksResponse):
                self._hear(answer)
        except aio.AioRpcError:
            return  # whoever waits finds the status
        finally:
            self.is_over = True
            self._has_news.set()
            self.on_news()

    def _hear(self, answer: pb.UploadChunksResponse) -> None:
        self.upload_id = answer.upload_id or self.upload_id
        self.committed_offset = max(self.committed_offset, answer.committed_offset_bytes)
        self._credit += answer.credit_bytes
        self._has_news.set()
        self.on_news()

    async def _raise_status(self) -> None:
        code = await self._call.code()
        if code.value[0]:
            raise aio.AioRpcError(
                code,
                await self._call.initial_metadata(),
                await self._call.trailing_metadata(),
                await self._call.details(),
                None,
            )


class AsyncChunkClient:
    """Belongs to one event loop. A connection of its own: bulk must not stand before small calls."""

    def __init__(self, address: str | None = None, security: Security | None = None) -> None:
        """See `AsyncCacheClient`."""
        where = address or channel.cache_address()
        self._channel = channel.open_async(where, security, channel.FAST_RECONNECT)
        self._stub = chunk_pb2_grpc.ChunkServiceStub(self._channel)

    async def find_missing(
        self, chunk_ids: Sequence[bytes], timeout: float | None = 10.0, metadata: Metadata | None = None
    ) -> list[bytes]:
        """Those of the BLAKE3 ids that would have to be sent."""
        request = pb.FindMissingChunksRequest(chunk_ids=chunk_ids)
        with translated():
            response = await self._stub.FindMissingChunks(request, timeout=timeout, metadata=metadata)
        return list(response.missing_chunk_ids)

    async def get_upload(
        self, upload_id: str, timeout: float | None = 10.0, metadata: Metadata | None = None
    ) -> pb.GetUploadResponse:
        """Where an upload is; NotFoundError, or UnavailableError when it is another replica's."""
        with translated():
            return await self._stub.GetUpload(
                pb.GetUploadRequest(upload_id=upload_id), timeout=timeout, metadata=metadata
            )

    async def upload(self, start: pb.UploadStart, metadata: Metadata | None = None) -> ChunkUpload:
        """A begun stream of chunks."""
        upload = ChunkUpload(self._stub, metadata)
        try:
            return await upload.begin(start)
        except BaseException:
            upload.close()
            raise

    async def complete(
        self, upload_id: str, digest: str = "", timeout: float | None = 60.0, metadata: Metadata | None = None
    ) -> pb.CompleteUploadResponse:
        """Digest and size of the blob; InvalidRequestError when it isn't `digest`."""
        request = pb.CompleteUploadRequest(upload_id=upload_id, digest=digest)
        with translated():
            return await self._stub.CompleteUpload(request, timeout=timeout, metadata=metadata)

    async def abort(
        self, upload_id: str, timeout: float | None = 10.0, metadata: Metadata | None = None
    ) -> None:
        """Forgets an upload."""
        with translated():
            await self._stub.AbortUpload(
                pb.AbortUploadRequest(upload_id=upload_id), timeout=timeout, metadata=metadata
            )

    async def read_blob(
        self, request: pb.ReadBlobRequest, timeout: float | None = 60.0, metadata: Metadata | None = None
    ) -> AsyncGenerator[pb.ReadBlobResponse]:
        """The size, then what is there of the ranges; NotFoundError for an unknown blob."""
        call = self._stub.ReadBlob(request, timeout=timeout, metadata=metadata)
        try:
            with translated():
                async for answer in call:
                    yield answer
        finally:
            call.cancel()

    async def close(self) -> None:
        """Closes the connection."""
        await self._channel.close(grace=None)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
